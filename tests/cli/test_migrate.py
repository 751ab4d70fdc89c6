"""``hookline migrate``: says what is to be done, does it, and says what it did."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hookline.storage.migrate import migrate
from hookline.storage.sql import migrations
from hookline.storage.sqlite import SqliteDatabase
from tests.cli.running import hookline

NEWEST = migrations("sqlite")[-1]


def write_old_file(path: Path) -> None:
    """A database as the first version left it behind."""
    database = SqliteDatabase(str(path))
    database.set_up(lambda tx: tx.apply(migrations("sqlite")[0], 1))
    database.abandon()


def version_of(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


async def test_it_applies_what_is_missing_once(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    write_old_file(path)
    first = await hookline(tmp_path, "migrate", "--database", f"sqlite:///{path}")
    assert first.code == 0
    assert first.out.splitlines() == [f"applied  {each.name}" for each in migrations("sqlite")[1:]]
    assert version_of(path) == NEWEST.number
    again = await hookline(tmp_path, "migrate", "--database", f"sqlite:///{path}")
    assert again.code == 0
    assert f"is up to date (version {NEWEST.number})" in again.out


async def test_check_changes_nothing_and_ends_with_one_when_something_is_to_be_done(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    write_old_file(path)
    checked = await hookline(tmp_path, "migrate", "--check", "--json", "--database", f"sqlite:///{path}")
    assert checked.code == 1
    assert checked.json() == {
        "database": f"sqlite:///{path}",
        "version": 1,
        "applied": [],
        "pending": [each.name for each in migrations("sqlite")[1:]],
    }
    assert version_of(path) == 1
    database = SqliteDatabase(str(path))
    database.set_up(migrate)
    database.abandon()
    assert (await hookline(tmp_path, "migrate", "--check", "--database", f"sqlite:///{path}")).code == 0


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = await hookline(tmp_path, "migrate")
    assert (done.code, done.out) == (5, "")
    assert "there is no database at sqlite:///hookline-data/hookline.db" in done.err
    assert list(tmp_path.iterdir()) == []
