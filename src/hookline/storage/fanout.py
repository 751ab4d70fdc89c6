"""Very wide events: their deliveries are written a part at a time, so that one publish never holds the writer.

An event that more than `WIDE` endpoints want is stored with a row in ``fanout`` instead of its deliveries. A step
writes some of them and moves the row, in one transaction; the last one removes it. So a crash at any moment loses no
delivery and writes none twice, and the event is not ``processed`` before all of them are written.

It goes to the endpoints that existed when it was published: the row has the highest of their ids, and those of one
source are made in rising order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import msgspec

from hookline.core import ids
from hookline.core.model import Work
from hookline.storage.base import Database, Stream, Transaction, Worker, on
from hookline.storage.commit import Commit
from hookline.storage.routing import Routing
from hookline.storage.rows import event_of, request_of
from hookline.storage.statuses import refresh_status

#: Deliveries per step: some milliseconds of the writer's time.
DELIVERIES_PER_STEP = 200


class Stepped(msgspec.Struct, frozen=True):
    """What a step wrote, and whether there is more to write."""

    more: bool
    works: Sequence[Work] = ()
    unleased: Sequence[str] = ()


class Fanouts:
    """The events whose deliveries are still to be written."""

    def __init__(self, database: Database, routing: Callable[[Transaction], Routing]) -> None:
        self._database = database
        self._routing = routing
        #: Told of what was written. None in a process that only looks.
        self.worker: Worker | None = None

    async def waiting(self) -> list[str]:
        """The ids of the events that are waiting, oldest first."""
        return await self._database.read(lambda tx: [row["event_id"] for row in tx.rows("fanouts_waiting")])

    async def step(self, event_id: str, now_ms: int) -> bool:
        """Write some deliveries of an event; whether there are more to write. Anybody may, and several at once."""
        stepped: Stepped = await self._database.write(self._step_batch, event_id)
        if self.worker is not None:
            if stepped.works:
                self.worker.leased(stepped.works)
            if stepped.unleased:
                self.worker.owed(stepped.unleased)
        return stepped.more

    # -- on the writer's thread ------------------------------------------------------------------------

    @on(Stream.DOORS)  # it gives out leases, as those do who store events
    def _step_batch(self, tx: Transaction, event_ids: Sequence[str]) -> list[Stepped]:
        return [self._step(tx, event_id) for event_id in event_ids]

    def _step(self, tx: Transaction, event_id: str) -> Stepped:
        row = tx.row("fanout_get", {"event_id": event_id})
        if row is None:
            tx.run("forget_fanout", {"event_id": event_id})  # over by now, or there is nothing left to send
            return Stepped(False)
        event = event_of(row, request_of(row))
        routing = self._routing(tx)
        order = routing.wanted(event.source_id, event.type, event.channels).ids
        start, end = bisect_right(order, row["done_to"]), bisect_right(order, row["last"])
        part = order[start : min(end, start + DELIVERIES_PER_STEP)]
        commit = Commit(tx, routing, self.worker)
        tx.on_rollback(commit.undo_reservations)
        works, unleased = [], []
        for endpoint_id in part:
            if tx.row("state_of_delivery", {"id": ids.delivery(event_id, endpoint_id)}) is not None:
                continue  # written with the event, or by a replay meanwhile
            work = commit.owe(event, routing.endpoints[endpoint_id], row["due_at_ms"])
            if work is not None:
                works.append(work)
            else:
                unleased.append(endpoint_id)
        commit.insert()
        more = start + len(part) < end
        if more:
            tx.run("fanout_progress", {"event_id": event_id, "done_to": part[-1]})
        else:
            tx.run("forget_fanout", {"event_id": event_id})
            refresh_status(tx, [event_id])
        return Stepped(more, works, unleased)
