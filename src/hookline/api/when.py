"""Moments as people write them: ``2026-01-31T09:30:00Z``, ``2026-01-31``, Unix time, or an age such as ``2h``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hookline.config.units import parse_duration
from hookline.core.errors import InvalidInput

EXAMPLES = "`2026-01-31T09:30:00Z`, Unix seconds or milliseconds, or an age such as `2h`"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: 9999-12-31, the last day that ISO 8601 writes without agreement.
_LAST_MS = 253_402_300_799_999

#: Unix times from here on are milliseconds: in seconds it is the year 5138, in milliseconds 1973.
_FIRST_MS = 100_000_000_000

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_AGE = re.compile(r"[0-9.]+ ?(ms|s|m|h|d)")

#: In a query string ``+`` means a space; in front of a time zone it was certainly meant as a plus.
_LOST_PLUS = re.compile(r"(T[0-9:.,]+) ([0-9]{2}:?[0-9]{2})$")


def parse_moment(text: str, now_ms: int) -> int:
    """UTC milliseconds, at least 1. A time without a zone is UTC. Raises InvalidInput with examples."""
    text = text.strip()
    try:
        if _AGE.fullmatch(text):
            at_ms = now_ms - int(parse_duration(text) * 1000)
        elif _NUMBER.fullmatch(text):
            number = Decimal(text)
            at_ms = int(number if number >= _FIRST_MS else number * 1000)
        else:
            at_ms = _iso(_LOST_PLUS.sub(r"\1+\2", text))
    except (ValueError, OverflowError, InvalidInput):
        raise InvalidInput(f"is not a time; write {EXAMPLES}") from None
    if at_ms > _LAST_MS:
        raise InvalidInput(f"is after the year 9999; write {EXAMPLES}")
    return max(1, at_ms)


def _iso(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
