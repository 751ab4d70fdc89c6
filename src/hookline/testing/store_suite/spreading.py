"""Spreading: an event for very many endpoints is stored at once, and its deliveries are written part by part."""

from __future__ import annotations

import asyncio
from collections import Counter

from hookline.core.model import DEFAULT_ORG, EventStatus, ReviewReason
from hookline.core.state import DeliveryState, Move
from hookline.storage.fanout import DELIVERIES_PER_STEP
from hookline.storage.retention import Cut
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.storage.wanting import WIDE
from hookline.testing.store_suite.world import LEASE_MS, FakeWorker, World, behaviours

#: So many that they take three steps.
MANY = 2 * DELIVERIES_PER_STEP + 50


async def up_to_a_hundred_endpoints_are_owed_at_once(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE)
    receipt = await world.accept(shop)
    assert receipt.deliveries == WIDE
    assert set(await world.states(receipt.event_id)) == _ids(endpoints)
    assert await world.store.fanouts.waiting() == []


async def an_event_for_more_is_owed_step_by_step(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    assert (receipt.status, receipt.deliveries) == (EventStatus.PENDING, MANY)
    assert (worker.wides, worker.owed_to) == (1, [])
    fanouts = world.store.fanouts
    assert await fanouts.waiting() == [receipt.event_id]
    more = [await fanouts.step(receipt.event_id, world.now_ms) for _ in range(3)]
    assert more == [True, True, False]
    assert await fanouts.waiting() == []
    assert sorted(worker.owed_to) == sorted(_ids(endpoints))
    assert set(await world.states(receipt.event_id)) == _ids(endpoints)
    assert not await fanouts.step(receipt.event_id, world.now_ms)


async def a_worker_with_room_gets_its_part_leased(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    worker = FakeWorker(room=7)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop, body=b"abc")
    assert worker.reserved == 0
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    assert [len(worker.works), len(worker.owed_to)] == [7, WIDE - 6]
    assert {(work.body, work.event_type) for work in worker.works} == {(b"abc", "order.paid")}
    assert {work.endpoint_id for work in worker.works} | set(worker.owed_to) == _ids(endpoints)
    assert await world.settle(worker.works[0])


async def an_event_is_not_over_before_all_of_it_is_written(world: World) -> None:
    shop, _ = await _wide(world, MANY)
    worker = FakeWorker(room=MANY)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    seen = []
    more = True
    while more:
        more = await world.store.fanouts.step(receipt.event_id, world.now_ms)
        await asyncio.gather(*(world.settle(work) for work in worker.works))
        worker.works.clear()
        seen.append(await world.status(receipt.event_id))
    assert seen == [EventStatus.PROCESSING, EventStatus.PROCESSING, EventStatus.PROCESSED]


async def an_event_whose_first_deliveries_died_is_not_over_either(world: World) -> None:
    shop, _ = await _wide(world, DELIVERIES_PER_STEP + 1)
    worker = FakeWorker(room=MANY)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    await asyncio.gather(*(world.settle(work, Move.EXHAUST) for work in worker.works))
    assert await world.status(receipt.event_id) == EventStatus.PROCESSING
    assert await world.store.retention.forget_events(Cut(shop.id, world.now_ms + 1)) == 0
    worker.works.clear()
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    await asyncio.gather(*(world.settle(work) for work in worker.works))
    assert await world.status(receipt.event_id) == EventStatus.FAILED


async def a_step_that_fails_is_made_again_and_nothing_is_lost_or_doubled(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    worker = FakeWorker(room=MANY)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    step = world.store.fanouts.step
    # Something else in the group fails: all of it is rolled back, and each written again on its own.
    more, _ = await asyncio.gather(step(receipt.event_id, world.now_ms), world.fail())
    while more:
        more, *_ = await asyncio.gather(step(receipt.event_id, world.now_ms), world.fail(), world.fail())
    assert worker.held == 0
    assert sorted(work.endpoint_id for work in worker.works) == sorted(_ids(endpoints))
    assert len((await world.story(receipt.event_id)).deliveries) == MANY


async def several_may_step_at_once(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    await asyncio.gather(*(world.store.fanouts.step(receipt.event_id, world.now_ms) for _ in range(6)))
    assert sorted(worker.owed_to) == sorted(_ids(endpoints))


async def another_process_goes_on_where_the_last_one_ended(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    await world.store.close()
    another = world.open()
    assert await another.fanouts.waiting() == [receipt.event_id]
    while await another.fanouts.step(receipt.event_id, world.now_ms):
        pass
    story = await world.story(receipt.event_id, store=another)
    assert {one.endpoint_id for one in story.deliveries} == _ids(endpoints)


async def it_goes_to_the_endpoints_that_were_there_when_it_was_published(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    world.now_ms += 1
    await world.customer_endpoint(shop, "late")
    gone = max(endpoints, key=lambda endpoint: endpoint.id)
    await world.store.application_endpoints.delete(DEFAULT_ORG, shop.id, gone.id, world.now_ms)
    await _spread(world, receipt.event_id)
    assert set(await world.states(receipt.event_id)) == _ids(endpoints) - {gone.id}


async def an_endpoint_that_came_gets_the_next_one(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    await _spread(world, (await world.accept(shop)).event_id)
    new = await world.customer_endpoint(shop, "new")
    receipt = await world.accept(shop)
    assert receipt.deliveries == WIDE + 2
    await _spread(world, receipt.event_id)
    assert set(await world.states(receipt.event_id)) == _ids([*endpoints, new])


async def an_event_whose_endpoints_went_is_over(world: World) -> None:
    shop, _ = await _wide(world, WIDE + 1)
    receipt = await world.accept(shop)
    await world.store.applications.delete(DEFAULT_ORG, shop.id, world.now_ms)
    await _spread(world, receipt.event_id)
    assert await world.status(receipt.event_id) == EventStatus.IGNORED
    assert await world.store.fanouts.waiting() == []


async def only_the_endpoints_that_want_it_are_owed_it(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    us = [await world.customer_endpoint(shop, channels=["us"]) for _ in range(2)]
    sent = [await world.customer_endpoint(shop, events=["order.sent"])]
    for type, channels, wanted in (
        ("order.paid", (), endpoints),
        ("order.paid", ("eu",), endpoints),
        ("order.paid", ("us",), endpoints + us),
        ("order.sent", ("us",), endpoints + us + sent),
        ("order.paid", (), endpoints),
    ):
        receipt = await world.accept(shop, type=type, channels=channels)
        await _spread(world, receipt.event_id)
        assert set(await world.states(receipt.event_id)) == _ids(wanted)


async def where_order_counts_it_is_owed_with_the_commit(world: World) -> None:
    """Else a message that is published next, to few, would overtake it."""
    shop, endpoints = await _wide(world, WIDE)
    ordered = await world.customer_endpoint(shop, fifo=True)
    wide = await world.accept(shop)
    assert set(await world.states(wide.event_id)) == {ordered.id}
    works = (await world.claim(ordered, fifo=True)).works
    assert await world.settle(works[0])
    assert await world.status(wide.event_id) == EventStatus.PROCESSING
    await _spread(world, wide.event_id)
    assert set(await world.states(wide.event_id)) == _ids([*endpoints, ordered])
    assert (await world.states(wide.event_id))[ordered.id] == DeliveryState.DELIVERED


async def an_endpoint_that_is_newer_is_not_owed_it_whatever_the_clock_says(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    receipt = await world.accept(shop)
    world.now_ms -= 2000  # the clock was set back, and the server started again
    world.store = world.open()
    late = await world.customer_endpoint(shop)
    assert late.id > max(_ids(endpoints))
    await _spread(world, receipt.event_id)
    assert set(await world.states(receipt.event_id)) == _ids(endpoints)


async def what_is_due_later_waits_for_its_time(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    worker = FakeWorker(room=MANY)
    world.store.hand_over_to(worker)
    due_at_ms = world.now_ms + 5000
    receipt = await world.accept(shop, due_at_ms=due_at_ms)
    await _spread(world, receipt.event_id)
    assert worker.works == []
    assert (await world.claim(endpoints[0])).next_due_ms == due_at_ms


async def a_replay_meanwhile_doubles_nothing(world: World) -> None:
    shop, endpoints = await _wide(world, MANY)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    last = max(endpoints, key=lambda endpoint: endpoint.id)
    replay = world.store.deliveries.replay_event
    assert await replay(DEFAULT_ORG, receipt.event_id, world.now_ms) == 0  # it comes anyway
    assert await replay(DEFAULT_ORG, receipt.event_id, world.now_ms, last.id) == 1
    (work,) = (await world.claim(last)).works
    await world.settle(work)
    await _spread(world, receipt.event_id)
    states = await world.states(receipt.event_id)
    assert set(states) == _ids(endpoints)
    assert states[last.id] == DeliveryState.DELIVERED


async def a_replay_meanwhile_sends_nothing_twice(world: World) -> None:
    """All that is written has arrived; but that is not all."""
    shop, _ = await _wide(world, DELIVERIES_PER_STEP + 1)
    worker = FakeWorker(room=DELIVERIES_PER_STEP)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    await asyncio.gather(*(world.settle(work) for work in worker.works))
    assert await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms) == 0
    await _spread(world, receipt.event_id)
    assert Counter((await world.states(receipt.event_id)).values()) == {"delivered": DELIVERIES_PER_STEP, "waiting": 1}


async def a_message_that_is_expunged_meanwhile_is_owed_to_nobody(world: World) -> None:
    shop, _ = await _wide(world, MANY)
    receipt = await world.accept(shop)
    await world.store.fanouts.step(receipt.event_id, world.now_ms)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, receipt.event_id, world.now_ms)
    assert await world.store.fanouts.waiting() == []
    assert not await world.store.fanouts.step(receipt.event_id, world.now_ms)
    assert set((await world.states(receipt.event_id)).values()) == {DeliveryState.CANCELLED}
    assert await world.status(receipt.event_id) == EventStatus.IGNORED


async def a_held_event_that_is_released_to_very_many_is_spread_too(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    worker = FakeWorker()
    receipt = await world.accept(shop, review=ReviewReason.UNKNOWN_TYPE)
    world.store.hand_over_to(worker)
    assert await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms) == WIDE + 1
    assert worker.wides == 1
    assert await world.status(receipt.event_id) == EventStatus.PENDING
    await _spread(world, receipt.event_id)
    assert set(await world.states(receipt.event_id)) == _ids(endpoints)
    assert await world.status(receipt.event_id) == EventStatus.PENDING


async def leases_of_a_spread_event_run_out_as_others_do(world: World) -> None:
    shop, endpoints = await _wide(world, WIDE + 1)
    worker = FakeWorker(room=1, until_ms=world.now_ms + LEASE_MS)
    world.store.hand_over_to(worker)
    receipt = await world.accept(shop)
    await _spread(world, receipt.event_id)
    (work,) = worker.works
    (owner,) = [endpoint for endpoint in endpoints if endpoint.id == work.endpoint_id]
    assert (await world.claim(owner)).works == []
    world.now_ms += LEASE_MS
    (again,) = (await world.claim(owner)).works
    assert not await world.settle(work)
    assert await world.settle(again)


async def _wide(world: World, count: int) -> tuple[StoredApplication, list[StoredApplicationEndpoint]]:
    shop = await world.application()
    made = await asyncio.gather(*(world.customer_endpoint(shop, f"hook-{number}") for number in range(count)))
    return shop, list(made)


async def _spread(world: World, event_id: str) -> None:
    while await world.store.fanouts.step(event_id, world.now_ms):
        pass


def _ids(endpoints: list[StoredApplicationEndpoint]) -> set[str]:
    return {endpoint.id for endpoint in endpoints}


BEHAVIOURS = behaviours(
    up_to_a_hundred_endpoints_are_owed_at_once,
    an_event_for_more_is_owed_step_by_step,
    a_worker_with_room_gets_its_part_leased,
    an_event_is_not_over_before_all_of_it_is_written,
    an_event_whose_first_deliveries_died_is_not_over_either,
    a_step_that_fails_is_made_again_and_nothing_is_lost_or_doubled,
    several_may_step_at_once,
    it_goes_to_the_endpoints_that_were_there_when_it_was_published,
    an_endpoint_that_came_gets_the_next_one,
    an_event_whose_endpoints_went_is_over,
    only_the_endpoints_that_want_it_are_owed_it,
    where_order_counts_it_is_owed_with_the_commit,
    what_is_due_later_waits_for_its_time,
    a_replay_meanwhile_doubles_nothing,
    a_replay_meanwhile_sends_nothing_twice,
    a_message_that_is_expunged_meanwhile_is_owed_to_nobody,
    a_held_event_that_is_released_to_very_many_is_spread_too,
    leases_of_a_spread_event_run_out_as_others_do,
) + behaviours(
    another_process_goes_on_where_the_last_one_ended,
    an_endpoint_that_is_newer_is_not_owed_it_whatever_the_clock_says,
    shared=True,
)
