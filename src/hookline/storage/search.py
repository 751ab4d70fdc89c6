"""Finding events: by the index that fits, from the newest down or from the oldest up."""

from __future__ import annotations

from typing import Any

from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.model import Event, EventStatus
from hookline.storage.base import EventFilter, Row, Slice, Transaction
from hookline.storage.rows import NO_REQUEST, event_of, words

#: Above every id of any kind, and every name.
LAST = "~"

#: The statuses that people look for: they have an index of their own.
RARE = (EventStatus.FAILED, EventStatus.IGNORED, EventStatus.NEEDS_REVIEW)


def find(tx: Transaction, org_id: str, where: EventFilter, part: Slice) -> list[Event]:
    """Part of the events that a filter selects, without their requests. Raises InvalidInput."""
    return [event_of(row, NO_REQUEST) for row in search(tx, org_id, where, part)]


def search(tx: Transaction, org_id: str, where: EventFilter, part: Slice, *, with_payload: bool = False) -> list[Row]:
    """The same as rows. ``with_payload``: with headers and body, if the filter has a source and no rare status."""
    params = {**filter_of(org_id, where, part), "with_payload": int(with_payload)}
    return tx.rows(_query(where, descending=part.descending), params)


def filter_of(org_id: str, where: EventFilter, part: Slice, prefix: str = ids.EVENT) -> dict[str, Any]:
    """What the queries want to know of a filter; ids of the kind ``prefix`` bound the part. Raises InvalidInput."""
    if where.status and where.status not in set(EventStatus):
        raise InvalidInput(f"unknown status {where.status!r}; one of {', '.join(EventStatus)}")
    return {
        "org_id": org_id,
        "source_id": where.source_id or None,
        "status": where.status or None,
        "provider_event_id": where.provider_event_id or None,
        "limit": part.limit,
        **filter_params(where.types, where.channel, where.tag),
        **between(prefix, part, where.since_ms, where.until_ms),
        **_type_params(where.type),
    }


def _query(where: EventFilter, *, descending: bool) -> str:
    if where.status in RARE:
        return "events_of_rare_status_newest" if descending else "events_of_rare_status_oldest"
    if where.source_id:
        return "events_of_source_newest" if descending else "events_of_source_oldest"
    return "events_newest" if descending else "events_oldest"


def filter_params(types: tuple[str, ...], channel: str, tag: str) -> dict[str, str | None]:
    """What the queries want to know of an event's type, channels and tags; None does not restrict."""
    return {
        "types": words(types) or None,
        "channel": f" {channel} " if channel else None,
        "tag": f" {tag} " if tag else None,
    }


def between(prefix: str, part: Slice, since_ms: int, until_ms: int) -> dict[str, str]:
    """The ids that a part of a list lies between, both of them outside of it."""
    after = ids.lowest(prefix, since_ms)
    before = ids.lowest(prefix, until_ms) if until_ms else LAST
    if part.anchor and part.descending:
        before = min(before, part.anchor)
    elif part.anchor:
        after = max(after, part.anchor)
    return {"after": after, "before": before}


def _type_params(pattern: str) -> dict[str, Any]:
    exact = prefix = None
    if pattern.endswith(".*"):
        prefix = pattern[:-1]
    elif pattern and pattern != "*":
        exact = pattern
    return {"type_exact": exact, "type_prefix": prefix}
