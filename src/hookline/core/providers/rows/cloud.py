"""Clouds, identity, standards, content, models."""

from __future__ import annotations

from hookline.core.providers.provider import Provider

ROWS: tuple[Provider, ...] = ()
