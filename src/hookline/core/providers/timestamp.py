"""Timestamps of senders: read them, write them, and say whether they are fresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from hookline.core.errors import VerificationError
from hookline.core.providers.scheme import TimeUnit

_PER_SECOND = {TimeUnit.S: 1, TimeUnit.MS: 1_000, TimeUnit.NS: 1_000_000_000, TimeUnit.S_OR_MS: 1}
_MILLISECONDS_FROM = 10_000_000_000  #: as seconds that is the year 2286
_LONGEST = 24  #: characters of digits; more is no time of this universe
_LONGEST_ISO = 40


def time_parser(unit: TimeUnit) -> Callable[[bytes], float]:
    """A function from the written timestamp to UTC seconds; it raises ValueError when there is none."""
    if unit is TimeUnit.ISO:
        return _parse_iso
    if unit is TimeUnit.ISO_OR_S:
        return lambda text: float(int(text)) if text.isdigit() and len(text) <= _LONGEST else _parse_iso(text)
    per_second = _PER_SECOND[unit]

    def parse(text: bytes) -> float:
        if not text.isdigit() or len(text) > _LONGEST:
            raise ValueError("not a number")
        return int(text) / per_second

    if unit is TimeUnit.S_OR_MS:
        return lambda text: parse(text) if parse(text) < _MILLISECONDS_FROM else parse(text) / 1_000
    return parse


def write_time(unit: TimeUnit, now_s: float) -> bytes:
    """``now_s`` as a sender writes it."""
    if unit in (TimeUnit.ISO, TimeUnit.ISO_OR_S):
        return datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
    return b"%d" % int(now_s * _PER_SECOND[unit])


def check_fresh(sent_s: float, now_s: float, tolerance_s: float) -> None:
    """Raises VerificationError unless ``sent_s`` is within ``tolerance_s`` of now, in both directions."""
    age_s = now_s - sent_s
    if age_s > tolerance_s:
        raise VerificationError(
            "stale_timestamp",
            f"the signature is right, but it was made {age_s:.0f} s ago and {tolerance_s:.0f} s are allowed. Check "
            "this machine's clock; if the request was held back on its way, raise the source's tolerance",
        )
    if -age_s > tolerance_s:
        raise VerificationError(
            "future_timestamp",
            f"the signature is right, but it was made {-age_s:.0f} s in the future and {tolerance_s:.0f} s are "
            "allowed. Check this machine's clock and the sender's",
        )


def _parse_iso(text: bytes) -> float:
    if len(text) > _LONGEST_ISO:
        raise ValueError("too long")
    moment = datetime.fromisoformat(text.decode("ascii"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
