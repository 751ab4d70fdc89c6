"""SQLite behind the Database seam: one writer thread with group commit, readers beside it.

``synchronous=FULL`` in WAL mode makes every commit an fsync: when a caller is answered, its rows are on disk
(https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous).

Without threads (always so in memory) the same batches run on the event loop, so that tests on a fake clock
are deterministic.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from hookline.core.errors import StoreError, StoreLocked
from hookline.storage.base import Batch, Params, Row
from hookline.storage.checkpoints import Checkpointer
from hookline.storage.group_commit import GroupCommit, awaited
from hookline.storage.sql import SQLITE, SQLITE_EACH, Migration

T = TypeVar("T")

#: Pages given back per call: 8 MB, some 40 ms of work.
RECLAIM_PAGES = 2048

#: Since this migration the database remembers whose code may serve it.
_REMEMBERS_WORKS_WITH = 3

#: Pages of log after which a commit copies them into the file itself.
_PAGES_OF_LOG = 8_000
#: The same where somebody else copies them meanwhile: only when he does not keep up.
_MOST_PAGES_OF_LOG = 65_536

_SYNC = {"full": "FULL", "normal": "NORMAL"}

# The columns are named, so that a schema with one more is still served.
_INSERT_EVENT = """INSERT INTO event (
    id, org_id, source_id, type, status, received_at_ms, provider_event_id, verification, review_reason, review_detail,
    duplicates, channels, tags, only_endpoint
) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"""
_INSERT_PAYLOAD = """INSERT INTO payload (
    event_id, method, path, query, headers, client, scheme, body, expires_at_ms
) VALUES (?,?,?,?,?,?,?,?,?)"""
_INSERT_DELIVERY = """INSERT INTO delivery (
    id, org_id, event_id, endpoint_id, state, attempts, failures, due_at_ms, lease, created_at_ms, finished_at_ms,
    reason, fifo, manual
) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"""


class SqliteTransaction:
    """Named queries on one connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._then: list[Callable[[], None]] = []
        self._undo: list[Callable[[], None]] = []

    def rows(self, query: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        return self._connection.execute(SQLITE[query], params).fetchall()

    def row(self, query: str, params: Params = {}) -> Row | None:  # noqa: B006
        found: Row | None = self._connection.execute(SQLITE[query], params).fetchone()
        return found

    def run(self, query: str, params: Params = {}) -> int:  # noqa: B006
        return self._connection.execute(SQLITE[query], params).rowcount

    def each(self, query: str, params: Sequence[Params]) -> None:
        self._for_each(query, params)

    def count_each(self, query: str, params: Sequence[Params]) -> int:
        return self._for_each(query, params)

    def changed(self, query: str, params: Sequence[Params]) -> list[bool]:
        """Most often all change their row. Only when some do not, each has to be asked for by itself."""
        execute = self._connection.execute
        execute("SAVEPOINT each")
        if self._for_each(query, params) == len(params):
            execute("RELEASE each")
            return [True] * len(params)
        execute("ROLLBACK TO each")
        execute("RELEASE each")
        text, values = SQLITE_EACH[query]
        return [execute(text, values(each)).rowcount == 1 for each in params]

    def _for_each(self, query: str, params: Sequence[Params]) -> int:
        text, values = SQLITE_EACH[query]
        return self._connection.executemany(text, map(values, params)).rowcount if params else 0

    def found(self, query: str, params: Sequence[Params]) -> list[Row | None]:
        execute, text = self._connection.execute, SQLITE[query]
        return [execute(text, each).fetchone() for each in params]

    def lock(self, query: str, ids: Iterable[str]) -> None:
        """There is one writer, and this is it."""

    def on_commit(self, then: Callable[[], None]) -> None:
        self._then.append(then)

    def on_rollback(self, undo: Callable[[], None]) -> None:
        self._undo.append(undo)

    def insert_events(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(_INSERT_EVENT, rows)

    def insert_payloads(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(_INSERT_PAYLOAD, rows)

    def insert_deliveries(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(_INSERT_DELIVERY, rows)

    def pragma(self, text: str) -> Any:
        """The first value a pragma answers."""
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row else None

    def schema(self) -> tuple[int, int]:
        version = int(self.pragma("user_version"))
        works_with = self.row("schema_works_with") if version >= _REMEMBERS_WORKS_WITH else None
        return version, works_with["value"] if works_with is not None else version

    def apply(self, migration: Migration, works_with: int) -> None:
        for statement in _statements(migration.text):
            self._connection.execute(statement)
        self.pragma(f"user_version = {migration.number}")
        if migration.number >= _REMEMBERS_WORKS_WITH:
            self.run("set_schema_works_with", {"works_with": works_with})

    @contextlib.contextmanager
    def committed(self) -> Iterator[SqliteTransaction]:
        """One transaction: committed with fsync at the end, or rolled back whole."""
        self._then.clear()
        self._undo.clear()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            for undo in reversed(self._undo):
                undo()
            raise
        for then in self._then:
            then()


def _statements(text: str) -> Iterator[str]:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def connect(path: str, *, sync: str = "full", read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that keep the promise. Raises StoreError when there is none."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table exists
        connection.execute("PRAGMA busy_timeout = 10000")  # a command line may write beside the server
        if path != ":memory:":
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {_SYNC[sync]}")
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        # A checkpoint writes each changed page once: the more commits between two, the more they share. 32 MB.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_OF_LOG}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise StoreError(f"cannot open the database {path}: {error}; check the path and its permissions") from None
    return connection


class SqliteDatabase:
    """One SQLite file (or ``:memory:``), opened for this process."""

    #: The file has one server; a command line may work beside it.
    shared = False

    def __init__(self, path: str, *, sync: str = "full", threads: bool = True, most_waiting: int = 20_000) -> None:
        self.path = path
        in_memory = path == ":memory:"
        self._inline = in_memory or not threads
        if not in_memory:
            _make_folder(Path(path).parent)
            _make_private(path)
        self._connection = connect(path, sync=sync)
        self._tx = SqliteTransaction(self._connection)
        self._writer = GroupCommit(self, "hookline-writer", inline=self._inline, most_waiting=most_waiting)
        self.submit = self._writer.submit
        self._readers: ThreadPoolExecutor | None = None
        self._reader_local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._lock_file: int | None = None
        self._checkpointer: Checkpointer | None = None
        self._closed = False

    # -- writing ---------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        return self._writer.waiting

    async def write(self, batch: Batch, item: Any) -> Any:
        return await awaited(lambda done: self.submit(batch, item, done))

    @contextlib.contextmanager
    def committed(self, *, exclusive: bool = False) -> Iterator[SqliteTransaction]:
        with self._tx.committed() as tx:  # there is one writer: every transaction is alone
            yield tx
        if self._checkpointer is not None and self._checkpointer.is_nearly_done:
            self._checkpointer.finish(self._connection)

    def gave_way(self, error: BaseException) -> bool:
        return False

    def is_nobodys_fault(self, error: BaseException) -> bool:
        return _is_locked(error)  # to wait for it again and again would help nobody

    def explain(self, error: BaseException) -> BaseException:
        return _explain(error)

    # -- reading ---------------------------------------------------------------------------------------

    async def read(self, work: Callable[[SqliteTransaction], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        if self._inline:
            return _reading(work, self._tx)
        if self._readers is None:
            self._readers = ThreadPoolExecutor(2, thread_name_prefix="hookline-reader")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[SqliteTransaction], T]) -> T:
        tx: SqliteTransaction | None = getattr(self._reader_local, "tx", None)
        if tx is None:
            connection = connect(self.path, read_only=True)
            self._reader_connections.append(connection)
            tx = self._reader_local.tx = SqliteTransaction(connection)
        return _reading(work, tx)

    # -- the rest --------------------------------------------------------------------------------------

    def outside_version(self, tx: Any) -> int:
        version: int = tx.pragma("data_version")
        return version

    def reclaim_space(self, tx: Any) -> bool:
        free = tx.pragma("freelist_count")
        # Each step of the pragma frees one page, and sqlite3 makes one step of a statement that returns no columns.
        for _ in range(min(RECLAIM_PAGES, free)):
            tx.pragma("incremental_vacuum(1)")
        return bool(free > RECLAIM_PAGES)

    async def make_room(self, now_ms: int, longest_retention_ms: float) -> None:
        """A file needs no preparation."""

    async def drop_old(self, now_ms: int, longest_retention_ms: float) -> int:
        return 0  # events are forgotten one by one

    def slack_ms(self, longest_retention_ms: float) -> int:
        return 0

    def announce(self, news: str) -> None:
        """There is nobody to hear it: a command line looks for itself, and is found out by looking."""

    def listen(self, heard: Callable[[str], None]) -> None:
        """There is nobody to be heard."""

    def set_up(self, work: Callable[[SqliteTransaction], T]) -> T:
        """Do ``work`` in one transaction, before anything else is done."""
        try:
            with self._tx.committed():
                return work(self._tx)
        except sqlite3.Error as error:
            raise _explain(error) from None

    def own(self) -> None:
        """Make this process the only server of the file. Raises StoreLocked when another one is."""
        if self.path == ":memory:":
            return
        path = f"{self.path}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise StoreLocked(
                f"another server (process {holder or 'unknown'}) runs on {self.path}; "
                "stop it, or give this one another --database"
            ) from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._lock_file = handle

    def copy_log_beside(self) -> None:
        """From now on commits do not wait for checkpoints: for the server of the file."""
        if not self._inline:
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES_OF_LOG}")
            self._checkpointer = Checkpointer(self.path, connect, lambda: self._connection.total_changes)

    def abandon(self) -> None:
        """Let go of a database that could not be set up: nothing has been written, nobody waits."""
        self._closed = True
        self._release()

    async def close(self) -> None:
        if self._closed:
            return
        await self._writer.close()
        self._closed = True
        if self._readers is not None:
            self._readers.shutdown()
        self._release()

    def _release(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.close()
        for connection in (*self._reader_connections, self._connection):
            connection.close()
        if self._lock_file is not None:
            os.close(self._lock_file)


def _make_private(path: str) -> None:
    """An empty file that only its owner may read, where there is none: SQLite gives its side files the same mode."""
    with contextlib.suppress(OSError):  # what is wrong with the path is said when it is opened
        os.close(os.open(path, os.O_CREAT, 0o600))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder} for the database: {error.strerror}") from None


def _reading(work: Callable[[SqliteTransaction], T], tx: SqliteTransaction) -> T:
    try:
        return work(tx)
    except sqlite3.Error as error:
        raise _explain(error) from None


def _is_locked(error: BaseException) -> bool:
    """Whether another process held the database for longer than we wait."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _explain(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error):
        return StoreError(f"the database refused the write: {error}")
    return error
