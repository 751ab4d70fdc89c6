"""Durations, sizes and rates as people write them, and back.

A duration is whole milliseconds between 0 and 100 years; sizes count in steps of 1024, so ``1MB`` and
``1MiB`` are the same (as in PostgreSQL's settings). What ``format_*`` prints, ``parse_*`` reads back.
"""

from __future__ import annotations

import re
from decimal import Decimal

from hookline.core.errors import InvalidInput
from hookline.core.model import RateLimit

#: A hundred years: what "forever" means where something is counted down.
LONGEST_S = 36_500 * 86_400.0

LARGEST_BYTES = 1 << 40

DURATION_EXAMPLES = "`250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"
SIZE_EXAMPLES = "`512KB`, `1MB`, `2MiB` or a number of bytes"
RATE_EXAMPLES = "`100/s`, `600/m` or `10/h`"

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNIT_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_UNIT_BYTES_READ = {**_UNIT_BYTES, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}

_NUMBER = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")
_RATE = re.compile(r"([0-9]{1,9}) ?/ ?([smhd])")


def parse_duration(value: object) -> float:
    """Seconds. Raises InvalidInput for anything that is not a duration of whole milliseconds."""
    number, unit = _split(value, "duration", DURATION_EXAMPLES)
    factor = _UNIT_MS.get(unit or "s")
    if factor is None:
        raise InvalidInput(f"{_shown(value)} is not a duration; write {DURATION_EXAMPLES}")
    milliseconds = number * factor
    if milliseconds != int(milliseconds):
        raise InvalidInput(f"{_shown(value)} is finer than a millisecond; write {DURATION_EXAMPLES}")
    if milliseconds > LONGEST_S * 1000:
        raise InvalidInput(f"{_shown(value)} is longer than 100 years (36500d)")
    return int(milliseconds) / 1000


def format_duration(seconds: float) -> str:
    """The shortest exact spelling: ``90.0`` is ``90s``, ``300.0`` is ``5m``."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    unit = next(unit for unit in reversed(_UNIT_MS) if milliseconds % _UNIT_MS[unit] == 0)
    return f"{milliseconds // _UNIT_MS[unit]}{unit}"


def parse_lifetime(value: object) -> float:
    """Seconds, where ``forever`` is LONGEST_S. Raises InvalidInput."""
    return LONGEST_S if value == "forever" else parse_duration(value)


def format_lifetime(seconds: float) -> str:
    """As format_duration, with ``forever`` for LONGEST_S."""
    return "forever" if seconds >= LONGEST_S else format_duration(seconds)


def parse_size(value: object) -> int:
    """Bytes. Raises InvalidInput for anything that is not a size of whole bytes up to 1024 GB."""
    number, unit = _split(value, "size", SIZE_EXAMPLES)
    factor = _UNIT_BYTES_READ.get(unit.upper() or "B")
    if factor is None:
        raise InvalidInput(f"{_shown(value)} is not a size; write {SIZE_EXAMPLES}")
    size = number * factor
    if size != int(size):
        raise InvalidInput(f"{_shown(value)} is not a whole number of bytes; write {SIZE_EXAMPLES}")
    if size > LARGEST_BYTES:
        raise InvalidInput(f"{_shown(value)} is larger than 1024GB")
    return int(size)


def format_size(size: int) -> str:
    """The shortest exact spelling: ``1048576`` is ``1MB``, ``1000`` is ``1000B``."""
    unit = next(unit for unit in reversed(_UNIT_BYTES) if size % _UNIT_BYTES[unit] == 0)
    return f"{size // _UNIT_BYTES[unit]}{unit}"


def parse_rate(value: object) -> RateLimit:
    """A whole number above 0 per second, minute, hour or day. Raises InvalidInput for all else."""
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise InvalidInput(f"{_shown(value)} is not a rate; write {RATE_EXAMPLES}")
    return RateLimit(int(match[1]), _UNIT_S[match[2]])


def format_rate(rate: RateLimit) -> str:
    """``100/s``; the rate must be per second, minute, hour or day, as parse_rate makes them."""
    unit = next(unit for unit, seconds in _UNIT_S.items() if seconds == rate.per_s)
    return f"{rate.count}/{unit}"


def _split(value: object, what: str, examples: str) -> tuple[Decimal, str]:
    if _is_number(value):
        value = f"{Decimal(str(value)):f}"
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(f"{_shown(value)} is not a {what}; write {examples}")
    return Decimal(match[1]), match[2]


def _shown(value: object) -> str:
    """The value as it was written, cut short; containers only by what they are."""
    if isinstance(value, str):
        return f"`{value}`" if len(value) <= 40 and value.isprintable() else "this text"
    if isinstance(value, bool) or _is_number(value):
        return f"`{str(value).lower()}`"
    return "this"


def _is_number(value: object) -> bool:
    """Whether it is a number that can be printed (Python refuses integers of 4300 digits)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e18 < value < 1e18
