"""Times and durations that are given by flags."""

from __future__ import annotations

from hookline.api.when import parse_moment
from hookline.config.units import parse_duration
from hookline.core.errors import InvalidInput

TIME_HELP = "a time, as in 2026-01-31 or 2026-01-31T09:30:00Z (UTC), or an age, as in 2h or 7d."


def moment(flag: str, text: str | None, now_ms: int) -> int:
    """UTC milliseconds, 0 for None. Raises InvalidInput, naming the flag."""
    if text is None:
        return 0
    try:
        return parse_moment(text, now_ms)
    except InvalidInput as error:
        raise InvalidInput(f"{flag} {error.message}") from None


def duration_s(flag: str, text: str) -> float:
    """Seconds. Raises InvalidInput, naming the flag."""
    try:
        return parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"{flag}: {error.message}") from None
