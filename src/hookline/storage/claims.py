"""Claiming: a lease on what is due to one endpoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from hookline.core.model import Work
from hookline.storage.base import Claim, Claimed, Row, Transaction
from hookline.storage.rows import unpack_headers


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
    tx.each("lease", [{"lease": claim.lease, "until_ms": claim.until_ms, "id": row["id"]} for row in rows])
    return [_work(tx, row, claim) for row in rows]


def _work(tx: Transaction, row: Row, claim: Claim) -> Work:
    event = tx.row("to_send", {"event_id": row["event_id"]})
    assert event is not None, "what is claimed joins the payload"
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
