"""Group commit: what waits at one moment is written in one transaction, so that all share one wait for the disk.

Throughput grows with load, because the groups do, while nobody waits longer than for about one commit. When
something in a group fails, the group is rolled back and each of it is tried alone: one cannot harm another.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hookline.core.errors import HooklineError, StoreBusy, StoreError
from hookline.storage.base import Batch, Done, Transaction, is_exclusive

#: Most items that share one transaction. Beyond a few hundred the fsync is already paid for many times over,
#: and the first in line would only wait longer.
LARGEST_GROUP = 500
#: The same of what nobody may route beside: all doors wait for it.
LARGEST_EXCLUSIVE = 20
#: How often a group is tried anew that had to give way to another transaction.
MOST_TRIES = 5


class Writing(Protocol):
    """What group commit needs of a database. Called on the writer's thread."""

    def committed(self, *, exclusive: bool) -> AbstractContextManager[Transaction]:
        """One transaction: on disk when the block ends, or rolled back whole. ``exclusive``: see `base.exclusive`."""
        ...

    def gave_way(self, error: BaseException) -> bool:
        """Whether the same transaction may succeed when it is tried again at once: it met another one."""
        ...

    def is_nobodys_fault(self, error: BaseException) -> bool:
        """Whether each of the group would fail alone as well: the database is locked, or gone."""
        ...

    def explain(self, error: BaseException) -> BaseException:
        """What callers are told: a StoreError for what the database refused, else the error itself."""
        ...


class Entry:
    """One item on its way through a group commit."""

    __slots__ = ("batch", "done", "error", "item", "result")

    def __init__(self, batch: Batch, item: Any, done: Done) -> None:
        self.batch, self.item, self.done = batch, item, done
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """A queue in front of one writer. ``inline``: the writer is the event loop itself, else a thread."""

    def __init__(self, writing: Writing, name: str, *, inline: bool, most_waiting: int) -> None:
        self._writing, self._name, self._inline, self._most_waiting = writing, name, inline, most_waiting
        self._outbox: list[Entry] = []
        self._queue: queue.SimpleQueue[list[Entry] | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many items are not answered yet."""
        return self._unfinished

    def submit(self, batch: Batch, item: Any, done: Done) -> None:
        """Queue an item. Raises StoreError when it cannot be taken."""
        if self._closed:
            raise StoreError("the store is closed")
        if self._unfinished >= self._most_waiting:
            raise StoreBusy(f"{self._unfinished} writes are waiting; try again in a moment")
        self._unfinished += 1
        self._outbox.append(Entry(batch, item, done))
        if len(self._outbox) == 1:
            # What is submitted in one turn of the event loop goes to the writer together, in one hand-over.
            asyncio.get_running_loop().call_soon(self._flush)

    async def close(self) -> None:
        """Write what waits, then end."""
        if self._closed:
            return
        while self._outbox:
            self._flush()
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            await asyncio.sleep(0)  # let the last group be answered

    def _flush(self) -> None:
        entries, self._outbox = self._outbox, []
        if self._inline:
            for group in self._groups(entries):
                self._commit(group)
                self._answer(group)
        elif entries:
            if self._thread is None:
                self._loop = asyncio.get_running_loop()
                self._thread = threading.Thread(target=self._write_forever, name=self._name, daemon=True)
                self._thread.start()
            self._queue.put(entries)

    def _answer(self, group: list[Entry]) -> None:
        self._unfinished -= len(group)
        for entry in group:
            try:
                entry.done(entry.result, entry.error)
            except Exception as error:  # the others of the group are on disk all the same, and want to know
                asyncio.get_running_loop().call_exception_handler({"message": "a caller failed", "exception": error})

    # -- on the writer's thread ------------------------------------------------------------------------

    def _write_forever(self) -> None:
        while (entries := self._queue.get()) is not None:
            last = self._gather(entries)
            assert self._loop is not None
            for group in self._groups(entries):
                self._commit(group)
                with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for an answer
                    self._loop.call_soon_threadsafe(self._answer, group)
            if last:
                return

    def _gather(self, entries: list[Entry]) -> bool:
        """Add what else waits, as long as there is room in a group; whether that was the last there will be."""
        with contextlib.suppress(queue.Empty):
            while len(entries) < LARGEST_GROUP:
                more = self._queue.get_nowait()
                if more is None:
                    return True
                entries += more
        return False

    def _groups(self, entries: list[Entry]) -> Iterator[list[Entry]]:
        """What may share a transaction: no more than a group may hold, and what is exclusive apart from the rest."""
        start, batch, alone = 0, None, False
        for place, entry in enumerate(entries):
            was_alone = alone
            if entry.batch is not batch:  # to ask each of them would cost as much as a row
                batch, alone = entry.batch, is_exclusive(entry.batch)
            whole = place - start == (LARGEST_EXCLUSIVE if was_alone else LARGEST_GROUP)
            if place > start and (whole or alone != was_alone):
                yield entries[start:place]
                start = place
        if entries:
            yield entries[start:]

    def _commit(self, group: list[Entry]) -> None:
        """Commit the group; when something in it fails, each on its own, so that one cannot harm another."""
        for tries in range(1, MOST_TRIES + 1):
            try:
                with self._writing.committed(exclusive=is_exclusive(group[0].batch)) as tx:
                    _run(tx, group)
            except Exception as error:
                if self._writing.gave_way(error) and tries < MOST_TRIES:
                    continue
                if len(group) > 1 and not self._writing.is_nobodys_fault(error):
                    for entry in group:
                        self._commit([entry])
                    return
                for entry in group:
                    entry.result, entry.error = None, self._writing.explain(error)
            return


def _run(tx: Transaction, group: list[Entry]) -> None:
    by_batch: dict[Batch, list[Entry]] = {}
    for entry in group:
        by_batch.setdefault(entry.batch, []).append(entry)
    for batch, entries in by_batch.items():
        results: Sequence[Any] = batch(tx, [entry.item for entry in entries])
        for entry, result in zip(entries, results, strict=True):
            # Both, always: what the entry got in a group that was rolled back no longer counts.
            if isinstance(result, HooklineError):
                entry.result, entry.error = None, result
            else:
                entry.result, entry.error = result, None


def awaited(begin: Callable[[Done], None]) -> asyncio.Future[Any]:
    """What ``begin`` says when it is done, as a future: the result, or the error that the caller is told."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def done(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    begin(done)
    return future
