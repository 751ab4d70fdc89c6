"""What is on disk, read beside Hookline's own storage room: the witness must not be the accused."""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hookline.core.model import SourceKind
from tests.torture.past import OLD_TYPE


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of ``event`` with its body. ``source`` is the name of a provider source, the uid of an application."""

    id: str
    kind: SourceKind
    source: str
    type: str
    provider_id: str
    status: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One row of ``delivery``. ``endpoint`` is the name or, for an application's, the uid: its path at the receiver."""

    id: str
    event_id: str
    endpoint: str
    state: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """One row of ``attempt``."""

    delivery_id: str
    started_at_ms: int
    duration_ms: float
    status: int

    @property
    def ended_at_ms(self) -> float:
        """When its answer had come."""
        return self.started_at_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class Evidence:
    """All rows that the verdict is about."""

    events: list[StoredEvent]
    deliveries: list[StoredDelivery]
    attempts: list[StoredAttempt]
    unfinished_replays: int
    unfinished_fanouts: int
    integrity: str

    def of(self, *kinds: SourceKind) -> Evidence:
        """What belongs to sources of these kinds."""
        events = [event for event in self.events if event.kind in kinds]
        event_ids = {event.id for event in events}
        deliveries = [delivery for delivery in self.deliveries if delivery.event_id in event_ids]
        delivery_ids = {delivery.id for delivery in deliveries}
        attempts = [attempt for attempt in self.attempts if attempt.delivery_id in delivery_ids]
        return replace(self, events=events, deliveries=deliveries, attempts=attempts)


class Witness(ABC):
    """Looks at the database of the servers, by a connection of its own."""

    def owed(self) -> int:
        """How many deliveries are waiting or leased."""
        return self._number("SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'leased')")

    def fanning_out(self) -> int:
        """How many events have deliveries that are still to be written."""
        return self._number("SELECT COUNT(*) FROM fanout")

    def running_replays(self) -> int:
        """How many replays are not finished."""
        return self._number("SELECT COUNT(*) FROM replay WHERE state = 'running'")

    def old(self) -> int:
        """How many of the events of the past there still are."""
        return self._number(f"SELECT COUNT(*) FROM event WHERE type = '{OLD_TYPE}'")

    def everything(self) -> Evidence:
        """All of it, once nobody writes any more."""
        return Evidence(
            events=[StoredEvent(id, SourceKind(kind), *row) for id, kind, *row in self.ask(_EVENTS)],
            deliveries=[StoredDelivery(*row) for row in self.ask(_DELIVERIES)],
            attempts=[StoredAttempt(*row) for row in self.ask(_ATTEMPTS)],
            unfinished_replays=self.running_replays(),
            unfinished_fanouts=self.fanning_out(),
            integrity=self.integrity(),
        )

    @abstractmethod
    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query. The connection is open no longer than for one question."""

    @abstractmethod
    def integrity(self) -> str:
        """``ok``, or what is wrong with the database as such."""

    def _number(self, query: str) -> int:
        return int(self.ask(query)[0][0])


class SqliteWitness(Witness):
    """Looks at a file, read-only: a server that starts must find it as it was left."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def integrity(self) -> str:
        return "; ".join(row[0] for row in self.ask("PRAGMA integrity_check"))


_EVENTS = """
SELECT event.id, source.kind, CASE source.uid WHEN '' THEN source.name ELSE source.uid END,
       event.type, event.provider_event_id, event.status, payload.body
FROM event JOIN source ON source.id = event.source_id JOIN payload ON payload.event_id = event.id
"""

_DELIVERIES = """
SELECT delivery.id, delivery.event_id, CASE endpoint.uid WHEN '' THEN endpoint.name ELSE endpoint.uid END,
       delivery.state, delivery.reason, delivery.attempts
FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint_id
"""

_ATTEMPTS = "SELECT delivery_id, started_at_ms, duration_ms, status FROM attempt"
