"""Attempts and deliveries, as the owner of an application looks at them: by endpoint, and by message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hookline.core import ids
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Attempt, Delivery, Event
from hookline.core.state import DeliveryState
from hookline.storage.base import Database, Row, Slice, Transaction
from hookline.storage.messages import Message, MessageFilter, find_message, message_of
from hookline.storage.rows import NO_REQUEST, attempt_of, delivery_of, event_of, words
from hookline.storage.search import between, filter_params

#: What is left of an answer that was expunged.
EXPUNGED = b"EXPUNGED"

_NO_HEADERS = msgspec.msgpack.encode(())
_EVER_MS = 1 << 62


class AttemptFilter(msgspec.Struct, frozen=True):
    """Which attempts. Empty fields do not restrict. Times are milliseconds, ``until`` is exclusive."""

    success: bool | None = None
    status_class: int | None = None  #: 100 to 500: the hundred of the HTTP status; 0: none came
    channel: str = ""
    types: tuple[str, ...] = ()
    tag: str = ""
    since_ms: int = 0
    until_ms: int = 0
    endpoint_id: str = ""


class Tried(msgspec.Struct, frozen=True):
    """An attempt with the event (without its request) that was sent, and the endpoint it was sent to."""

    attempt: Attempt
    event: Event
    endpoint_id: str
    payload: bytes | None = None  #: None when it was not asked for, or its bytes are gone


class Owed(msgspec.Struct, frozen=True):
    """A delivery with its message."""

    delivery: Delivery
    message: Message


class Attempts:
    """The attempts of all applications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_endpoint(
        self,
        org_id: str,
        application_id: str,
        endpoint_id: str,
        where: AttemptFilter,
        part: Slice,
        with_payload: bool = False,
    ) -> list[Tried]:
        """Part of the attempts at an endpoint, by their time; the anchor is made by `anchor_of`."""
        params = {
            "org_id": org_id,
            "source_id": application_id,
            "tail": endpoint_id[-16:],
            "with_payload": int(with_payload),
            "limit": part.limit,
            **filter_params(where.types, where.channel, where.tag),
            **_attempt_params(where, part),
        }
        query = "attempts_of_endpoint_newest" if part.descending else "attempts_of_endpoint_oldest"
        rows = await self._database.read(lambda tx: tx.rows(query, params))
        return [
            Tried(
                attempt_of(row),
                event_of({**dict(row), "status": row["event_status"]}, NO_REQUEST),
                endpoint_id,
                bytes(row["body"]) if row["body"] is not None else None,
            )
            for row in rows
        ]

    async def of_message(
        self, org_id: str, application_id: str, message_id: str, where: AttemptFilter, part: Slice
    ) -> list[Tried]:
        """Part of the attempts of a message, by their time; the anchor is made by `anchor_of`."""
        return await self._database.read(lambda tx: _of_message(tx, (org_id, application_id, message_id), where, part))

    async def get(self, org_id: str, application_id: str, message_id: str, attempt_id: str) -> Tried | None:
        """One attempt of a message, with its payload."""
        return await self._database.read(lambda tx: _get(tx, (org_id, application_id, message_id), attempt_id))

    async def last_success_ms(self, endpoint_id: str, since_ms: int) -> int | None:
        """When the last attempt began that an endpoint answered 2xx, if since then; whichever server made it."""
        params = {"tail": endpoint_id[-16:], "since_ms": since_ms}
        row = await self._database.read(lambda tx: tx.row("last_success_at", params))
        return row["started_at_ms"] if row is not None else None

    async def expunge(self, org_id: str, application_id: str, message_id: str, attempt_id: str) -> None:
        """Forget what the endpoint answered. Raises NotFound."""
        await self._database.write(_expunge_batch, (org_id, application_id, message_id, attempt_id))

    async def messages_of_endpoint(
        self,
        org_id: str,
        application_id: str,
        endpoint_id: str,
        where: MessageFilter,
        states: tuple[str, ...],
        part: Slice,
        with_payload: bool,
    ) -> list[Owed]:
        """Part of what an endpoint was ever owed, by message; the anchor is the id of a delivery."""
        params = {
            "org_id": org_id,
            "source_id": application_id,
            "endpoint_id": endpoint_id,
            "tail": endpoint_id[-16:],
            "states": words(states) or None,
            "with_payload": int(with_payload),
            "limit": part.limit,
            **filter_params(where.types, where.channel, where.tag),
            **between(ids.DELIVERY, part, where.since_ms, where.until_ms),
        }
        query = "messages_of_endpoint_newest" if part.descending else "messages_of_endpoint_oldest"
        rows = await self._database.read(lambda tx: tx.rows(query, params))
        return [
            Owed(delivery_of({**dict(row), "id": row["delivery_id"]}), message_of(row, with_payload=with_payload))
            for row in rows
        ]

    async def endpoints_of_message(
        self, org_id: str, application_id: str, message_id: str, part: Slice
    ) -> list[Delivery]:
        """Part of the deliveries of a message; the anchor is the id of a delivery."""
        rows = await self._database.read(lambda tx: _deliveries(tx, (org_id, application_id, message_id), part))
        return [delivery_of(row) for row in rows]

    async def stats(
        self, org_id: str, application_id: str, endpoint_id: str, since_ms: int, until_ms: int
    ) -> dict[str, int]:
        """How many deliveries of an endpoint are in each state, of the messages that came in this time."""
        params = {
            "org_id": org_id,
            "endpoint_id": endpoint_id,
            "tail": endpoint_id[-16:],
            **between(ids.DELIVERY, Slice(), since_ms, until_ms),
        }
        row = await self._database.read(lambda tx: tx.row("endpoint_stats", params))
        assert row is not None
        return {state: row[state] for state in DeliveryState}


def anchor_of(tried: Tried) -> str:
    """What stands for the place of an attempt in a list by time."""
    made = tried.attempt
    return f"{made.started_at_ms}.{ids.attempt(made.delivery_id, made.number)}"


def place_of(anchor: str) -> tuple[int, str, int]:
    """The time, delivery and number that an anchor stands for. Raises InvalidInput."""
    started, _, attempt_id = anchor.partition(".")
    try:
        return (int(started), *ids.attempt_parts(attempt_id))
    except ValueError:
        raise InvalidInput(f"{anchor!r} is not a place in this list; leave it out to begin anew") from None


def _attempt_params(where: AttemptFilter, part: Slice) -> dict[str, Any]:
    """Between which attempts, both of them outside; and which statuses."""
    after = (where.since_ms, "", -1)
    before = (where.until_ms or _EVER_MS, "", -1)
    if part.anchor and part.descending:
        before = min(before, place_of(part.anchor))
    elif part.anchor:
        after = max(after, place_of(part.anchor))
    status_from, status_to = 0, 1000
    if where.status_class is not None:
        status_from, status_to = where.status_class, where.status_class + (100 if where.status_class else 1)
    if where.success:
        status_from, status_to = max(status_from, 200), min(status_to, 300)
    return {
        "after_ms": after[0],
        "after_id": after[1],
        "after_number": after[2],
        "before_ms": before[0],
        "before_id": before[1],
        "before_number": before[2],
        "status_from": status_from,
        "status_to": status_to,
        # What lies from `not_from` up to `not_to` does not count: the successes, when failures are asked for.
        "not_from": 200 if where.success is False else 1000,
        "not_to": 300 if where.success is False else 1000,
    }


def _deliveries(tx: Transaction, message: tuple[str, str, str], part: Slice) -> list[Row]:
    row = find_message(tx, *message)
    if row is None:
        return []
    after, before = ids.deliveries_of(row["id"])
    if part.anchor and part.descending:
        before = min(before, part.anchor)
    elif part.anchor:
        after = max(after, part.anchor)
    query = "deliveries_of_event_newest" if part.descending else "deliveries_of_event_oldest"
    return tx.rows(query, {"after": after, "before": before, "limit": part.limit})


def _of_message(tx: Transaction, message: tuple[str, str, str], where: AttemptFilter, part: Slice) -> list[Tried]:
    row = find_message(tx, *message)
    if row is None:
        return []
    event = event_of(row, NO_REQUEST)
    if not _selects(where, event):
        return []
    low, high = ids.deliveries_of(event.id)
    if where.endpoint_id:
        low = ids.delivery(event.id, where.endpoint_id)
        high = low + "~"
    params = {"low": low, "high": high, "limit": part.limit, **_attempt_params(where, part)}
    query = "attempts_of_message_newest" if part.descending else "attempts_of_message_oldest"
    return [Tried(attempt_of(found), event, found["endpoint_id"]) for found in tx.rows(query, params)]


def _selects(where: AttemptFilter, event: Event) -> bool:
    return (
        (not where.types or event.type in where.types)
        and (not where.channel or where.channel in event.channels)
        and (not where.tag or where.tag in event.tags)
    )


def _get(tx: Transaction, message: tuple[str, str, str], attempt_id: str) -> Tried | None:
    row = find_message(tx, *message)
    found = _attempt_row(tx, row["id"], attempt_id) if row is not None else None
    if row is None or found is None:
        return None
    payload = bytes(row["body"]) if row["body"] is not None else None
    return Tried(attempt_of(found), event_of(row, NO_REQUEST), found["endpoint_id"], payload)


def _attempt_row(tx: Transaction, event_id: str, attempt_id: str) -> Row | None:
    try:
        delivery_id, number = ids.attempt_parts(attempt_id)
    except ValueError:
        return None
    if ids.event_of(delivery_id) != event_id:
        return None
    return tx.row("attempt_get", {"delivery_id": delivery_id, "number": number})


def _expunge_batch(tx: Transaction, items: Sequence[tuple[str, str, str, str]]) -> list[NotFound | None]:
    return [_expunge(tx, (org_id, source_id, message_id), made) for org_id, source_id, message_id, made in items]


def _expunge(tx: Transaction, message: tuple[str, str, str], attempt_id: str) -> NotFound | None:
    row = find_message(tx, *message)
    found = _attempt_row(tx, row["id"], attempt_id) if row is not None else None
    if found is None:
        return NotFound(f"there is no attempt {attempt_id} of this message")
    key = {"delivery_id": found["delivery_id"], "number": found["number"]}
    tx.run("expunge_attempt", {**key, "body": EXPUNGED, "headers": _NO_HEADERS})
    return None
