"""Filling a database with a past, quickly: nothing of it has to survive a power failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from hookline.core.state import OWED
from hookline.storage.postgres import partitions
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.transaction import PostgresTransaction
from hookline.storage.sqlite import connect
from tests.plans.past import WIDTH_MS, Past, Rows

#: Events whose rows are made before they are written.
CHUNK: Final = 10_000
#: A file is filled with this much of it in memory: random keys fall everywhere.
_CACHE_KB: Final = 1_000_000
#: How long making a partition may take.
_LIMIT_S: Final = 60.0

#: Where the state is in a row of a delivery.
_STATE: Final = 4

#: Told how many events are written.
Advance = Callable[[int], object]

#: The types of the columns of each table, as COPY needs them.
_TYPES: Final[dict[LiteralString, list[str]]] = {
    "event": ["text"] * 5 + ["int8"] + ["text"] * 4 + ["int8"] + ["text"] * 3,
    "payload": ["text"] * 3 + ["bytea"] * 2 + ["text"] * 2 + ["bytea", "int8"],
    "delivery": ["text"] * 5 + ["int8"] * 3 + ["text"] + ["int8"] * 2 + ["text"] + ["int8"] * 2,
    "attempt": ["text", "int8", "int8", "float8", "int8"] + ["text"] * 3 + ["bytea"] * 2 + ["int8"],
    "seen": ["text"] * 3 + ["bytea", "int8"],
}


def load_sqlite(path: Path, past: Past, advance: Advance = lambda count: None) -> None:
    """Fill a file that has the schema."""
    connection = connect(str(path), sync="normal")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    for rows in _chunks(past, advance):
        connection.execute("BEGIN")
        for table, some in rows.items():
            if some:
                marks = ",".join("?" * len(some[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", some)
        connection.execute("COMMIT")
    connection.close()


def load_postgres(url: str, past: Past, advance: Advance = lambda count: None) -> None:
    """Fill a database that has the schema, with the partitions that a server would have made meanwhile.

    What is owed comes last. So the statistics are of a quiet hour, as they are nearly always: they say that nothing is
    ever owed.
    """
    _make_partitions(url, past)
    owed: list[tuple[Any, ...]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for rows in _chunks(past, advance):
            owed += [row for row in rows["delivery"] if row[_STATE] in OWED]
            rows["delivery"] = [row for row in rows["delivery"] if row[_STATE] not in OWED]
            with connection.transaction():
                _copy(connection, rows)
        _look_at_tables(connection)
        _copy(connection, {"delivery": owed})


def _chunks(past: Past, advance: Advance) -> Iterator[Rows]:
    for first in range(0, past.events, CHUNK):
        end = min(first + CHUNK, past.events)
        yield past.rows(first, end)
        advance(end - first)


def _make_partitions(url: str, past: Past) -> None:
    connection = Connection(url, "loading", limit_s=_LIMIT_S)
    tx = PostgresTransaction(connection)
    for at_ms in (*range(past.partitioned_ms, past.now_ms, WIDTH_MS), past.now_ms):
        with tx.committed():
            partitions.make_ahead(tx, at_ms, WIDTH_MS)
    connection.close()


def _copy(connection: psycopg.Connection, rows: Rows) -> None:
    with connection.cursor() as cursor:
        for table, types in _TYPES.items():
            with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(types)
                for row in rows.get(table, ()):
                    copy.write_row(row)


# -- statistics ------------------------------------------------------------------------------------------


class Statistics(StrEnum):
    """What PostgreSQL believes about the tables when it makes a plan."""

    QUIET = "quiet"  #: that nothing is owed: what `load_postgres` leaves behind
    BUSY = "busy"  #: that much is owed
    NONE = "none"  #: nothing: they were never looked at


def believe(url: str, statistics: Statistics) -> None:
    """Replace the statistics of a database that was filled."""
    with psycopg.connect(url, autocommit=True) as connection:
        if statistics is Statistics.BUSY:
            _look_at_tables(connection)
        elif statistics is Statistics.NONE:
            connection.execute("DELETE FROM pg_statistic WHERE starelid >= 16384")
            connection.execute("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid >= 16384")


def _look_at_tables(connection: psycopg.Connection) -> None:
    """As the server does by itself: table by table, and so never at a table that is divided as a whole."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(name)))
