"""What each named query is asked about the past: the parameters that the store gives it, as a rule about one event."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from hookline.core import ids
from hookline.core.model import DEFAULT_ORG
from hookline.core.state import DeliveryState
from hookline.storage.postgres.partitions import DAY_MS
from hookline.storage.sql import ARRAYS, QUERIES
from tests.plans.past import DUE_AFTER_MS, DUE_BEFORE_MS, NODE, TYPE, Past
from tests.plans.surroundings import (
    CUSTOMERS,
    PLACES,
    REJECTIONS,
    REPLAYS,
    VERSION,
    customer_id,
    customers_endpoint,
    rejection_id,
    replay_id,
    wide_event,
)

Params: TypeAlias = dict[str, Any]
_About: TypeAlias = Callable[[Past, int], Params]

#: What a page of a list shows, and what a lane takes in at once.
PAGE: Final = 50
CLAIM: Final = 20

#: In which state the delivery is that a query is about; DELIVERED unless it is named here.
STATES: Final = {
    "lease": DeliveryState.WAITING,
    "hasten_delivery": DeliveryState.WAITING,
    "cancel_delivery": DeliveryState.WAITING,
    "cancel_deliveries_of_event": DeliveryState.WAITING,
    "kill_delivery": DeliveryState.WAITING,
    "settle": DeliveryState.LEASED,
    "release_lease": DeliveryState.LEASED,
    "end_lease": DeliveryState.LEASED,
    "refresh_event_status": DeliveryState.DEAD,
}


def question(name: str, past: Past, number: int) -> Params:
    """The parameters of a query that is about the n-th event."""
    given: Params = dict(_ANYTHING)
    given |= _of_event(past, number) | _of_time(past) | _ABOUT.get(name, _fixed())(past, number)
    wanted = re.findall(r"(?<!:):(\w+)", QUERIES.get(name) or ARRAYS[name])
    assert given.keys() >= set(wanted), f"say here what {name} is asked"
    return {param: given[param] for param in wanted}


def numbers(name: str, past: Past, count: int) -> list[int]:
    """The newest events of the first place that a query can be about, and one that came long ago."""
    wanted = STATES.get(name, DeliveryState.DELIVERED)
    found: list[int] = []
    for number in range(past.events - 2, 0, -2):
        if len(found) == count:
            break
        if past.state(number) is wanted:
            found.append(number)
    old = next(number for number in range(past.events // 3 // 2 * 2, past.events, 2) if past.state(number) is wanted)
    return [old, *found[: count - 1]]


def new_rows(table: str, past: Past, count: int) -> list[tuple[Any, ...]]:
    """Rows of events that come next."""
    return past.rows(past.events, past.events + count)[table]


#: What no query is asked about in particular.
_ANYTHING: Final[Mapping[str, Any]] = {
    "org_id": DEFAULT_ORG,
    "limit": PAGE,
    "with_payload": 1,
    # a filter that nearly everything passes: one that nearly nothing passes walks on until the page is full
    "types": f" {TYPE} ",
    "type_exact": None,
    "type_prefix": None,
    "channel": None,
    "tag": None,
    "provider_event_id": None,
    "state": None,
    "states": None,
    "status": None,
    "source_name": None,
    "cause": None,
    # attempts between the first and the last of all
    "after_ms": 0,
    "after_id": "",
    "after_number": -1,
    "before_ms": 1 << 62,
    "before_id": "",
    "before_number": -1,
    "status_from": 0,
    "status_to": 1000,
    "not_from": 1000,
    "not_to": 1000,
    # what is written
    "number": 1,
    "count": 3,
    "failures": 0,
    "attempted": 1,
    "fifo": 0,
    "manual": 1,
    "reason": "",
    "body_hash": bytes(16),
    "headers": b"",
    "body": b"EXPUNGED",
    "kind": "application",
    "role": "all",
    "version": VERSION,
    "secrets": b"",
    "spec": "{}",
    "managed_by": "api",
    "state_reason": "",
    "failing_since_ms": 0,
    "filter": "{}",
    "total": 9,
    "seen": 3,
    "replayed": 3,
    "cursor": "",
    "works_with": 3,
    "proof": 1,
    "beat": 0,
    # what is listed by name
    "anchor": "",
    "include_archived": 0,
    "flags": None,
    "keep": 100,
    "keep_bytes": 1 << 20,
}


def _of_event(past: Past, number: int) -> Params:
    event_id, place = past.event_id(number), past.place(number)
    low, high = ids.deliveries_of(event_id)
    return {
        "source_id": place.source_id,
        "endpoint_id": place.endpoint_id,
        "tail": place.endpoint_id[-16:],
        "event_id": event_id,
        "delivery_id": past.delivery_id(number),
        "id": past.delivery_id(number),
        "key": past.key(number),
        "instead_of": event_id,
        "low": low,
        "high": high,
        "was_due_ms": past.due_ms(number),
        "lease": past.lease(number),
    }


def _of_time(past: Past) -> Params:
    """It is an hour at which about half of what is owed is due."""
    now_ms = past.now_ms + (DUE_AFTER_MS + DUE_BEFORE_MS) // 2
    return {
        "now_ms": now_ms,
        "since_ms": past.now_ms - DAY_MS,
        "started_at_ms": now_ms,
        "received_at_ms": now_ms,
        "created_at_ms": now_ms,
        "updated_at_ms": now_ms,
        "finished_at_ms": now_ms,
        "due_at_ms": now_ms,
        "until_ms": now_ms + 60_000,
        "next_ms": now_ms + 60_000,
        "expires_at_ms": now_ms + 60_000,
    }


def _fixed(**params: Any) -> _About:
    return lambda past, number: params


def _event(past: Past, number: int) -> Params:
    return {"id": past.event_id(number)}


def _all(past: Past, number: int) -> Params:
    return {"after": ids.lowest(ids.EVENT, 0), "before": "~"}


def _failed(past: Past, number: int) -> Params:
    return {**_all(past, number), "status": "failed", "source_id": None}


def _old(past: Past, number: int) -> Params:
    return {"cut": ids.lowest(ids.EVENT, (past.start_ms + past.now_ms) // 2)}


def _new_key(past: Past, number: int) -> Params:
    return {"key": f"new-{number}"}


def _deliveries_of_event(past: Past, number: int) -> Params:
    after, before = ids.deliveries_of(past.event_id(number))
    return {"after": after, "before": before}


def _all_deliveries(past: Past, number: int) -> Params:
    return {"after": ids.lowest(ids.DELIVERY, 0), "before": "~"}


def _newest_deliveries(past: Past, number: int) -> Params:
    """A count reads all that it counts: here some hundred."""
    return {"after": ids.lowest(ids.DELIVERY, past.at_ms(past.events - 500)), "before": "~"}


def _claim(past: Past, number: int) -> Params:
    return {"limit": CLAIM}


def _claim_in_order(past: Past, number: int) -> Params:
    return {"endpoint_id": past.places[1].endpoint_id, "limit": CLAIM + 1}


def _few_owed(past: Past, number: int) -> Params:
    return {"endpoint_id": past.places[-1].endpoint_id}


def _new_delivery(past: Past, number: int) -> Params:
    new = past.events + number
    return {"event_id": past.event_id(new), "id": past.delivery_id(new)}


def _new_attempt(past: Past, number: int) -> Params:
    answer = {"status": 200, "error": "", "detail": "", "address": "", "response_headers": b"", "response_body": b""}
    return {**answer, "number": past.most_attempts + 1, "duration_ms": 1.5}


def _wide(past: Past, number: int) -> Params:
    return {"event_id": past.event_id(wide_event(past)), "done_to": customers_endpoint(9)}


def _new_wide(past: Past, number: int) -> Params:
    return {"last": customers_endpoint(9)}


def _rejected(past: Past, number: int) -> Params:
    return {"id": rejection_id(past, 9), "event_id": past.event_id(number)}


def _newly_rejected(past: Past, number: int) -> Params:
    return {"id": rejection_id(past, REJECTIONS), "source_name": "shop", "cause": "x", "detail": "", **_REFUSED}


def _too_many_rejected(past: Past, number: int) -> Params:
    return {"upto": rejection_id(past, REJECTIONS)}


def _replay(past: Past, number: int) -> Params:
    return {"id": replay_id(past, 9), "state": "done"}


def _new_replay(past: Past, number: int) -> Params:
    return {"id": replay_id(past, REPLAYS)}


_REFUSED: Final = {"status": 401, "complete": 1, "request": b""}
_A_CUSTOMER: Final = _fixed(source_id=customer_id(9), id=customer_id(9), id_or_uid=customer_id(9), uid="customer-9")
_AN_ENDPOINT: Final = _fixed(
    source_id=customer_id(9),
    id=customers_endpoint(9),
    key=customers_endpoint(9),
    uid="endpoint-9",
    name="hook",
    state="paused",
)
_AN_EVENT_TYPE: Final = _fixed(name="type.9", description="", archived=0, deprecated=0, feature_flag="", schemas="{}")
_THE_NODE: Final = _fixed(id=NODE, low=NODE, high=NODE + "~")
_FROM_THE_LAST: Final = _fixed(source_id=customer_id(9), anchor="~", before="~")

_TO: Final[tuple[tuple[_About, str], ...]] = (
    (_event, "event_get forget_event forget_payload forget_expired_payload lock_events"),
    (_all, "events_newest events_oldest events_of_source_newest events_of_source_oldest events_for_endpoint"),
    (_failed, "events_of_rare_status_newest events_of_rare_status_oldest"),
    (_old, "expired_events"),
    (_new_key, "seen_insert forget_key"),
    (_deliveries_of_event, "deliveries_of_event_newest deliveries_of_event_oldest"),
    (_all_deliveries, "deliveries_newest deliveries_of_endpoint dead_of_endpoint"),
    (_all_deliveries, "messages_of_endpoint_newest messages_of_endpoint_oldest"),
    (_newest_deliveries, "endpoint_stats"),
    (_claim, "due_deliveries"),
    (_claim_in_order, "owed_in_order"),
    (_few_owed, "set_fifo_of_owed"),
    (_new_delivery, "add_delivery"),
    (_fixed(state="delivered"), "settle"),
    (_new_attempt, "add_attempt"),
    (_wide, "fanout_get fanout_progress forget_fanout"),
    (_new_wide, "add_fanout"),
    (_A_CUSTOMER, "application_get application_of_uid sender_get delete_source delete_endpoints_of_source"),
    (_A_CUSTOMER, "endpoints_of_source endpoints_oldest bury_endpoints_of_source newest_endpoint"),
    (_AN_ENDPOINT, "endpoint_get endpoint_by_id endpoint_by_name endpoint_of_uid put_endpoint delete_endpoint"),
    (_AN_ENDPOINT, "set_endpoint_state note_endpoint_state lock_endpoints"),
    (_fixed(id=customer_id(CUSTOMERS), name="another", uid="another"), "put_source"),
    (_fixed(name_or_id=PLACES[0].source_id), "source_get"),
    (_FROM_THE_LAST, "applications_newest endpoints_newest event_types_falling rejections_newest replays_newest"),
    (_AN_EVENT_TYPE, "event_type_get put_event_type delete_event_type"),
    (_newly_rejected, "add_rejection"),
    (_rejected, "rejection_get rejection_accepted"),
    (_too_many_rejected, "forget_rejections forget_strangers"),
    (_replay, "replay_get replay_to_push replay_progress"),
    (_new_replay, "add_replay"),
    (_THE_NODE, "beat leave bury_node leases_of_node"),
    (_fixed(id="node_new", name="two"), "join"),
)

#: What the queries are about that are not simply about the n-th event, its delivery or its key.
_ABOUT: Final = {name: about for about, names in _TO for name in names.split()}
