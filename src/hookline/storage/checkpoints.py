"""Checkpoints beside the writer: what is in the log goes into the file's pages without anybody waiting for it.

SQLite by itself copies the log (32 MB of it take 50 to 200 ms) inside the commit that makes it that long, and whoever
waits for that commit waits for the copying. A second connection can copy what is committed while the writer goes on
(``PASSIVE``, https://www.sqlite.org/c3ref/wal_checkpoint_v2.html). Only when nothing is left to be copied does
the next writer begin the log anew, so the little that came meanwhile the writer copies itself, between two commits.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from hookline.core.errors import StoreError

#: Looked at so often.
LOOK_S = 0.5
#: Rows that were changed since the last time, some 30 MB: the more of them, the fewer pages are copied twice.
ENOUGH_CHANGES = 30_000
#: A log of more bytes is copied however few rows are in it. One that begins anew is cut to this (`sqlite.connect`).
MOST_BYTES = 67_108_864
#: So many looks later, any change is.
MOST_LOOKS = 120
#: Pages that the writer copies in a millisecond or two.
FEW_PAGES = 200
#: How often the rest is copied that came while the last was: each time there is less of it.
MOST_ROUNDS = 5


class Checkpointer:
    """A thread with a connection of its own to the file at ``path``.

    ``changes`` says how many rows the writer has changed so far.
    """

    def __init__(self, path: str, connect: Callable[[str], sqlite3.Connection], changes: Callable[[], int]) -> None:
        self._path, self._connect, self._changes = path, connect, changes
        self._copied_at = changes()
        self._ended = threading.Event()
        #: Whether the writer should copy what is left, after its next commit.
        self.is_nearly_done = False
        self._thread = threading.Thread(target=self._run, name="hookline-checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End, after what is being copied."""
        self._ended.set()
        self._thread.join()

    def finish(self, writer: sqlite3.Connection) -> None:
        """Copy what is left. On the writer's thread, between two transactions."""
        self.is_nearly_done = False
        copy(writer)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        looks = 0
        try:
            while not self._ended.wait(LOOK_S):
                changed = self._changes() - self._copied_at
                looks = looks + 1 if changed else 0
                if changed >= ENOUGH_CHANGES or looks >= MOST_LOOKS or (changed and self._is_long()):
                    self._copied_at += changed
                    looks = 0
                    with contextlib.suppress(StoreError):  # later, then
                        connection = connection or self._connect(self._path)
                        self._copy(connection)
        finally:
            if connection is not None:
                connection.close()

    def _is_long(self) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"{self._path}-wal").stat().st_size > MOST_BYTES
        return False

    def _copy(self, connection: sqlite3.Connection) -> None:
        for _ in range(MOST_ROUNDS):
            if copy(connection) <= FEW_PAGES:
                self.is_nearly_done = True
                return


def copy(connection: sqlite3.Connection) -> int:
    """Copy what can be copied now; how many pages of the log are left."""
    try:
        _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error:  # the disk is full, say: the writer will meet it too, and its callers are told
        return FEW_PAGES + 1
    return max(0, int(pages) - int(copied))
