"""A past to fill a database with: what was stored in some weeks, the same rows for either database.

Everything follows from a number: the n-th event always has the same id, went the same way and ended the same. So
whoever asks about one of millions of rows knows its name and what to expect. What is skewed in reality is skewed here:
one source has half of all events, one delivery in a hundred is still owed, one in a hundred is dead, keys are random
as those of most senders are, and some of what has an end is past it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from hookline.core import ids
from hookline.core.model import DEFAULT_ORG, EventStatus
from hookline.core.state import OWED, DeliveryState
from hookline.storage.postgres.partitions import DAY_MS

#: The rows of some events, by the table they belong to, in the order of its columns.
Rows: TypeAlias = dict[str, list[tuple[Any, ...]]]

#: How long the past of the tests is: short, or as ``make test-plans`` says.
EVENTS: Final = int(os.environ.get("PLANS_EVENTS", "20000"))
IS_SHORT: Final = EVENTS < 100_000

#: What thirty days of retention make of the large tables in PostgreSQL: ten partitions of three days.
WIDTH_MS: Final = 3 * DAY_MS
PARTITIONS: Final = 10

#: Who holds the leases: a server that died.
NODE: Final = "node_gone"
TYPE: Final = "order.paid"
#: What is owed waits for its next try, between so long and so long after now.
DUE_AFTER_MS: Final = DAY_MS // 2
DUE_BEFORE_MS: Final = DAY_MS

_KEYS_KEPT_MS: Final = 20 * DAY_MS
_BYTES_KEPT_MS: Final = 10 * DAY_MS
_HEADERS: Final = msgspec.msgpack.encode(((b"Content-Type", b"application/json"), (b"User-Agent", b"Shop/1.0")))
_NO_HEADERS: Final = msgspec.msgpack.encode(())
_HASH: Final = bytes(16)


class Place(NamedTuple):
    """A source and its only endpoint."""

    source_id: str
    endpoint_id: str


@dataclass(frozen=True, slots=True)
class Past:
    """``events`` that came at ``places`` until ``now_ms``, each with a key, bytes, a delivery and its attempts.

    The first place has half of them; order counts at the second. The oldest twentieth came before there were
    partitions. Of what came before the event ``kept_from``, bytes and attempts are gone.
    """

    events: int
    places: tuple[Place, ...]
    now_ms: int
    most_attempts: int = 3
    body: bytes = b'{"n":1}'
    kept_from: int = 0

    @property
    def partitioned_ms(self) -> int:
        """Since when there are partitions."""
        return (self.now_ms // WIDTH_MS - PARTITIONS + 1) * WIDTH_MS

    @property
    def start_ms(self) -> int:
        """When the first event came."""
        return self.partitioned_ms - WIDTH_MS // 2

    @property
    def owed(self) -> int:
        """How many deliveries are owed, at most."""
        return self.events // 100 + 2

    # -- the n-th event ----------------------------------------------------------------------------------

    def at_ms(self, number: int) -> int:
        """When it came."""
        return self.start_ms + number * (self.now_ms - self.start_ms) // self.events

    def partition(self, number: int) -> int:
        """The partition that it is in; below 0: the default one."""
        return max(-1, (self.at_ms(number) - self.partitioned_ms) // WIDTH_MS)

    def place(self, number: int) -> Place:
        """Where it came and went."""
        return self.places[0 if number % 2 == 0 else 1 + number // 2 % (len(self.places) - 1)]

    def event_id(self, number: int) -> str:
        return f"{ids.EVENT}{self.at_ms(number):012x}{_random(number)[:20]}"

    def delivery_id(self, number: int) -> str:
        return ids.delivery(self.event_id(number), self.place(number).endpoint_id)

    def key(self, number: int) -> str:
        return _random(number)[20:]

    def state(self, number: int) -> DeliveryState:
        """Where its delivery is."""
        match number // 2 % 100:
            case 7:
                return DeliveryState.LEASED if number // 200 % 4 == 0 else DeliveryState.WAITING
            case 13:
                return DeliveryState.DEAD
            case _:
                return DeliveryState.DELIVERED

    def attempts(self, number: int) -> int:
        """How often it was tried. What is owed may not have been tried at all."""
        return number // 200 % self.most_attempts + (0 if self.state(number) in OWED else 1)

    def due_ms(self, number: int) -> int:
        """When it is due, while it is owed."""
        return self.now_ms + DUE_AFTER_MS + number * 7919 % (DUE_BEFORE_MS - DUE_AFTER_MS)

    def lease(self, number: int) -> str:
        return f"{NODE}-{number}" if self.state(number) is DeliveryState.LEASED else ""

    # -- rows --------------------------------------------------------------------------------------------

    def rows(self, first: int, end: int) -> Rows:
        """All rows of the events from ``first`` until before ``end``."""
        made: Rows = {"event": [], "payload": [], "delivery": [], "attempt": [], "seen": []}
        for number in range(first, end):
            self._add(made, number)
        return made

    def _add(self, made: Rows, number: int) -> None:
        at_ms, random = self.at_ms(number), _random(number)
        event_id, key = f"{ids.EVENT}{at_ms:012x}{random[:20]}", random[20:]
        place = self.place(number)
        bytes_end_ms = at_ms + _BYTES_KEPT_MS if number % 50 == 0 else None
        key_ends_ms = at_ms + _KEYS_KEPT_MS if number % 4 == 0 else None
        status = _STATUS[self.state(number)]
        made["event"].append(
            (event_id, DEFAULT_ORG, place.source_id, TYPE, status, at_ms, key, "verified", "", "", 0, "", "", "")
        )
        made["seen"].append((place.source_id, key, event_id, _HASH, key_ends_ms))
        made["delivery"].append(self._delivery(number, event_id, place))
        if number >= self.kept_from:
            made["payload"].append(
                (event_id, "POST", "/webhooks/shop", b"", _HEADERS, "192.0.2.7", "https", self.body, bytes_end_ms)
            )
            made["attempt"].extend(self._attempts(number, made["delivery"][-1][0]))

    def _delivery(self, number: int, event_id: str, place: Place) -> tuple[Any, ...]:
        state, at_ms, tried = self.state(number), self.at_ms(number), self.attempts(number)
        owed = state in OWED
        due_ms = self.due_ms(number) if owed else at_ms + 1000 * tried
        return (
            ids.delivery(event_id, place.endpoint_id),
            DEFAULT_ORG,
            event_id,
            place.endpoint_id,
            state,
            tried,
            tried if owed else tried - 1,
            due_ms,
            self.lease(number),
            at_ms,
            0 if owed else due_ms,
            "",
            number + 1 if place == self.places[1] else 0,
            0,
        )

    def _attempts(self, number: int, delivery_id: str) -> Iterator[tuple[Any, ...]]:
        tried = self.attempts(number)
        delivered = self.state(number) is DeliveryState.DELIVERED
        for count in range(1, tried + 1):
            status = 200 if delivered and count == tried else 500
            at_ms = self.at_ms(number) + 1000 * count
            yield delivery_id, count, at_ms, 12.5, status, "", "", "192.0.2.80", _NO_HEADERS, b"so be it", 0


_STATUS: Final = {
    DeliveryState.WAITING: EventStatus.PENDING,
    DeliveryState.LEASED: EventStatus.PROCESSING,
    DeliveryState.DEAD: EventStatus.FAILED,
    DeliveryState.DELIVERED: EventStatus.PROCESSED,
}


def _random(number: int) -> str:
    """52 hexadecimal digits: 20 of an id, 32 of a key."""
    return blake2b(number.to_bytes(8, "big"), digest_size=26).hexdigest()
