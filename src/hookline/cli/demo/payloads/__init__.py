"""Webhooks as providers really shape them, about people and companies that do not exist. One file per provider."""
