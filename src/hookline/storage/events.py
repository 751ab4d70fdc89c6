"""Events: stored with their deliveries in one commit, listed, and shown whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hookline.core import ids
from hookline.core.errors import StoreError
from hookline.core.model import Attempt, Delivery, Event
from hookline.storage.base import (
    Batch,
    Database,
    Draft,
    EventFilter,
    Receipt,
    Slice,
    Stream,
    Transaction,
    Worker,
    on,
)
from hookline.storage.commit import Commit, Stored
from hookline.storage.group_commit import awaited
from hookline.storage.routing import Routing
from hookline.storage.rows import attempt_of, delivery_of, event_of, request_of
from hookline.storage.search import find


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
        self._accept: Batch = self._accept_batch  # the same object for each draft, so that a group is seen to be one
        #: Who sends what is stored: told on the event loop after the commit. None in a process that only looks.
        self.worker: Worker | None = None

    async def accept(self, draft: Draft) -> Receipt:
        """Store an event and its deliveries. When this returns, they are on disk. Raises StoreError."""
        return await awaited(lambda done: self.take(draft, done))  # type: ignore[no-any-return]

    def take(self, draft: Draft, done: Callable[[Receipt | None, BaseException | None], None]) -> None:
        """Store an event and its deliveries. ``done`` is called when they are on disk, or with what went wrong."""

        def stored(stored: Stored | None, error: BaseException | None) -> None:
            if stored is None:
                done(None, error)
            else:
                self._hand_over(stored)  # also when nobody waits for the receipt any more
                done(stored.receipt, None)

        try:
            self._database.submit(self._accept, draft, stored)
        except StoreError as error:
            done(None, error)

    def _hand_over(self, stored: Stored) -> None:
        if self.worker is not None:
            if stored.works:
                self.worker.leased(stored.works)
            if stored.unleased:
                self.worker.owed(stored.unleased)
            if stored.wide:
                self.worker.wide()

    # -- the commit: everything below runs on the writer's thread --------------------------------------

    @on(Stream.DOORS)
    def _accept_batch(self, tx: Transaction, drafts: Sequence[Draft]) -> list[Stored]:
        commit = Commit(tx, self._routing(tx), self.worker)
        tx.on_rollback(commit.undo_reservations)
        results = commit.accept_all(drafts)
        commit.insert()
        return results

    # -- reading ---------------------------------------------------------------------------------------

    async def find(self, org_id: str, where: EventFilter, *, before: str = "", limit: int = 50) -> list[Event]:
        """A page of events without their bodies, newest first; ``before`` is the last id of the page above."""
        return await self._database.read(lambda tx: find(tx, org_id, where, Slice(before, limit=limit)))

    async def newest_at_ms(self) -> int:
        """When the newest event of all was made; 0 when there is none."""
        row = await self._database.read(lambda tx: tx.row("newest_event"))
        return ids.made_at_ms(row["id"]) if row is not None and row["id"] is not None else 0

    async def story(self, org_id: str, event_id: str) -> Story | None:
        """One event with its request, its deliveries and every attempt."""
        return await self._database.read(lambda tx: _story(tx, org_id, event_id))

    async def get(self, org_id: str, event_id: str) -> Event | None:
        """One event with its request."""
        return await self._database.read(lambda tx: _get(tx, org_id, event_id))


def _get(tx: Transaction, org_id: str, event_id: str) -> Event | None:
    row = tx.row("event_get", {"org_id": org_id, "id": event_id})
    return event_of(row, request_of(row)) if row is not None else None


def _story(tx: Transaction, org_id: str, event_id: str) -> Story | None:
    event = _get(tx, org_id, event_id)
    if event is None:
        return None
    low, high = ids.deliveries_of(event_id)
    span = {"low": low, "high": high}
    return Story(
        event,
        [delivery_of(row) for row in tx.rows("deliveries_of_event", span)],
        [attempt_of(row) for row in tx.rows("attempts_of_event", span)],
    )
