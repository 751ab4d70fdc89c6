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


def test_tokens_that_are_booked_go_to_those_who_booked_in_their_order() -> None:
    bucket = Bucket(RateLimit(2, 1), START_MS)
    waits = [bucket.book(START_MS) for _ in range(5)]
    assert waits == [0, 0, pytest.approx(500, abs=1), pytest.approx(1_000, abs=1), pytest.approx(1_500, abs=1)]
    assert bucket.take(START_MS + 1_400) > 0  # all that will be there by then are booked
    assert bucket.take(START_MS + 2_001) == 0


def test_a_booked_token_that_is_given_back_goes_to_the_next() -> None:
    bucket = Bucket(RateLimit(1, 1), START_MS)
    assert [bucket.book(START_MS) for _ in range(3)][-1] == pytest.approx(2_000, abs=1)
    bucket.give_back()
    assert bucket.book(START_MS) == pytest.approx(2_000, abs=1)


def test_a_bucket_is_full_again_when_all_that_was_taken_has_flowed_back() -> None:
    bucket = Bucket(RateLimit(2, 1), START_MS)
    assert bucket.is_full(START_MS)
    for _ in range(4):
        bucket.book(START_MS)
    assert not bucket.is_full(START_MS + 1_999)
    assert bucket.is_full(START_MS + 2_001)
    bucket.give_back()
    assert bucket.wait_ms(START_MS + 2_001) == 0
    assert [bucket.take(START_MS + 2_001) for _ in range(3)][-1] > 0  # never more than one burst


@given(LIMITS, STEPS)
def test_no_window_has_more_booked_tokens_than_the_limit_allows(limit: RateLimit, steps: list[int]) -> None:
    bucket = Bucket(limit, START_MS)
    now_ms, there = START_MS, []
    for step in steps:
        now_ms += abs(step) % 1_000
        there.append(now_ms + bucket.book(now_ms))
    assert there == sorted(there)
    per_ms = limit.count / (limit.per_s * 1000)
    for first in range(len(there)):
        for last in range(first, len(there)):
            # One more, as milliseconds are rounded up.
            assert last - first + 1 <= limit.count + (there[last] - there[first] + 1) * per_ms + 1e-6
