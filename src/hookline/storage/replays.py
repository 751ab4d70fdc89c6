"""Replaying many events: a durable job that anybody may push forward, one step per transaction.

The events of a step are searched beside the writer, from the replay's cursor on. They are sent again, and the cursor
is moved, in one transaction that begins only where the cursor still is. So the server and a command line may both
push: no event is replayed twice by one job, and a crash loses no progress. Oldest first, as endpoints expect it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from hookline.core import ids
from hookline.core.errors import Conflict, HooklineError, InvalidInput, NotFound
from hookline.core.state import DeliveryState
from hookline.storage import seen
from hookline.storage.base import Database, EventFilter, Once, Row, Transaction, Worker
from hookline.storage.redrive import Replayed, replay, send_again
from hookline.storage.routing import Routing
from hookline.storage.search import LAST
from hookline.storage.selection import Page, ReplayKind, Wish, page

__all__ = ["Count", "Replay", "ReplayKind", "ReplayState", "Replays"]

#: Events per step: few enough that the writer is free again within some milliseconds.
EVENTS_PER_STEP = 200
#: Deliveries that a step looks at: a step of very wide events ends earlier.
DELIVERIES_PER_STEP = 2000
#: Events that a dry run looks at in one read.
EVENTS_PER_COUNT = 5000

#: In which states the deliveries to an endpoint are sent again; None is an event that was never owed to it.
_AGAIN: dict[str, frozenset[str | None]] = {
    ReplayKind.RECOVER: frozenset({DeliveryState.DEAD}),
    ReplayKind.MISSING: frozenset({None}),
    ReplayKind.BULK: frozenset({None, DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.CANCELLED}),
}


class ReplayState(StrEnum):
    """Where a replay is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Replay(msgspec.Struct, frozen=True):
    """A replay of many events: ``seen`` of ``total`` events looked at, ``replayed`` deliveries owed again."""

    id: str
    org_id: str
    filter: EventFilter
    state: str
    total: int
    seen: int
    replayed: int
    created_at_ms: int
    finished_at_ms: int
    kind: str = ReplayKind.REPLAY


class Count(msgspec.Struct, frozen=True):
    """What a filter selects."""

    events: int
    oldest_ms: int
    newest_ms: int


class _Start(msgspec.Struct, frozen=True):
    wish: Wish
    total: int
    now_ms: int
    once: Once | None


class _Push(msgspec.Struct, frozen=True):
    """What a step is to send again, from where the replay was when that was searched."""

    job: Replay
    cursor: str
    page: Page
    now_ms: int


class Replays:
    """The replays of all organisations. ``known`` is the newest routing, on any thread."""

    def __init__(
        self, database: Database, routing: Callable[[Transaction], Routing], known: Callable[[], Routing]
    ) -> None:
        self._database = database
        self._routing, self._known = routing, known
        #: Told after every step. None in a process that only looks.
        self.worker: Worker | None = None

    async def count(self, org_id: str, where: EventFilter, kind: str = ReplayKind.REPLAY) -> Count:
        """How many events a replay would send: the dry run. Raises InvalidInput."""
        wish = _checked(Wish(org_id, ReplayKind(kind), where))
        return await self._database.read(lambda tx: _count(tx, self._known(), wish))

    async def start(
        self,
        org_id: str,
        where: EventFilter,
        now_ms: int,
        kind: str = ReplayKind.REPLAY,
        once: Once | None = None,
    ) -> Replay:
        """Begin a replay of all events that the filter selects now. Raises InvalidInput, or Conflict for ``once``."""
        count = await self.count(org_id, where, kind)
        begin = _Start(Wish(org_id, ReplayKind(kind), where), count.events, now_ms, once)
        return await self._database.write(_start_batch, begin)  # type: ignore[no-any-return]

    async def step(self, replay_id: str, org_id: str, now_ms: int) -> Replay:
        """Push a replay forward by some events. Raises NotFound."""
        job: Replay | None = None
        while job is None:  # somebody else pushed it meanwhile
            push = await self._database.read(lambda tx: _next(tx, self._known(), replay_id, org_id, now_ms))
            if push.job.state != ReplayState.RUNNING:
                return push.job
            job = await self._database.write(self._push_batch, push)
        self._tell(job)
        return job

    def _tell(self, job: Replay) -> None:
        if self.worker is not None:
            if job.filter.endpoint_id:
                self.worker.owed([job.filter.endpoint_id])
            else:
                self.worker.look()
                self.worker.wide()

    async def cancel(self, org_id: str, replay_id: str, now_ms: int) -> Replay:
        """Stop a replay where it is. Raises NotFound, or Conflict when it is over."""
        return await self._database.write(_cancel_batch, (org_id, replay_id, now_ms))  # type: ignore[no-any-return]

    async def get(self, org_id: str, replay_id: str) -> Replay | None:
        """One replay."""
        params = {"org_id": org_id, "id": replay_id}
        row = await self._database.read(lambda tx: tx.row("replay_get", params))
        return _replay(row) if row is not None else None

    async def find(self, org_id: str, *, before: str = "", limit: int = 50) -> list[Replay]:
        """A page of replays, newest first."""
        params = {"org_id": org_id, "before": before or LAST, "limit": limit}
        rows = await self._database.read(lambda tx: tx.rows("replays_newest", params))
        return [_replay(row) for row in rows]

    async def running(self) -> list[Replay]:
        """All replays that are not over."""
        rows = await self._database.read(lambda tx: tx.rows("replays_running"))
        return [_replay(row) for row in rows]

    # -- on the writer's thread ------------------------------------------------------------------------

    def _push_batch(self, tx: Transaction, pushes: Sequence[_Push]) -> list[Replay | None]:
        return [self._push(tx, push) for push in pushes]

    def _push(self, tx: Transaction, push: _Push) -> Replay | None:
        row = _required(tx, push.job.org_id, push.job.id, "replay_to_push")
        if row["state"] != ReplayState.RUNNING:
            return _replay(row)
        if row["cursor"] != push.cursor:
            return None
        routing = self._routing(tx)
        cursor, done, looked_at, replayed = push.page.cursor, 0, 0, 0
        for event_id, _ in push.page.events:
            if looked_at >= DELIVERIES_PER_STEP:
                cursor = push.page.events[done - 1][0]
                break
            result = _again(tx, routing, push.job, event_id, push.now_ms)
            done, looked_at, replayed = done + 1, looked_at + result.looked_at, replayed + result.owed
        change = {
            "id": push.job.id,
            "state": ReplayState.RUNNING if cursor else ReplayState.DONE,
            "seen": done,
            "replayed": replayed,
            "cursor": cursor,
            "finished_at_ms": 0 if cursor else push.now_ms,
        }
        tx.run("replay_progress", change)
        return _replay(_required(tx, push.job.org_id, push.job.id))


def _again(tx: Transaction, routing: Routing, job: Replay, event_id: str, now_ms: int) -> Replayed:
    endpoint_id = job.filter.endpoint_id
    if job.kind == ReplayKind.REPLAY:
        return replay(tx, routing, event_id, now_ms, endpoint_id, by_filter=True)
    return send_again(tx, routing, event_id, endpoint_id, now_ms, _AGAIN[job.kind])


def _next(tx: Transaction, routing: Routing, replay_id: str, org_id: str, now_ms: int) -> _Push:
    row = _required(tx, org_id, replay_id)
    job = _replay(row)
    if job.state != ReplayState.RUNNING:
        return _Push(job, row["cursor"], Page([], ""), now_ms)
    # Events that came after the replay began are not part of it.
    until_ms = min(job.filter.until_ms or job.created_at_ms + 1, job.created_at_ms + 1)
    wish = Wish(org_id, job.kind, msgspec.structs.replace(job.filter, until_ms=until_ms))
    return _Push(job, row["cursor"], page(tx, routing, wish, row["cursor"], EVENTS_PER_STEP), now_ms)


def _checked(wish: Wish) -> Wish:
    if wish.kind != ReplayKind.REPLAY and not wish.where.endpoint_id:
        raise InvalidInput(f"a {wish.kind} replay is for one endpoint: say which")
    return wish


def _count(tx: Transaction, routing: Routing, wish: Wish) -> Count:
    events, oldest, newest, cursor = 0, 0, 0, ""
    while True:
        found = page(tx, routing, wish, cursor, EVENTS_PER_COUNT)
        if found.events:
            oldest, newest = oldest or found.events[0][1], found.events[-1][1]
            events += len(found.events)
        if not found.cursor:
            return Count(events, oldest, newest)
        cursor = found.cursor


def _start_batch(tx: Transaction, starts: Sequence[_Start]) -> list[Replay | HooklineError]:
    return [_start(tx, start) for start in starts]


def _start(tx: Transaction, start: _Start) -> Replay | HooklineError:
    replay_id = ids.make(ids.REPLAY, start.now_ms, os.urandom(10))
    try:
        known = seen.made_before(tx, start.once, replay_id, start.now_ms)
    except Conflict as conflict:
        return conflict
    if known is not None:
        return _replay(_required(tx, start.wish.org_id, known))
    tx.run(
        "add_replay",
        {
            "id": replay_id,
            "org_id": start.wish.org_id,
            "filter": msgspec.json.encode(start.wish.where).decode(),
            "kind": start.wish.kind,
            "total": start.total,
            "now_ms": start.now_ms,
        },
    )
    return _replay(_required(tx, start.wish.org_id, replay_id))


def _cancel_batch(tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[Replay]:
    results = []
    for org_id, replay_id, now_ms in items:
        row = _required(tx, org_id, replay_id, "replay_to_push")
        if row["state"] != ReplayState.RUNNING:
            raise Conflict(f"the replay {replay_id} is {row['state']} already")
        change = {"id": replay_id, "state": ReplayState.CANCELLED, "seen": 0, "replayed": 0}
        tx.run("replay_progress", {**change, "cursor": row["cursor"], "finished_at_ms": now_ms})
        results.append(_replay(_required(tx, org_id, replay_id)))
    return results


def _required(tx: Transaction, org_id: str, replay_id: str, query: str = "replay_get") -> Row:
    row = tx.row(query, {"org_id": org_id, "id": replay_id})
    if row is None:
        raise NotFound(f"there is no replay {replay_id}")
    return row


def _replay(row: Row) -> Replay:
    return Replay(
        id=row["id"],
        org_id=row["org_id"],
        filter=msgspec.json.decode(row["filter"], type=EventFilter),
        state=row["state"],
        total=row["total"],
        seen=row["seen"],
        replayed=row["replayed"],
        created_at_ms=row["created_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        kind=row["kind"],
    )
