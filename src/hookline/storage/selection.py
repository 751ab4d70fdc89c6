"""Which events a replay means: searched beside the writer, a page at a time, oldest first."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import msgspec

from hookline.core import ids
from hookline.core.model import Endpoint, EndpointState, EventStatus
from hookline.core.state import OWED
from hookline.storage.base import EventFilter, Row, Slice, Transaction
from hookline.storage.routing import Routing
from hookline.storage.search import RARE, filter_of, search
from hookline.storage.wanting import wants


class ReplayKind(StrEnum):
    """What a replay sends again. All but the first are for one endpoint."""

    REPLAY = "replay"  #: the events that the filter finds, as `redrive.replay` sends each of them
    RECOVER = "recover"  #: what the endpoint was owed and did not get
    MISSING = "missing"  #: what the endpoint wants and was never owed
    BULK = "bulk"  #: what the endpoint wants, whatever became of it


class Wish(msgspec.Struct, frozen=True):
    """Whose events are to be sent again, which of them, and how."""

    org_id: str
    kind: str
    where: EventFilter


class Page(msgspec.Struct, frozen=True):
    """Some of the events, as their ids and times; where the next page begins (empty: there is none)."""

    events: list[tuple[str, int]]
    cursor: str


_Chosen: TypeAlias = Callable[[Row], bool]


def page(tx: Transaction, routing: Routing, wish: Wish, after: str, limit: int) -> Page:
    """The events of a page that looks at no more than ``limit`` of them."""
    where = wish.where
    part = Slice(after, descending=False, limit=limit)
    if not where.endpoint_id:
        rows = search(tx, wish.org_id, where, part)
        return _page(rows, limit, lambda row: _is_meant(where, row))
    endpoint = routing.endpoints.get(where.endpoint_id)
    if endpoint is None or endpoint.org_id != wish.org_id or endpoint.state is EndpointState.DISABLED:
        return Page([], "")
    if wish.kind == ReplayKind.RECOVER:
        return _page(_dead(tx, wish, part), limit, lambda row: _is_meant(where, row))
    where = msgspec.structs.replace(where, source_id=where.source_id or endpoint.source_id)
    if where.status in RARE:  # they have an index of their own
        rows = [_towards(tx, row, endpoint.id) for row in search(tx, wish.org_id, where, part)]
    else:
        rows = tx.rows("events_for_endpoint", {**filter_of(wish.org_id, where, part), "tail": endpoint.id[-16:]})
    return _page(rows, limit, _chooser(wish, endpoint))


def _page(rows: list[Row], limit: int, chosen: _Chosen) -> Page:
    cursor = rows[-1]["id"] if len(rows) == limit else ""
    return Page([(row["id"], row["received_at_ms"]) for row in rows if chosen(row)], cursor)


def _towards(tx: Transaction, event: Row, endpoint_id: str) -> Row:
    """An event as ``events_for_endpoint`` shows it."""
    delivery = tx.row("state_of_delivery", {"id": ids.delivery(event["id"], endpoint_id)})
    route = tx.row("event_route", {"event_id": event["id"]})
    return {
        **dict(event),
        "state": delivery["state"] if delivery is not None else None,
        "has_payload": route is not None and route["has_payload"],
    }


def _dead(tx: Transaction, wish: Wish, part: Slice) -> list[Row]:
    endpoint_id = wish.where.endpoint_id
    if part.anchor:
        part = msgspec.structs.replace(part, anchor=ids.delivery(part.anchor, endpoint_id))
    params = filter_of(wish.org_id, wish.where, part, prefix=ids.DELIVERY)
    return tx.rows("dead_of_endpoint", {**params, "endpoint_id": endpoint_id, "tail": endpoint_id[-16:]})


def _chooser(wish: Wish, endpoint: Endpoint) -> _Chosen:
    """The test whether the endpoint would be sent an event, by the state of its delivery (None: never owed)."""
    wanted = wants(endpoint)

    def test(row: Row) -> bool:
        if not row["has_payload"] or row["state"] in OWED or not _is_meant(wish.where, row):
            return False
        if wish.kind == ReplayKind.MISSING and row["state"] is not None:
            return False
        if wish.kind == ReplayKind.REPLAY and row["state"] is not None:
            return True
        return wanted(row["type"], tuple(row["channels"].split()), row["only_endpoint"])

    return test


def _is_meant(where: EventFilter, row: Row) -> bool:
    """What is held for review is released only by who asks for that: it may be a forgery."""
    return row["status"] != EventStatus.NEEDS_REVIEW or where.status == EventStatus.NEEDS_REVIEW
