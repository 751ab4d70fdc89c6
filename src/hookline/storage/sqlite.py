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
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from hookline.core.errors import HooklineError, StoreBusy, StoreError, StoreLocked
from hookline.storage.base import Batch, Done, Params, Row
from hookline.storage.sql import QUERIES

T = TypeVar("T")

#: Most items that share one transaction. Beyond a few hundred the fsync is already paid for many times over,
#: and the first in line would only wait longer.
LARGEST_GROUP = 500

#: Pages given back per call: 8 MB, some 40 ms of work.
RECLAIM_PAGES = 2048

_SYNC = {"full": "FULL", "normal": "NORMAL"}

_INSERT_EVENT = "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_PAYLOAD = "INSERT INTO payload VALUES (?,?,?,?,?,?,?,?,?)"
_INSERT_DELIVERY = "INSERT INTO delivery VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


class SqliteTransaction:
    """Named queries on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._undo: list[Callable[[], None]] = []

    def rows(self, query: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        return self._connection.execute(QUERIES[query], params).fetchall()

    def row(self, query: str, params: Params = {}) -> Row | None:  # noqa: B006
        found: Row | None = self._connection.execute(QUERIES[query], params).fetchone()
        return found

    def run(self, query: str, params: Params = {}) -> int:  # noqa: B006
        return self._connection.execute(QUERIES[query], params).rowcount

    def each(self, query: str, params: Iterable[Params]) -> None:
        self._connection.executemany(QUERIES[query], params)

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

    def script(self, text: str) -> None:
        """Several statements, inside the transaction that is open."""
        for statement in _statements(text):
            self._connection.execute(statement)

    @contextlib.contextmanager
    def committed(self) -> Iterator[None]:
        """One transaction: committed with fsync at the end, or rolled back whole."""
        self._undo.clear()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            for undo in reversed(self._undo):
                undo()
            raise


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
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise StoreError(f"cannot open the database {path}: {error}; check the path and its permissions") from None
    return connection


class _Entry:
    """One item on its way through a group commit."""

    __slots__ = ("batch", "done", "error", "item", "result")

    def __init__(self, batch: Batch, item: Any, done: Done) -> None:
        self.batch, self.item, self.done = batch, item, done
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteDatabase:
    """One SQLite file (or ``:memory:``), opened for this process."""

    def __init__(self, path: str, *, sync: str = "full", threads: bool = True, most_waiting: int = 20_000) -> None:
        self.path = path
        self._most_waiting = most_waiting
        in_memory = path == ":memory:"
        self._inline = in_memory or not threads
        if not in_memory:
            _make_folder(Path(path).parent)
            _make_private(path)
        self._connection = connect(path, sync=sync)
        self._tx = SqliteTransaction(self._connection)
        self._outbox: list[_Entry] = []
        self._queue: queue.SimpleQueue[list[_Entry] | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reader_local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._lock_file: int | None = None
        self._closed = False

    # -- writing ---------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        return self._unfinished

    def submit(self, batch: Batch, item: Any, done: Done) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        if self._unfinished >= self._most_waiting:
            raise StoreBusy(f"{self._unfinished} writes are waiting; try again in a moment")
        self._unfinished += 1
        self._outbox.append(_Entry(batch, item, done))
        if len(self._outbox) == 1:
            # What is submitted in one turn of the event loop goes to the writer together, in one hand-over.
            asyncio.get_running_loop().call_soon(self._flush)

    async def write(self, batch: Batch, item: Any) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.submit(batch, item, done)
        return await future

    def _flush(self) -> None:
        entries, self._outbox = self._outbox, []
        if self._inline:
            for group in _groups(entries):
                self._commit(group)
                self._answer(group)
        elif entries:
            if self._thread is None:
                self._start_writer()
            self._queue.put(entries)

    def _start_writer(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_forever, name="hookline-writer", daemon=True)
        self._thread.start()

    def _write_forever(self) -> None:
        while (entries := self._queue.get()) is not None:
            last = self._gather(entries)
            assert self._loop is not None
            for group in _groups(entries):
                self._commit(group)
                with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for an answer
                    self._loop.call_soon_threadsafe(self._answer, group)
            if last:
                return

    def _gather(self, entries: list[_Entry]) -> bool:
        """Add what else waits, as long as there is room in a group; whether that was the last there will be."""
        with contextlib.suppress(queue.Empty):
            while len(entries) < LARGEST_GROUP:
                more = self._queue.get_nowait()
                if more is None:
                    return True
                entries += more
        return False

    def _commit(self, group: list[_Entry]) -> None:
        """Commit the group; when something in it fails, each on its own, so that one cannot harm another."""
        try:
            with self._tx.committed():
                self._run(group)
        except Exception as error:
            if len(group) > 1 and not _is_locked(error):
                for entry in group:
                    self._commit([entry])
                return
            for entry in group:  # a lock is nobody's fault: to wait for it again and again would help nobody
                entry.result, entry.error = None, _explain(error)

    def _run(self, group: list[_Entry]) -> None:
        by_batch: dict[Batch, list[_Entry]] = {}
        for entry in group:
            by_batch.setdefault(entry.batch, []).append(entry)
        for batch, entries in by_batch.items():
            results = batch(self._tx, [entry.item for entry in entries])
            for entry, result in zip(entries, results, strict=True):
                # Both, always: what the entry got in a group that was rolled back no longer counts.
                refused = isinstance(result, HooklineError)
                entry.result, entry.error = (None, result) if refused else (result, None)

    def _answer(self, group: list[_Entry]) -> None:
        self._unfinished -= len(group)
        for entry in group:
            try:
                entry.done(entry.result, entry.error)
            except Exception as error:  # the others of the group are on disk all the same, and want to know
                asyncio.get_running_loop().call_exception_handler({"message": "a caller failed", "exception": error})

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

    def set_up(self, migrate: Callable[[SqliteTransaction], None]) -> None:
        """Bring the schema up to date, in one transaction, before anything else is done."""
        try:
            with self._tx.committed():
                migrate(self._tx)
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

    def abandon(self) -> None:
        """Let go of a database that could not be set up: nothing has been written, nobody waits."""
        self._closed = True
        self._release()

    async def close(self) -> None:
        if self._closed:
            return
        while self._outbox:
            self._flush()
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            await asyncio.sleep(0)  # let the last group be answered
        if self._readers is not None:
            self._readers.shutdown()
        self._release()

    def _release(self) -> None:
        for connection in (*self._reader_connections, self._connection):
            connection.close()
        if self._lock_file is not None:
            os.close(self._lock_file)


def _make_private(path: str) -> None:
    """An empty file that only its owner may read, where there is none: SQLite gives its side files the same mode."""
    with contextlib.suppress(OSError):  # what is wrong with the path is said when it is opened
        os.close(os.open(path, os.O_CREAT, 0o600))


def _groups(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    for start in range(0, len(entries), LARGEST_GROUP):
        yield entries[start : start + LARGEST_GROUP]


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


def _is_locked(error: Exception) -> bool:
    """Whether another process held the database for longer than we wait."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _explain(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error):
        return StoreError(f"the database refused the write: {error}")
    return error
