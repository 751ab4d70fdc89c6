"""Retries: the schedule, its spread, and what a receiver asks for."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.model import RetryPolicy
from hookline.core.retry import LONGEST_RETRY_AFTER_S, next_wait_s, parse_retry_after

NOW_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z
DICE = st.floats(0, 1, exclude_max=True)
POLICIES = st.builds(
    RetryPolicy, st.lists(st.floats(0, 100_000), max_size=8).map(tuple), st.floats(0, 1, allow_nan=False)
)


def test_each_failure_waits_its_own_time_and_then_it_is_over() -> None:
    policy = RetryPolicy((5, 300, 1800), jitter=0)
    assert [next_wait_s(policy, failed, 0.7) for failed in (1, 2, 3, 4, 99)] == [5, 300, 1800, None, None]


def test_without_a_schedule_nothing_is_tried_again() -> None:
    assert next_wait_s(RetryPolicy(()), 1, 0.5) is None


def test_the_default_goes_on_for_more_than_a_day() -> None:
    assert sum(RetryPolicy().schedule_s) == pytest.approx(27.5 * 3600, rel=0.01)


@given(POLICIES, st.integers(1, 10), DICE)
def test_the_spread_stays_within_its_share(policy: RetryPolicy, failed: int, dice: float) -> None:
    wait_s = next_wait_s(policy, failed, dice)
    if failed > len(policy.schedule_s):
        assert wait_s is None
    else:
        assert wait_s is not None
        planned = policy.schedule_s[failed - 1]
        assert planned * (1 - policy.jitter) - 1e-6 <= wait_s <= planned * (1 + policy.jitter) + 1e-6


def test_the_dice_reach_both_ends_of_the_spread() -> None:
    policy = RetryPolicy((100,), jitter=0.1)
    assert next_wait_s(policy, 1, 0.0) == 90
    assert next_wait_s(policy, 1, 0.5) == 100
    assert next_wait_s(policy, 1, 0.999999) == pytest.approx(110, abs=0.01)


@given(POLICIES, st.integers(1, 10), DICE, st.floats(0, 1e9))
def test_a_receiver_can_only_make_us_wait_longer_and_not_for_ever(
    policy: RetryPolicy, failed: int, dice: float, asked_s: float
) -> None:
    planned, wait_s = next_wait_s(policy, failed, dice), next_wait_s(policy, failed, dice, asked_s)
    if planned is None:
        assert wait_s is None
    else:
        assert wait_s == max(planned, min(asked_s, LONGEST_RETRY_AFTER_S))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120),
        (b" 0 ", 0),
        (b"Thu, 01 Jan 2026 00:02:00 GMT", 120),
        (b"Thursday, 01-Jan-26 00:02:00 GMT", 120),
        (b"Thu Jan  1 00:02:00 2026", 120),  # RFC 9110 §5.6.7: the obsolete forms are UTC as well
        (b"Wed, 31 Dec 2025 23:00:00 GMT", 0),
        (b"Thu, 01 Jan 2026 01:02:00 +0100", 120),
        (b"", None),
        (b"soon", None),
        (b"-5", None),
        (b"1.5", None),
        (b"\xb2", None),
        (b"Thu, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_what_a_receiver_asks_for_is_read(value: bytes, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        try:
            assert parse_retry_after(value, NOW_S) == seconds
        finally:
            monkeypatch.undo()
            time.tzset()


@given(st.binary(max_size=60), st.floats(0, 4e9))
def test_any_bytes_are_a_wait_or_nothing(value: bytes, now_s: float) -> None:
    wait_s = parse_retry_after(value, now_s)
    assert wait_s is None or 0 <= wait_s < 1e12


@given(st.integers(0, 10**9))
def test_a_date_is_the_seconds_until_then(seconds: int) -> None:
    at = datetime.fromtimestamp(NOW_S, UTC) + timedelta(seconds=seconds)
    assert parse_retry_after(format_datetime(at, usegmt=True).encode(), NOW_S) == seconds


@given(
    st.sampled_from([b"Mon, ", b"1 Jan", b" 2026 ", b"00:00", b":", b"GMT", b"+0100", b"-", b"99999999"])
    .flatmap(
        lambda first: st.lists(st.sampled_from([first, b" ", b"Feb ", b"29 ", b"24:00:00 ", b"-0000"]), max_size=7)
    )
    .map(b"".join)
)
def test_what_nearly_is_a_date_never_fails(value: bytes) -> None:
    wait_s = parse_retry_after(value, NOW_S)
    assert wait_s is None or wait_s >= 0
