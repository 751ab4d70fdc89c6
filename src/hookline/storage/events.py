"""Events: stored with their deliveries in one commit, listed, and shown whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.model import (
    Attempt,
    Delivery,
    Endpoint,
    Event,
    EventStatus,
    Headers,
    Request,
    ReviewReason,
    Work,
)
from hookline.core.state import DeliveryState
from hookline.storage.base import Database, Draft, EventFilter, Receipt, Row, Transaction, Worker
from hookline.storage.deliveries import delivery_of, redrive
from hookline.storage.routing import Routing

#: Above every id of any kind.
LAST = "~"

_pack = msgspec.msgpack.Encoder().encode
_unpack_headers = msgspec.msgpack.Decoder(Headers).decode


class Story(msgspec.Struct, frozen=True):
    """One event's whole story."""

    event: Event
    deliveries: list[Delivery]
    attempts: list[Attempt]


class Events:
    """The events of all sources."""

    def __init__(
        self,
        database: Database,
        routing: Callable[[Transaction], Routing],
    ) -> None:
        self._database = database
        self._routing = routing
        #: Who sends what is stored: told on the event loop after the commit. None in a process that only looks.
        self.worker: Worker | None = None

    async def accept(self, draft: Draft) -> Receipt:
        """Store an event and its deliveries. When this returns, they are on disk."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

        def done(stored: _Stored | None, error: BaseException | None) -> None:
            if stored is not None:
                self._hand_over(stored)  # also when nobody waits for the receipt any more
            if receipt.done():
                return
            if stored is None:
                assert error is not None
                receipt.set_exception(error)
            else:
                receipt.set_result(stored.receipt)

        self._database.submit(self._accept_batch, draft, done)
        return await receipt

    def _hand_over(self, stored: _Stored) -> None:
        if self.worker is not None:
            if stored.works:
                self.worker.leased(stored.works)
            if stored.unleased:
                self.worker.owed(stored.unleased)

    # -- the commit: everything below runs on the writer's thread --------------------------------------

    def _accept_batch(self, tx: Transaction, drafts: Sequence[Draft]) -> list[_Stored]:
        commit = _Commit(tx, self._routing(tx), self.worker)
        tx.on_rollback(commit.undo_reservations)
        results = [commit.accept(draft) for draft in drafts]
        commit.insert()
        return results

    # -- reading ---------------------------------------------------------------------------------------

    async def find(self, org_id: str, where: EventFilter, *, before: str = "", limit: int = 50) -> list[Event]:
        """A page of events without their bodies, newest first; ``before`` is the last id of the page above."""
        return await self._database.read(lambda tx: find(tx, org_id, where, before, limit))

    async def story(self, org_id: str, event_id: str) -> Story | None:
        """One event with its request, its deliveries and every attempt."""
        return await self._database.read(lambda tx: _story(tx, org_id, event_id))

    async def get(self, org_id: str, event_id: str) -> Event | None:
        """One event with its request."""
        return await self._database.read(lambda tx: _get(tx, org_id, event_id))


class _Stored(msgspec.Struct, frozen=True, gc=False):
    """A receipt, what this process was leased with it, and the endpoints that are owed without a lease."""

    receipt: Receipt
    works: tuple[Work, ...] | list[Work] = ()
    unleased: tuple[str, ...] | list[str] = ()


class _Commit:
    """The rows of one group of drafts, gathered and then inserted together."""

    def __init__(self, tx: Transaction, routing: Routing, worker: Worker | None) -> None:
        self._tx, self._routing, self._worker = tx, routing, worker
        self._events: list[tuple[Any, ...]] = []
        self._payloads: list[tuple[Any, ...]] = []
        self._deliveries: list[tuple[Any, ...]] = []
        self._duplicates: list[dict[str, str]] = []
        self._reserved: list[tuple[str, int]] = []

    def accept(self, draft: Draft) -> _Stored:
        event = draft.event
        if draft.key and (known := self._remember(draft, draft.key)) is not None:
            conflicting = draft.review_conflicts and bytes(known["body_hash"]) != draft.body_hash
            if not conflicting:
                return self._duplicate(event, known)
            event = _held(event, ReviewReason.CONFLICTING_DUPLICATE, f"same id as {known['event_id']}, other body")
        if draft.guard and (known := self._remember(draft, draft.guard)) is not None and not event.review_reason:
            if draft.refuse_replays:
                # The key of this request was just taken for an event that will not exist.
                self._tx.run("forget_key", {"source_id": event.source_id, "key": draft.key})
                return _Stored(Receipt(known["event_id"], "", replay=True))
            event = _held(event, ReviewReason.POSSIBLE_REPLAY, f"same body as {known['event_id']} under another id")
        return self._store(event)

    def _remember(self, draft: Draft, key: str) -> Row | None:
        """Take ``key`` for this event, or say what it already stands for."""
        event = draft.event
        row = {
            "source_id": event.source_id,
            "key": key,
            "event_id": event.id,
            "body_hash": draft.body_hash,
            "expires_at_ms": draft.expires_at_ms,
        }
        if self._tx.run("seen_insert", row):
            return None
        known = self._tx.row("seen_get", row)
        assert known is not None
        if known["expires_at_ms"] is not None and known["expires_at_ms"] <= event.received_at_ms:
            self._tx.run("seen_replace", row)
            return None
        return known

    def _duplicate(self, event: Event, known: Row) -> _Stored:
        first = known["event_id"]
        self._duplicates.append({"event_id": first})
        status = known["status"] or EventStatus.PENDING  # None: it is in this very group, or retention took it
        if status == EventStatus.FAILED:
            # A provider's deliberate redelivery of what failed here must not be blocked by its old id.
            revived = redrive(self._tx, first, event.received_at_ms, cancelled=False)
            now = self._tx.row("event_get", {"org_id": event.org_id, "id": first})
            assert now is not None
            return _Stored(Receipt(first, now["status"], duplicate=True), unleased=revived)
        return _Stored(Receipt(first, status, duplicate=True))

    def _store(self, event: Event) -> _Stored:
        held = bool(event.review_reason)
        endpoints = [] if held else self._routing.wanting(event.source_id, event.type)
        if held:
            status = EventStatus.NEEDS_REVIEW
        else:
            status = EventStatus.PENDING if endpoints else EventStatus.IGNORED
        self._events.append(
            (
                event.id,
                event.org_id,
                event.source_id,
                event.type,
                status,
                event.received_at_ms,
                event.provider_event_id,
                event.verification,
                event.review_reason,
                event.review_detail,
                0,
                words(event.channels),
                words(event.tags),
            )
        )
        request = event.request
        self._payloads.append(
            (
                event.id,
                request.method,
                request.path,
                request.query,
                _pack(request.headers),
                request.client,
                request.scheme,
                request.body,
                None,
            )
        )
        works, unleased = [], []
        for endpoint in endpoints:
            work = self._owe(event, endpoint)
            if work is not None:
                works.append(work)
            else:
                unleased.append(endpoint.id)
        return _Stored(Receipt(event.id, status, deliveries=len(endpoints)), works, unleased)

    def _owe(self, event: Event, endpoint: Endpoint) -> Work | None:
        """Owe the event to an endpoint; born leased when this process has room to send it at once."""
        delivery_id = ids.delivery(event.id, endpoint.id)
        now = event.received_at_ms
        size = len(event.request.body)
        leased = self._worker.reserve(endpoint.id, size) if self._worker is not None else None
        state, lease, due = DeliveryState.WAITING, "", now
        if leased is not None:
            self._reserved.append((endpoint.id, size))
            state, (lease, due) = DeliveryState.LEASED, leased
        row = (delivery_id, event.org_id, event.id, endpoint.id, state, 0, 0, due, lease, now, 0, "", 0, 0)
        self._deliveries.append(row)
        if leased is None:
            return None
        headers, body = event.request.headers, event.request.body
        return Work(delivery_id, event.id, event.type, endpoint.id, 0, 0, lease, due, headers, body)

    def insert(self) -> None:
        self._tx.insert_events(self._events)
        self._tx.insert_payloads(self._payloads)
        self._tx.insert_deliveries(self._deliveries)
        self._tx.each("count_duplicate", self._duplicates)  # after the inserts: the first may be in this group

    def undo_reservations(self) -> None:
        for endpoint_id, size in self._reserved:
            assert self._worker is not None
            self._worker.release(endpoint_id, size)


def _held(event: Event, reason: ReviewReason, detail: str) -> Event:
    return msgspec.structs.replace(event, review_reason=reason, review_detail=detail)


def find(tx: Transaction, org_id: str, where: EventFilter, before: str, limit: int) -> list[Event]:
    """A page of events, newest first, by the index that fits the filter."""
    params = {
        "org_id": org_id,
        "before": before or LAST,
        "low": ids.lowest(ids.EVENT, where.since_ms),
        "high": ids.lowest(ids.EVENT, where.until_ms) if where.until_ms else LAST,
        "source_id": where.source_id or None,
        "status": where.status or None,
        "type_exact": None,
        "type_prefix": None,
        "provider_event_id": where.provider_event_id or None,
        "limit": limit,
    }
    if where.type.endswith(".*"):
        params["type_prefix"] = where.type[:-1]
    elif where.type and where.type != "*":
        params["type_exact"] = where.type
    if where.status and where.status not in set(EventStatus):
        raise InvalidInput(f"unknown status {where.status!r}; one of {', '.join(EventStatus)}")
    if where.status in (EventStatus.FAILED, EventStatus.IGNORED, EventStatus.NEEDS_REVIEW):
        query = "events_of_rare_status"
    else:
        query = "events_of_source" if where.source_id else "events_newest"
    return [_event(row, _NO_REQUEST) for row in tx.rows(query, params)]


def _get(tx: Transaction, org_id: str, event_id: str) -> Event | None:
    row = tx.row("event_get", {"org_id": org_id, "id": event_id})
    return _event(row, _request(row)) if row is not None else None


def _story(tx: Transaction, org_id: str, event_id: str) -> Story | None:
    event = _get(tx, org_id, event_id)
    if event is None:
        return None
    low, high = ids.deliveries_of(event_id)
    span = {"low": low, "high": high}
    return Story(
        event,
        [delivery_of(row) for row in tx.rows("deliveries_of_event", span)],
        [_attempt(row) for row in tx.rows("attempts_of_event", span)],
    )


def words(several: tuple[str, ...]) -> str:
    """Several words as one text, in which each is found by the space before and after it."""
    return f" {' '.join(several)} " if several else ""


_NO_REQUEST = Request("", "", b"", (), {}, b"")


def _event(row: Row, request: Request) -> Event:
    return Event(
        id=row["id"],
        org_id=row["org_id"],
        source_id=row["source_id"],
        type=row["type"],
        received_at_ms=row["received_at_ms"],
        status=row["status"],
        request=request,
        provider_event_id=row["provider_event_id"],
        verification=row["verification"],
        review_reason=row["review_reason"],
        review_detail=row["review_detail"],
        duplicates=row["duplicates"],
        channels=tuple(row["channels"].split()),
        tags=tuple(row["tags"].split()),
    )


def _request(row: Row) -> Request:
    if row["headers"] is None:  # the bytes were expunged
        return _NO_REQUEST
    headers = _unpack_headers(row["headers"])
    return Request(
        method=row["method"],
        path=row["path"],
        query=bytes(row["query"]),
        headers=headers,
        lookup={name.lower(): value for name, value in headers},
        body=bytes(row["body"]),
        client=row["client"],
        scheme=row["scheme"],
    )


def _attempt(row: Row) -> Attempt:
    return Attempt(
        delivery_id=row["delivery_id"],
        number=row["number"],
        started_at_ms=row["started_at_ms"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        error=row["error"],
        detail=row["detail"],
        response_headers=_unpack_headers(row["response_headers"]),
        response_body=bytes(row["response_body"]),
        address=row["address"],
    )
