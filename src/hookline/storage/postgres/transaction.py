"""A transaction on PostgreSQL: named queries on one connection, committed as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import pq

from hookline.storage.base import Params, Row
from hookline.storage.postgres import statements
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.encoding import parameter, reader
from hookline.storage.postgres.errors import is_lost
from hookline.storage.sql import Migration

#: "Hook" and "line": what nobody else who uses advisory locks in this database will think of.
_LOCK = 0x486F6F6B_6C696E65

_BEGIN = statements.plain("t_begin", "BEGIN")
_READ = statements.plain("t_read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_COMMIT = statements.plain("t_commit", "COMMIT")
_ROLLBACK = statements.plain("t_rollback", "ROLLBACK")
#: Those who route hold it together, who changes the routing holds it alone: see `base.exclusive`.
_ROUTING_SHARED = statements.plain("t_routing_shared", f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
_ROUTING_ALONE = statements.plain("t_routing_alone", f"SELECT pg_advisory_xact_lock({_LOCK})")
_MIGRATING = statements.plain("t_migrating", f"SELECT pg_advisory_xact_lock({_LOCK + 1})")
_BRIEFLY = statements.plain("t_briefly", "SET LOCAL lock_timeout = 2000")

_SCHEMA = (
    "SELECT COALESCE(MAX(value) FILTER (WHERE name = 'schema_version'), 0) AS version,"
    " COALESCE(MAX(value) FILTER (WHERE name = 'schema_works_with'), 0) AS works_with FROM meta"
)


class PostgresTransaction:
    """Named queries inside one transaction of a connection."""

    dialect = "postgres"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._then: list[Callable[[], None]] = []
        self._undo: list[Callable[[], None]] = []
        self._routing_version: int | None = None
        #: Of the transaction that is open, or was last: whether it began on a connection that was there already, and
        #: whether its commit was sent.
        self.may_be_stale = self.was_committing = False

    # -- its life ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def committed(self, *, exclusive: bool = False) -> Iterator[PostgresTransaction]:
        """One transaction: on disk when the block ends, or rolled back whole."""
        self._then.clear()
        self._undo.clear()
        self.may_be_stale, self.was_committing = self.connection.is_open, False
        self._routing_version = None
        try:
            self.connection.send(_BEGIN)
            if exclusive:
                self.connection.send(_ROUTING_ALONE)
            yield self
            self.was_committing = True
            self.connection.send(_COMMIT)
            if self.connection.answer().command_status != b"COMMIT":
                raise psycopg.OperationalError("the database rolled the transaction back")
        except BaseException as error:
            self._roll_back(error)
            raise
        for then in self._then:
            then()

    @contextlib.contextmanager
    def reading(self) -> Iterator[PostgresTransaction]:
        """One snapshot of everything, which nothing can change."""
        self._undo.clear()
        try:
            self.connection.send(_READ)
            yield self
            self.was_committing = True
            self.connection.send(_COMMIT)
            self.connection.answer()
        except BaseException as error:
            self._roll_back(error)
            raise

    def _roll_back(self, error: BaseException) -> None:
        try:
            if is_lost(error) or not isinstance(error, Exception):
                self.connection.close()  # the server rolls back what it does not hear of any more
            elif self.connection.is_open:
                self.connection.send(_ROLLBACK)
                self.connection.answer()
        except psycopg.Error:
            self.connection.close()
        for undo in reversed(self._undo):
            undo()

    def on_commit(self, then: Callable[[], None]) -> None:
        self._then.append(then)

    def on_rollback(self, undo: Callable[[], None]) -> None:
        self._undo.append(undo)

    def routing_version(self) -> int:
        """The version of the routing; until the end of this transaction nobody changes it."""
        if self._routing_version is None:
            self.connection.send(_ROUTING_SHARED)
            row = self.row("routing_version")
            assert row is not None
            self._routing_version = row["value"]
        return self._routing_version

    # -- queries -----------------------------------------------------------------------------------------

    def rows(self, query: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        return _rows(self._ask(query, params))

    def row(self, query: str, params: Params = {}) -> Row | None:  # noqa: B006
        rows = _rows(self._ask(query, params))
        return rows[0] if rows else None

    def run(self, query: str, params: Params = {}) -> int:  # noqa: B006
        return self._ask(query, params).command_tuples or 0

    def _ask(self, query: str, params: Params) -> pq.abc.PGresult:
        statement = statements.query(query)
        self.connection.send(statement, statement.encode(params))
        return self.connection.answer()

    def each(self, query: str, params: Sequence[Params]) -> None:
        self._send_each(query, params)

    def count_each(self, query: str, params: Sequence[Params]) -> int:
        if not params:
            return 0
        sent = self._send_each(query, params)
        return sum(result.command_tuples or 0 for result in self.connection.answers(sent))

    def _send_each(self, query: str, params: Sequence[Params]) -> int:
        """Send a statement for these rows; as how many."""
        if not params:
            return 0
        array = statements.arrays(query)
        if array is not None:
            self.connection.send(array, array.encode_rows(sorted(params, key=itemgetter(array.params[0]))))
            return 1
        statement = statements.query(query)
        for each in params:
            self.connection.send(statement, statement.encode(each))
        return len(params)

    def changed(self, query: str, params: Sequence[Params]) -> list[bool]:
        return [row is not None for row in self.found(query, params)]

    def found(self, query: str, params: Sequence[Params]) -> list[Row | None]:
        if not params:
            return []
        array = statements.arrays(query)
        if array is None:
            sent = self._send_each(query, params)
            return [_first(result) for result in self.connection.answers(sent)]
        # Rows are locked in the order in which they are given: in the same one by everybody, so that nobody waits for
        # somebody who waits for him.
        order = sorted(range(len(params)), key=lambda place: params[place][array.params[0]])
        self.connection.send(array, array.encode_rows([params[place] for place in order]))
        found: list[Row | None] = [None] * len(params)
        for row in _rows(self.connection.answer()):
            found[order[row["place"] - 1]] = row
        return found

    def lock(self, query: str, ids: Iterable[str]) -> None:
        array = statements.arrays(query)
        assert array is not None, query
        self.connection.send(array, array.encode_columns([list(ids)]))

    # -- the hot batch -----------------------------------------------------------------------------------

    def insert_events(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._insert("insert_events", rows)

    def insert_payloads(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._insert("insert_payloads", rows)

    def insert_deliveries(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._insert("insert_deliveries", rows)

    def _insert(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        array = statements.arrays(query)
        assert array is not None
        self.connection.send(array, array.encode_columns(list(zip(*rows, strict=True))))

    # -- what only the schema and its partitions need ------------------------------------------------------

    def hold_migrations(self) -> None:
        """Wait until nobody else migrates, and let nobody else until the end; for any other lock wait only briefly."""
        self.connection.send(_MIGRATING)
        self.connection.send(_BRIEFLY)

    def schema(self) -> tuple[int, int]:
        """See `migrate.Migrating`."""
        there = self.ask("SELECT to_regclass('meta') IS NOT NULL AS there")[0]["there"]
        if not there:
            return 0, 0
        row = self.ask(_SCHEMA)[0]
        return row["version"], row["works_with"]

    def apply(self, migration: Migration, works_with: int) -> None:
        """See `migrate.Migrating`."""
        self.connection.answers(0)
        self.connection.script(migration.text)
        for name, value in (("schema_version", migration.number), ("schema_works_with", works_with)):
            self.ask("UPDATE meta SET value = $1 WHERE name = $2", value, name)

    def ask(self, text: str, *values: str | int) -> list[Row]:
        """The rows of a statement that has no name, with ``$1`` and so on."""
        statement = statements.plain("", text)
        self.connection.send(statement, [parameter(value) for value in values])
        return self.answered()

    def answered(self) -> list[Row]:
        """The rows of the statement that was sent last."""
        return _rows(self.connection.answer())


def _rows(result: pq.abc.PGresult) -> list[Row]:
    if not result.ntuples:
        return []
    columns = [(_name(result, place), place, reader(result.ftype(place))) for place in range(result.nfields)]
    get = result.get_value
    return [_row(get, number, columns) for number in range(result.ntuples)]


def _row(
    get: Callable[[int, int], bytes | None], number: int, columns: Iterable[tuple[str, int, Callable[[bytes], Any]]]
) -> Mapping[str, Any]:
    return {name: read(raw) if (raw := get(number, place)) is not None else None for name, place, read in columns}


def _name(result: pq.abc.PGresult, place: int) -> str:
    name = result.fname(place)
    assert name is not None
    return name.decode()


def _first(result: pq.abc.PGresult) -> Row | None:
    rows = _rows(result)
    return rows[0] if rows else None
