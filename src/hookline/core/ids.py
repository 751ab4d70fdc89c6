"""Identifiers: a prefix that says what it is, then 32 hexadecimal digits that sort by time.

The first 12 digits are the time in milliseconds, the other 20 are random (80 bits), as in a UUIDv7.
So lists page by id, and rows that belong together in time lie together on disk.

A delivery's id is made of its event's and its endpoint's: there can be only one for the pair, all
deliveries of an event form one range of ids, and no second index is needed for either.
"""

from __future__ import annotations

EVENT = "msg_"
ENDPOINT = "ep_"
SOURCE = "src_"
APPLICATION = "app_"
DELIVERY = "dlv_"
ATTEMPT = "atmpt_"
REJECTION = "rej_"
REPLAY = "rpl_"
ORGANISATION = "org_"


def make(prefix: str, now_ms: int, entropy: bytes) -> str:
    """An id of the kind ``prefix`` at ``now_ms``; ``entropy`` is 10 random bytes."""
    return f"{prefix}{now_ms:012x}{entropy.hex()}"


def lowest(prefix: str, at_ms: int) -> str:
    """A bound below every id of this kind made at ``at_ms`` or later, above every earlier one."""
    return f"{prefix}{max(0, at_ms):012x}"


def made_at_ms(id: str) -> int:
    """The UTC millisecond that an id of any kind was made at; ValueError when it holds none."""
    return int(id.partition("_")[2][:12], 16)


def delivery(event_id: str, endpoint_id: str) -> str:
    """The id of the one delivery of this event to this endpoint."""
    return f"{DELIVERY}{event_id[len(EVENT) :]}{endpoint_id[-16:]}"


def deliveries_of(event_id: str) -> tuple[str, str]:
    """The half-open range ``[low, high)`` of ids of all deliveries of an event."""
    low = DELIVERY + event_id[len(EVENT) :]
    return low, low + "~"


def event_of(delivery_id: str) -> str:
    """The id of the event that a delivery belongs to."""
    return EVENT + delivery_id[len(DELIVERY) : len(DELIVERY) + 32]


def attempt(delivery_id: str, number: int) -> str:
    """The id of the ``number``-th attempt of a delivery."""
    return f"{ATTEMPT}{delivery_id[len(DELIVERY) :]}{number:04x}"


def attempt_parts(attempt_id: str) -> tuple[str, int]:
    """The delivery id and number that an attempt id stands for; ValueError when it is not one."""
    body = attempt_id.removeprefix(ATTEMPT)
    if len(body) != 52:
        raise ValueError(f"{attempt_id!r} is not the id of an attempt")
    return DELIVERY + body[:48], int(body[48:], 16)
