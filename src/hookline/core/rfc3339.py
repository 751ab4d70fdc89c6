"""Times as text (RFC 3339), as every answer and every operational webhook writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def text(at_ms: int) -> str:
    """``2026-01-01T00:00:00.000Z``, exact to the millisecond."""
    return f"{_second(at_ms // 1000)}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=64)  # what is written together happened together, mostly
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None).isoformat()
