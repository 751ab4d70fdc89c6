"""What is on disk, read beside Hookline's own storage room: the witness must not be the accused."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of ``event`` with its body."""

    id: str
    source: str
    provider_id: str
    status: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One row of ``delivery``."""

    id: str
    event_id: str
    endpoint: str
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """One row of ``attempt``."""

    delivery_id: str
    started_at_ms: int
    status: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All rows that the verdict is about."""

    events: list[StoredEvent]
    deliveries: list[StoredDelivery]
    attempts: list[StoredAttempt]
    unfinished_replays: int
    integrity: str


class Witness:
    """Looks at the database file of a server."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def owed(self) -> int:
        """How many deliveries are waiting or leased."""
        return self._number("SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'leased')")

    def running_replays(self) -> int:
        """How many replays are not finished."""
        return self._number("SELECT COUNT(*) FROM replay WHERE state = 'running'")

    def of_type(self, event_type: str) -> int:
        """How many events of this type there are."""
        return self._number("SELECT COUNT(*) FROM event WHERE type = ?", (event_type,))

    def everything(self) -> Evidence:
        """All of it, once nobody writes any more."""
        with self._open() as connection:
            return Evidence(
                events=[StoredEvent(*row) for row in connection.execute(_EVENTS)],
                deliveries=[StoredDelivery(*row) for row in connection.execute(_DELIVERIES)],
                attempts=[StoredAttempt(*row) for row in connection.execute(_ATTEMPTS)],
                unfinished_replays=self.running_replays(),
                integrity="; ".join(row[0] for row in connection.execute("PRAGMA integrity_check")),
            )

    def _number(self, query: str, params: tuple[object, ...] = ()) -> int:
        with self._open() as connection:
            return int(connection.execute(query, params).fetchone()[0])

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Read-only, and never longer than one question: a server that starts must find the file as it was left."""
        connection = sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)
        try:
            yield connection
        finally:
            connection.close()


_EVENTS = """
SELECT event.id, source.name, event.provider_event_id, event.status, payload.body
FROM event JOIN source ON source.id = event.source_id JOIN payload ON payload.event_id = event.id
"""

_DELIVERIES = """
SELECT delivery.id, delivery.event_id, endpoint.name, delivery.state, delivery.attempts
FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint_id
"""

_ATTEMPTS = "SELECT delivery_id, started_at_ms, status FROM attempt"
