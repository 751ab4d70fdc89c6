"""Payments and billing, beyond those of money.py."""

from __future__ import annotations

from hookline.core.providers.provider import Provider

ROWS: tuple[Provider, ...] = ()
