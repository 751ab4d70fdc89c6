"""Settling: what became of an attempt, recorded only by who held the lease."""

from __future__ import annotations

import asyncio

import msgspec

from hookline.core.errors import Conflict, NotFound
from hookline.core.model import DEFAULT_ORG, EventStatus
from hookline.core.state import DeliveryState, Move
from hookline.testing.store_suite.world import LEASE_MS, OTHER_ORG, World, behaviours, raises, settlement


async def a_success_ends_the_delivery_and_is_recorded_whole(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (work,) = (await world.claim(endpoint)).works
    world.now_ms += 40
    assert await world.settle(work, Move.DELIVER)
    story = await world.story(receipt.event_id)
    (delivery,) = story.deliveries
    assert (delivery.state, delivery.attempts, delivery.failures) == (DeliveryState.DELIVERED, 1, 0)
    assert delivery.finished_at_ms == world.now_ms
    assert story.event.status == EventStatus.PROCESSED
    assert story.attempts == [settlement(work, Move.DELIVER, world.now_ms).attempt]


async def a_failure_waits_for_its_next_time(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    for number in range(1, 4):
        (work,) = (await world.claim(endpoint)).works
        assert (work.attempts, work.failures) == (number - 1, number - 1)
        assert await world.settle(work, Move.RETRY, due_in_ms=5000, reason="http_500")
        assert await world.status(receipt.event_id) == EventStatus.PROCESSING
        assert (await world.claim(endpoint)).next_due_ms == world.now_ms + 5000
        world.now_ms += 5000
    story = await world.story(receipt.event_id)
    assert [attempt.number for attempt in story.attempts] == [1, 2, 3]
    (delivery,) = story.deliveries
    assert (delivery.state, delivery.reason, delivery.finished_at_ms) == (DeliveryState.WAITING, "http_500", 0)


async def the_last_failure_is_a_dead_letter(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (work,) = (await world.claim(endpoint)).works
    assert await world.settle(work, Move.EXHAUST, reason="exhausted")
    delivery = await world.delivery(receipt.event_id)
    assert (delivery.state, delivery.reason) == (DeliveryState.DEAD, "exhausted")
    assert await world.status(receipt.event_id) == EventStatus.FAILED
    assert (await world.claim(endpoint)).works == []


async def what_is_given_back_was_never_tried(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (work,) = (await world.claim(endpoint)).works
    assert await world.settle(work, Move.GIVE_BACK)
    story = await world.story(receipt.event_id)
    assert (story.event.status, story.attempts) == (EventStatus.PENDING, [])
    (again,) = (await world.claim(endpoint)).works
    assert (again.attempts, again.failures) == (0, 0)


async def a_lost_lease_changes_nothing_and_records_no_attempt(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (lost,) = (await world.claim(endpoint)).works
    world.now_ms += LEASE_MS
    (held,) = (await world.claim(endpoint)).works
    before = await world.story(receipt.event_id)
    for move in (Move.DELIVER, Move.RETRY, Move.EXHAUST, Move.GIVE_BACK):
        assert not await world.settle(lost, move)
    assert await world.story(receipt.event_id) == before
    assert await world.settle(held, Move.DELIVER)
    assert len((await world.story(receipt.event_id)).attempts) == 1


async def a_settlement_counts_once(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (work,) = (await world.claim(endpoint)).works
    answers = await asyncio.gather(*(world.settle(work, Move.RETRY) for _ in range(3)))
    assert sorted(answers) == [False, False, True]
    story = await world.story(receipt.event_id)
    assert (len(story.attempts), story.deliveries[0].attempts) == (1, 1)


async def without_a_lease_nothing_can_be_settled(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    (work,) = (await world.claim(endpoint)).works
    assert await world.settle(work, Move.RETRY)
    forged = settlement(msgspec.structs.replace(work, lease=""), Move.DELIVER, world.now_ms)
    assert not (await world.settle_as(forged)).held
    assert (await world.delivery(receipt.event_id)).state == DeliveryState.WAITING


async def a_cancelled_delivery_is_owed_no_longer(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    waiting, leased = await world.accept(source), await world.accept(source)
    await world.try_once(endpoint, Move.RETRY, due_in_ms=1000)
    world.now_ms += 1000
    (one, two) = sorted((await world.claim(endpoint)).works, key=lambda work: work.event_id)
    assert await world.settle(one, Move.RETRY)
    for receipt in (waiting, leased):
        await world.store.deliveries.cancel(DEFAULT_ORG, (await world.delivery(receipt.event_id)).id, world.now_ms)
        delivery = await world.delivery(receipt.event_id)
        assert (delivery.state, delivery.finished_at_ms) == (DeliveryState.CANCELLED, world.now_ms)
        assert await world.status(receipt.event_id) == EventStatus.IGNORED
    assert not await world.settle(two, Move.DELIVER)
    assert await world.store.deliveries.owed() == []


async def a_delivery_that_is_over_cannot_be_cancelled(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    delivery_id = (await world.delivery(receipt.event_id)).id
    await raises(NotFound, world.store.deliveries.cancel(OTHER_ORG, delivery_id, world.now_ms))
    await raises(NotFound, world.store.deliveries.cancel(DEFAULT_ORG, "dlv_0", world.now_ms))
    await world.try_once(endpoint)
    await raises(Conflict, world.store.deliveries.cancel(DEFAULT_ORG, delivery_id, world.now_ms))
    assert await world.status(receipt.event_id) == EventStatus.PROCESSED


async def the_debts_to_an_endpoint_that_is_gone_are_ended(world: World) -> None:
    source = await world.source()
    gone, stays = await world.endpoint(source, "gone"), await world.endpoint(source, "stays")
    receipts = await asyncio.gather(*(world.accept(source) for _ in range(1_100)))
    leased = (await world.claim(gone, limit=2)).works
    assert await world.end_owed_to(gone.id, "endpoint_deleted") == 1_098
    assert await world.end_owed_to(gone.id, "endpoint_deleted") == 0
    # What is under way ends as it ends, at whichever server; else its lease runs out.
    assert await world.settle(leased[0], Move.DELIVER)
    world.now_ms += LEASE_MS
    assert await world.end_owed_to(gone.id, "endpoint_deleted") == 1
    assert not await world.settle(leased[1], Move.DELIVER)
    assert [owed.endpoint_id for owed in await world.store.deliveries.owed()] == [stays.id]
    (dying,) = [receipt for receipt in receipts if receipt.event_id == leased[1].event_id]
    assert await world.states(dying.event_id) == {gone.id: DeliveryState.DEAD, stays.id: DeliveryState.WAITING}
    await world.try_once(stays)
    assert await world.status(dying.event_id) == EventStatus.FAILED
    (dead,) = [one for one in (await world.story(dying.event_id)).deliveries if one.endpoint_id == gone.id]
    assert dead.reason == "endpoint_deleted"


async def deliveries_are_found_newest_first_by_endpoint_and_state(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    for _ in range(3):
        await world.accept(source)
    await world.try_once(one)
    find = world.store.deliveries.find
    found = await find(DEFAULT_ORG)
    assert [delivery.id for delivery in found] == sorted((delivery.id for delivery in found), reverse=True)
    assert len(found) == 6
    assert {delivery.state for delivery in await find(DEFAULT_ORG, endpoint_id=one.id)} == {"delivered"}
    assert {delivery.endpoint_id for delivery in await find(DEFAULT_ORG, state="waiting")} == {two.id}
    assert await find(DEFAULT_ORG, endpoint_id=two.id, state="delivered") == []
    assert await find(DEFAULT_ORG, before=found[1].id, limit=2) == found[2:4]


async def what_is_owed_to_an_endpoint_that_was_enabled_again_is_left_alone(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    assert await world.store.deliveries.end_owed_to(endpoint.id, "endpoint_disabled", world.now_ms) == 0
    assert await world.states(receipt.event_id) == {endpoint.id: DeliveryState.WAITING}


BEHAVIOURS = behaviours(
    a_success_ends_the_delivery_and_is_recorded_whole,
    a_failure_waits_for_its_next_time,
    the_last_failure_is_a_dead_letter,
    what_is_given_back_was_never_tried,
    a_lost_lease_changes_nothing_and_records_no_attempt,
    a_settlement_counts_once,
    without_a_lease_nothing_can_be_settled,
    a_cancelled_delivery_is_owed_no_longer,
    a_delivery_that_is_over_cannot_be_cancelled,
    the_debts_to_an_endpoint_that_is_gone_are_ended,
    what_is_owed_to_an_endpoint_that_was_enabled_again_is_left_alone,
    deliveries_are_found_newest_first_by_endpoint_and_state,
)
