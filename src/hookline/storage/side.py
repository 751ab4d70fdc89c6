"""One of the two databases of a move, seen as tables of packed rows; and the tables that there are."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final, Protocol

from hookline.storage.migrate import migrate
from hookline.storage.packed import Key, Kind, Table, storable
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction, connect
from hookline.storage.store import prepare

#: What belongs to a database itself or to the servers that run on it.
STAYS: Final = frozenset({"meta", "node"})

#: The only key that strangers write into.
_SEEN: Final = "seen"

_CASTS = {Kind.TEXT: "BLOB", Kind.BYTES: "BLOB", Kind.INTEGER: "INTEGER", Kind.DOUBLE: "REAL"}


class Side(Protocol):
    """What a move needs of a database."""

    def own(self) -> None:
        """Be the only one that moves into it. Raises StoreLocked, or StoreError when it may not be written."""
        ...

    def prepare(self) -> None:
        """Bring its schema up to date."""
        ...

    def make_room(self, since_ms: int, now_ms: int, longest_retention_ms: float) -> None:
        """Prepare an empty database for the events that came since a time."""
        ...

    def hold(self) -> None:
        """See everything as it is now, and let nobody write until `close`."""
        ...

    def transaction(self) -> AbstractContextManager[object]:
        """What is done within is on disk when the block ends, or comes to nothing."""
        ...

    def ask(self, sql: str, *values: str | int) -> list[tuple[Any, ...]]:
        """The rows of a statement, with ``?`` for each of the values."""
        ...

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        ...

    def count(self, table: Table) -> int:
        """How many rows of a table are to be moved."""
        ...

    def rows(self, table: Table, after: Key) -> Iterator[tuple[Key, bytes]]:
        """The rows whose keys come after this one, in their order; all of them after ``()``."""
        ...

    def contents(self, table: Table) -> Iterator[bytes]:
        """All rows, in any order."""
        ...

    def insert(self, table: Table, rows: Sequence[bytes]) -> None:
        """Add rows."""
        ...

    def settle(self) -> None:
        """Make ready for serving what was written."""
        ...

    def close(self) -> None:
        """Let go of it. What is not committed comes to nothing."""
        ...


@cache
def tables() -> tuple[Table, ...]:
    """Every table that moves, as the newest schema has it: it is the same in both databases."""
    connection = connect(":memory:")
    with contextlib.closing(connection):
        tx = SqliteTransaction(connection)
        with tx.committed():
            migrate(tx)
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        return tuple(_table(connection, name) for (name,) in listed if name not in STAYS)


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    key = [column["pk"] for column in columns if column["pk"]]
    assert [column["pk"] for column in columns[: len(key)]] == sorted(key), f"the key of {name} comes first"
    kinds = [Kind(column["type"]) for column in columns]
    return Table(name, [column["name"] for column in columns], kinds, len(key))


class SqliteSide:
    """A file."""

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self._path = path
        self._connection = connect(path, read_only=read_only)
        self._connection.row_factory = None
        self._database: SqliteDatabase | None = None
        self._collisions: frozenset[Key] | None = None

    def own(self) -> None:
        self._database = SqliteDatabase(self._path)
        self._database.own()

    def prepare(self) -> None:
        assert self._database is not None, "it is owned"
        self._database.set_up(prepare)

    def make_room(self, since_ms: int, now_ms: int, longest_retention_ms: float) -> None:
        """A file needs no preparation."""

    def hold(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with SqliteTransaction(self._connection).committed():
            yield

    def ask(self, sql: str, *values: str | int) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def has(self, table: str) -> bool:
        return bool(self.ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table))

    def count(self, table: Table) -> int:
        ((count,),) = self.ask(f"SELECT COUNT(*) FROM {table.name}")  # noqa: S608
        return int(count) - len(self._left_out(table))

    def rows(self, table: Table, after: Key) -> Iterator[tuple[Key, bytes]]:
        key = ", ".join(table.key)
        where = f" WHERE ({key}) > ({', '.join('?' * len(after))})" if after else ""
        return self._select(table, f"{where} ORDER BY {key}", after)

    def contents(self, table: Table) -> Iterator[bytes]:
        return (packed for _, packed in self._select(table, "", ()))

    def _select(self, table: Table, which: str, values: Key) -> Iterator[tuple[Key, bytes]]:
        # As bytes: texts are neither decoded nor encoded on their way.
        casts = (f"CAST({name} AS {_CASTS[kind]})" for name, kind in zip(table.columns, table.kinds, strict=True))
        left_out, width, pack = self._left_out(table), table.key_columns, table.pack
        for row in self._connection.execute(f"SELECT {', '.join(casts)} FROM {table.name}{which}", values):  # noqa: S608
            key = row[:width]
            if not left_out or key not in left_out:
                yield key, pack(row)

    def _left_out(self, table: Table) -> frozenset[Key]:
        """Keys that are the same as another one's without their NULs; to PostgreSQL they were always that one."""
        if table.name != _SEEN:
            return frozenset()
        if self._collisions is None:
            self._collisions = frozenset(self._find_collisions())
        return self._collisions

    def _find_collisions(self) -> Iterator[Key]:
        taken: set[Key] = set()
        odd = "SELECT CAST(source_id AS BLOB), CAST(key AS BLOB) FROM seen WHERE instr(key, char(0)) > 0 ORDER BY 1, 2"
        same = "SELECT 1 FROM seen WHERE source_id = ? AND key = ?"
        for source_id, key in self._connection.execute(odd).fetchall():
            other = storable(key)
            if (source_id, other) in taken or self.ask(same, source_id.decode(), other.decode()):
                yield source_id, key
            taken.add((source_id, other))

    def insert(self, table: Table, rows: Sequence[bytes]) -> None:
        names, places = ", ".join(table.columns), ", ".join("?" * len(table.columns))
        text = f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608
        self._connection.executemany(text, map(table.unpack, rows))

    def settle(self) -> None:
        """A file needs nothing more."""

    def close(self) -> None:
        self._connection.close()
        if self._database is not None:
            self._database.abandon()
