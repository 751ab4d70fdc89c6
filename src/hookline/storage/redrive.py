"""Owing again: what died, what a person wants sent once more, what an endpoint never got."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import msgspec

from hookline.core import ids
from hookline.core.errors import Conflict, HooklineError, NotFound
from hookline.core.model import Endpoint
from hookline.core.state import OWED, DeliveryState
from hookline.storage import seen
from hookline.storage.base import Once, Row, Transaction
from hookline.storage.routing import Routing
from hookline.storage.statuses import refresh_status
from hookline.storage.wanting import WIDE, wanting, wants


class Replayed(msgspec.Struct, frozen=True):
    """What a replay of one event did."""

    owed: int = 0  #: deliveries
    looked_at: int = 0  #: deliveries: what it cost
    wide: bool = False  #: further deliveries are still to be written


class Resend(msgspec.Struct, frozen=True):
    """One event is to be sent to one endpoint again."""

    org_id: str
    event_id: str
    endpoint_id: str
    now_ms: int
    once: Once | None = None


def redrive(tx: Transaction, routing: Routing, event_id: str, now_ms: int) -> list[str]:
    """Owe again what died, because its sender sent it again; to whom. What a person cancelled stays cancelled."""
    tx.lock("lock_events", [event_id])
    dead = [row for row in deliveries_of(tx, event_id) if row["state"] == DeliveryState.DEAD]
    return revive(tx, routing, dead, now_ms, manual=False)


def replay(
    tx: Transaction,
    routing: Routing,
    event_id: str,
    now_ms: int,
    endpoint_id: str = "",
    *,
    by_filter: bool = False,
) -> Replayed:
    """Send an event again, as a person means it.

    What died or was cancelled is owed again. Where everything had succeeded, everything is. Endpoints that
    want the event and never got it (they are new, or it was held for review) are owed it as well. What is
    still owed is left alone: it comes anyway. ``by_filter``: the event was not named but found, so an endpoint
    that does not want such events is not sent it. An event whose bytes are gone cannot be sent.
    """
    tx.lock("lock_events", [event_id])
    route = tx.row("event_route", {"event_id": event_id})
    if route is None or not route["has_payload"]:
        return Replayed()
    known = deliveries_of(tx, event_id, endpoint_id)
    reached = {row["endpoint_id"] for row in known}
    wanted = _wanted(routing, route, endpoint_id, by_filter=by_filter)
    missing = [endpoint for endpoint in wanted if endpoint.id not in reached]
    again = [row for row in known if row["state"] in (DeliveryState.DEAD, DeliveryState.CANCELLED)]
    everywhere = not missing and not route["is_wide"] and all(row["state"] == DeliveryState.DELIVERED for row in known)
    wide = len(missing) > WIDE
    if wide:
        spread(tx, event_id, missing, now_ms)
    else:
        add(tx, route, event_id, missing, now_ms)
    revived = revive(tx, routing, known if everywhere else again, now_ms, manual=True)
    if missing or revived:
        tx.each("clear_review", [{"event_id": event_id}])
    return Replayed(len(missing) + len(revived), len(wanted) + len(known), wide)


def resend(tx: Transaction, routing: Routing, wish: Resend) -> HooklineError | None:
    """Send an event to an endpoint once more; one that waits for its next try is due at once."""
    tx.lock("lock_events", [wish.event_id])
    route = tx.row("event_route", {"event_id": wish.event_id})
    endpoint = routing.endpoints.get(wish.endpoint_id)
    if route is None or route["org_id"] != wish.org_id:
        return NotFound(f"there is no event {wish.event_id}")
    if endpoint is None or endpoint.source_id != route["source_id"]:
        return NotFound(f"there is no endpoint {wish.endpoint_id} that this event could go to")
    if not route["has_payload"]:
        return payload_gone(wish.event_id)
    try:
        if seen.made_before(tx, wish.once, wish.event_id, wish.now_ms) is not None:
            return None
    except Conflict as conflict:
        return conflict
    known = deliveries_of(tx, wish.event_id, wish.endpoint_id)
    if not known:
        add(tx, route, wish.event_id, [endpoint], wish.now_ms)
    elif known[0]["state"] in OWED:
        tx.run("hasten_delivery", {"id": known[0]["id"], "now_ms": wish.now_ms})
    else:
        revive(tx, routing, known, wish.now_ms, manual=True)
    tx.run("clear_review", {"event_id": wish.event_id})
    return None


def send_again(
    tx: Transaction,
    routing: Routing,
    event_id: str,
    endpoint_id: str,
    now_ms: int,
    states: Container[str | None],
) -> Replayed:
    """Owe an event to one endpoint again, if its delivery is in one of ``states`` (None: it was never owed)."""
    tx.lock("lock_events", [event_id])
    route = tx.row("event_route", {"event_id": event_id})
    endpoint = routing.endpoints.get(endpoint_id)
    if route is None or not route["has_payload"] or endpoint is None or endpoint.source_id != route["source_id"]:
        return Replayed()
    known = deliveries_of(tx, event_id, endpoint_id)
    if (known[0]["state"] if known else None) not in states:
        return Replayed(0, 1)
    if known:
        revive(tx, routing, known, now_ms, manual=True)
    else:
        add(tx, route, event_id, [endpoint], now_ms)
    tx.each("clear_review", [{"event_id": event_id}])
    return Replayed(1, 1)


def payload_gone(event_id: str) -> Conflict:
    """The event cannot be sent any more."""
    return Conflict(
        f"the payload of {event_id} was expunged or its time was over: there is nothing left to send",
        code="payload_gone",
    )


def deliveries_of(tx: Transaction, event_id: str, endpoint_id: str = "") -> list[Row]:
    """Where the deliveries of an event are, or where the one to an endpoint is."""
    if endpoint_id:
        return tx.rows("state_of_delivery", {"id": ids.delivery(event_id, endpoint_id)})
    low, high = ids.deliveries_of(event_id)
    return tx.rows("states_of_event", {"low": low, "high": high})


def revive(tx: Transaction, routing: Routing, rows: Iterable[Row], now_ms: int, *, manual: bool) -> list[str]:
    """Owe finished deliveries again; to whom."""
    rows = list(rows)
    if not rows:
        return []
    again = [
        {"id": row["id"], "now_ms": now_ms, "fifo": int(_in_order(routing, row)), "manual": int(manual)} for row in rows
    ]
    revived = [row for row, done in zip(rows, tx.changed("replay_delivery", again), strict=True) if done]
    refresh_status(tx, {ids.event_of(row["id"]) for row in revived})
    return [row["endpoint_id"] for row in revived]


def _in_order(routing: Routing, row: Row) -> bool:
    endpoint = routing.endpoints.get(row["endpoint_id"])
    return endpoint is not None and endpoint.fifo


def add(tx: Transaction, route: Row, event_id: str, endpoints: Sequence[Endpoint], now_ms: int) -> None:
    """Owe an event to endpoints that it was never owed to, because a person asked for it."""
    if not endpoints:
        return
    rows = [
        {
            "id": ids.delivery(event_id, endpoint.id),
            "org_id": route["org_id"],
            "event_id": event_id,
            "endpoint_id": endpoint.id,
            "due_at_ms": now_ms,
            "now_ms": now_ms,
            "fifo": int(endpoint.fifo),
            "manual": 1,
        }
        for endpoint in endpoints
    ]
    tx.each("add_delivery", rows)
    refresh_status(tx, [event_id])


def spread(tx: Transaction, event_id: str, endpoints: Sequence[Endpoint], now_ms: int) -> None:
    """Owe an event to so many endpoints that their deliveries are written later."""
    tx.run("add_fanout", {"event_id": event_id, "last": max(one.id for one in endpoints), "due_at_ms": now_ms})
    refresh_status(tx, [event_id])


def _wanted(routing: Routing, route: Row, endpoint_id: str, *, by_filter: bool) -> list[Endpoint]:
    channels = tuple(route["channels"].split())
    if not endpoint_id:
        if route["is_wide"]:
            return []  # all of them will be owed it
        return wanting(routing, route["source_id"], route["type"], channels, route["only_endpoint"])
    endpoint = routing.endpoints.get(endpoint_id)
    if endpoint is None or endpoint.source_id != route["source_id"]:
        return []
    # One event that was named, to one endpoint: whether it usually wants such events does not matter.
    wanted = not by_filter or wants(endpoint)(route["type"], channels, route["only_endpoint"])
    return [endpoint] if wanted else []
