"""Messages: the events of an application, as its owner looks at them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookline.core.errors import NotFound
from hookline.core.model import Event, Headers
from hookline.storage.base import Database, EventFilter, Row, Slice, Transaction, Worker
from hookline.storage.rows import NO_REQUEST, event_of, unpack_headers
from hookline.storage.search import search
from hookline.storage.statuses import refresh_status, span

#: How the id that its publisher gave a message is kept among the keys of its application (`Draft.key`).
EVENT_ID_KEY = "e:"


class Message(msgspec.Struct, frozen=True):
    """An event without its request. ``payload`` is None when it was not asked for, or its bytes are gone."""

    event: Event
    payload: bytes | None
    content_type: str


class MessageFilter(msgspec.Struct, frozen=True):
    """Which messages. Empty fields do not restrict. Times are milliseconds, ``until`` is exclusive."""

    types: tuple[str, ...] = ()
    channel: str = ""
    tag: str = ""
    since_ms: int = 0
    until_ms: int = 0

    def of(self, application_id: str) -> EventFilter:
        """The same, of one application."""
        return EventFilter(
            source_id=application_id,
            types=self.types,
            channel=self.channel,
            tag=self.tag,
            since_ms=self.since_ms,
            until_ms=self.until_ms,
        )


class Messages:
    """The messages of all applications."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Told after an expunge. None in a process that only looks.
        self.worker: Worker | None = None

    async def get(
        self, org_id: str, application_id: str, id_or_event_id: str, with_payload: bool = True
    ) -> Message | None:
        """One message by its id, or by the id that its publisher gave it."""
        row = await self._database.read(lambda tx: find_message(tx, org_id, application_id, id_or_event_id))
        return message_of(row, with_payload=with_payload) if row is not None else None

    async def expunge(self, org_id: str, application_id: str, id_or_event_id: str, now_ms: int) -> None:
        """Forget the bytes of a message; what is still owed of it is cancelled. Raises NotFound."""
        await self._database.write(_expunge_batch, (org_id, application_id, id_or_event_id, now_ms))
        if self.worker is not None:
            self.worker.look()  # where order counts, others may have waited for it

    async def list(
        self, org_id: str, application_id: str, where: MessageFilter, part: Slice, with_payload: bool
    ) -> list[Message]:
        """Part of an application's messages, by id."""
        wanted = where.of(application_id)
        rows = await self._database.read(lambda tx: search(tx, org_id, wanted, part, with_payload=with_payload))
        return [message_of(row, with_payload=with_payload) for row in rows]


def find_message(tx: Transaction, org_id: str, application_id: str, id_or_event_id: str) -> Row | None:
    """A row of ``event`` with its ``payload``."""
    row = tx.row("event_get", {"org_id": org_id, "id": id_or_event_id})
    if row is None:
        known = tx.row("seen_get", {"source_id": application_id, "key": EVENT_ID_KEY + id_or_event_id})
        row = tx.row("event_get", {"org_id": org_id, "id": known["event_id"]}) if known is not None else None
    return row if row is not None and row["source_id"] == application_id else None


def _expunge_batch(tx: Transaction, items: Sequence[tuple[str, str, str, int]]) -> list[NotFound | None]:
    return [_expunge(tx, *item) for item in items]


def _expunge(tx: Transaction, org_id: str, application_id: str, message: str, now_ms: int) -> NotFound | None:
    row = find_message(tx, org_id, application_id, message)
    if row is None:
        return NotFound(f"there is no message {message!r}")
    event_id = row["id"]
    tx.lock("lock_events", [event_id])  # so that nobody owes it to somebody while its bytes go
    tx.run("forget_fanout", {"event_id": event_id})
    tx.run("cancel_deliveries_of_event", {**span(event_id), "now_ms": now_ms, "reason": "expunged"})
    tx.run("forget_payload", {"id": event_id})
    refresh_status(tx, [event_id])
    return None


def message_of(row: Row, *, with_payload: bool) -> Message:
    """A row of ``event`` with headers and body of its ``payload``, where they were read, as the noun."""
    event = event_of(row, NO_REQUEST)
    if not with_payload or row["body"] is None:
        return Message(event, None, "")
    return Message(event, bytes(row["body"]), _content_type(unpack_headers(row["headers"])))


def _content_type(headers: Headers) -> str:
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.decode("latin-1")
    return ""
