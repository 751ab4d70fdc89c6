"""Storing events with all that they owe: the rows of one group of drafts, gathered and then inserted together.

Runs on the writer's thread. The order in which a draft is judged: a request that came before (``once``), then
its key, then its guard; only what passes all of them is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hookline.core import ids
from hookline.core.model import Endpoint, Event, EventStatus, ReviewReason, Work
from hookline.core.state import DeliveryState
from hookline.storage import seen
from hookline.storage.base import Draft, Receipt, Row, Transaction, Worker
from hookline.storage.redrive import redrive
from hookline.storage.routing import Routing
from hookline.storage.rows import words
from hookline.storage.wanting import WIDE, wanting

# Plain text: to look up a member of an enumeration costs five times as much as a name, and SQLite's driver looks for a
# way to adapt it.
_WAITING, _LEASED = str(DeliveryState.WAITING), str(DeliveryState.LEASED)

_pack = msgspec.msgpack.Encoder().encode


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A receipt, what this process was leased with it, and the endpoints that are owed without a lease."""

    receipt: Receipt
    works: tuple[Work, ...] | list[Work] = ()
    unleased: tuple[str, ...] | list[str] = ()
    wide: bool = False  #: its deliveries are still to be written


class Commit:
    """The rows of one group of drafts."""

    def __init__(self, tx: Transaction, routing: Routing, worker: Worker | None, *, may_spread: bool = True) -> None:
        self._tx, self._routing, self._worker = tx, routing, worker
        self._may_spread = may_spread  #: False: nobody would be told that deliveries are still to be written
        self._events: list[tuple[Any, ...]] = []
        self._payloads: list[tuple[Any, ...]] = []
        self._deliveries: list[tuple[Any, ...]] = []
        self._in_order: dict[str, list[int]] = {}  #: where among them those of an endpoint are whose order counts
        self._fanouts: list[dict[str, Any]] = []
        self._duplicates: list[dict[str, str]] = []
        self._reserved: list[tuple[str, int, str]] = []
        self._keys = seen.Keys(tx, ())

    def accept_all(self, drafts: Sequence[Draft]) -> list[Stored]:
        """Gather the rows of these drafts. All keys that they may need are taken first, in one go."""
        wishes = [_wishes(draft) for draft in drafts]
        self._keys = seen.Keys(self._tx, (wish for each in wishes for wish in each if wish is not None))
        return [self._accept(draft, each) for draft, each in zip(drafts, wishes, strict=True)]

    def accept(self, draft: Draft) -> Stored:
        """Gather the rows of a draft that needs no key."""
        return self._accept(draft, _wishes(draft))

    def _accept(self, draft: Draft, wishes: _Wishes) -> Stored:
        """Gather the rows of a draft, unless it is known or refused."""
        if wishes.once is not None and (answer := self._sent_before(draft, wishes.once)) is not None:
            return answer
        event = draft.event
        if wishes.key is not None and (known := self._remember(wishes.key, event)) is not None:
            if draft.unique:
                self._forget_request(draft)
                return Stored(Receipt(known["event_id"], known["status"] or EventStatus.PENDING, taken=True))
            conflicting = draft.review_conflicts and bytes(known["body_hash"]) != draft.body_hash
            if not conflicting:
                self._forget_request(draft)
                return self._duplicate(event, known)
            event = _held(event, ReviewReason.CONFLICTING_DUPLICATE, f"same id as {known['event_id']}, other body")
        known = self._remember(wishes.guard, event) if wishes.guard is not None else None
        if known is not None and not event.review_reason:
            if draft.refuse_replays:
                self._keys.forget(event.source_id, draft.key)
                self._forget_request(draft)
                return Stored(Receipt(known["event_id"], "", replay=True))
            event = _held(event, ReviewReason.POSSIBLE_REPLAY, f"same body as {known['event_id']} under another id")
        return self._store(draft, event)

    def insert(self) -> None:
        """Insert what was gathered."""
        self._keys.finish()
        self._give_places()
        if self._events:
            self._tx.insert_events(self._events)
            self._tx.insert_payloads(self._payloads)
        if self._deliveries:
            self._tx.insert_deliveries(self._deliveries)
        if self._fanouts:
            self._tx.each("add_fanout", self._fanouts)
        if self._duplicates:
            self._tx.each("count_duplicate", self._duplicates)  # after the inserts: the first may be in this group

    def _give_places(self) -> None:
        """Where order counts, it is the order of these commits: a place is held until the commit is over."""
        for endpoint_id in sorted(self._in_order):
            rows = self._in_order[endpoint_id]
            taken = self._tx.row("take_places", {"endpoint_id": endpoint_id, "count": len(rows)})
            assert taken is not None
            first = taken["last"] - len(rows) + 1
            for place, row in enumerate(rows, first):
                *before, _fifo, manual = self._deliveries[row]
                self._deliveries[row] = (*before, place, manual)

    def undo_reservations(self) -> None:
        """The transaction came to nothing."""
        for endpoint_id, size, lease in self._reserved:
            assert self._worker is not None
            self._worker.release(endpoint_id, size, lease)

    # -- what is known already -------------------------------------------------------------------------

    def _remember(self, wish: seen.Wish, event: Event) -> Row | None:
        """Take a key for this event, or say what it already stands for."""
        return self._keys.remember(wish, event.received_at_ms)

    def _sent_before(self, draft: Draft, wish: seen.Wish) -> Stored | None:
        """The answer to a request that came before; nothing else happens."""
        known = self._keys.remember(wish, draft.event.received_at_ms)
        if known is None:
            return None
        if bytes(known["body_hash"]) != wish.body_hash:
            return Stored(Receipt(known["event_id"], "", misused=True))
        return Stored(Receipt(known["event_id"], known["status"] or EventStatus.PENDING, duplicate=True))

    def _forget_request(self, draft: Draft) -> None:
        """The request made nothing: it may be sent again."""
        if draft.once is not None:
            self._keys.forget(draft.once.scope, draft.once.key)

    def _duplicate(self, event: Event, known: Row) -> Stored:
        first = known["event_id"]
        self._duplicates.append({"event_id": first})
        status = known["status"] or EventStatus.PENDING  # None: it is in this very group, or retention took it
        if status == EventStatus.FAILED:
            # A provider's deliberate redelivery of what failed here must not be blocked by its old id.
            revived = redrive(self._tx, self._routing, first, event.received_at_ms)
            now = self._tx.row("event_get", {"org_id": event.org_id, "id": first})
            assert now is not None
            return Stored(Receipt(first, now["status"], duplicate=True), unleased=revived)
        return Stored(Receipt(first, status, duplicate=True))

    # -- rows ------------------------------------------------------------------------------------------

    def _store(self, draft: Draft, event: Event) -> Stored:
        endpoints: list[Endpoint] = []
        status = EventStatus.NEEDS_REVIEW
        if not event.review_reason:
            endpoints = wanting(self._routing, event.source_id, event.type, event.channels, draft.only_endpoint)
            status = EventStatus.PENDING if endpoints else EventStatus.IGNORED
        self._events.append(_event_row(event, status, draft.only_endpoint))
        self._payloads.append(_payload_row(event, draft.payload_expires_at_ms))
        due_at_ms = max(event.received_at_ms, draft.due_at_ms)
        wide = self._may_spread and len(endpoints) > WIDE
        receipt = Receipt(event.id, status, deliveries=len(endpoints))
        if wide:
            wanted = self._routing.wanted(event.source_id, event.type, event.channels)
            self._fanouts.append({"event_id": event.id, "last": wanted.ids[-1], "due_at_ms": due_at_ms})
            endpoints = wanted.fifo  # where order counts, what is published next must find this one before it
        works, unleased = [], []
        for endpoint in endpoints:
            work = self.owe(event, endpoint, due_at_ms)
            if work is not None:
                works.append(work)
            else:
                unleased.append(endpoint.id)
        return Stored(receipt, works, unleased, wide)

    def owe(self, event: Event, endpoint: Endpoint, due_at_ms: int) -> Work | None:
        """Owe the event to an endpoint; born leased when this process has room to send it at once."""
        delivery_id = ids.delivery(event.id, endpoint.id)
        now = event.received_at_ms
        size = len(event.request.body)
        leased = None
        if self._worker is not None and not endpoint.fifo and due_at_ms <= now:
            leased = self._worker.reserve(endpoint.id, size)
        state, lease, due = _WAITING, "", due_at_ms
        if leased is not None:
            self._reserved.append((endpoint.id, size, leased[0]))
            state, (lease, due) = _LEASED, leased
        if endpoint.fifo:
            self._in_order.setdefault(endpoint.id, []).append(len(self._deliveries))
        row = (delivery_id, event.org_id, event.id, endpoint.id, state, 0, 0, due, lease, now, 0, "", 0, 0)
        self._deliveries.append(row)
        if leased is None:
            return None
        headers, body = event.request.headers, event.request.body
        return Work(delivery_id, event.id, event.type, endpoint.id, 0, 0, lease, due, headers, body)


class _Wishes(NamedTuple):
    """The keys that a draft may take, in the order in which it is asked for them."""

    once: seen.Wish | None
    key: seen.Wish | None
    guard: seen.Wish | None


def _wishes(draft: Draft) -> _Wishes:
    return _Wishes(
        seen.wish_of(draft.once, draft.event.id) if draft.once is not None else None,
        _wish(draft, draft.key) if draft.key else None,
        _wish(draft, draft.guard) if draft.guard else None,
    )


def _wish(draft: Draft, key: str) -> seen.Wish:
    return seen.Wish(draft.event.source_id, key, draft.event.id, draft.body_hash, draft.expires_at_ms)


def _held(event: Event, reason: ReviewReason, detail: str) -> Event:
    return msgspec.structs.replace(event, review_reason=reason, review_detail=detail)


def _event_row(event: Event, status: EventStatus, only_endpoint: str) -> tuple[Any, ...]:
    return (
        event.id,
        event.org_id,
        event.source_id,
        event.type,
        str(status),  # SQLite's driver looks at everything that is no plain text for a way to adapt it
        event.received_at_ms,
        event.provider_event_id,
        str(event.verification),
        str(event.review_reason),
        event.review_detail,
        0,
        words(event.channels),
        words(event.tags),
        only_endpoint,
    )


def _payload_row(event: Event, expires_at_ms: int | None) -> tuple[Any, ...]:
    request = event.request
    return (
        event.id,
        request.method,
        request.path,
        request.query,
        _pack(request.headers),
        request.client,
        request.scheme,
        request.body,
        expires_at_ms,
    )
