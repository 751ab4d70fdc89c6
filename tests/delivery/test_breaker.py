"""The breaker: opens after failures in a row, probes ever more rarely, closes with one success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hookline.delivery.breaker import FIRST_COOL_DOWN_MS, LONGEST_COOL_DOWN_MS, Breaker

NOW_MS = 1_767_225_600_000


def opened(threshold: int = 3) -> Breaker:
    breaker = Breaker(threshold)
    for _ in range(threshold):
        breaker.failed(NOW_MS)
    assert breaker.is_open
    return breaker


def test_it_opens_with_the_last_of_so_many_failures_in_a_row() -> None:
    breaker = Breaker(3)
    assert [breaker.failed(NOW_MS) for _ in range(3)] == [False, False, True]
    assert breaker.open_until_ms == NOW_MS + FIRST_COOL_DOWN_MS


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = Breaker(3)
    breaker.failed(NOW_MS)
    breaker.failed(NOW_MS)
    assert not breaker.succeeded()
    assert [breaker.failed(NOW_MS) for _ in range(3)] == [False, False, True]


def test_zero_never_opens() -> None:
    breaker = Breaker(0)
    assert not any(breaker.failed(NOW_MS) for _ in range(1000))
    assert not breaker.is_open


def test_each_probe_that_fails_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    breaker, now_ms, waits = opened(), NOW_MS, []
    for _ in range(8):
        now_ms = breaker.open_until_ms
        assert breaker.failed(now_ms) is False  # it is open already: nobody is told again
        waits.append(breaker.open_until_ms - now_ms)
    assert waits == [60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000, 900_000]
    assert waits[-1] == LONGEST_COOL_DOWN_MS


def test_a_probe_that_succeeds_closes_it_and_forgets_how_long_it_was_open() -> None:
    breaker = opened()
    breaker.failed(breaker.open_until_ms)
    assert breaker.succeeded() is True
    assert (breaker.is_open, breaker.open_until_ms) == (False, 0)
    assert breaker.succeeded() is False
    assert [breaker.failed(NOW_MS) for _ in range(3)] == [False, False, True]
    assert breaker.open_until_ms == NOW_MS + FIRST_COOL_DOWN_MS


def test_one_that_was_open_when_the_server_stopped_probes_at_once() -> None:
    for now_ms in (NOW_MS, 0):
        breaker = Breaker(3)
        breaker.open(now_ms)
        assert breaker.is_open
        assert breaker.open_until_ms <= max(now_ms, 1)
        assert breaker.failed(now_ms) is False
        assert breaker.is_open


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 2_000_000)), max_size=60))
def test_it_is_open_exactly_after_enough_failures_without_a_success(
    threshold: int, outcomes: list[tuple[bool, int]]
) -> None:
    breaker, now_ms, in_a_row = Breaker(threshold), NOW_MS, 0
    for succeeded, step_ms in outcomes:
        now_ms += step_ms
        was_open = breaker.is_open
        if succeeded:
            assert breaker.succeeded() == was_open
            in_a_row = 0
        else:
            in_a_row += 1
            assert breaker.failed(now_ms) == (in_a_row == threshold)
            if breaker.is_open:
                assert FIRST_COOL_DOWN_MS <= breaker.open_until_ms - now_ms <= LONGEST_COOL_DOWN_MS
        assert breaker.is_open == (in_a_row >= threshold)
