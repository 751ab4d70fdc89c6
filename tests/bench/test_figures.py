"""Percentiles, spreads, schedules, headroom: small sums that everything else rests on."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean

import pytest
from bench.arrival import CONSTANT, Arrivals
from bench.capacity import Capacity
from bench.figures import Spread, distribution, percentile


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 0.999, 1.0)] == [1, 50, 99, 100, 100]
    assert percentile([5], 0.99) == 5
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_distribution_is_in_milliseconds() -> None:
    found = distribution([3_000_000, 1_000_000, 2_000_000])
    assert (found["p50_ms"], found["p99_ms"], found["max_ms"], found["count"]) == (2.0, 3.0, 3.0, 3)
    assert distribution([]) == {}


def test_a_spread_is_the_median_and_half_of_the_range() -> None:
    assert Spread.of([90.0, 100.0, 120.0]) == Spread(100.0, 0.15)


def test_a_schedule_is_the_same_every_time_and_has_its_rate() -> None:
    schedule = Arrivals(1_000, 20).schedule()
    assert schedule == Arrivals(1_000, 20).schedule() != Arrivals(1_000, 20, seed=2).schedule()
    assert len(schedule) == pytest.approx(20_000, rel=0.03)
    assert list(schedule) == sorted(schedule)
    gaps = [after - before for before, after in pairwise(schedule)]
    assert mean(gaps) == pytest.approx(1e6, rel=0.03)
    assert sum(gap > 2e6 for gap in gaps) / len(gaps) == pytest.approx(0.135, abs=0.01)  # e⁻², so: exponential


def test_an_even_schedule_is_even() -> None:
    assert list(Arrivals(4, 1, CONSTANT).schedule()) == [0, 250_000_000, 500_000_000, 750_000_000]


def test_headroom_is_the_smaller_of_apart_and_together() -> None:
    capacity = Capacity(1_024, rate=150_000, load_us=5.0, sink_us=5.0)
    assert capacity.headroom(10_000, 0) == pytest.approx(15)  # as was seen, though its core could do 20 times as much
    assert capacity.headroom(10_000, 10_000) == pytest.approx(10)  # both on one core
    assert capacity.headroom(1_000, 100_000) == pytest.approx(1.5)  # the sink's hundred deliveries for each event
