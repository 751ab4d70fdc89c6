"""Numbers made of many numbers: percentiles of one run, medians and spread of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

#: The percentiles that are kept of every distribution.
KEPT = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank)."""
    if not ascending:
        raise ValueError("there is no percentile of nothing")
    rank = math.ceil(len(ascending) * share - 1e-9)
    return ascending[max(0, rank - 1)]


def distribution(values_ns: Sequence[int]) -> dict[str, float]:
    """Percentiles and the largest value in milliseconds, and how many there are; {} of nothing."""
    if not values_ns:
        return {}
    ascending = sorted(values_ns)
    found = {f"{name}_ms": percentile(ascending, share) / 1e6 for name, share in KEPT}
    return {**found, "max_ms": ascending[-1] / 1e6, "count": len(ascending)}


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, and half of the range of all of them as a share of it."""

    median: float
    spread: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises StatisticsError without values."""
        middle = median(values)
        return cls(middle, (max(values) - min(values)) / 2 / middle if middle else 0.0)

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return asdict(self)
