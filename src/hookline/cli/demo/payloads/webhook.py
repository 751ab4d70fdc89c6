"""A webhook before it is signed, and the moment it speaks of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Occasion:
    """When something happened, in UTC seconds, and what makes it unlike everything else: ``token``.

    Two occasions with different tokens never give the same ids or bodies: a door would rightly take the
    second for a replay of the first.
    """

    now_s: int
    token: str

    def hex(self, name: str, digits: int) -> str:
        """Hexadecimal digits that belong to ``name`` on this occasion; at most 64."""
        return hashlib.sha256(f"{self.token}/{name}".encode()).hexdigest()[:digits]

    def number(self, name: str, digits: int) -> int:
        """A number of so many digits that belongs to ``name`` on this occasion."""
        low = int(10 ** (digits - 1))
        return low + int(self.hex(name, 32), 16) % (9 * low)

    def guid(self, name: str) -> str:
        """The same in the spelling of a UUID."""
        digits = self.hex(name, 32)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def iso(self, *, ago_s: int = 0) -> str:
        """The time in ISO 8601, in UTC."""
        return datetime.fromtimestamp(self.now_s - ago_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Webhook:
    """What a provider sends, before it is signed. ``event_id`` is the provider's own."""

    provider: str
    event_type: str
    event_id: str
    body: bytes


def compact(document: dict[str, Any]) -> bytes:
    """JSON without spaces, as most providers write it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def indented(document: dict[str, Any]) -> bytes:
    """JSON with two spaces of indentation, as Stripe writes it."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()
