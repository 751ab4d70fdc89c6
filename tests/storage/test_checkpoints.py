"""The log is copied into the file beside the writer, and begins anew."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hookline.storage import checkpoints
from hookline.storage.base import Transaction
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction, connect

LIMIT_S = 30.0


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    made = SqliteDatabase(str(tmp_path / "hookline.db"), sync="normal")
    made.set_up(lambda tx: tx.pragma("user_version"))
    made._connection.execute("CREATE TABLE line (number INTEGER PRIMARY KEY, text BLOB)")
    made.copy_log_beside()
    yield made
    await made.close()


def write(tx: Transaction, items: Sequence[int]) -> list[None]:
    assert isinstance(tx, SqliteTransaction)
    rows = [(bytes(4000),) for _ in range(sum(items))]
    tx._connection.executemany("INSERT INTO line (text) VALUES (?)", rows)
    return [None] * len(items)


async def copied(database: SqliteDatabase, pages: int) -> None:
    """Return when the file itself has so many pages, whatever is in the log. The reader goes on meanwhile."""
    path = Path(database.path)
    deadline = time.monotonic() + LIMIT_S
    while path.stat().st_size < 4096 * pages:
        assert time.monotonic() < deadline, "nobody copied the log"
        await database.read(lambda tx: tx.pragma("user_version"))


async def test_what_was_committed_comes_into_the_file_without_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LOOK_S", 0.01)
    monkeypatch.setattr(checkpoints, "ENOUGH_CHANGES", 100)
    async with served(tmp_path) as database:
        await database.write(write, 300)
        await copied(database, 300)
        assert await database.read(lambda tx: tx._connection.execute("SELECT COUNT(*) FROM line").fetchone()[0]) == 300


async def test_the_log_begins_anew_under_a_load_that_never_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the copying cannot keep up: while somebody reads what is old, what is newer stays in the log."""
    monkeypatch.setattr(checkpoints, "LOOK_S", 3600.0)  # this test copies by itself
    async with served(tmp_path) as database:
        beside, reader = connect(database.path), connect(database.path)
        checkpointer = database._checkpointer
        assert checkpointer is not None
        written = 0
        for _ in range(40):
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM line").fetchone()
            await database.write(write, 150)
            checkpointer._copy(beside)
            reader.execute("COMMIT")
            await database.write(write, 1)  # after it the writer copies what is left
            written += 151
        assert Path(f"{database.path}-wal").stat().st_size < 4096 * written / 4
        beside.close()
        reader.close()
