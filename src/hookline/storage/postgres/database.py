"""PostgreSQL: three writers with group commit, readers beside them, and other servers that do the same.

Each stream (`base.Stream`) has a writer of its own, a thread and a connection: so a long chore never makes a door
wait. Transactions of one server or of several that meet at the same rows wait for each other, or are tried again.
What a batch relies on while others write, it says: rows that it holds (`Transaction.lock`, ``FOR UPDATE``), leases that
it names, and the routing, which stands still while a transaction uses it (`base.exclusive`).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from psycopg.errors import LockNotAvailable

from hookline.core.errors import StoreError
from hookline.storage.base import Batch, Done, Stream, Transaction, stream_of
from hookline.storage.group_commit import GroupCommit, awaited
from hookline.storage.postgres import partitions
from hookline.storage.postgres.announcements import Announcements
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.errors import Unreachable, explained, is_lost, is_servers_own, met_another
from hookline.storage.postgres.transaction import PostgresTransaction

T = TypeVar("T")

#: How long one statement of a stream may take. A door that cannot commit for so long says so, while its sender still
#: listens: the shortest time limits of providers are 3 and 5 seconds.
LIMITS_S = {Stream.DOORS: 4.0, Stream.DELIVERY: 8.0, Stream.PULSE: 2.0, Stream.CHORES: 30.0}
READ_LIMIT_S = 30.0
#: What is set up reads all that is configured, and that takes its time between two statements.
_UNHURRIED = f"SET LOCAL idle_in_transaction_session_timeout = {int(LIMITS_S[Stream.CHORES] * 1000)}"
READERS = 4

#: How often, and after what pause, a migration that met a lock begins anew.
SET_UP_TRIES = 30
SET_UP_PAUSE_S = 1.0

#: After a connection could not be made, nobody else tries for so long: what waits is refused at once.
DOWN_S = 0.5


class PostgresDatabase:
    """A database, opened for this process. Connections are made when they are needed, and again when they are lost."""

    shared = True

    def __init__(self, conninfo: str, *, durable: bool = True, most_waiting: int = 20_000) -> None:
        self._conninfo, self._durable = conninfo, durable
        self._writers = {stream: _Writer(self._connection(stream, LIMITS_S[stream])) for stream in Stream}
        self._queues = {
            stream: GroupCommit(writer, f"hookline-{stream}", inline=False, most_waiting=most_waiting)
            for stream, writer in self._writers.items()
        }
        self._announcements: Announcements | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reader_local = threading.local()
        self._reader_connections: list[Connection] = []
        self._closed = False

    def _connection(self, name: str, limit_s: float) -> Connection:
        return Connection(self._conninfo, name, limit_s=limit_s, durable=self._durable)

    # -- writing ---------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self._queues.values())

    def submit(self, batch: Batch, item: Any, done: Done) -> None:
        stream = stream_of(batch)
        self._writers[stream].refuse_while_down()
        self._queues[stream].submit(batch, item, done)

    async def write(self, batch: Batch, item: Any) -> Any:
        return await awaited(lambda done: self.submit(batch, item, done))

    # -- reading ---------------------------------------------------------------------------------------

    async def read(self, work: Callable[[PostgresTransaction], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        if self._readers is None:
            self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="hookline-reader")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[PostgresTransaction], T]) -> T:
        tx: PostgresTransaction | None = getattr(self._reader_local, "tx", None)
        if tx is None:
            connection = self._connection("reader", READ_LIMIT_S)
            self._reader_connections.append(connection)
            tx = self._reader_local.tx = PostgresTransaction(connection)
        try:
            return _reading(tx, work)
        except Exception as error:
            if is_lost(error):  # it may have been lost long ago: once more on a new one
                try:
                    return _reading(tx, work)
                except Exception as again:
                    raise explained(again) from None
            raise explained(error) from None

    # -- the rest --------------------------------------------------------------------------------------

    def outside_version(self, tx: Any) -> int:
        version: int = tx.routing_version()
        return version

    def reclaim_space(self, tx: Any) -> bool:
        return False  # the server's own vacuum does that

    async def make_room(self, now_ms: int, longest_retention_ms: float) -> None:
        width = partitions.width_ms(longest_retention_ms)

        def make(tx: Any, items: Sequence[None]) -> list[None]:
            tx.hold_migrations()
            partitions.make_ahead(tx, now_ms, width)
            return [None]

        await self.write(make, None)

    async def drop_old(self, now_ms: int, longest_retention_ms: float) -> int:
        if math.isinf(longest_retention_ms):
            return 0
        dropped = 0
        for partition in await self.read(partitions.present):
            if partition.end_ms > now_ms - longest_retention_ms:
                break
            if await self.read(partial(partitions.is_owed, partition=partition)):
                continue
            count = await self.read(partial(partitions.count_events, partition=partition))
            if await self.write(_drop, partition):
                dropped += count
        return dropped

    def slack_ms(self, longest_retention_ms: float) -> int:
        return partitions.width_ms(longest_retention_ms) + partitions.DAY_MS

    def announce(self, news: str) -> None:
        if self._announcements is not None:
            self._announcements.say(news)

    def listen(self, heard: Callable[[str], None]) -> None:
        connection = self._connection("listener", LIMITS_S[Stream.DELIVERY])
        self._announcements = Announcements(connection, heard)

    def set_up(self, work: Callable[[PostgresTransaction], T]) -> T:
        """Do ``work`` in one transaction, before anything else is done.

        Where it has to wait for a lock, all who serve wait behind it: so it does not wait long, and tries again.
        """
        writer = self._writers[Stream.CHORES]
        for tries in range(1, SET_UP_TRIES + 1):
            try:
                with writer.tx.committed() as tx:
                    tx.ask(_UNHURRIED)
                    return work(tx)
            except LockNotAvailable as error:
                if tries == SET_UP_TRIES:
                    raise explained(error) from None
                time.sleep(SET_UP_PAUSE_S)
            except Exception as error:
                raise explained(error) from None
        raise AssertionError("unreachable")

    def abandon(self) -> None:
        """Let go of a database that could not be set up: nothing has been written, nobody waits."""
        self._closed = True
        self._release()

    async def close(self) -> None:
        if self._closed:
            return
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))
        self._closed = True
        if self._announcements is not None:
            await self._announcements.close()
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
        self._release()

    def _release(self) -> None:
        for writer in self._writers.values():
            writer.tx.connection.close()
        for connection in self._reader_connections:
            connection.close()


def _reading(tx: PostgresTransaction, work: Callable[[PostgresTransaction], T]) -> T:
    with tx.reading():
        return work(tx)


def _drop(tx: Any, items: Sequence[partitions.Partition]) -> list[bool]:
    return [partitions.drop(tx, partition) for partition in items]


class _Writer:
    """One stream's connection, as group commit needs it."""

    def __init__(self, connection: Connection) -> None:
        self.tx = PostgresTransaction(connection)
        self._down_until = 0.0
        self._why = ""

    def committed(self, *, exclusive: bool) -> AbstractContextManager[Transaction]:
        self.refuse_while_down()  # what was waiting when that was found is refused with it
        return self.tx.committed(exclusive=exclusive)

    def gave_way(self, error: BaseException) -> bool:
        return met_another(error) or self._found_it_stale(error)

    def _found_it_stale(self, error: BaseException) -> bool:
        """Whether the connection had been lost before we came: nothing was committed, and a new one may do."""
        tx = self.tx
        return is_lost(error) and tx.may_be_stale and not tx.was_committing and not isinstance(error, Unreachable)

    def is_nobodys_fault(self, error: BaseException) -> bool:
        return is_servers_own(error) or isinstance(error, StoreError)

    def explain(self, error: BaseException) -> BaseException:
        known = explained(error)
        if is_lost(error):
            self._why = str(known)
            self._down_until = time.monotonic() + DOWN_S
        return known

    def refuse_while_down(self) -> None:
        """Raise StoreError when the server was just found to be gone: to wait for that once is enough."""
        if time.monotonic() < self._down_until:
            raise StoreError(self._why)
