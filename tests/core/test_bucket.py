"""The token bucket: never more than was allowed, and never less to who waits as long as it was told."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hookline.core.bucket import Bucket
from hookline.core.model import RateLimit

LIMITS = st.builds(RateLimit, st.integers(1, 1_000), st.floats(0.001, 100_000))
#: Steps between requests; some go back, as a clock that was set does.
STEPS = st.lists(st.integers(-5_000, 60_000), max_size=60)
START_MS = 1_767_225_600_000


def test_a_burst_may_be_as_large_as_the_limit_and_then_it_drips() -> None:
    bucket = Bucket(RateLimit(3, 60), START_MS)
    assert [bucket.take(START_MS) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(START_MS) == pytest.approx(20_000, abs=1)
    assert bucket.take(START_MS + 19_000) == pytest.approx(1_000, abs=1)
    assert bucket.take(START_MS + 20_001) == 0
    assert bucket.take(START_MS + 20_001) > 0


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket(RateLimit(1, 1), START_MS)
    assert bucket.take(START_MS) == 0
    waits = {bucket.take(START_MS + 500) for _ in range(100)}
    assert len(waits) == 1


def test_silence_saves_up_no_more_than_one_burst() -> None:
    bucket = Bucket(RateLimit(2, 1), START_MS)
    later = START_MS + 3_600_000
    assert [bool(bucket.take(later)) for _ in range(3)] == [False, False, True]


@given(LIMITS, STEPS)
@example(RateLimit(1, 0.001), [0] * 10)
def test_no_window_has_more_than_the_limit_allows(limit: RateLimit, steps: list[int]) -> None:
    bucket = Bucket(limit, START_MS)
    now_ms = latest_ms = START_MS
    taken: list[int] = []
    for step in steps:
        now_ms += step
        latest_ms = max(latest_ms, now_ms)
        if bucket.take(now_ms) == 0:
            taken.append(latest_ms)
    per_ms = limit.count / (limit.per_s * 1000)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            allowed = limit.count + (taken[last] - taken[first]) * per_ms
            assert last - first + 1 <= allowed + 1e-6


@given(LIMITS, STEPS)
def test_who_waits_as_told_is_let_in(limit: RateLimit, steps: list[int]) -> None:
    bucket = Bucket(limit, START_MS)
    now_ms = START_MS
    for step in steps:
        now_ms += abs(step) % 50
        wait_ms = bucket.take(now_ms)
        assert wait_ms >= 0
        if wait_ms:
            now_ms += wait_ms
            assert bucket.take(now_ms) == 0
