"""Operational webhooks: what an organisation is told about its own endpoints and messages.

Each organisation has one source of kind ``operational``; what it is told is an event of that source, stored in the
transaction in which the thing happens. So it can neither be lost nor be told of what never happened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from hookline.core import ids
from hookline.core.headers import index
from hookline.core.model import Attempt, Event, Request, Settlement, SourceKind, Verification
from hookline.core.state import DeliveryState
from hookline.storage.base import Draft, Transaction
from hookline.storage.commit import Commit
from hookline.storage.routing import Routing
from hookline.storage.wanting import wanting

ATTEMPT_EXHAUSTED = "message.attempt.exhausted"
ATTEMPT_FAILING = "message.attempt.failing"
ATTEMPT_RECOVERED = "message.attempt.recovered"

#: The failure of a delivery that is told about; with the usual schedule it comes 35 minutes after the first. Svix's.
TELLING_FAILURE = 4

_HEADERS = ((b"content-type", b"application/json"),)
_LOOKUP = index(_HEADERS)

_encode = msgspec.json.Encoder().encode

#: Makes ids of a kind at a time, in rising order.
NewId: TypeAlias = Callable[[str, int], str]


def tell(
    tx: Transaction, routing: Routing, new_id: NewId, org_id: str, type: str, data: dict[str, Any], now_ms: int
) -> list[str]:
    """Tell an organisation that something happened, in this transaction; the ids of the endpoints that are owed it.

    ``data`` is sent as it is. Nothing is stored when no endpoint wants to know.
    """
    source = routing.operational(org_id)
    if source is None or not wanting(routing, source.id, type, ()):
        return []
    event = Event(
        id=new_id(ids.EVENT, now_ms),
        org_id=org_id,
        source_id=source.id,
        type=type,
        received_at_ms=now_ms,
        status="",
        request=Request("POST", "", b"", _HEADERS, _LOOKUP, _encode({"type": type, "data": data})),
        verification=Verification.AUTHENTICATED,
    )
    commit = Commit(tx, routing, worker=None, may_spread=False)
    stored = commit.accept(Draft(event))
    commit.insert()
    return list(stored.unleased)


def may_be_news(settlement: Settlement) -> bool:
    """Whether an organisation may want to know of it: nearly never, and to ask costs next to nothing."""
    rare = settlement.failures >= TELLING_FAILURE or settlement.state == DeliveryState.DEAD
    return rare and _news(settlement) is not None


def tell_of_attempt(tx: Transaction, routing: Routing, new_id: NewId, settlement: Settlement) -> list[str]:
    """Tell what became of a message of an application by an attempt; the ids of the endpoints that are owed it."""
    type, made = _news(settlement), settlement.attempt
    endpoint = routing.endpoints.get(settlement.endpoint_id)
    source = routing.sources.get(endpoint.source_id) if endpoint is not None else None
    if type is None or made is None or source is None or source.kind is not SourceKind.APPLICATION:
        return []
    if routing.operational(source.org_id) is None:
        return []
    route = tx.row("event_route", {"event_id": settlement.event_id})
    data = {
        "appId": source.id,
        "appUid": source.uid or None,
        "endpointId": settlement.endpoint_id,
        "msgId": settlement.event_id,
        "msgEventId": (route["provider_event_id"] or None) if route is not None else None,
        "lastAttempt": _last(made),
    }
    over = settlement.state != DeliveryState.WAITING  # then it is due no more, and this is when that became so
    now_ms = settlement.due_at_ms if over else made.started_at_ms + int(made.duration_ms)
    return tell(tx, routing, new_id, source.org_id, type, data, now_ms)


def moment(at_ms: int) -> str:
    """A time as these webhooks write it: ``2026-01-01T00:00:00.000Z``."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def _news(settlement: Settlement) -> str | None:
    if settlement.attempt is None:
        return None
    if settlement.state == DeliveryState.DEAD:
        return ATTEMPT_EXHAUSTED
    if settlement.state == DeliveryState.DELIVERED:
        return ATTEMPT_RECOVERED if settlement.failures >= TELLING_FAILURE else None
    return ATTEMPT_FAILING if settlement.failures == TELLING_FAILURE else None


def _last(made: Attempt) -> dict[str, Any]:
    return {
        "id": ids.attempt(made.delivery_id, made.number),
        "responseStatusCode": made.status,
        "timestamp": moment(made.started_at_ms),
    }
