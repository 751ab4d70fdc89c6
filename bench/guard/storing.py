"""Pieces of the store: events are committed, deliveries claimed and settled, in groups that share a transaction."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bench.guard.inputs import NOW_MS, requests
from bench.guard.place import add_endpoint, add_source, empty_store
from bench.guard.sender import OK
from bench.guard.steps import GROUP, Step, answered, expect, groups
from hookline.core import ids
from hookline.core.model import Event, Request, Settlement, Source, Verification, Work
from hookline.delivery.attempt import settle
from hookline.storage.base import Claim, Draft, Receipt, Settled
from hookline.storage.store import Store

_LEASE_UNTIL_MS = NOW_MS + 60_000
_MOST_BYTES = 8 * 1024 * 1024


class Leases:
    """A `Worker` that leases everything and keeps what it was leased."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self._count = 0

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        """There is always room."""
        self._count += 1
        return f"nodew{self._count:08x}", _LEASE_UNTIL_MS

    def release(self, endpoint_id: str, size: int, lease: str) -> None:
        """No commit fails."""
        raise RuntimeError("a commit failed")

    def leased(self, works: Sequence[Work]) -> None:
        """Keep them."""
        self.works += works

    def owed(self, endpoint_ids: Iterable[str]) -> None:
        """Nothing is owed without a lease."""
        raise RuntimeError("something is owed without a lease")

    def look(self) -> None:
        """There is nobody to look."""

    def wide(self) -> None:
        """There is nobody to do it."""


def commit(*, guard: bool = False, endpoint: bool = False) -> Callable[[int], AbstractAsyncContextManager[Step]]:
    """Store events with a key; with a guard too; with a delivery that is born leased."""

    @asynccontextmanager
    async def prepare(count: int) -> AsyncIterator[Step]:
        async with empty_store() as store:
            source = await add_source(store, "github" if guard else "standard_webhooks")
            if endpoint:
                await add_endpoint(store, source, concurrency=GROUP)
            worker = Leases()
            store.hand_over_to(worker)
            drafts = iter(groups(drafts_of(source, count * GROUP, guard=guard)))
            receipts: list[Receipt] = []

            async def step() -> None:
                await accept(store, next(drafts), receipts)

            yield step
            status = "pending" if endpoint else "ignored"
            said = [(each.status, each.duplicate) for each in receipts]
            expect(said, [(status, False)] * count * GROUP, "receipts")
            expect(len(worker.works), count * GROUP if endpoint else 0, "leased deliveries")

    return prepare


@asynccontextmanager
async def settle_deliveries(count: int) -> AsyncIterator[Step]:
    """Record delivered deliveries with their attempts, each the only one of its event."""
    async with empty_store() as store:
        settlements = iter(groups(await _delivered(store, count * GROUP)))
        ends: list[bool] = []

        def done(settled: Settled | None, error: BaseException | None) -> None:
            ends.append(settled is not None and settled.held)

        async def step() -> None:
            wanted = len(ends) + GROUP
            for settlement in next(settlements):
                store.deliveries.settle(settlement, done)
            await answered(ends, wanted)

        yield step
        expect(ends, [True] * count * GROUP, "settled deliveries")


@asynccontextmanager
async def claim_deliveries(count: int) -> AsyncIterator[Step]:
    """Lease what is due to an endpoint, a group at a time."""
    async with empty_store() as store:
        source = await add_source(store, "standard_webhooks")
        endpoint_id = await add_endpoint(store, source, concurrency=GROUP)
        await _accept_all(store, drafts_of(source, count * GROUP))
        claim = Claim(endpoint_id, GROUP, _MOST_BYTES, NOW_MS + 1_000, "nodec1", _LEASE_UNTIL_MS)
        claimed: list[int] = []

        async def step() -> None:
            claimed.append(len((await store.deliveries.claim(claim)).works))

        yield step
        expect(claimed, [GROUP] * count, "claimed deliveries")


def drafts_of(source: Source, count: int, *, guard: bool = False) -> list[Draft]:
    """Events of a source as its door would hand them in, one a millisecond."""
    arrived = requests(source.provider, count)
    return [_draft(source, number, request, guard=guard) for number, request in enumerate(arrived)]


def _draft(source: Source, number: int, request: Request, *, guard: bool) -> Draft:
    body_hash = hashlib.sha256(request.body).digest()[:16]
    name = b"x-github-delivery" if source.provider == "github" else b"webhook-id"
    sender_id = request.lookup[name].decode()
    at_ms = NOW_MS + number
    event = Event(
        id=ids.make(ids.EVENT, at_ms, number.to_bytes(10, "big")),
        org_id=source.org_id,
        source_id=source.id,
        type="push",
        received_at_ms=NOW_MS,
        status="",
        request=request,
        provider_event_id=sender_id,
        verification=Verification.VERIFIED,
    )
    return Draft(event, f"id:{sender_id}", f"body:{body_hash.hex()}" if guard else "", body_hash)


async def accept(store: Store, drafts: Sequence[Draft], receipts: list[Receipt]) -> None:
    """Store the drafts in one commit; each adds its receipt."""

    def done(receipt: Receipt | None, error: BaseException | None) -> None:
        if receipt is None:
            raise RuntimeError("an event was not stored") from error
        receipts.append(receipt)

    wanted = len(receipts) + len(drafts)
    for draft in drafts:
        store.events.take(draft, done)
    await answered(receipts, wanted)


async def _accept_all(store: Store, drafts: Sequence[Draft]) -> None:
    receipts: list[Receipt] = []
    for group in groups(drafts):
        await accept(store, group, receipts)


async def _delivered(store: Store, count: int) -> list[Settlement]:
    source = await add_source(store, "standard_webhooks")
    await add_endpoint(store, source, concurrency=GROUP)
    worker = Leases()
    store.hand_over_to(worker)
    await _accept_all(store, drafts_of(source, count))
    endpoints = {each.id: each for each in store.routing.endpoints.values()}
    return [settle(work, endpoints[work.endpoint_id], OK, NOW_MS, NOW_MS + 2, 0.5) for work in worker.works]
