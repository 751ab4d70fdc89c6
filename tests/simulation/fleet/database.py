"""One database for many servers: SQLite in memory, with the manners and the costs of a PostgreSQL on another machine.

Each server has a stream of group commits for each `Stream` and some readers, as `storage/postgres` has. What it asks
travels there, waits for one of the cores, holds it for a time that grows with statements and rows, and the answer
travels back. Transactions happen one after the other, whole, at the moment in which they get their core.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hookline.core.errors import StoreBusy, StoreError
from hookline.storage.base import Batch, Done, Params, Row, Stream, stream_of
from hookline.storage.claims import claim_batch
from hookline.storage.group_commit import Entry, GroupCommit, awaited
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction
from hookline.storage.store import prepare
from tests.simulation.fleet.bus import Bus
from tests.simulation.fleet.process import Process

T = TypeVar("T")

READERS = 4
MOST_WAITING = 20_000
#: After so long a server that cannot reach the database is told so.
REFUSED_AFTER_S = 0.5


@dataclass(frozen=True)
class Costs:
    """What the database is modelled to take: seconds of one of its cores, but for the way there or back."""

    cores: int = 2
    way_s: float = 0.00025
    write_s: float = 0.0002
    read_s: float = 0.0001
    statement_s: float = 0.00004
    row_s: float = 0.00001
    heard_s: float = 0.000005  #: for each server that hears an announcement


#: A database that sixty-four small servers keep busy.
STANDARD = Costs()


class CountingTransaction(SqliteTransaction):
    """Counts statements and rows as PostgreSQL would have to do them: a list of parameters is one statement."""

    def __init__(self, shared: SharedDatabase, connection: Any) -> None:
        super().__init__(connection)
        self._shared = shared

    def _note(self, query: str, rows: int) -> None:
        self._shared.asked[query] += 1
        self._shared.rows += rows

    def rows(self, query: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        found = super().rows(query, params)
        self._note(query, len(found))
        return found

    def row(self, query: str, params: Params = {}) -> Row | None:  # noqa: B006
        self._note(query, 1)
        return super().row(query, params)

    def run(self, query: str, params: Params = {}) -> int:  # noqa: B006
        changed = super().run(query, params)
        self._note(query, max(0, changed))
        self._shared.watch_nodes(query, params, changed)
        return changed

    def each(self, query: str, params: Sequence[Params]) -> None:
        self._note(query, len(params))
        super().each(query, params)

    def count_each(self, query: str, params: Sequence[Params]) -> int:
        self._note(query, len(params))
        return super().count_each(query, params)

    def changed(self, query: str, params: Sequence[Params]) -> list[bool]:
        self._note(query, len(params))
        done = super().changed(query, params)
        self._shared.watch_leases(query, params, done)
        return done

    def found(self, query: str, params: Sequence[Params]) -> list[Row | None]:
        self._note(query, len(params))
        return super().found(query, params)

    def lock(self, query: str, ids: Iterable[str]) -> None:
        self._note(query, len(list(ids)))

    def insert_events(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._note("insert_events", len(rows))
        super().insert_events(rows)

    def insert_payloads(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._note("insert_payloads", len(rows))
        super().insert_payloads(rows)

    def insert_deliveries(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._note("insert_deliveries", len(rows))
        super().insert_deliveries(rows)
        self._shared.watch_births(rows)


@dataclass
class _Job:
    process: Process
    work: Callable[[], None]
    answered: Callable[[StoreError | None], None]
    base_s: float


class SharedDatabase:
    """The machine with the database, and what happened on it."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self.asked = Counter[str]()  #: statements by name
        self.rows = 0
        self.transactions = 0
        self.busy_s = 0.0
        self.claims = self.empty_claims = 0
        self.buried: set[str] = set()  #: ids of servers that were declared dead
        self.faults: list[str] = []  #: what must never happen
        self._orphans: set[tuple[str, str]] = set()
        self._beats: dict[str, asyncio.Future[None]] = {}  #: who waits for one of a server, by its id
        self._free = costs.cores
        self._line = deque[_Job]()
        self._at_work: Process | None = None
        self.file = SqliteDatabase(":memory:")
        self.connection = self.file._connection
        self.tx = self.file._tx = CountingTransaction(self, self.connection)
        self.file.set_up(prepare)

    def forget_counts(self) -> None:
        """Begin to count anew."""
        self.asked.clear()
        self.rows = self.transactions = self.claims = self.empty_claims = 0
        self.busy_s = 0.0

    async def beat_of(self, node_id: str) -> None:
        """Return when this server gives its next sign of life."""
        self._beats[node_id] = asyncio.get_running_loop().create_future()
        await self._beats[node_id]

    @property
    def statements(self) -> int:
        """How many were asked."""
        return self.asked.total()

    # -- the queue in front of its cores -----------------------------------------------------------------

    def transact(
        self,
        process: Process,
        work: Callable[[], None],
        answered: Callable[[StoreError | None], None],
        *,
        base_s: float,
    ) -> None:
        """Have ``work`` done when there is a core for it; ``answered`` is called in the process."""
        loop = asyncio.get_running_loop()
        if process.is_cut_off:
            error = StoreError("the database cannot be reached")
            process.arrive_at(loop.time() + REFUSED_AFTER_S, partial(answered, error))
        else:
            loop.call_later(self.costs.way_s, self._came, _Job(process, work, answered, base_s))

    def _came(self, job: _Job) -> None:
        self._line.append(job)
        self._next()

    def _next(self) -> None:
        while self._line and self._free:
            job = self._line.popleft()
            if job.process.is_dead:
                continue  # nobody asks any more: rolled back
            self._free -= 1
            taken_s = self._do(job)
            self.busy_s += taken_s
            asyncio.get_running_loop().call_later(taken_s, self._done, job)

    def _do(self, job: _Job) -> float:
        statements, rows = self.statements, self.rows
        self._at_work = job.process
        job.work()
        self.transactions += 1
        costs = self.costs
        return job.base_s + (self.statements - statements) * costs.statement_s + (self.rows - rows) * costs.row_s

    def _done(self, job: _Job) -> None:
        self._free += 1
        self._next()
        lost = StoreError("the connection to the database was lost") if job.process.is_cut_off else None
        job.process.arrive_at(asyncio.get_running_loop().time() + self.costs.way_s, partial(job.answered, lost))

    def pay_for_announcement(self, process: Process, listeners: int) -> None:
        """An announcement keeps a core busy for as long as there are servers to hear it."""
        base_s = self.costs.read_s + listeners * self.costs.heard_s
        self.asked["announce"] += 1
        self.transact(process, lambda: None, lambda lost: None, base_s=base_s)

    # -- what is watched ---------------------------------------------------------------------------------

    def watch_nodes(self, query: str, params: Params, changed: int) -> None:
        """Who joins, who lives, and who is declared dead."""
        if query == "join" and self._at_work is not None:
            self._at_work.node_ids.add(params["id"])
        elif query == "beat":
            if (awaited := self._beats.pop(params["id"], None)) is not None:
                awaited.set_result(None)
        elif query == "bury_node" and changed:
            self.buried.add(params["id"])

    def watch_leases(self, query: str, params: Sequence[Params], done: Sequence[bool]) -> None:
        """A server that was declared dead changes nothing under the leases that it had."""
        if query not in ("lease", "settle"):
            return
        for each, is_done in zip(params, done, strict=True):
            owner = each["lease"][:12]
            if not is_done or owner not in self.buried:
                continue
            key = each["id"], each["lease"]
            if query == "lease":
                self._orphan(*key)
            elif key not in self._orphans:
                self.faults.append(f"{owner} was declared dead and settled {each['id']} all the same")

    def watch_births(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The same of what is born leased."""
        for id, *_, lease, _created, _finished, _reason, _fifo, _manual in rows:
            if lease[:12] in self.buried:
                self._orphan(id, lease)

    def _orphan(self, delivery_id: str, lease: str) -> None:
        """Nobody would end it when that server dies: it is not counted any more."""
        self.faults.append(f"{lease[:12]} was declared dead and leased {delivery_id} afterwards")
        self._orphans.add((delivery_id, lease))


class _Queue(GroupCommit):
    """One stream of one server: while a group is on its way, what comes meanwhile becomes the next one."""

    def __init__(self, database: NodeDatabase, name: str) -> None:
        super().__init__(database.shared_database.file, name, inline=True, most_waiting=MOST_WAITING)
        self._database = database
        self._waiting_line: list[Entry] = []
        self._under_way = False
        self._all_answered = asyncio.Event()

    def kill(self) -> None:
        self._closed = True
        self._outbox.clear()
        self._waiting_line.clear()

    async def close(self) -> None:
        while self._unfinished:
            self._all_answered.clear()
            await self._all_answered.wait()
        self._closed = True

    def _flush(self) -> None:
        self._waiting_line += self._outbox
        self._outbox = []
        self._next()

    def _next(self) -> None:
        if self._under_way or not self._waiting_line:
            return
        group = next(self._groups(self._waiting_line))
        self._waiting_line = self._waiting_line[len(group) :]
        self._under_way = True
        shared = self._database.shared_database
        shared.transact(
            self._database.process,
            partial(self._write, group),
            partial(self._answered, group),
            base_s=shared.costs.write_s,
        )

    def _write(self, group: list[Entry]) -> None:
        self._commit(group)
        self._database.shared_database.claims += sum(entry.batch is claim_batch for entry in group)
        self._database.shared_database.empty_claims += sum(
            entry.batch is claim_batch and entry.result is not None and not entry.result.works for entry in group
        )

    def _answered(self, group: list[Entry], lost: StoreError | None) -> None:
        if lost is not None:
            for entry in group:
                entry.result, entry.error = None, lost
        self._under_way = False
        self._answer(group)
        self._all_answered.set()
        self._next()


class NodeDatabase:
    """The Database of one server."""

    shared = True

    def __init__(self, shared: SharedDatabase, process: Process, bus: Bus) -> None:
        self.shared_database, self.process, self._bus = shared, process, bus
        self._queues = {stream: _Queue(self, stream) for stream in Stream}
        self._readers = asyncio.Semaphore(READERS)
        self._closed = False

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self._queues.values())

    def submit(self, batch: Batch, item: Any, done: Done) -> None:
        if (waiting := self.waiting) >= MOST_WAITING:
            raise StoreBusy(f"{waiting} writes are waiting; try again in a moment")
        self._queues[stream_of(batch)].submit(batch, item, done)

    async def write(self, batch: Batch, item: Any) -> Any:
        return await awaited(lambda done: self.submit(batch, item, done))

    async def read(self, work: Callable[[CountingTransaction], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        async with self._readers:
            return await self._read(work)

    async def _read(self, work: Callable[[CountingTransaction], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        found: list[T] = []

        def answered(lost: StoreError | None) -> None:
            if answer.done():
                return
            if lost is not None:
                answer.set_exception(lost)
            else:
                answer.set_result(found[0])

        shared = self.shared_database
        shared.transact(self.process, lambda: found.append(work(shared.tx)), answered, base_s=shared.costs.read_s)
        return await answer

    def outside_version(self, tx: Any) -> int:
        row = tx.row("routing_version")
        assert row is not None
        return int(row["value"])

    def reclaim_space(self, tx: Any) -> bool:
        return False

    async def make_room(self, now_ms: int, longest_retention_ms: float) -> None:
        """There is room."""

    async def drop_old(self, now_ms: int, longest_retention_ms: float) -> int:
        return 0

    def slack_ms(self, longest_retention_ms: float) -> int:
        return 0

    def announce(self, news: str) -> None:
        self._bus.say(self.process, news)

    def listen(self, heard: Callable[[str], None]) -> None:
        self._bus.join(self.process, heard)

    async def close(self) -> None:
        if not self._closed:
            await asyncio.gather(*(queue.close() for queue in self._queues.values()))
            self._closed = True
            self._bus.leave(self.process)

    def kill(self) -> None:
        """The process is gone: it writes nothing more."""
        self._closed = True
        for queue in self._queues.values():
            queue.kill()
        self._bus.leave(self.process)
