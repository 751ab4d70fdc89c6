"""Deliveries: claimed under a lease, settled under that lease, redriven, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hookline.core.errors import Conflict, HooklineError, NotFound
from hookline.core.model import Delivery, Endpoint, EndpointState, Settlement
from hookline.core.state import DeliveryState, Move, after
from hookline.storage.base import Batch, Claim, Claimed, Database, Once, Settled, Stream, Transaction, Worker, on
from hookline.storage.claims import claim_batch
from hookline.storage.operational import NewId
from hookline.storage.redrive import Replayed, Resend, payload_gone, replay, resend
from hookline.storage.routing import Routing
from hookline.storage.rows import delivery_of
from hookline.storage.search import LAST
from hookline.storage.settlements import settle_batch
from hookline.storage.statuses import refresh_status

#: Deliveries of a vanished endpoint that are ended per transaction, so that the writer is never held long.
GONE_PER_STEP = 500


class Backlog(msgspec.Struct, frozen=True):
    """What an endpoint is owed: how many, and the id of the oldest."""

    endpoint_id: str
    depth: int
    oldest: str


class Owing(msgspec.Struct, frozen=True):
    """An endpoint that is owed something: when the first of it is due, and the endpoint's state (None: it is gone)."""

    endpoint_id: str
    due_at_ms: int
    state: str | None


class Deliveries:
    """The deliveries of all events: the queue."""

    def __init__(self, database: Database, routing: Callable[[Transaction], Routing], new_id: NewId) -> None:
        self._database = database
        self._routing, self._new_id = routing, new_id
        self._settle: Batch = self._settle_batch  # the same object each time, so that a group is seen to be one
        #: Told of what is owed, or due, otherwise than before. None in a process that only looks.
        self.worker: Worker | None = None

    async def claim(self, claim: Claim) -> Claimed:
        """Lease deliveries of one endpoint that are due, oldest first, within a count and a number of bytes."""
        return await self._database.write(claim_batch, claim)  # type: ignore[no-any-return]

    def settle(self, settlement: Settlement, done: Callable[[Settled | None, BaseException | None], None]) -> None:
        """Record what became of a leased delivery; ``done`` is called after the commit."""
        self._database.submit(self._settle, settlement, done)

    @on(Stream.DELIVERY)
    def _settle_batch(self, tx: Transaction, settlements: Sequence[Settlement]) -> list[Settled]:
        return settle_batch(tx, settlements, self._routing, self._new_id)

    async def release_all_leases(self, now_ms: int) -> int:
        """Make everything leased due at once. Only for the one server that owns the database, at its start."""
        return await self._database.write(_release_batch, now_ms)  # type: ignore[no-any-return]

    async def end_leases(self, leases: Sequence[str], now_ms: int) -> list[str]:
        """What is leased under these names is due at once; the endpoints that are owed it."""
        return await self._database.write(_end_leases_batch, (leases, now_ms))  # type: ignore[no-any-return]

    async def owed(self) -> list[Owing]:
        """Every endpoint that is owed anything, with the time its first delivery is due."""
        return await self._database.read(
            lambda tx: [Owing(row["endpoint_id"], row["due_at_ms"], row["state"]) for row in tx.rows("endpoints_owed")]
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
        params = {"org_id": org_id, "state": state or None, "before": before or LAST, "limit": limit}
        query = "deliveries_newest"
        if endpoint_id:
            query = "deliveries_of_endpoint"
            params |= {"endpoint_id": endpoint_id, "tail": endpoint_id[-16:]}
        rows = await self._database.read(lambda tx: tx.rows(query, params))
        return [delivery_of(row) for row in rows]

    async def cancel(self, org_id: str, delivery_id: str, now_ms: int) -> None:
        """Owe it no longer. Raises NotFound, or Conflict when it is already over."""
        endpoint_id = await self._database.write(_cancel_batch, (org_id, delivery_id, now_ms))
        if self.worker is not None:
            self.worker.owed([endpoint_id])  # where order counts, the next one may have waited for this

    async def end_owed_to(self, endpoint_id: str, reason: str, now_ms: int) -> int:
        """Everything an endpoint that is gone or disabled is still owed becomes dead (it can be replayed); how many."""
        ended = 0
        while count := await self._database.write(self._gone_batch, (endpoint_id, reason, now_ms)):
            ended += count
        return ended

    async def replay_event(self, org_id: str, event_id: str, now_ms: int, endpoint_id: str = "") -> int:
        """Owe an event again; how many deliveries. See ``replay``.

        Raises NotFound, or Conflict when its bytes are gone.
        """
        done: Replayed = await self._database.write(self._replay_batch, (org_id, event_id, now_ms, endpoint_id))
        if self.worker is not None:
            self.worker.look()
            if done.wide:
                self.worker.wide()
        return done.owed

    def _gone_batch(self, tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[int]:
        endpoints = self._routing(tx).endpoints
        return [0 if _is_sent_to(endpoints.get(item[0])) else _end_some(tx, *item) for item in items]

    def _replay_batch(
        self, tx: Transaction, items: Sequence[tuple[str, str, int, str]]
    ) -> list[Replayed | HooklineError]:
        return [self._replay(tx, *item) for item in items]

    def _replay(
        self, tx: Transaction, org_id: str, event_id: str, now_ms: int, endpoint_id: str
    ) -> Replayed | HooklineError:
        tx.lock("lock_events", [event_id])
        route = tx.row("event_route", {"event_id": event_id})
        if route is None or route["org_id"] != org_id:
            return NotFound(f"there is no event {event_id}")
        if not route["has_payload"]:
            return payload_gone(event_id)
        return replay(tx, self._routing(tx), event_id, now_ms, endpoint_id)

    async def resend(self, org_id: str, event_id: str, endpoint_id: str, now_ms: int, once: Once | None = None) -> None:
        """Send an event to one endpoint once more, whatever became of it; what waits there is due at once.

        Raises NotFound, or Conflict when its bytes are gone or the ``once`` key was used for another body.
        """
        await self._database.write(self._resend_batch, Resend(org_id, event_id, endpoint_id, now_ms, once))
        if self.worker is not None:
            self.worker.owed([endpoint_id])

    def _resend_batch(self, tx: Transaction, wishes: Sequence[Resend]) -> list[HooklineError | None]:
        return [resend(tx, self._routing(tx), wish) for wish in wishes]


# -- batches: everything below runs on the writer's thread ---------------------------------------------


def _release_batch(tx: Transaction, items: Sequence[int]) -> list[int]:
    return [tx.run("release_all_leases", {"now_ms": now_ms}) for now_ms in items]


def _end_leases_batch(tx: Transaction, items: Sequence[tuple[Sequence[str], int]]) -> list[list[str]]:
    return [_end_leases(tx, *item) for item in items]


def _end_leases(tx: Transaction, leases: Sequence[str], now_ms: int) -> list[str]:
    rows = tx.found("end_lease", [{"lease": lease, "now_ms": now_ms} for lease in leases])
    return list({row["endpoint_id"] for row in rows if row is not None})


def _cancel_batch(tx: Transaction, items: Sequence[tuple[str, str, int]]) -> list[HooklineError | str]:
    return [_cancel(tx, *item) for item in items]


def _cancel(tx: Transaction, org_id: str, delivery_id: str, now_ms: int) -> HooklineError | str:
    """The id of the endpoint that it is owed to no longer."""
    row = tx.row("delivery_get", {"org_id": org_id, "id": delivery_id})
    if row is None:
        return NotFound(f"there is no delivery {delivery_id}")
    try:
        after(DeliveryState(row["state"]), Move.CANCEL)
    except Conflict as conflict:
        return conflict
    if not tx.run("cancel_delivery", {"org_id": org_id, "id": delivery_id, "now_ms": now_ms, "reason": "cancelled"}):
        return Conflict(f"the delivery {delivery_id} has just ended")
    refresh_status(tx, [row["event_id"]])
    return str(row["endpoint_id"])


def _is_sent_to(endpoint: Endpoint | None) -> bool:
    """Whether it was enabled again meanwhile: then nothing more of what it is owed may end."""
    return endpoint is not None and endpoint.state is not EndpointState.DISABLED


def _end_some(tx: Transaction, endpoint_id: str, reason: str, now_ms: int) -> int:
    rows = tx.rows("owed_to_endpoint", {"endpoint_id": endpoint_id, "now_ms": now_ms, "limit": GONE_PER_STEP})
    if rows:
        tx.each("kill_delivery", [{"id": row["id"], "now_ms": now_ms, "reason": reason} for row in rows])
    refresh_status(tx, {row["event_id"] for row in rows})
    return len(rows)
