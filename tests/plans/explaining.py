"""How PostgreSQL does what it is asked: the plan of a statement with what it really touched, in the product's session.

The statement is asked once as the product asks it, prepared under its name and with the product's encoding. What is
explained is that prepared statement. Both happen in transactions that are rolled back.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeVar

from psycopg import sql

from hookline.storage.base import Row
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.encoding import Encoded
from hookline.storage.postgres.statements import Statement, arrays, query
from hookline.storage.postgres.transaction import PostgresTransaction

_LIMIT_S: Final = 60.0

_PARTITIONS: Final = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass"
_INDEXES: Final = """
SELECT c.relname AS name, pg_get_indexdef(c.oid, 1, true) AS first
FROM pg_class c WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace
"""
#: A partition is called as its table, and from when on.
_PARTITION: Final = re.compile(r"_(?:default|\d{8}_\d{6})$")

T = TypeVar("T")

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """A plan that was carried out."""

    plan: Node

    def nodes(self) -> Iterator[Node]:
        """All parts of it that were carried out at least once."""
        waiting = [self.plan]
        while waiting:
            node = waiting.pop()
            waiting += node.get("Plans", ())
            if node["Actual Loops"]:
                yield node

    @property
    def pages(self) -> int:
        """How many pages were touched; a page counts as often as it was."""
        return pages(self.plan)

    @property
    def rows(self) -> int:
        """How many rows were read from tables and indexes, also those that were then left out."""
        return sum(
            round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
            for node in self.nodes()
            if "Scan" in node["Node Type"] and ("Index Name" in node or "Relation Name" in node)
        )

    def partitions(self) -> dict[str, set[str]]:
        """Which partitions of each table were looked into."""
        found: dict[str, set[str]] = defaultdict(set)
        for node in self.nodes():
            name = node.get("Relation Name", "")
            if (partition := _PARTITION.search(name)) and "Scan" in node["Node Type"]:
                found[name.removesuffix(partition[0])].add(partition[0])
        return found


def pages(node: Node) -> int:
    """How many pages a part of a plan touched, with all that is below it."""
    touched: int = node["Shared Hit Blocks"] + node["Shared Read Blocks"]
    return touched


class Session:
    """A session as a writer of the product has it."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, "plans", limit_s=_LIMIT_S)
        self._tx = PostgresTransaction(self._connection)
        #: What each index begins with.
        self.first_columns: dict[str, str] = {row["name"]: row["first"] for row in self._ask(_INDEXES)}

    def close(self) -> None:
        self._connection.close()

    def partitions(self, table: str) -> list[str]:
        """The partitions of a table."""
        return [row["name"] for row in self._ask(_PARTITIONS, table)]

    def explain(self, name: str, params: Mapping[str, Any]) -> Explained:
        """A query for one row of parameters."""
        statement = query(name)
        values = [params[param] for param in statement.params]
        return self._explain(statement, statement.encode(params), values)

    def explain_rows(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Explained:
        """A statement for many rows, given in the order in which the product gives them."""
        statement = _arrays(name)
        in_order = sorted(rows, key=itemgetter(statement.params[0]))
        columns = [[row[param] for row in in_order] for param in statement.params]
        return self._explain(statement, statement.encode_rows(in_order), columns)

    def explain_columns(self, name: str, rows: Sequence[tuple[Any, ...]]) -> Explained:
        """An insert of rows as they are."""
        statement, columns = _arrays(name), [list(column) for column in zip(*rows, strict=True)]
        return self._explain(statement, statement.encode_columns(columns), columns)

    def _explain(self, statement: Statement, encoded: Sequence[Encoded], values: Sequence[Any]) -> Explained:
        def ask() -> None:
            self._connection.send(statement, encoded)
            self._connection.answer()

        self._undone(ask)
        kinds = statement.kinds or ("",) * len(values)
        given = ", ".join(_literal(value, kind) for value, kind in zip(values, kinds, strict=True))
        execute = f"EXECUTE {statement.name.decode()}" + (f"({given})" if given else "")
        (row,) = self._ask(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}")
        return Explained(json.loads(row["QUERY PLAN"])[0]["Plan"])

    def _ask(self, text: str, *values: str) -> list[Row]:
        return self._undone(lambda: self._tx.ask(text, *values))

    def _undone(self, work: Callable[[], T]) -> T:
        try:
            with self._tx.committed():
                done = work()
                raise _Undone
        except _Undone:
            return done


class _Undone(Exception):
    """What was done shall come to nothing."""


def _arrays(name: str) -> Statement:
    statement = arrays(name)
    assert statement is not None, name
    return statement


def _literal(value: Any, kind: str) -> str:
    text = sql.Literal(value).as_string()
    return f"CAST({text} AS {kind}[])" if kind else text
