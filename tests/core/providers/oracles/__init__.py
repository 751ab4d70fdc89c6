"""The packages that senders publish, as judges of what we sign and verify."""
