"""Rows of the catalogue, by what their senders do."""
