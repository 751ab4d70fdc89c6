"""Deduplication: one key, one event; and what is suspicious about a key or a body waits for a person."""

from __future__ import annotations

import asyncio

from hookline.core.model import EventStatus, ReviewReason
from hookline.core.state import DeliveryState, Move
from hookline.storage.retention import Cut
from hookline.testing.store_suite.world import World, behaviours

KEY = "id:evt-1"


async def the_same_key_is_one_event(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    first = await world.accept(source, key=KEY)
    again = await world.accept(source, key=KEY)
    assert (again.event_id, again.duplicate, again.status) == (first.event_id, True, "pending")
    story = await world.story(first.event_id)
    assert (story.event.duplicates, len(story.deliveries)) == (1, 1)


async def an_empty_key_never_deduplicates(world: World) -> None:
    source = await world.source()
    one, two = await world.accept(source), await world.accept(source)
    assert one.event_id != two.event_id
    assert not two.duplicate


async def keys_of_different_sources_are_different(world: World) -> None:
    shop, forum = await world.source("shop"), await world.source("forum")
    assert not (await world.accept(shop, key=KEY)).duplicate
    assert not (await world.accept(forum, key=KEY)).duplicate


async def a_thousand_concurrent_duplicates_are_one_event(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipts = await asyncio.gather(*(world.accept(source, key=KEY) for _ in range(1_000)))
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    story = await world.story(receipts[0].event_id)
    assert (story.event.duplicates, len(story.deliveries)) == (999, 1)
    assert len((await world.claim(endpoint, limit=1_000)).works) == 1


async def duplicates_that_reach_different_processes_are_one_event(world: World) -> None:
    source = await world.source()
    stores = [world.store, world.open()]
    receipts = await asyncio.gather(*(world.accept(source, key=KEY, store=stores[n % 2]) for n in range(40)))
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert (await world.story(receipts[0].event_id)).event.duplicates == 39


async def a_key_is_forgotten_when_its_window_is_over(world: World) -> None:
    source = await world.source()
    first = await world.accept(source, key=KEY, expires_at_ms=world.now_ms + 1000)
    world.now_ms += 999
    assert (await world.accept(source, key=KEY, expires_at_ms=world.now_ms + 1000)).event_id == first.event_id
    world.now_ms += 1
    second = await world.accept(source, key=KEY, expires_at_ms=world.now_ms + 1000)
    assert not second.duplicate
    assert (await world.accept(source, key=KEY)).event_id == second.event_id


async def an_event_that_was_forgotten_is_still_known(world: World) -> None:
    source = await world.source()
    first = await world.accept(source, key=KEY)
    await world.store.retention.forget_events(_all_of(world, source.id))
    assert await world.store.events.get(source.org_id, first.event_id) is None
    again = await world.accept(source, key=KEY)
    assert (again.event_id, again.duplicate) == (first.event_id, True)


async def a_known_key_with_another_body_is_a_duplicate_unless_conflicts_are_reviewed(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    first = await world.accept(source, key=KEY, body=b"1")
    ignored = await world.accept(source, key=KEY, body=b"2")
    assert (ignored.event_id, ignored.duplicate) == (first.event_id, True)
    held = await world.accept(source, key=KEY, body=b"2", review_conflicts=True)
    assert (held.duplicate, held.status, held.deliveries) == (False, EventStatus.NEEDS_REVIEW, 0)
    event = (await world.story(held.event_id)).event
    assert event.review_reason == ReviewReason.CONFLICTING_DUPLICATE
    assert first.event_id in event.review_detail
    same = await world.accept(source, key=KEY, body=b"1", review_conflicts=True)
    assert (same.event_id, same.duplicate) == (first.event_id, True)


async def a_known_body_under_another_id_is_held_for_review(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    first = await world.accept(source, key=KEY, guard="body:1")
    held = await world.accept(source, key="id:evt-2", guard="body:1")
    assert (held.duplicate, held.status, held.deliveries) == (False, EventStatus.NEEDS_REVIEW, 0)
    event = (await world.story(held.event_id)).event
    assert event.review_reason == ReviewReason.POSSIBLE_REPLAY
    assert first.event_id in event.review_detail
    again = await world.accept(source, key="id:evt-2", guard="body:1")
    assert (again.event_id, again.duplicate) == (held.event_id, True)


async def a_replay_can_be_refused_and_leaves_nothing_behind(world: World) -> None:
    source = await world.source()
    first = await world.accept(source, key=KEY, guard="body:1", refuse_replays=True)
    for _ in range(2):  # also the second time: the id of what was refused stands for nothing
        refused = await world.accept(source, key="id:evt-2", guard="body:1", refuse_replays=True)
        assert (refused.replay, refused.event_id, refused.duplicate) == (True, first.event_id, False)
    genuine = await world.accept(source, key="id:evt-2", guard="body:2", refuse_replays=True)
    assert (genuine.replay, genuine.duplicate) == (False, False)


async def a_body_may_come_again_when_its_window_is_over(world: World) -> None:
    source = await world.source()
    await world.accept(source, key=KEY, guard="body:1", expires_at_ms=world.now_ms + 1000)
    world.now_ms += 1000
    later = await world.accept(source, key="id:evt-2", guard="body:1", expires_at_ms=world.now_ms + 1000)
    assert later.status == EventStatus.IGNORED


async def an_event_that_failed_is_owed_again_when_its_sender_sends_it_again(world: World) -> None:
    source = await world.source()
    good, bad = await world.endpoint(source, "good"), await world.endpoint(source, "bad")
    first = await world.accept(source, key=KEY)
    await world.try_once(good, Move.DELIVER)
    await world.try_once(bad, Move.EXHAUST)
    assert await world.status(first.event_id) == EventStatus.FAILED
    again = await world.accept(source, key=KEY)
    assert (again.event_id, again.duplicate, again.status) == (first.event_id, True, EventStatus.PROCESSING)
    assert await world.states(first.event_id) == {good.id: DeliveryState.DELIVERED, bad.id: DeliveryState.WAITING}
    assert await world.status(first.event_id) == EventStatus.PROCESSING
    (work,) = await world.try_once(bad, Move.DELIVER)
    assert (work.attempts, work.failures) == (1, 0)
    assert await world.status(first.event_id) == EventStatus.PROCESSED


async def an_event_that_failed_before_it_was_ever_tried_is_pending_again(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    first = await world.accept(source, key=KEY)
    await world.end_owed_to(endpoint.id, "endpoint_disabled")
    assert await world.status(first.event_id) == EventStatus.FAILED
    again = await world.accept(source, key=KEY)
    assert (again.duplicate, again.status) == (True, EventStatus.PENDING)
    assert await world.status(first.event_id) == EventStatus.PENDING


async def duplicates_within_one_group_are_counted(world: World) -> None:
    source = await world.source()
    keys = ["a", "b", "a", "a", "b", "c"]
    receipts = await asyncio.gather(*(world.accept(source, key=key) for key in keys))
    assert [receipt.duplicate for receipt in receipts] == [False, False, True, True, True, False]
    counts = {key: (await world.story(r.event_id)).event.duplicates for key, r in zip(keys, receipts, strict=True)}
    assert counts == {"a": 2, "b": 1, "c": 0}


def _all_of(world: World, source_id: str) -> Cut:
    return Cut(source_id, world.now_ms + 1)


BEHAVIOURS = behaviours(
    the_same_key_is_one_event,
    an_empty_key_never_deduplicates,
    keys_of_different_sources_are_different,
    a_thousand_concurrent_duplicates_are_one_event,
    duplicates_within_one_group_are_counted,
    a_key_is_forgotten_when_its_window_is_over,
    an_event_that_was_forgotten_is_still_known,
    a_known_key_with_another_body_is_a_duplicate_unless_conflicts_are_reviewed,
    a_known_body_under_another_id_is_held_for_review,
    a_replay_can_be_refused_and_leaves_nothing_behind,
    a_body_may_come_again_when_its_window_is_over,
    an_event_that_failed_is_owed_again_when_its_sender_sends_it_again,
    an_event_that_failed_before_it_was_ever_tried_is_pending_again,
) + behaviours(duplicates_that_reach_different_processes_are_one_event, shared=True)
