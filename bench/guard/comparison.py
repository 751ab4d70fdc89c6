"""What got dearer, and what about it.

On what was recorded, instructions are compared with instructions. On anything else (another Python, another SQLite,
another processor: `basis.py`) they say nothing, and ratios are compared: how many times as much as the reference does a
piece cost, now and when it was recorded?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.guard.pieces import REFERENCE
from bench.guard.record import LEAST_SHARE, Cost, Record

#: Functions that are named of a piece that got dearer.
MOST_NAMED = 8
#: A C function whose growth is less than this share of its piece explains nothing.
_LEAST_GROWTH = 0.005
#: Ratios are less exact than counts: see `reference.py`.
RATIO_TOLERANCE = 2.0


class Verdict(StrEnum):
    """What became of a piece."""

    DEARER = "dearer"
    CHEAPER = "cheaper"
    SAME = "same"
    NEW = "new"  #: it was never recorded


@dataclass(frozen=True, slots=True)
class Growth:
    """A function that does more than it did: instructions, or calls, per event."""

    name: str
    recorded: float
    now: float

    @property
    def more(self) -> float:
        """By how much."""
        return self.now - self.recorded


@dataclass(frozen=True, slots=True)
class Change:
    """One piece: instructions per event or times the reference. ``share`` 0.1 is a tenth more than recorded."""

    piece: str
    verdict: Verdict
    recorded: float
    now: float
    share: float
    functions: tuple[Growth, ...] = ()  #: of C, by what they grew; none where only ratios are compared
    calls: tuple[Growth, ...] = ()  #: of Hookline, called more often than recorded


@dataclass(frozen=True, slots=True)
class Comparison:
    """All pieces. ``differs`` names what is not as it was when it was recorded: then these are ratios."""

    differs: tuple[str, ...]
    changes: tuple[Change, ...]

    def of(self, verdict: Verdict) -> list[Change]:
        """The pieces that came to this."""
        return [change for change in self.changes if change.verdict is verdict]


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """In what two bases differ."""
    return tuple(sorted(name for name in {*one, *other} if one.get(name) != other.get(name)))


def compare(recorded: Record, now: Record, tolerance: float) -> Comparison:
    """Hold what was counted now against what was recorded.

    A share of ``tolerance`` more is still the same; of ratios, `RATIO_TOLERANCE` times that.
    """
    differs = differing(recorded.basis, now.basis)
    if differs:
        tolerance *= RATIO_TOLERANCE
    before, after = _amounts(recorded, as_ratios=bool(differs)), _amounts(now, as_ratios=bool(differs))
    changes = []
    for piece, amount in after.items():
        if piece not in before:
            changes.append(Change(piece, Verdict.NEW, 0.0, amount, 0.0))
            continue
        share = amount / before[piece] - 1
        old, new = recorded.pieces[piece], now.pieces[piece]
        functions = () if differs else _of_c(old, new)
        calls = _growths(old.calls, new.calls, unknown=0.0, least=0.0)
        verdict = _verdict(share, tolerance)
        changes.append(Change(piece, verdict, before[piece], amount, share, functions, calls))
    return Comparison(differs, tuple(changes))


def _amounts(record: Record, *, as_ratios: bool) -> dict[str, float]:
    unit = record.pieces[REFERENCE].instructions if as_ratios else 1
    return {name: cost.instructions / unit for name, cost in record.pieces.items()}


def _verdict(share: float, tolerance: float) -> Verdict:
    if share > tolerance:
        return Verdict.DEARER
    return Verdict.CHEAPER if share < -tolerance else Verdict.SAME


def _of_c(old: Cost, new: Cost) -> tuple[Growth, ...]:
    """Of one that was not recorded only its least growth is known: it had less than would have been recorded."""
    unknown, least = LEAST_SHARE * old.instructions, _LEAST_GROWTH * old.instructions
    return _growths(old.functions, new.functions, unknown=unknown, least=least)


def _growths(
    before: Mapping[str, float], after: Mapping[str, float], *, unknown: float, least: float
) -> tuple[Growth, ...]:
    """What grew by more than ``least``, the most first. What is not in ``before`` was ``unknown``."""
    grown = [Growth(name, before.get(name, unknown), amount) for name, amount in after.items()]
    return tuple(sorted((one for one in grown if one.more > least), key=lambda one: -one.more))
