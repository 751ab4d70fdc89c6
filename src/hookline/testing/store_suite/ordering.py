"""First in, first out: an endpoint that wants its messages strictly in the order of publishing."""

from __future__ import annotations

import asyncio

from hookline.core.model import DEFAULT_ORG, Work
from hookline.core.state import DeliveryState, Move
from hookline.storage.base import Claimed
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import LEASE_MS, START_MS, FakeWorker, World, behaviours


async def messages_are_claimed_in_the_order_of_publishing(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(5)]
    first = await world.claim(endpoint, limit=2, fifo=True)
    assert [work.event_id for work in first.works] == published[:2]
    assert first.next_due_ms == world.now_ms  # the third, when these two are done
    await _deliver(world, first.works)
    rest = await world.claim(endpoint, fifo=True)
    assert [work.event_id for work in rest.works] == published[2:]
    assert rest.next_due_ms is None


async def nothing_is_born_leased(world: World) -> None:
    worker = FakeWorker(room=10)
    world.store.hand_over_to(worker)
    shop, endpoint = await _ordered(world)
    usual = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    assert await world.states(receipt.event_id) == {
        endpoint.id: DeliveryState.WAITING,
        usual.id: DeliveryState.LEASED,
    }
    assert worker.owed_to == [endpoint.id]
    assert worker.reserved == 1


async def one_that_waits_for_its_next_try_holds_the_others_back(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(3)]
    head, *rest = (await world.claim(endpoint, fifo=True)).works
    await world.settle(head, Move.RETRY, due_in_ms=5000)
    for work in rest:
        await world.settle(work, Move.GIVE_BACK)
    blocked = await world.claim(endpoint, fifo=True)
    assert (blocked.works, blocked.next_due_ms) == ([], world.now_ms + 5000)
    world.now_ms += 5000
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published


async def what_somebody_else_has_leased_holds_the_others_back(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(3)]
    held = (await world.claim(endpoint, limit=1, fifo=True)).works
    blocked = await world.claim(endpoint, fifo=True)
    assert (blocked.works, blocked.next_due_ms) == ([], world.now_ms + LEASE_MS)
    world.now_ms += LEASE_MS
    again = (await world.claim(endpoint, fifo=True)).works
    assert [work.event_id for work in again] == published
    assert not await world.settle(held[0])


async def a_run_ends_before_one_that_is_not_due(world: World) -> None:
    shop, endpoint = await _ordered(world)
    now, later, after = [(await world.accept(shop, due_at_ms=due)).event_id for due in (0, world.now_ms + 1000, 0)]
    claimed = await world.claim(endpoint, fifo=True)
    assert [work.event_id for work in claimed.works] == [now]
    assert claimed.next_due_ms == world.now_ms + 1000
    await _deliver(world, claimed.works)
    assert (await world.claim(endpoint, fifo=True)).works == []
    world.now_ms += 1000
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == [later, after]


async def a_run_has_no_more_bytes_than_it_may_but_never_nothing(world: World) -> None:
    shop, endpoint = await _ordered(world)
    for size in (60, 30, 500, 1):
        await world.accept(shop, body=b"x" * size)
    sizes = []
    while works := (await world.claim(endpoint, max_bytes=100, fifo=True)).works:
        sizes.append([len(work.body) for work in works])
        await _deliver(world, works)
    assert sizes == [[60, 30], [500], [1]]


async def a_head_that_dies_frees_the_next(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(2)]
    (head,) = (await world.claim(endpoint, limit=1, fifo=True)).works
    await world.settle(head, Move.EXHAUST)
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published[1:]


async def a_head_that_is_cancelled_frees_the_next_and_that_is_told(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(2)]
    await _fail_head(world, endpoint, retry_in_ms=50_000)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    await world.store.deliveries.cancel(DEFAULT_ORG, (await world.delivery(published[0])).id, world.now_ms)
    assert worker.owed_to == [endpoint.id]
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published[1:]


async def a_head_that_is_expunged_frees_the_next_and_that_is_told(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(2)]
    await _fail_head(world, endpoint, retry_in_ms=50_000)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, published[0], world.now_ms)
    assert worker.looks == 1
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published[1:]


async def an_older_one_that_is_sent_again_comes_first(world: World) -> None:
    shop, endpoint = await _ordered(world)
    old = await world.accept(shop)
    await _deliver(world, (await world.claim(endpoint, fifo=True)).works)
    new = await world.accept(shop)
    await world.store.deliveries.replay_event(DEFAULT_ORG, old.event_id, world.now_ms)
    works = (await world.claim(endpoint, fifo=True)).works
    assert [work.event_id for work in works] == [old.event_id, new.event_id]
    assert [work.manual for work in works] == [True, False]


async def a_hastened_one_does_not_overtake(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(2)]
    await _fail_head(world, endpoint, retry_in_ms=50_000)
    await world.store.deliveries.resend(DEFAULT_ORG, published[1], endpoint.id, world.now_ms)
    assert (await world.claim(endpoint, fifo=True)).works == []
    await world.store.deliveries.resend(DEFAULT_ORG, published[0], endpoint.id, world.now_ms)
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published


async def a_new_server_begins_with_the_head(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(3)]
    await world.claim(endpoint, limit=2, fifo=True)
    assert await world.store.deliveries.release_all_leases(world.now_ms) == 2
    assert [work.event_id for work in (await world.claim(endpoint, fifo=True)).works] == published


async def a_restart_does_not_hasten_a_head_that_waits(world: World) -> None:
    shop, endpoint = await _ordered(world)
    for _ in range(2):
        await world.accept(shop)
    await _fail_head(world, endpoint, retry_in_ms=50_000)
    await world.store.deliveries.release_all_leases(world.now_ms)
    blocked = await world.claim(endpoint, fifo=True)
    assert (blocked.works, blocked.next_due_ms) == ([], START_MS + 50_000)


async def many_claims_at_once_keep_the_order(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(30)]
    claims = await asyncio.gather(*(world.claim(endpoint, limit=7, fifo=True) for _ in range(5)))
    runs = [[work.event_id for work in claim.works] for claim in claims if claim.works]
    assert runs == [published[:7]]


async def claims_of_two_processes_keep_the_order(world: World) -> None:
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(12)]
    stores = [world.store, world.open()]
    arrived: list[str] = []
    while len(arrived) < len(published):
        claims = await asyncio.gather(
            *(world.claim(endpoint, limit=3, store=stores[n % 2], fifo=True) for n in range(4))
        )
        (works,) = [claim.works for claim in claims if claim.works]
        await _deliver(world, works)
        arrived += [work.event_id for work in works]
    assert arrived == published


async def who_does_not_know_yet_that_order_counts_gets_one_at_a_time(world: World) -> None:
    """Its lane was made before somebody asked for order."""
    shop, endpoint = await _ordered(world)
    published = [(await world.accept(shop)).event_id for _ in range(3)]
    first = await world.claim(endpoint)
    assert [work.event_id for work in first.works] == published[:1]
    assert (await world.claim(endpoint)).works == []
    await _deliver(world, first.works)
    assert [work.event_id for work in (await world.claim(endpoint)).works] == published[1:2]


async def what_was_owed_before_order_was_asked_for_is_in_order_too(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    published = [(await world.accept(shop)).event_id for _ in range(3)]
    delivered = await world.accept(shop)
    (works, last) = (await world.claim(endpoint, limit=3)).works, (await world.claim(endpoint)).works
    await _deliver(world, last)
    await world.store.application_endpoints.edit(
        DEFAULT_ORG, shop.id, endpoint.id, lambda spec: spec.model_copy(update={"fifo": True}), world.now_ms
    )
    for work in works:
        await world.settle(work, Move.GIVE_BACK)
    await world.store.deliveries.replay_event(DEFAULT_ORG, delivered.event_id, world.now_ms)
    claimed = (await world.claim(endpoint, fifo=True)).works
    assert [work.event_id for work in claimed] == [*published, delivered.event_id]


async def an_ordered_endpoint_that_is_disabled_is_owed_nothing_more(world: World) -> None:
    shop, endpoint = await _ordered(world)
    receipts = [await world.accept(shop) for _ in range(3)]
    await _fail_head(world, endpoint, retry_in_ms=50_000)
    assert await world.end_owed_to(endpoint.id, "endpoint_disabled") == 3
    assert await world.claim(endpoint, fifo=True) == Claimed([], None)
    for receipt in receipts:
        await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms)
    claimed = (await world.claim(endpoint, fifo=True)).works
    assert [work.event_id for work in claimed] == [receipt.event_id for receipt in receipts]


async def _ordered(world: World) -> tuple[StoredApplication, StoredApplicationEndpoint]:
    shop = await world.application()
    return shop, await world.customer_endpoint(shop, fifo=True)


async def _deliver(world: World, works: list[Work]) -> None:
    for work in works:
        assert await world.settle(work)


async def _fail_head(world: World, endpoint: StoredApplicationEndpoint, retry_in_ms: int) -> None:
    (head,) = (await world.claim(endpoint, limit=1, fifo=True)).works
    assert await world.settle(head, Move.RETRY, due_in_ms=retry_in_ms)


BEHAVIOURS = behaviours(
    messages_are_claimed_in_the_order_of_publishing,
    nothing_is_born_leased,
    one_that_waits_for_its_next_try_holds_the_others_back,
    what_somebody_else_has_leased_holds_the_others_back,
    a_run_ends_before_one_that_is_not_due,
    a_run_has_no_more_bytes_than_it_may_but_never_nothing,
    a_head_that_dies_frees_the_next,
    a_head_that_is_cancelled_frees_the_next_and_that_is_told,
    a_head_that_is_expunged_frees_the_next_and_that_is_told,
    an_older_one_that_is_sent_again_comes_first,
    a_hastened_one_does_not_overtake,
    a_new_server_begins_with_the_head,
    a_restart_does_not_hasten_a_head_that_waits,
    many_claims_at_once_keep_the_order,
    who_does_not_know_yet_that_order_counts_gets_one_at_a_time,
    what_was_owed_before_order_was_asked_for_is_in_order_too,
    an_ordered_endpoint_that_is_disabled_is_owed_nothing_more,
) + behaviours(claims_of_two_processes_keep_the_order, shared=True)
