"""Forgetting: rejections by number and age, events with all that belongs to them and never what is owed, keys."""

from __future__ import annotations

import asyncio

from hookline.core import ids
from hookline.core.model import DEFAULT_ORG, ReviewReason
from hookline.core.state import Move
from hookline.storage.base import EventFilter
from hookline.storage.retention import EVENTS_PER_STEP, KEYS_PER_STEP, Cut
from hookline.testing.store_suite.world import World, behaviours


async def a_rejection_is_kept_whole(world: World) -> None:
    kept = world.rejection()
    await world.store.rejections.add(kept)
    assert await world.store.rejections.get(DEFAULT_ORG, kept.id) == kept
    await world.store.rejections.accepted(DEFAULT_ORG, kept.id, "msg_1")
    found = await world.store.rejections.get(DEFAULT_ORG, kept.id)
    assert found is not None
    assert found.event_id == "msg_1"


async def rejections_are_found_newest_first_by_source_and_cause(world: World) -> None:
    made = []
    for source_name, cause in (("shop", "a"), ("forum", "a"), ("shop", "b"), ("shop", "a")):
        made.append(world.rejection(source_name=source_name, cause=cause))
        await world.store.rejections.add(made[-1])
    find = world.store.rejections.find
    assert await find(DEFAULT_ORG) == made[::-1]
    assert await find(DEFAULT_ORG, source_name="shop", cause="a") == [made[3], made[0]]
    assert await find(DEFAULT_ORG, before=made[3].id, limit=2) == [made[2], made[1]]


async def rejections_are_bounded_in_number(world: World) -> None:
    made = [world.rejection() for _ in range(10)]
    for one in made:
        await world.store.rejections.add(one)
    assert await world.store.rejections.trim(10, 0) == 0
    assert await world.store.rejections.trim(4, 0) == 6
    assert await world.store.rejections.find(DEFAULT_ORG) == made[:5:-1]
    assert await world.store.rejections.trim(0, 0) == 4


async def rejections_are_bounded_in_age(world: World) -> None:
    made = []
    for _ in range(3):
        made.append(world.rejection())
        await world.store.rejections.add(made[-1])
        world.now_ms += 1000
    assert await world.store.rejections.trim(100, made[1].received_at_ms) == 1
    assert await world.store.rejections.find(DEFAULT_ORG) == [made[2], made[1]]


async def an_old_event_goes_with_all_that_belongs_to_it(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    old = await world.accept(source)
    await world.try_once(one)
    await world.try_once(two, Move.EXHAUST)
    delivery_ids = [delivery.id for delivery in (await world.story(old.event_id)).deliveries]
    world.now_ms += 1000
    young = await world.accept(source)
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms)) == 1
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms)) == 0
    assert await world.store.events.get(DEFAULT_ORG, old.event_id) is None
    assert [event.id for event in await world.store.events.find(DEFAULT_ORG, EventFilter())] == [young.event_id]
    for delivery_id in delivery_ids:
        assert await world.store.deliveries.get(DEFAULT_ORG, delivery_id) is None
    low, high = ids.deliveries_of(old.event_id)
    span = {"low": low, "high": high}
    assert await world.store.database.read(lambda tx: tx.rows("attempts_of_event", span)) == []
    assert await world.store.database.read(lambda tx: tx.row("to_send", {"event_id": old.event_id})) is None


async def what_is_owed_is_never_forgotten(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    pending, retried = await world.accept(source), await world.accept(source)
    await world.settle((await world.claim(endpoint, limit=1)).works[0], Move.RETRY)
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms + 1)) == 0
    for receipt in (pending, retried):
        await world.story(receipt.event_id)
    await world.try_once(endpoint)
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms + 1)) == 2


async def each_source_is_cut_at_its_own_time(world: World) -> None:
    shop, forum = await world.source("shop"), await world.source("forum")
    await world.accept(shop)
    kept = await world.accept(forum)
    assert sorted(await world.store.retention.sources()) == sorted([shop.id, forum.id])
    assert await world.store.retention.forget_events(Cut(shop.id, world.now_ms + 1)) == 1
    assert await world.store.retention.sources() == [forum.id]
    await world.story(kept.event_id)


async def events_of_a_source_that_was_removed_are_forgotten_too(world: World) -> None:
    source = await world.source()
    await world.accept(source, review=ReviewReason.UNKNOWN_TYPE)
    await world.store.catalogue.delete_source(DEFAULT_ORG, source.id)
    assert await world.store.retention.sources() == [source.id]
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms + 1)) == 1
    assert await world.store.retention.sources() == []


async def forgetting_holds_the_writer_only_for_some_events_at_a_time(world: World) -> None:
    source = await world.source()
    await asyncio.gather(*(world.accept(source) for _ in range(EVENTS_PER_STEP + 1)))
    cut = Cut(source.id, world.now_ms + 1)
    assert [await world.store.retention.forget_events(cut) for _ in range(3)] == [EVENTS_PER_STEP, 1, 0]


async def keys_are_forgotten_when_their_time_is_over(world: World) -> None:
    source = await world.source()
    soon, later = world.now_ms + 1000, world.now_ms + 2000
    keys = KEYS_PER_STEP + 2
    await asyncio.gather(*(world.accept(source, key=f"soon-{n}", expires_at_ms=soon) for n in range(keys)))
    await world.accept(source, key="later", expires_at_ms=later)
    await world.accept(source, key="for ever")
    assert await world.store.retention.forget_keys(soon - 1) == 0
    assert [await world.store.retention.forget_keys(soon) for _ in range(3)] == [KEYS_PER_STEP, 2, 0]
    assert (await world.accept(source, key="later")).duplicate
    assert await world.store.retention.forget_keys(world.now_ms * 2) == 1
    assert (await world.accept(source, key="for ever")).duplicate


BEHAVIOURS = behaviours(
    a_rejection_is_kept_whole,
    rejections_are_found_newest_first_by_source_and_cause,
    rejections_are_bounded_in_number,
    rejections_are_bounded_in_age,
    an_old_event_goes_with_all_that_belongs_to_it,
    what_is_owed_is_never_forgotten,
    each_source_is_cut_at_its_own_time,
    events_of_a_source_that_was_removed_are_forgotten_too,
    forgetting_holds_the_writer_only_for_some_events_at_a_time,
    keys_are_forgotten_when_their_time_is_over,
)
