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
    held: list[Settlement] = []
    news: list[int] = []
    results: list[Settled] = []
    for settlement in settlements:
        if tx.run("settle", _settle_params(settlement)) == 1:
            held.append(settlement)
            if may_be_news(settlement):
                news.append(len(results))
            results.append(_HELD)
        else:
            results.append(_LOST)
    tx.each("add_attempt", [_attempt_params(s) for s in held if s.attempt is not None])
    _refresh_after(tx, [s for s in held if not _still_processing(s)])
    for place in news:
        results[place] = Settled(True, tuple(tell_of_attempt(tx, routing(tx), new_id, settlements[place])))
    return results


def _refresh_after(tx: Transaction, settlements: Iterable[Settlement]) -> None:
    """Write what people see of the events. Most end with their only delivery delivered: one statement says so."""
    arrived: set[str] = set()
    other: set[str] = set()
    for settlement in settlements:
        (arrived if settlement.state == DeliveryState.DELIVERED else other).add(settlement.event_id)
    for event_id in arrived - other:
        if not tx.run("processed_if_all_delivered", span(event_id)):
            other.add(event_id)
    refresh_status(tx, other)


def _still_processing(settlement: Settlement) -> bool:
    """A later failure that will be retried leaves the event ``processing``: nothing to write."""
    return settlement.state == DeliveryState.WAITING and settlement.failures != 1


def _settle_params(settlement: Settlement) -> dict[str, Any]:
    over = settlement.state != DeliveryState.WAITING
    return {
        "id": settlement.delivery_id,
        "lease": settlement.lease,
        "state": settlement.state,
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
