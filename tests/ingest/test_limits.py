"""Rate limits at the door: fair for each key, and in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hookline.core.model import RateLimit
from hookline.ingest.limits import Limits

NOW_MS = 1_767_225_600_000
ONE_AN_HOUR = RateLimit(1, 3600)


def test_each_key_has_a_limit_of_its_own() -> None:
    limits = Limits()
    assert limits.take(("src_1", "192.0.2.7"), ONE_AN_HOUR, NOW_MS) == 0
    assert limits.take(("src_1", "192.0.2.7"), ONE_AN_HOUR, NOW_MS) > 0
    assert limits.take(("src_1", "192.0.2.8"), ONE_AN_HOUR, NOW_MS) == 0
    assert limits.take(("src_2", "192.0.2.7"), ONE_AN_HOUR, NOW_MS) == 0


def test_a_limit_that_changes_begins_anew() -> None:
    limits = Limits()
    key = ("src_1", "")
    assert [limits.take(key, ONE_AN_HOUR, NOW_MS) > 0 for _ in range(2)] == [False, True]
    assert [limits.take(key, RateLimit(2, 3600), NOW_MS) > 0 for _ in range(3)] == [False, False, True]


def test_a_flood_of_addresses_takes_no_more_memory_than_allowed() -> None:
    limits = Limits(most=100)
    for number in range(10_000):
        limits.take(("src_1", str(number)), ONE_AN_HOUR, NOW_MS)
        assert len(limits._buckets) <= 100


def test_a_flood_forgets_the_longest_silent_first() -> None:
    limits = Limits(most=10)
    busy = ("src_1", "busy")
    assert limits.take(busy, ONE_AN_HOUR, NOW_MS) == 0
    for number in range(100):
        limits.take(("src_1", str(number)), ONE_AN_HOUR, NOW_MS)
        assert limits.take(busy, ONE_AN_HOUR, NOW_MS) > 0  # who keeps asking is not let in by the flood


@given(st.lists(st.integers(0, 7), max_size=80), st.integers(1, 8))
def test_memory_is_bounded_whoever_asks(keys: list[int], most: int) -> None:
    limits = Limits(most)
    for key in keys:
        limits.take(("src_1", str(key)), ONE_AN_HOUR, NOW_MS)
    assert len(limits._buckets) == min(most, len(limits._buckets))
    assert len(limits._buckets) <= most
    recent = list(dict.fromkeys(reversed(keys)))[:most]
    assert all(limits.take(("src_1", str(key)), ONE_AN_HOUR, NOW_MS) > 0 for key in recent[:1])
