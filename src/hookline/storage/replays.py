"""Replaying many events: a durable job that anybody may push forward, one step per transaction.

A step reads the cursor, replays the next events, and moves the cursor, all in one transaction. So the server
and a command line may both push: no event is replayed twice by one job, and a crash loses no progress.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from hookline.core import ids
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import Event, EventStatus
from hookline.storage.base import Database, EventFilter, Row, Transaction, Worker
from hookline.storage.deliveries import replay
from hookline.storage.events import LAST, find
from hookline.storage.routing import Routing

#: Events per step: few enough that the writer is free again within some milliseconds.
EVENTS_PER_STEP = 200


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


class Count(msgspec.Struct, frozen=True):
    """What a filter selects."""

    events: int
    oldest_ms: int
    newest_ms: int


class Replays:
    """The replays of all organisations."""

    def __init__(self, database: Database, routing: Callable[[Transaction], Routing]) -> None:
        self._database = database
        self._routing = routing
        #: Told after every step. None in a process that only looks.
        self.worker: Worker | None = None

    async def count(self, org_id: str, where: EventFilter) -> Count:
        """How many events a filter selects: the dry run."""
        return await self._database.read(lambda tx: _count(tx, org_id, where))

    async def start(self, org_id: str, where: EventFilter, now_ms: int) -> Replay:
        """Begin a replay of all events that the filter selects now."""
        count = await self.count(org_id, where)
        return await self._database.write(  # type: ignore[no-any-return]
            _start_batch, (org_id, where, count.events, now_ms)
        )

    async def step(self, replay_id: str, org_id: str, now_ms: int) -> Replay:
        """Push a replay forward by some events. Raises NotFound."""
        job: Replay = await self._database.write(self._step_batch, (replay_id, org_id, now_ms))
        if self.worker is not None:
            self.worker.look()
        return job

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

    def _step_batch(self, tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[Replay]:
        return [self._step(tx, *item) for item in items]

    def _step(self, tx: Transaction, replay_id: str, org_id: str, now_ms: int) -> Replay:
        row = _required(tx, org_id, replay_id)
        job = _replay(row)
        if job.state != ReplayState.RUNNING:
            return job
        events = find(tx, org_id, job.filter, row["cursor"], EVENTS_PER_STEP)
        routing = self._routing(tx)
        chosen = [event for event in events if _is_meant(job.filter, event)]
        only = job.filter.endpoint_id
        replayed = sum(replay(tx, routing, org_id, event.id, now_ms, only, by_filter=True) for event in chosen)
        over = len(events) < EVENTS_PER_STEP
        tx.run(
            "replay_progress",
            {
                "id": replay_id,
                "state": ReplayState.DONE if over else ReplayState.RUNNING,
                "seen": len(events),
                "replayed": replayed,
                "cursor": events[-1].id if events else row["cursor"],
                "finished_at_ms": now_ms if over else 0,
            },
        )
        return _replay(_required(tx, org_id, replay_id))


def _is_meant(where: EventFilter, event: Event) -> bool:
    """What is held for review is released only by who asks for that: it may be a forgery."""
    return event.status != EventStatus.NEEDS_REVIEW or where.status == EventStatus.NEEDS_REVIEW


def _count(tx: Transaction, org_id: str, where: EventFilter) -> Count:
    events, newest, oldest = 0, 0, 0
    before = ""
    while page := find(tx, org_id, where, before, 5000):
        before = page[-1].id
        if chosen := [event for event in page if _is_meant(where, event)]:
            newest = newest or chosen[0].received_at_ms
            oldest = chosen[-1].received_at_ms
            events += len(chosen)
    return Count(events, oldest, newest)


def _start_batch(tx: Transaction, items: Sequence[tuple[str, EventFilter, int, int]]) -> list[Replay]:
    started = []
    for org_id, where, total, now_ms in items:
        replay_id = ids.make(ids.REPLAY, now_ms, os.urandom(10))
        tx.run(
            "add_replay",
            {
                "id": replay_id,
                "org_id": org_id,
                "filter": msgspec.json.encode(where).decode(),
                "total": total,
                # Events that come while the replay runs are not part of it: it walks from here to the oldest.
                "cursor": ids.lowest(ids.EVENT, now_ms + 1),
                "now_ms": now_ms,
            },
        )
        started.append(_replay(_required(tx, org_id, replay_id)))
    return started


def _cancel_batch(tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[Replay]:
    results = []
    for org_id, replay_id, now_ms in items:
        row = _required(tx, org_id, replay_id)
        if row["state"] != ReplayState.RUNNING:
            raise Conflict(f"the replay {replay_id} is {row['state']} already")
        change = {"id": replay_id, "state": ReplayState.CANCELLED, "seen": 0, "replayed": 0}
        tx.run("replay_progress", {**change, "cursor": row["cursor"], "finished_at_ms": now_ms})
        results.append(_replay(_required(tx, org_id, replay_id)))
    return results


def _required(tx: Transaction, org_id: str, replay_id: str) -> Row:
    row = tx.row("replay_get", {"org_id": org_id, "id": replay_id})
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
    )
