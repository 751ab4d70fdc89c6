"""Settling: what became of an attempt, recorded only under the lease it was made under."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from hookline.core.model import Settlement
from hookline.core.state import DeliveryState
from hookline.storage.base import Settled, Transaction
from hookline.storage.operational import NewId, may_be_news, tell_of_attempt
from hookline.storage.routing import Routing
from hookline.storage.statuses import refresh_status, span

_pack = msgspec.msgpack.Encoder().encode

_HELD = Settled(True)
_LOST = Settled(False)


def settle_batch(
    tx: Transaction,
    settlements: Sequence[Settlement],
    routing: Callable[[Transaction], Routing],
    new_id: NewId,
) -> list[Settled]:
    """Settle, each under its lease; what is news is told."""
    done = _settle(tx, settlements)
    held = [settlement for settlement, was_held in zip(settlements, done, strict=True) if was_held]
    if attempts := [_attempt_params(s) for s in held if s.attempt is not None]:
        tx.each("add_attempt", attempts)
    _refresh_after(tx, [s for s in held if not _still_processing(s)])
    results = [_HELD if was_held else _LOST for was_held in done]
    for place, settlement in enumerate(settlements):
        if done[place] and may_be_news(settlement):
            results[place] = Settled(True, tuple(tell_of_attempt(tx, routing(tx), new_id, settlement)))
    return results


def _settle(tx: Transaction, settlements: Sequence[Settlement]) -> list[bool]:
    """Which of them held their leases. A lease can be settled once, so the second of two in a group held nothing."""
    first: dict[tuple[str, str], int] = {}
    for place, one in enumerate(settlements):
        first.setdefault((one.delivery_id, one.lease), place)
    done = [False] * len(settlements)
    places = list(first.values())
    for place, was_held in zip(
        places, tx.changed("settle", [_settle_params(settlements[place]) for place in places]), strict=True
    ):
        done[place] = was_held
    return done


def _refresh_after(tx: Transaction, settlements: Iterable[Settlement]) -> None:
    """Write what people see of the events. Most end with their only delivery delivered: one statement says so."""
    arrived: set[str] = set()
    other: set[str] = set()
    for settlement in settlements:
        (arrived if settlement.state == DeliveryState.DELIVERED else other).add(settlement.event_id)
    if sole := list(arrived - other):
        tx.lock("lock_events", sole)
        done = tx.changed("processed_if_all_delivered", [span(event_id) for event_id in sole])
        other.update(event_id for event_id, is_done in zip(sole, done, strict=True) if not is_done)
    refresh_status(tx, other)


def _still_processing(settlement: Settlement) -> bool:
    """A later failure that will be retried leaves the event ``processing``: nothing to write."""
    return settlement.state == DeliveryState.WAITING and settlement.failures != 1


def _settle_params(settlement: Settlement) -> dict[str, Any]:
    over = settlement.state != DeliveryState.WAITING
    return {
        "id": settlement.delivery_id,
        "lease": settlement.lease,
        "state": str(settlement.state),
        "attempted": 1 if settlement.attempt is not None else 0,
        "failures": settlement.failures,
        "due_at_ms": settlement.due_at_ms,
        "finished_at_ms": settlement.due_at_ms if over else 0,
        "reason": settlement.reason,
    }


def _attempt_params(settlement: Settlement) -> dict[str, Any]:
    attempt = settlement.attempt
    assert attempt is not None
    return {
        "delivery_id": attempt.delivery_id,
        "number": attempt.number,
        "started_at_ms": attempt.started_at_ms,
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "detail": attempt.detail,
        "address": attempt.address,
        "response_headers": _pack(attempt.response_headers),
        "response_body": attempt.response_body,
        "manual": 1 if attempt.manual else 0,
    }
