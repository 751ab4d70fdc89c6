"""The life of a delivery: the table is complete, the drawing above it is true, and statuses follow from states."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core import state
from hookline.core.errors import Conflict
from hookline.core.model import EventStatus
from hookline.core.state import OWED, TRANSITIONS, DeliveryState, Move, after, event_status

PAIRS = list(itertools.product(DeliveryState, Move))
STATES = st.lists(st.sampled_from(DeliveryState), max_size=5)


def drawn() -> set[tuple[DeliveryState, Move, DeliveryState]]:
    """Every arrow of the drawing in the module's docstring."""
    assert state.__doc__ is not None
    arrows = re.findall(r"^    ([A-Z, ]+?) +──([a-z_, ]+)─+► ([A-Z]+)$", state.__doc__, re.MULTILINE)
    return {
        (DeliveryState[source], Move(move), DeliveryState[target])
        for sources, moves, target in arrows
        for source in sources.split(", ")
        for move in moves.split(", ")
    }


def test_the_drawing_is_the_table() -> None:
    assert drawn() == {(source, move, target) for source, row in TRANSITIONS.items() for move, target in row.items()}


def test_every_state_has_a_row_and_every_move_is_used() -> None:
    assert set(TRANSITIONS) == set(DeliveryState)
    assert {move for row in TRANSITIONS.values() for move in row} == set(Move)


@pytest.mark.parametrize(("source", "move"), PAIRS)
def test_what_is_not_in_the_table_cannot_happen(source: DeliveryState, move: Move) -> None:
    if move in TRANSITIONS[source]:
        assert after(source, move) is TRANSITIONS[source][move]
    else:
        with pytest.raises(Conflict, match=f"a {source} delivery cannot {move.replace('_', ' ')}"):
            after(source, move)


def test_every_state_can_be_reached_and_none_is_a_trap() -> None:
    for first in DeliveryState:
        reached = {first}
        for _ in DeliveryState:
            reached |= {target for one in reached for target in TRANSITIONS[one].values()}
        assert reached == set(DeliveryState)


def test_only_what_is_over_is_replayed_and_only_what_is_owed_is_ended() -> None:
    for one in DeliveryState:
        assert (Move.REPLAY in TRANSITIONS[one]) == (one not in OWED)
        assert (Move.CANCEL in TRANSITIONS[one]) == (Move.END in TRANSITIONS[one]) == (one in OWED)


def test_only_a_lease_may_be_settled() -> None:
    settling = {Move.DELIVER, Move.RETRY, Move.EXHAUST, Move.GIVE_BACK, Move.EXPIRE}
    assert {one for one in DeliveryState if settling & set(TRANSITIONS[one])} == {DeliveryState.LEASED}


@pytest.mark.parametrize(
    ("states", "attempted", "status"),
    [
        ("", False, EventStatus.IGNORED),
        ("waiting", False, EventStatus.PENDING),
        ("leased", False, EventStatus.PENDING),
        ("waiting", True, EventStatus.PROCESSING),
        ("leased delivered", True, EventStatus.PROCESSING),
        ("waiting dead", True, EventStatus.PROCESSING),
        ("delivered", True, EventStatus.PROCESSED),
        ("delivered cancelled", True, EventStatus.PROCESSED),
        ("delivered dead", True, EventStatus.FAILED),
        ("dead", False, EventStatus.FAILED),
        ("dead cancelled", True, EventStatus.FAILED),
        ("cancelled", True, EventStatus.IGNORED),
    ],
)
def test_what_people_see_follows_from_the_deliveries(states: str, attempted: bool, status: EventStatus) -> None:
    assert event_status([DeliveryState(one) for one in states.split()], attempted) is status


@given(STATES, st.booleans())
def test_an_event_is_open_exactly_while_something_is_owed(states: list[DeliveryState], attempted: bool) -> None:
    status = event_status(states, attempted)
    assert (status in (EventStatus.PENDING, EventStatus.PROCESSING)) == any(one in OWED for one in states)
    assert status is not EventStatus.NEEDS_REVIEW


@given(STATES, st.booleans(), st.randoms())
def test_the_order_of_deliveries_does_not_matter(states: list[DeliveryState], attempted: bool, dice: object) -> None:
    mixed = sorted(states, key=lambda _: dice.random())  # type: ignore[attr-defined]
    assert event_status(mixed, attempted) is event_status(states, attempted)
