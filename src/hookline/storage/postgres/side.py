"""PostgreSQL as one of the two databases of a move: rows go in and come out as COPY has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Literal

from hookline.core.errors import StoreError, StoreLocked
from hookline.storage.packed import Key, Table
from hookline.storage.postgres import partitions
from hookline.storage.postgres.connection import CONNECT_LIMIT_S
from hookline.storage.postgres.database import PostgresDatabase
from hookline.storage.side import STAYS, tables
from hookline.storage.store import prepare

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"

#: "Hook" and "move": held as long as a move into this database lives.
_LOCK = 0x486F6F6B_6D6F7665

#: How long a move waits for what others hold, and for the end of one that was killed.
PATIENCE_S = 15.0

#: Otherwise it may take as long as it takes.
_SETTINGS = """
SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = {patience_ms};
SET client_encoding = 'UTF8'; SET synchronous_commit = on;
"""


class PostgresSide:
    """A database."""

    def __init__(self, url: str) -> None:
        limit = {} if "connect_timeout" in conninfo_to_dict(url) else {"connect_timeout": CONNECT_LIMIT_S}
        conninfo = make_conninfo(url, application_name="hookline move", **limit)
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._connection.execute(_SETTINGS.format(patience_ms=int(PATIENCE_S * 1000)).encode())
        self._database = PostgresDatabase(url)

    def own(self) -> None:
        # The lock is the connection's: one that was killed has given it back when its last transaction is over.
        try:
            self.ask("SELECT pg_advisory_lock(?)", _LOCK)
        except psycopg.errors.LockNotAvailable:
            raise StoreLocked("another move into this database is under way; wait for its end, or stop it") from None
        ((user, schema, allowed),) = self.ask(
            "SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')"
        )
        if not allowed:
            where = f"in the schema {schema}" if schema else "anywhere: there is no schema that it may use"
            raise StoreError(f"the user {user} may not make tables {where}; GRANT CREATE, or make it the owner")

    def prepare(self) -> None:
        self._database.set_up(prepare)

    def make_room(self, since_ms: int, now_ms: int, longest_retention_ms: float) -> None:
        width = partitions.width_ms(longest_retention_ms)
        while self._database.set_up(lambda tx: partitions.make_back(tx, since_ms, now_ms, width)):
            pass

    def hold(self) -> None:
        names = ", ".join(sorted({*STAYS, *(table.name for table in tables())}))
        self.ask("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self.ask(f"LOCK TABLE {names} IN SHARE MODE")

    def transaction(self) -> AbstractContextManager[object]:
        return self._connection.transaction()

    def ask(self, sql: str, *values: str | int) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(sql.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def has(self, table: str) -> bool:
        return bool(self.ask("SELECT to_regclass(?) IS NOT NULL", table)[0][0])

    def count(self, table: Table) -> int:
        ((count,),) = self.ask(f"SELECT COUNT(*) FROM {table.name}")  # noqa: S608
        return int(count)

    def rows(self, table: Table, after: Key) -> Iterator[tuple[Key, bytes]]:
        key = ", ".join(table.key)
        where = f" WHERE ({key}) > ({', '.join(map(_literal, after))})" if after else ""
        return ((table.key_of(row), row) for row in self._select(table, f"{where} ORDER BY {key}"))

    def contents(self, table: Table) -> Iterator[bytes]:
        return self._select(table, "")

    def _select(self, table: Table, which: str) -> Iterator[bytes]:
        text = f"COPY (SELECT {', '.join(table.columns)} FROM {table.name}{which}) TO STDOUT (FORMAT BINARY)"  # noqa: S608
        head = _HEADER
        with self._connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
            for data in copy:  # what is sent at once is one row; before the first comes the header
                row = bytes(data[len(head) :])
                head = b""
                if row and row != _TRAILER:
                    yield row

    def insert(self, table: Table, rows: Sequence[bytes]) -> None:
        text = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
            copy.write(b"".join((_HEADER, *rows, _TRAILER)))

    def settle(self) -> None:
        # Nobody else tells the planner about partitioned tables: autovacuum looks at their partitions only.
        self.ask(f"ANALYZE {', '.join(table.name for table in tables())}")

    def close(self) -> None:
        self._connection.close()
        self._database.abandon()


def _literal(value: str | int) -> str:
    return Literal(value).as_string()
