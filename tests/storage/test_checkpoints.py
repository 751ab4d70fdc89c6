"""The log is copied into the file beside the writer, and begins anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from hookline.storage import checkpoints
from hookline.storage.base import Transaction
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction

LIMIT_S = 30.0


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteDatabase]:
    monkeypatch.setattr(checkpoints, "LOOK_S", 0.01)
    monkeypatch.setattr(checkpoints, "ENOUGH_CHANGES", 100)
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


async def copied(path: Path, pages: int) -> None:
    """Return when the file itself has so many pages, whatever is in the log."""
    deadline = time.monotonic() + LIMIT_S
    while path.stat().st_size < 4096 * pages:
        assert time.monotonic() < deadline, "nobody copied the log"
        await asyncio.sleep(0.01)


async def test_what_was_committed_comes_into_the_file_without_the_writer(database: SqliteDatabase) -> None:
    path = Path(database.path)
    await database.write(write, 300)
    await copied(path, 300)
    assert await database.read(lambda tx: tx._connection.execute("SELECT COUNT(*) FROM line").fetchone()[0]) == 300


async def test_the_log_begins_anew_under_a_load_that_never_stops(database: SqliteDatabase) -> None:
    path = Path(database.path)
    log = Path(f"{path}-wal")
    written = 0
    for _ in range(40):
        await database.write(write, 150)
        written += 150
        await copied(path, written)
        await database.write(write, 1)  # after it the writer copies what is left
        written += 1
    assert log.stat().st_size < 4096 * written / 4
