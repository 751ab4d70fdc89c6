"""Identifiers: they sort by time, and what belongs together lies together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core import ids

#: Until the year 10889, when 12 hexadecimal digits are used up.
TIMES = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=10, max_size=10)
PREFIXES = st.sampled_from([ids.EVENT, ids.ENDPOINT, ids.SOURCE, ids.REJECTION, ids.REPLAY])
EVENTS = st.builds(lambda now_ms, entropy: ids.make(ids.EVENT, now_ms, entropy), TIMES, ENTROPY)
ENDPOINTS = st.builds(lambda now_ms, entropy: ids.make(ids.ENDPOINT, now_ms, entropy), TIMES, ENTROPY)


@given(PREFIXES, TIMES, TIMES, ENTROPY, ENTROPY)
def test_ids_sort_by_time(prefix: str, early: int, late: int, one: bytes, two: bytes) -> None:
    if early < late:
        assert ids.make(prefix, early, one) < ids.make(prefix, late, two)


@given(PREFIXES, TIMES, ENTROPY)
def test_an_id_says_what_it_is_and_has_one_length(prefix: str, now_ms: int, entropy: bytes) -> None:
    made = ids.make(prefix, now_ms, entropy)
    assert made.startswith(prefix)
    assert len(made) == len(prefix) + 32
    assert set(made[len(prefix) :]) <= set("0123456789abcdef")


@given(TIMES, TIMES, ENTROPY)
def test_a_bound_separates_what_was_made_before_from_what_was_made_since(at: int, made_at: int, entropy: bytes) -> None:
    bound = ids.lowest(ids.EVENT, at)
    assert (ids.make(ids.EVENT, made_at, entropy) > bound) == (made_at >= at)


@given(st.integers(max_value=-1))
def test_a_bound_before_all_time_is_below_everything(at_ms: int) -> None:
    assert ids.lowest(ids.EVENT, at_ms) < ids.make(ids.EVENT, 0, bytes(10))


@given(EVENTS, ENDPOINTS, EVENTS)
def test_the_deliveries_of_an_event_are_one_range(event_id: str, endpoint_id: str, other: str) -> None:
    delivery_id = ids.delivery(event_id, endpoint_id)
    low, high = ids.deliveries_of(event_id)
    assert low <= delivery_id < high
    assert ids.event_of(delivery_id) == event_id
    if other != event_id:
        assert not low <= ids.delivery(other, endpoint_id) < high
        assert (ids.delivery(other, endpoint_id) < delivery_id) == (other < event_id)


@given(EVENTS, ENDPOINTS, st.integers(0, 0xFFFF))
def test_an_attempt_says_which_it_was(event_id: str, endpoint_id: str, number: int) -> None:
    delivery_id = ids.delivery(event_id, endpoint_id)
    assert ids.attempt_parts(ids.attempt(delivery_id, number)) == (delivery_id, number)


@pytest.mark.parametrize("text", ["", "atmpt_", "atmpt_" + "0" * 51, "atmpt_" + "0" * 53, "msg_1", "atmpt_" + "z" * 52])
def test_what_is_no_attempt_id_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ids.attempt_parts(text)
