"""Banks, accounting, shops, shipping, people."""

from __future__ import annotations

from hookline.core.providers.provider import Provider

ROWS: tuple[Provider, ...] = ()
