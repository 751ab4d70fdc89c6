"""Migrations: numbered, each applied once, each whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline.core.errors import StoreError
from hookline.storage import migrate as migrating
from hookline.storage.migrate import migrate
from hookline.storage.sql import Migration, migrations
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction, connect


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = connect(":memory:")
    yield made
    made.close()


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return [(row["name"], row["sql"]) for row in rows]


def version(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def apply_all(connection: sqlite3.Connection) -> None:
    tx = SqliteTransaction(connection)
    with tx.committed():
        migrate(tx)


KNOWN = migrations("sqlite")
ALL = [*KNOWN, *migrations("postgres")]


def test_migrations_are_numbered_without_a_gap() -> None:
    """PostgreSQL begins with the third: there was no earlier version for it."""
    newest = len(KNOWN)
    assert [each.number for each in KNOWN] == list(range(1, newest + 1))
    assert [each.number for each in migrations("postgres")] == list(range(3, newest + 1))
    assert all(each.name.startswith(f"{each.number:04d}_") for each in ALL)


@pytest.mark.parametrize("text", [each.text for each in ALL], ids=[each.name for each in ALL])
def test_every_statement_of_a_migration_is_ended(text: str) -> None:
    """What follows the last semicolon would be left out without a word."""
    rest = text.rpartition(";")[2]
    assert [line for line in rest.splitlines() if line.strip() and not line.startswith("--")] == []


def test_a_new_database_gets_the_newest_schema(connection: sqlite3.Connection) -> None:
    apply_all(connection)
    assert version(connection) == KNOWN[-1].number
    names = {name for name, _ in schema(connection)}
    assert {"event", "payload", "delivery", "attempt", "seen", "rejection", "replay", "source", "endpoint"} <= names


def test_applying_them_twice_changes_nothing(connection: sqlite3.Connection) -> None:
    apply_all(connection)
    before = schema(connection), connection.total_changes
    apply_all(connection)
    assert (schema(connection), connection.total_changes) == before


def test_only_what_is_missing_is_applied(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_all(connection)
    newest = version(connection)
    text = "CREATE TABLE more (id TEXT);\n-- a comment; at the end\n"
    more = [*KNOWN, Migration(newest + 1, "9999_more.sql", text, newest + 1)]
    monkeypatch.setattr(migrating, "migrations", lambda dialect: more)
    apply_all(connection)
    assert version(connection) == newest + 1
    assert "more" in dict(schema(connection))


def test_a_migration_that_fails_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hookline.db"
    broken = "CREATE TABLE half (id TEXT);\nINSERT INTO half VALUES ('x');\nINSERT INTO nowhere VALUES (1);\n"
    monkeypatch.setattr(
        migrating, "migrations", lambda dialect: [*KNOWN, Migration(len(KNOWN) + 1, "9999_broken.sql", broken, 1)]
    )
    database = SqliteDatabase(str(path))
    with pytest.raises(StoreError, match="nowhere"):
        database.set_up(migrate)
    database.abandon()
    found = connect(str(path))
    assert (schema(found), version(found)) == ([], 0)  # not even the first one: all of it is one transaction
    monkeypatch.setattr(migrating, "migrations", lambda dialect: KNOWN)
    apply_all(found)
    assert version(found) == len(KNOWN)
    found.close()
