"""What PostgreSQL has, read beside Hookline's own storage room, on a way to it that nobody cuts."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.torture.evidence import Witness


class PostgresWitness(Witness):
    """Looks at the database at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def integrity(self) -> str:
        """Every row is whole and belongs to another that is there; indexes and tables tell the same."""
        lost = [f"{count} {what}" for what, query in _WRONG.items() if (count := self._number(query))]
        for table in ("event", "payload", "delivery", "attempt", "seen"):
            by_table = self._number(f"SELECT COUNT(*) FROM {table} WHERE {_EVERY[table]} || '' <> ''")
            by_index = self._counted_by_index(table)
            if by_table != by_index:
                lost.append(f"{by_table} rows in {table} and {by_index} in its index")
        return "; ".join(lost) or "ok"

    def servers(self) -> dict[str, int]:
        """The beat of each server that is counted, by its id."""
        return {row[0]: row[1] for row in self.ask("SELECT id, beat FROM node")}

    def leases(self) -> int:
        """How many deliveries are leased to anybody."""
        return self._number("SELECT COUNT(*) FROM delivery WHERE state = 'leased'")

    def make_housekeeping_due(self) -> None:
        """Whichever server asks next has to tidy up, also when one did a moment ago."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("UPDATE meta SET value = 0 WHERE name = 'housekeeping_due_ms'")

    def _counted_by_index(self, table: str) -> int:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("SET enable_seqscan = off")
            connection.execute("SET enable_bitmapscan = off")
            query = f"SELECT COUNT(*) FROM {table} WHERE {_EVERY[table]} >= ''"
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])


#: The first column of the primary key of each table, which is never empty.
_EVERY = {"event": "id", "payload": "event_id", "delivery": "id", "attempt": "delivery_id", "seen": "source_id"}

_WRONG = {
    "events without bytes": """
        SELECT COUNT(*) FROM event e LEFT JOIN payload p ON p.event_id = e.id WHERE p.event_id IS NULL""",
    "bytes without an event": """
        SELECT COUNT(*) FROM payload p LEFT JOIN event e ON e.id = p.event_id WHERE e.id IS NULL""",
    "deliveries without an event": """
        SELECT COUNT(*) FROM delivery d LEFT JOIN event e ON e.id = d.event_id WHERE e.id IS NULL""",
    "attempts without a delivery": """
        SELECT COUNT(*) FROM attempt a LEFT JOIN delivery d ON d.id = a.delivery_id WHERE d.id IS NULL""",
}
