"""Webhook servers as the bench sees them, one file each."""
