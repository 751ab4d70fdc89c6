"""Everything beside the past that queries are asked about: what people configure, refuse, replay, and who serves.

None of it grows with the events, so it is the same however long the past is.
"""

from __future__ import annotations

from typing import Any, Final

from hookline.core import ids
from hookline.core.model import DEFAULT_ORG
from hookline.storage.base import Transaction
from tests.plans.past import NODE, Past, Place

#: Provider sources with an endpoint each, where the past happened.
PLACES: Final = tuple(Place(f"src_{number:032x}", f"ep_{number:032x}") for number in range(50))
#: Applications that have an endpoint each, and nothing stored.
CUSTOMERS: Final = 2_000
EVENT_TYPES: Final = 200
REJECTIONS: Final = 500
REPLAYS: Final = 100
#: Events whose deliveries are still to be written.
FANOUTS: Final = 10
GONE: Final = 200
#: The routing version at which all that was configured.
VERSION: Final = 7
#: The version of what was changed last.
NEWEST_VERSION: Final = 8


def customer_id(number: int) -> str:
    return f"{ids.APPLICATION}{number:032x}"


def customers_endpoint(number: int) -> str:
    return f"{ids.ENDPOINT}c{number:031x}"


def rejection_id(past: Past, number: int) -> str:
    return ids.make(ids.REJECTION, past.now_ms - REJECTIONS + number, bytes(10))


def replay_id(past: Past, number: int) -> str:
    return ids.make(ids.REPLAY, past.now_ms - REPLAYS + number, bytes(10))


def wide_event(past: Past) -> int:
    """The event that is spread next."""
    return past.events // 2


def surround(tx: Transaction, past: Past) -> None:
    """Write all of it, in a transaction of an empty database."""
    _configure(tx, past)
    tx.each("add_rejection", [_rejection(past, number) for number in range(REJECTIONS)])
    tx.each("add_replay", [_replay(past, number) for number in range(REPLAYS)])
    for number in range(5, REPLAYS):
        tx.run("replay_progress", {**_OVER, "id": replay_id(past, number), "finished_at_ms": past.now_ms})
    wide = [past.event_id(wide_event(past) + number) for number in range(FANOUTS)]
    tx.each("add_fanout", [{"event_id": id, "last": PLACES[-1].endpoint_id, "due_at_ms": past.now_ms} for id in wide])
    tx.run("take_places", {"endpoint_id": PLACES[1].endpoint_id, "count": past.events})
    tx.run("join", {"id": NODE, "name": "one", "role": "all", "version": "1", "started_at_ms": past.now_ms})


def _configure(tx: Transaction, past: Past) -> None:
    for source_id, endpoint_id in PLACES:
        tx.run("put_source", {**_source(past, source_id, "provider", source_id), "uid": ""})
        tx.run("put_endpoint", _endpoint(past, endpoint_id, source_id, ""))
    customers = range(CUSTOMERS)
    tx.each("put_source", [_source(past, customer_id(one), "application", f"customer-{one}") for one in customers])
    tx.each(
        "put_endpoint",
        [_endpoint(past, customers_endpoint(one), customer_id(one), f"endpoint-{one}") for one in customers],
    )
    tx.run("put_source", _source(past, f"{ids.SOURCE}operational", "operational", "hookline.operational"))
    tx.each("put_event_type", [_event_type(past, f"type.{one}") for one in range(EVENT_TYPES)])
    tx.each("bury", [{"id": f"{ids.ENDPOINT}gone{one}", "version": VERSION} for one in range(GONE)])


_OVER: Final = {"state": "done", "seen": 1, "replayed": 1, "cursor": ""}


def _version(id: str) -> int:
    return NEWEST_VERSION if id in (customer_id(1), customers_endpoint(1), "type.1") else VERSION


def _source(past: Past, id: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "id": id,
        "org_id": DEFAULT_ORG,
        "kind": kind,
        "name": name,
        "uid": name,
        "spec": "{}",
        "secrets": b"",
        "managed_by": "api",
        "now_ms": past.now_ms,
        "version": _version(id),
    }


def _endpoint(past: Past, id: str, source_id: str, uid: str) -> dict[str, Any]:
    return {
        "id": id,
        "org_id": DEFAULT_ORG,
        "source_id": source_id,
        "name": "hook",
        "uid": uid,
        "spec": "{}",
        "secrets": b"",
        "managed_by": "api",
        "state": "active",
        "state_reason": "",
        "failing_since_ms": 0,
        "now_ms": past.now_ms,
        "version": _version(id),
    }


def _event_type(past: Past, name: str) -> dict[str, Any]:
    return {
        "org_id": DEFAULT_ORG,
        "name": name,
        "description": "",
        "archived": 0,
        "deprecated": 0,
        "feature_flag": "",
        "schemas": "{}",
        "created_at_ms": past.now_ms,
        "updated_at_ms": past.now_ms,
        "version": _version(name),
    }


def _rejection(past: Past, number: int) -> dict[str, Any]:
    return {
        "id": rejection_id(past, number),
        "org_id": DEFAULT_ORG,
        "source_name": "shop",
        "received_at_ms": past.now_ms,
        "cause": "unknown_source" if number % 2 else "bad_signature",
        "detail": "",
        "status": 401,
        "complete": 1,
        "request": b"x" * 100,
    }


def _replay(past: Past, number: int) -> dict[str, Any]:
    return {
        "id": replay_id(past, number),
        "org_id": DEFAULT_ORG,
        "filter": "{}",
        "total": 1,
        "now_ms": past.now_ms,
        "kind": "replay",
    }
