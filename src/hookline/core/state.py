"""The life of a delivery, as a table.

A delivery is *owed* until it is delivered, dead or cancelled. While it is owed it is either waiting for its
time or leased to one worker. A lease is a promise with an end: whoever holds it may try the delivery, and
when it runs out the delivery is simply due again, for anybody. That is why a lease that expires needs no
move of its own in the database: ``leased`` rows carry the end of the lease as the time they are due.

Every move that follows an attempt is *fenced*: it names the lease it was made under, and changes nothing
when the delivery is by then leased to somebody else.

    (stored)                                                 ► WAITING
    WAITING                     ──claim──────────────────────► LEASED
    LEASED                      ──deliver────────────────────► DELIVERED
    LEASED                      ──exhaust────────────────────► DEAD
    LEASED                      ──retry, give_back, expire───► WAITING
    WAITING, LEASED             ──end────────────────────────► DEAD
    WAITING, LEASED             ──cancel─────────────────────► CANCELLED
    DELIVERED, DEAD, CANCELLED  ──replay─────────────────────► WAITING

"""

from __future__ import annotations

from enum import StrEnum

from hookline.core.errors import Conflict
from hookline.core.model import EventStatus


class DeliveryState(StrEnum):
    """Where a delivery is in its life. Stored under these names."""

    WAITING = "waiting"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "claim"  #: a worker takes a lease
    DELIVER = "deliver"  #: the endpoint said 2xx
    RETRY = "retry"  #: the attempt failed and the schedule goes on
    EXHAUST = "exhaust"  #: the attempt failed and nothing is left to try
    GIVE_BACK = "give_back"  #: the worker stops before it tried
    EXPIRE = "expire"  #: the lease ran out
    CANCEL = "cancel"  #: a person does not want it any more
    END = "end"  #: the endpoint is gone: a dead letter, so that it can be replayed
    REPLAY = "replay"  #: a person wants it sent again


#: Rule 1: a pair that is not in this table cannot happen. Rule 2: nothing else changes a state.
TRANSITIONS: dict[DeliveryState, dict[Move, DeliveryState]] = {
    DeliveryState.WAITING: {
        Move.CLAIM: DeliveryState.LEASED,
        Move.CANCEL: DeliveryState.CANCELLED,
        Move.END: DeliveryState.DEAD,
    },
    DeliveryState.LEASED: {
        Move.DELIVER: DeliveryState.DELIVERED,
        Move.RETRY: DeliveryState.WAITING,
        Move.EXHAUST: DeliveryState.DEAD,
        Move.GIVE_BACK: DeliveryState.WAITING,
        Move.EXPIRE: DeliveryState.WAITING,
        Move.CANCEL: DeliveryState.CANCELLED,
        Move.END: DeliveryState.DEAD,
    },
    DeliveryState.DELIVERED: {Move.REPLAY: DeliveryState.WAITING},
    DeliveryState.DEAD: {Move.REPLAY: DeliveryState.WAITING},
    DeliveryState.CANCELLED: {Move.REPLAY: DeliveryState.WAITING},
}

#: States in which the event is still owed to the endpoint.
OWED = frozenset({DeliveryState.WAITING, DeliveryState.LEASED})


def after(state: DeliveryState, move: Move) -> DeliveryState:
    """The state that ``move`` leads to. Raises Conflict when the table does not allow it."""
    try:
        return TRANSITIONS[state][move]
    except KeyError:
        raise Conflict(f"a {state} delivery cannot {move.replace('_', ' ')}") from None


def event_status(states: list[DeliveryState], attempted: bool) -> EventStatus:
    """What people see of an event whose deliveries are in ``states``; ``attempted``: any attempt was made."""
    if not states:
        return EventStatus.IGNORED
    if any(state in OWED for state in states):
        return EventStatus.PROCESSING if attempted else EventStatus.PENDING
    if DeliveryState.DEAD in states:
        return EventStatus.FAILED
    if DeliveryState.DELIVERED in states:
        return EventStatus.PROCESSED
    return EventStatus.IGNORED
