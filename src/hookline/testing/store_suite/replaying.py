"""Replaying one event, as a person means it."""

from __future__ import annotations

from hookline.core.errors import NotFound
from hookline.core.model import DEFAULT_ORG, EventStatus, ReviewReason
from hookline.core.state import DeliveryState, Move
from hookline.storage.catalogue import StoredEndpoint
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises


async def what_died_is_owed_again_and_what_succeeded_is_not(world: World) -> None:
    source = await world.source()
    good, bad = await world.endpoint(source, "good"), await world.endpoint(source, "bad")
    receipt = await world.accept(source)
    await world.try_once(good, Move.DELIVER)
    await world.try_once(bad, Move.EXHAUST)
    world.now_ms += 1000
    assert await _replay(world, receipt.event_id) == 1
    assert await world.states(receipt.event_id) == {good.id: DeliveryState.DELIVERED, bad.id: DeliveryState.WAITING}
    assert await world.status(receipt.event_id) == EventStatus.PROCESSING
    (work,) = (await world.claim(bad)).works
    assert (work.attempts, work.failures) == (1, 0)  # the schedule begins anew, what was tried stays on record
    assert await world.settle(work)
    assert sorted(one.number for one in (await world.story(receipt.event_id)).attempts) == [1, 1, 2]


async def what_succeeded_everywhere_is_sent_everywhere_again(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    receipt = await world.accept(source)
    await world.try_once(one)
    await world.try_once(two)
    assert await _replay(world, receipt.event_id) == 2
    assert set((await world.states(receipt.event_id)).values()) == {DeliveryState.WAITING}


async def what_is_still_owed_is_left_alone(world: World) -> None:
    source = await world.source()
    waiting, delivered = await world.endpoint(source, "waiting"), await world.endpoint(source, "delivered")
    receipt = await world.accept(source)
    await world.try_once(waiting, Move.RETRY, due_in_ms=5000)
    await world.try_once(delivered)
    before = await world.story(receipt.event_id)
    assert await _replay(world, receipt.event_id) == 0
    assert await _replay(world, receipt.event_id, waiting) == 0
    assert await world.story(receipt.event_id) == before
    assert await _replay(world, receipt.event_id, delivered) == 1


async def an_endpoint_that_is_new_is_owed_what_it_wants(world: World) -> None:
    source = await world.source()
    old = await world.endpoint(source, "old")
    receipt = await world.accept(source)
    await world.try_once(old)
    new = await world.endpoint(source, "new", events=["order.*"])
    await world.endpoint(source, "uninterested", events=["customer.*"])
    assert await _replay(world, receipt.event_id) == 1
    assert await world.states(receipt.event_id) == {old.id: DeliveryState.DELIVERED, new.id: DeliveryState.WAITING}
    assert await world.status(receipt.event_id) == EventStatus.PROCESSING


async def an_event_that_was_held_is_released(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source, review=ReviewReason.UNKNOWN_TYPE)
    assert await _replay(world, receipt.event_id) == 1
    event = (await world.story(receipt.event_id)).event
    assert (event.status, event.review_reason) == (EventStatus.PENDING, "")
    await world.try_once(endpoint)
    assert await world.status(receipt.event_id) == EventStatus.PROCESSED


async def an_event_that_was_held_and_that_nobody_wants_stays_held(world: World) -> None:
    source = await world.source()
    receipt = await world.accept(source, review=ReviewReason.UNKNOWN_TYPE)
    assert await _replay(world, receipt.event_id) == 0
    assert await world.status(receipt.event_id) == EventStatus.NEEDS_REVIEW


async def an_ignored_event_reaches_an_endpoint_that_came_later(world: World) -> None:
    source = await world.source()
    receipt = await world.accept(source)
    assert await _replay(world, receipt.event_id) == 0
    assert await world.status(receipt.event_id) == EventStatus.IGNORED
    await world.endpoint(source)
    assert await _replay(world, receipt.event_id) == 1
    assert await world.status(receipt.event_id) == EventStatus.PENDING


async def an_endpoint_that_is_named_gets_it_whatever_it_usually_wants(world: World) -> None:
    source = await world.source()
    usual = await world.endpoint(source, "usual")
    named = await world.endpoint(source, "named", events=["customer.*"])
    receipt = await world.accept(source)
    await world.try_once(usual, Move.EXHAUST)
    assert await _replay(world, receipt.event_id, named) == 1
    assert await world.states(receipt.event_id) == {usual.id: DeliveryState.DEAD, named.id: DeliveryState.WAITING}
    await world.try_once(named)
    assert await _replay(world, receipt.event_id, named) == 1
    elsewhere = await world.endpoint(await world.source("forum"), "elsewhere")
    assert await _replay(world, receipt.event_id, elsewhere) == 0


async def a_cancelled_delivery_can_be_replayed(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    receipt = await world.accept(source)
    await world.store.deliveries.cancel(DEFAULT_ORG, (await world.delivery(receipt.event_id)).id, world.now_ms)
    assert await _replay(world, receipt.event_id) == 1
    assert (await world.delivery(receipt.event_id)).finished_at_ms == 0


async def an_event_that_is_not_there_cannot_be_replayed(world: World) -> None:
    receipt = await world.accept(await world.source())
    await raises(NotFound, _replay(world, "msg_0"))
    await raises(NotFound, world.store.deliveries.replay_event(OTHER_ORG, receipt.event_id, world.now_ms))


async def _replay(world: World, event_id: str, endpoint: StoredEndpoint | None = None) -> int:
    endpoint_id = endpoint.id if endpoint is not None else ""
    return await world.store.deliveries.replay_event(DEFAULT_ORG, event_id, world.now_ms, endpoint_id)


BEHAVIOURS = behaviours(
    what_died_is_owed_again_and_what_succeeded_is_not,
    what_succeeded_everywhere_is_sent_everywhere_again,
    what_is_still_owed_is_left_alone,
    an_endpoint_that_is_new_is_owed_what_it_wants,
    an_event_that_was_held_is_released,
    an_event_that_was_held_and_that_nobody_wants_stays_held,
    an_ignored_event_reaches_an_endpoint_that_came_later,
    an_endpoint_that_is_named_gets_it_whatever_it_usually_wants,
    a_cancelled_delivery_can_be_replayed,
    an_event_that_is_not_there_cannot_be_replayed,
)
