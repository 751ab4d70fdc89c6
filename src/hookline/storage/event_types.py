"""Event types: the kinds of message that the applications of an organisation can be sent."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from hookline.core.errors import Conflict, NotFound
from hookline.core.model import EventType
from hookline.storage.base import Made, Once, Slice, Transaction
from hookline.storage.routing import event_type_id
from hookline.storage.search import LAST
from hookline.storage.seen import made_before
from hookline.storage.snapshot import Changing, Snapshot
from hookline.storage.stored import event_type_of


class EventTypes:
    """The event types of all organisations, each known by its name. An archived one can still be got."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def get(self, org_id: str, name: str) -> EventType:
        """One event type. Raises NotFound."""
        return await self._snapshot.database.read(lambda tx: _get(tx, org_id, name))

    async def list(
        self, org_id: str, part: Slice, include_archived: bool = False, flags: frozenset[str] | None = None
    ) -> list[EventType]:
        """Part of the event types, by name, which ``part.anchor`` is too.

        With ``flags`` only those that everybody sees or that one of these flags shows.
        """
        params = {
            "org_id": org_id,
            "anchor": part.anchor or (LAST if part.descending else ""),
            "limit": part.limit,
            "include_archived": int(include_archived),
            "flags": None if flags is None else f" {' '.join(flag for flag in flags if ' ' not in flag)} ",
        }
        query = "event_types_falling" if part.descending else "event_types_rising"
        rows = await self._snapshot.database.read(lambda tx: tx.rows(query, params))
        return [event_type_of(row) for row in rows]

    async def create(self, event_type: EventType, once: Once | None = None) -> Made[EventType]:
        """Create an event type at its ``created_at_ms``; an archived one comes back.

        Raises Conflict when there is one.
        """

        def work(changing: Changing) -> Made[EventType]:
            org_id, name = event_type.org_id, event_type.name
            known = _find(changing.tx, org_id, name)
            if made_before(changing.tx, once, name, event_type.created_at_ms) is not None:
                if known is None:
                    raise Conflict("the event type that this Idempotency-Key made was deleted since; use a new key")
                return Made(known, True)
            if known is not None and not known.archived:
                raise Conflict(f"there is an event type {name!r} already")
            return Made(_write(changing, event_type), True)

        return await self._snapshot.change(work)

    async def put(
        self, org_id: str, name: str, make: Callable[[EventType | None], EventType], now_ms: int
    ) -> Made[EventType]:
        """Replace an event type, or create it; ``make`` gets the one there is, also an archived one."""

        def work(changing: Changing) -> Made[EventType]:
            known = _find(changing.tx, org_id, name)
            return Made(_write(changing, _named(make(known), org_id, name, known, now_ms)), known is None)

        return await self._snapshot.change(work)

    async def edit(self, org_id: str, name: str, edit: Callable[[EventType], EventType], now_ms: int) -> EventType:
        """Change an event type; nobody changes it in between. Raises NotFound."""

        def work(changing: Changing) -> EventType:
            known = _get(changing.tx, org_id, name)
            return _write(changing, _named(edit(known), org_id, name, known, now_ms))

        return await self._snapshot.change(work)

    async def archive(self, org_id: str, name: str, now_ms: int) -> None:
        """Take an event type out of the lists that customers choose from. Raises NotFound."""
        await self.edit(org_id, name, lambda known: dataclasses.replace(known, archived=True), now_ms)

    async def expunge(self, org_id: str, name: str, now_ms: int) -> None:
        """Remove an event type; messages of it stay. Raises NotFound."""

        def work(changing: Changing) -> None:
            if not changing.tx.run("delete_event_type", {"org_id": org_id, "name": name}):
                raise _unknown(name)
            changing.bury(event_type_id(org_id, name))

        await self._snapshot.change(work)


def _write(changing: Changing, event_type: EventType) -> EventType:
    params = dataclasses.asdict(event_type) | {
        "archived": int(event_type.archived),
        "deprecated": int(event_type.deprecated),
        "schemas": json.dumps(event_type.schemas),
        "version": changing.version(),
    }
    changing.tx.run("put_event_type", params)
    return _get(changing.tx, event_type.org_id, event_type.name)


def _named(event_type: EventType, org_id: str, name: str, known: EventType | None, now_ms: int) -> EventType:
    created_at_ms = known.created_at_ms if known is not None else now_ms
    return dataclasses.replace(event_type, org_id=org_id, name=name, created_at_ms=created_at_ms, updated_at_ms=now_ms)


def _find(tx: Transaction, org_id: str, name: str) -> EventType | None:
    row = tx.row("event_type_get", {"org_id": org_id, "name": name})
    return event_type_of(row) if row is not None else None


def _get(tx: Transaction, org_id: str, name: str) -> EventType:
    found = _find(tx, org_id, name)
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no event type {name!r}")
