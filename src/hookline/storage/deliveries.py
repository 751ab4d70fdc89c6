"""Deliveries: claimed under a lease, settled under that lease, redriven, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from hookline.core import ids
from hookline.core.errors import Conflict, HooklineError, NotFound
from hookline.core.model import Delivery, Endpoint, Headers, Settlement, Work
from hookline.core.state import DeliveryState, Move, after, event_status
from hookline.storage.base import Claim, Claimed, Database, Row, Settled, Transaction, Worker
from hookline.storage.routing import Routing

_pack = msgspec.msgpack.Encoder().encode
_unpack_headers = msgspec.msgpack.Decoder(Headers).decode

#: Deliveries of a vanished endpoint that are ended per transaction, so that the writer is never held long.
GONE_PER_STEP = 500


class Backlog(msgspec.Struct, frozen=True):
    """What an endpoint is owed: how many, and the id of the oldest."""

    endpoint_id: str
    depth: int
    oldest: str


class Deliveries:
    """The deliveries of all events: the queue."""

    def __init__(self, database: Database, routing: Callable[[Transaction], Routing]) -> None:
        self._database = database
        self._routing = routing
        #: Told after a replay. None in a process that only looks.
        self.worker: Worker | None = None

    async def claim(self, claim: Claim) -> Claimed:
        """Lease deliveries of one endpoint that are due, oldest first, within a count and a number of bytes."""
        return await self._database.write(_claim_batch, claim)  # type: ignore[no-any-return]

    def settle(self, settlement: Settlement, done: Callable[[Settled | None, BaseException | None], None]) -> None:
        """Record what became of a leased delivery; ``done`` is called after the commit."""
        self._database.submit(_settle_batch, settlement, done)

    async def release_all_leases(self, now_ms: int) -> int:
        """Make everything leased due at once. Only for the one server that owns the database, at its start."""
        return await self._database.write(_release_batch, now_ms)  # type: ignore[no-any-return]

    async def owed(self) -> list[tuple[str, int]]:
        """Every endpoint that is owed anything, with the time its first delivery is due."""
        return await self._database.read(
            lambda tx: [(row["endpoint_id"], row["due_at_ms"]) for row in tx.rows("endpoints_owed")]
        )

    async def backlog(self) -> list[Backlog]:
        """How much every endpoint is owed. Walks the index of what is owed: for metrics, not for the hot path."""
        return await self._database.read(
            lambda tx: [Backlog(r["endpoint_id"], r["depth"], r["oldest"]) for r in tx.rows("backlog")]
        )

    async def get(self, org_id: str, delivery_id: str) -> Delivery | None:
        """One delivery."""
        row = await self._database.read(lambda tx: tx.row("delivery_get", {"org_id": org_id, "id": delivery_id}))
        return delivery_of(row) if row is not None else None

    async def find(
        self, org_id: str, *, endpoint_id: str = "", state: str = "", before: str = "", limit: int = 50
    ) -> list[Delivery]:
        """A page of deliveries, newest first."""
        params = {
            "org_id": org_id,
            "endpoint_id": endpoint_id or None,
            "state": state or None,
            "before": before or "~",
            "limit": limit,
        }
        rows = await self._database.read(lambda tx: tx.rows("deliveries_newest", params))
        return [delivery_of(row) for row in rows]

    async def cancel(self, org_id: str, delivery_id: str, now_ms: int) -> None:
        """Owe it no longer. Raises NotFound, or Conflict when it is already over."""
        await self._database.write(_cancel_batch, (org_id, delivery_id, now_ms))

    async def end_owed_to(self, endpoint_id: str, reason: str, now_ms: int) -> int:
        """Everything an endpoint is still owed becomes dead (it can be replayed); how many."""
        ended = 0
        while count := await self._database.write(_gone_batch, (endpoint_id, reason, now_ms)):
            ended += count
        return ended

    async def replay_event(self, org_id: str, event_id: str, now_ms: int, endpoint_id: str = "") -> int:
        """Owe an event again; how many deliveries. See ``replay``. Raises NotFound."""
        count: int = await self._database.write(self._replay_batch, (org_id, event_id, now_ms, endpoint_id))
        if self.worker is not None:
            self.worker.look()
        return count

    def _replay_batch(self, tx: Transaction, items: Sequence[tuple[str, str, int, str]]) -> list[int | NotFound]:
        counts: list[int | NotFound] = []
        for org_id, event_id, now_ms, endpoint_id in items:
            if tx.row("event_get", {"org_id": org_id, "id": event_id}) is None:
                counts.append(NotFound(f"there is no event {event_id}"))
                continue
            counts.append(replay(tx, self._routing(tx), org_id, event_id, now_ms, endpoint_id))
        return counts


def delivery_of(row: Row) -> Delivery:
    """A row of ``delivery`` as the noun."""
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
        state=row["state"],
        attempts=row["attempts"],
        failures=row["failures"],
        due_at_ms=row["due_at_ms"],
        created_at_ms=row["created_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        reason=row["reason"],
    )


# -- batches: everything below runs on the writer's thread ---------------------------------------------


def _claim_batch(tx: Transaction, claims: Sequence[Claim]) -> list[Claimed]:
    return [_claim(tx, claim) for claim in claims]


def _claim(tx: Transaction, claim: Claim) -> Claimed:
    due = tx.rows(
        "due_deliveries",
        {"endpoint_id": claim.endpoint_id, "now_ms": claim.now_ms, "limit": claim.limit},
    )
    chosen: list[Row] = []
    size = 0
    for row in due:
        size += row["size"]
        if chosen and size > claim.max_bytes:
            break
        chosen.append(row)
    tx.each("lease", [{"lease": claim.lease, "until_ms": claim.until_ms, "id": row["id"]} for row in chosen])
    works = [_work(tx, row, claim) for row in chosen]
    upcoming = tx.row("next_due", {"endpoint_id": claim.endpoint_id})
    return Claimed(works, upcoming["due_at_ms"] if upcoming is not None else None)


def _work(tx: Transaction, row: Row, claim: Claim) -> Work:
    event = tx.row("to_send", {"event_id": row["event_id"]})
    assert event is not None, "due_deliveries joins the payload"
    return Work(
        delivery_id=row["id"],
        event_id=row["event_id"],
        event_type=event["type"],
        endpoint_id=claim.endpoint_id,
        attempts=row["attempts"],
        failures=row["failures"],
        lease=claim.lease,
        lease_until_ms=claim.until_ms,
        headers=_unpack_headers(event["headers"]),
        body=bytes(event["body"]),
    )


def _settle_batch(tx: Transaction, settlements: Sequence[Settlement]) -> list[Settled]:
    held: list[Settlement] = []
    results = []
    for settlement in settlements:
        changed = tx.run("settle", _settle_params(settlement)) == 1
        results.append(Settled(changed))
        if changed:
            held.append(settlement)
    tx.each("add_attempt", [_attempt_params(s) for s in held if s.attempt is not None])
    _refresh_after(tx, [s for s in held if not _still_processing(s)])
    return results


def _refresh_after(tx: Transaction, settlements: Iterable[Settlement]) -> None:
    """Write what people see of the events. Most end with their only delivery delivered: one statement says so."""
    other = set()
    for settlement in settlements:
        low, high = ids.deliveries_of(settlement.event_id)
        span = {"event_id": settlement.event_id, "low": low, "high": high}
        if settlement.state != DeliveryState.DELIVERED or not tx.run("processed_if_all_delivered", span):
            other.add(settlement.event_id)
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
    }


def refresh_status(tx: Transaction, event_ids: Iterable[str]) -> None:
    """Write what people see of these events, from the states of their deliveries."""
    changes = []
    for event_id in event_ids:
        low, high = ids.deliveries_of(event_id)
        rows = tx.rows("states_of_event", {"low": low, "high": high})
        states = [DeliveryState(row["state"]) for row in rows]
        status = event_status(states, any(row["attempts"] for row in rows))
        changes.append({"status": status, "event_id": event_id})
    tx.each("set_event_status", changes)


def _release_batch(tx: Transaction, items: Sequence[int]) -> list[int]:
    return [tx.run("release_all_leases", {"now_ms": now_ms}) for now_ms in items]


def _cancel_batch(tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[HooklineError | None]:
    return [_cancel(tx, *item) for item in items]


def _cancel(tx: Transaction, org_id: str, delivery_id: str, now_ms: int) -> HooklineError | None:
    row = tx.row("delivery_get", {"org_id": org_id, "id": delivery_id})
    if row is None:
        return NotFound(f"there is no delivery {delivery_id}")
    try:
        after(DeliveryState(row["state"]), Move.CANCEL)
    except Conflict as conflict:
        return conflict
    tx.run("cancel_delivery", {"org_id": org_id, "id": delivery_id, "now_ms": now_ms, "reason": "cancelled"})
    refresh_status(tx, [row["event_id"]])
    return None


def _gone_batch(tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[int]:
    counts = []
    for endpoint_id, reason, now_ms in items:
        rows = tx.rows("owed_to_endpoint", {"endpoint_id": endpoint_id, "limit": GONE_PER_STEP})
        tx.each("kill_delivery", [{"id": row["id"], "now_ms": now_ms, "reason": reason} for row in rows])
        refresh_status(tx, {row["event_id"] for row in rows})
        counts.append(len(rows))
    return counts


def redrive(
    tx: Transaction,
    event_id: str,
    now_ms: int,
    endpoint_id: str = "",
    *,
    everything: bool = False,
    cancelled: bool = True,
) -> list[str]:
    """Owe again what died and what was ``cancelled`` (``everything``: all, where all was delivered); to whom."""
    low, high = ids.deliveries_of(event_id)
    rows = [
        row for row in tx.rows("states_of_event", {"low": low, "high": high}) if endpoint_id in ("", row["endpoint_id"])
    ]
    everything = everything and all(row["state"] == DeliveryState.DELIVERED for row in rows)
    revived = []
    for row in rows:
        wanted = everything or row["state"] != DeliveryState.DELIVERED
        if row["state"] == DeliveryState.CANCELLED and not cancelled:
            continue
        if wanted and tx.run("replay_delivery", {"id": row["id"], "now_ms": now_ms}):
            revived.append(row["endpoint_id"])
    if revived:
        refresh_status(tx, [event_id])
    return revived


def replay(
    tx: Transaction,
    routing: Routing,
    org_id: str,
    event_id: str,
    now_ms: int,
    endpoint_id: str = "",
    *,
    by_filter: bool = False,
) -> int:
    """Send an event again, as a person means it; how many deliveries are owed by that.

    What died or was cancelled is owed again. Where everything had succeeded, everything is. Endpoints that
    want the event and never got it (they are new, or it was held for review) are owed it as well. What is
    still owed is left alone: it comes anyway. ``by_filter``: the event was not named but found, so an endpoint
    that does not want such events is not sent it.
    """
    row = tx.row("event_route", {"event_id": event_id})
    if row is None:
        return 0
    wanting = _wanting(routing, row, endpoint_id, by_filter=by_filter)
    count = sum(_add(tx, org_id, event_id, endpoint.id, now_ms) for endpoint in wanting)
    revived = redrive(tx, event_id, now_ms, endpoint_id)
    if not count and not revived:
        revived = redrive(tx, event_id, now_ms, endpoint_id, everything=True)
    if count or revived:
        refresh_status(tx, [event_id])
        tx.run("clear_review", {"event_id": event_id})
    return count + len(revived)


def _wanting(routing: Routing, row: Row, endpoint_id: str, *, by_filter: bool) -> list[Endpoint]:
    if endpoint_id and by_filter:
        return [endpoint for endpoint in routing.wanting(row["source_id"], row["type"]) if endpoint.id == endpoint_id]
    if endpoint_id:  # this event, to this endpoint: whether it usually wants such events does not matter
        endpoint = routing.endpoints.get(endpoint_id)
        return [endpoint] if endpoint is not None and endpoint.source_id == row["source_id"] else []
    return routing.wanting(row["source_id"], row["type"])


def _add(tx: Transaction, org_id: str, event_id: str, endpoint_id: str, now_ms: int) -> int:
    return tx.run(
        "add_delivery",
        {
            "id": ids.delivery(event_id, endpoint_id),
            "org_id": org_id,
            "event_id": event_id,
            "endpoint_id": endpoint_id,
            "now_ms": now_ms,
        },
    )
