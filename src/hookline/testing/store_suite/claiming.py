"""Claiming: what is due, oldest first, within a number and a size, under a lease that ends."""

from __future__ import annotations

import asyncio

from hookline.core.state import DeliveryState, Move
from hookline.storage.deliveries import Owing
from hookline.testing.store_suite.world import LEASE_MS, START_MS, World, behaviours


async def a_claim_takes_what_is_due_longest_first(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    bodies = {}
    for body, retry_in_ms in ((b"third", 3000), (b"first", 1000), (b"second", 2000), (b"later", 9000)):
        bodies[(await world.accept(source, body=body)).event_id] = body
        await world.try_once(endpoint, Move.RETRY, due_in_ms=retry_in_ms)
    world.now_ms += 3000
    claimed = await world.claim(endpoint)
    assert [work.body for work in claimed.works] == [b"first", b"second", b"third"]
    assert claimed.next_due_ms == START_MS + 9000


async def a_claim_takes_no_more_than_its_limit(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    for _ in range(5):
        await world.accept(source)
    claimed = await world.claim(endpoint, limit=2)
    assert len(claimed.works) == 2
    assert claimed.next_due_ms == world.now_ms
    assert len((await world.claim(endpoint)).works) == 3
    assert (await world.claim(endpoint)).works == []


async def a_claim_takes_no_more_bytes_than_it_may_but_never_nothing(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    for size in (60, 30, 20, 500, 1):
        await world.accept(source, body=b"x" * size)
        world.now_ms += 1
    sizes = []
    while works := (await world.claim(endpoint, max_bytes=100)).works:
        sizes.append([len(work.body) for work in works])
    assert sizes == [[60, 30], [20], [500], [1]]


async def a_claimed_delivery_carries_all_that_is_needed(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    lines = ((b"X-A", b"\xff"), (b"x-a", b""))
    receipt = await world.accept(source, type="order.sent", body=b"\x00", headers=lines)
    await world.try_once(endpoint, Move.RETRY)
    claimed = await world.claim(endpoint, lease="mine")
    (work,) = claimed.works
    assert (work.event_id, work.event_type, work.endpoint_id) == (receipt.event_id, "order.sent", endpoint.id)
    assert (work.headers, work.body, work.attempts, work.failures) == (lines, b"\x00", 1, 1)
    assert (work.lease, work.lease_until_ms) == ("mine", world.now_ms + LEASE_MS)
    assert claimed.next_due_ms == world.now_ms + LEASE_MS
    delivery = await world.store.deliveries.get(source.org_id, work.delivery_id)
    assert delivery is not None
    assert (delivery.state, delivery.due_at_ms) == (DeliveryState.LEASED, world.now_ms + LEASE_MS)


async def a_claim_touches_only_its_endpoint(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    await world.accept(source)
    assert len((await world.claim(one)).works) == 1
    assert len((await world.claim(two)).works) == 1


async def a_lease_keeps_others_away_until_it_ends(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    await world.accept(source)
    (first,) = (await world.claim(endpoint)).works
    world.now_ms += LEASE_MS - 1
    assert (await world.claim(endpoint)).works == []
    world.now_ms += 1
    (second,) = (await world.claim(endpoint)).works
    assert (second.delivery_id, second.attempts, second.failures) == (first.delivery_id, 0, 0)
    assert second.lease != first.lease


async def two_claims_at_once_never_take_the_same(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    await asyncio.gather(*(world.accept(source) for _ in range(60)))
    claims = await asyncio.gather(*(world.claim(endpoint, limit=7) for _ in range(10)))
    taken = [work.delivery_id for claim in claims for work in claim.works]
    assert (len(taken), len(set(taken))) == (60, 60)


async def claims_of_two_processes_never_take_the_same(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    await asyncio.gather(*(world.accept(source) for _ in range(60)))
    stores = [world.store, world.open()]
    claims = await asyncio.gather(*(world.claim(endpoint, limit=7, store=stores[n % 2]) for n in range(12)))
    taken = [work.delivery_id for claim in claims for work in claim.works]
    assert (len(taken), len(set(taken))) == (60, 60)


async def every_endpoint_that_is_owed_anything_is_known_with_its_first_due_time(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    await world.endpoint(source, "three", events=["nothing"])
    assert await world.store.deliveries.owed() == []
    await world.accept(source)
    await world.try_once(one, Move.RETRY, due_in_ms=7000)
    world.now_ms += 10
    newest = await world.accept(source)
    owed = {one.endpoint_id: one.due_at_ms for one in await world.store.deliveries.owed()}
    assert owed == {one.id: START_MS + 10, two.id: START_MS}
    backlog = {one.endpoint_id: one for one in await world.store.deliveries.backlog()}
    assert {endpoint_id: one.depth for endpoint_id, one in backlog.items()} == {one.id: 2, two.id: 2}
    assert backlog[one.id].oldest < (await world.story(newest.event_id)).deliveries[0].id
    await world.try_once(one)
    await world.try_once(two)
    assert await world.store.deliveries.owed() == [Owing(one.id, START_MS + 7000, "active")]


BEHAVIOURS = behaviours(
    a_claim_takes_what_is_due_longest_first,
    a_claim_takes_no_more_than_its_limit,
    a_claim_takes_no_more_bytes_than_it_may_but_never_nothing,
    a_claimed_delivery_carries_all_that_is_needed,
    a_claim_touches_only_its_endpoint,
    a_lease_keeps_others_away_until_it_ends,
    two_claims_at_once_never_take_the_same,
    every_endpoint_that_is_owed_anything_is_known_with_its_first_due_time,
) + behaviours(claims_of_two_processes_never_take_the_same, shared=True)
