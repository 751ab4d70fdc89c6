"""Claiming: a lease on what is due to one endpoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hookline.core.model import Work
from hookline.storage.base import Claim, Claimed, Row, Stream, Transaction, on
from hookline.storage.rows import unpack_headers


@on(Stream.DELIVERY)
def claim_batch(tx: Transaction, claims: Sequence[Claim]) -> list[Claimed]:
    """Lease what is due."""
    return [_claim(tx, claim) for claim in claims]


def _claim(tx: Transaction, claim: Claim) -> Claimed:
    if claim.fifo:
        return _claim_in_order(tx, claim)
    due = tx.rows(
        "due_deliveries",
        {"endpoint_id": claim.endpoint_id, "now_ms": claim.now_ms, "limit": claim.limit},
    )
    if any(row["fifo"] for row in due):  # the endpoint was made first-in-first-out, and who claims does not know yet
        return _claim_in_order(tx, msgspec.structs.replace(claim, limit=1))
    works = _lease(tx, claim, _fitting(claim, due))
    upcoming = tx.row("next_due", {"endpoint_id": claim.endpoint_id})
    return Claimed(works, upcoming["due_at_ms"] if upcoming is not None else None)


def _claim_in_order(tx: Transaction, claim: Claim) -> Claimed:
    """The unbroken run of what is due, from the oldest on.

    While the oldest waits for its next try, or is leased to anybody, whatever was published after it waits too.
    """
    tx.lock(
        "lock_endpoints", [claim.endpoint_id]
    )  # of two who look at once, only one takes the oldest and what follows
    rows = tx.rows("owed_in_order", {"endpoint_id": claim.endpoint_id, "limit": claim.limit + 1})
    due = itertools.takewhile(lambda row: row["due_at_ms"] <= claim.now_ms, rows[: claim.limit])
    run = _fitting(claim, due)
    works = _lease(tx, claim, run)
    return Claimed(works, rows[len(run)]["due_at_ms"] if len(run) < len(rows) else None)


def _fitting(claim: Claim, rows: Iterable[Row]) -> list[Row]:
    """As many as the claim has bytes for, and never none where there is one."""
    chosen: list[Row] = []
    size = 0
    for row in rows:
        size += row["size"]
        if chosen and size > claim.max_bytes:
            break
        chosen.append(row)
    return chosen


def _lease(tx: Transaction, claim: Claim, rows: Sequence[Row]) -> list[Work]:
    """The works of these deliveries, as far as they could be leased: what was cancelled or settled meanwhile cannot."""
    if not rows:
        return []
    leases = [_lease_params(claim, row) for row in rows]
    leased = [row for row, done in zip(rows, tx.changed("lease", leases), strict=True) if done]
    events = tx.found("to_send", [{"event_id": row["event_id"]} for row in leased]) if leased else []
    return [_work(row, event, claim) for row, event in zip(leased, events, strict=True) if event is not None]


def _lease_params(claim: Claim, row: Row) -> dict[str, Any]:
    return {"id": row["id"], "was_due_ms": row["due_at_ms"], "lease": claim.lease, "until_ms": claim.until_ms}


def _work(row: Row, event: Row, claim: Claim) -> Work:
    return Work(
        delivery_id=row["id"],
        event_id=row["event_id"],
        event_type=event["type"],
        endpoint_id=claim.endpoint_id,
        attempts=row["attempts"],
        failures=row["failures"],
        lease=claim.lease,
        lease_until_ms=claim.until_ms,
        headers=unpack_headers(event["headers"]),
        body=bytes(event["body"]),
        manual=bool(row["manual"]),
    )
