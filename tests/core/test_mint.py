"""Ids in the order they are made."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hookline.core import ids
from hookline.mint import FURTHEST_AHEAD_MS, Mint


@given(st.lists(st.integers(min_value=0, max_value=2**45), min_size=2, max_size=300))
def test_each_id_is_greater_than_the_one_before_whatever_the_clock_does(moments: list[int]) -> None:
    mint = Mint()
    made = [mint.make(ids.EVENT, now_ms) for now_ms in moments]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {len(ids.EVENT) + 32}


def test_an_id_holds_the_time_it_was_made_at() -> None:
    assert Mint().make(ids.EVENT, 1_767_225_600_000).startswith(ids.lowest(ids.EVENT, 1_767_225_600_000))


def test_two_mints_make_different_ids_at_the_same_time() -> None:
    assert Mint().make(ids.EVENT, 1) != Mint().make(ids.EVENT, 1)


def test_many_ids_of_one_millisecond_are_still_hard_to_guess() -> None:
    mint = Mint()
    made = [int(mint.make("", 5), 16) for _ in range(10_000)]
    steps = [after - before for before, after in pairwise(made)]
    assert len(set(steps)) == len(steps)


def test_a_mint_goes_on_after_what_was_made_before_the_clock_was_set_back() -> None:
    mint = Mint()
    before = mint.make(ids.EVENT, 10_000_000)
    next_run = Mint()
    next_run.go_on_after(10_000_000, now_ms=9_999_000)
    assert before < next_run.make(ids.EVENT, 9_999_000) < next_run.make(ids.EVENT, 9_999_001)


def test_an_id_from_a_clock_that_was_far_ahead_is_not_followed() -> None:
    mint = Mint()
    mint.go_on_after(10_000_000 + FURTHEST_AHEAD_MS + 1, now_ms=10_000_000)
    assert mint.make(ids.EVENT, 10_000_000).startswith(ids.lowest(ids.EVENT, 10_000_000))
