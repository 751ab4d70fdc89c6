"""Publishing: what a message asks for beside being delivered, and requests that come twice."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from hookline.core.model import DEFAULT_ORG, EventStatus
from hookline.core.state import DeliveryState, Move
from hookline.storage.base import EventFilter, Once, Receipt
from hookline.storage.retention import Cut
from hookline.testing.store_suite.world import FakeWorker, World, behaviours

DAY_MS = 86_400_000


async def a_message_goes_to_the_endpoints_that_share_a_channel(world: World) -> None:
    shop = await world.application()
    everything = await world.customer_endpoint(shop)
    eu = await world.customer_endpoint(shop, channels=["eu", "asia"])
    us = await world.customer_endpoint(shop, channels=["us"])
    paid = await world.customer_endpoint(shop, channels=["eu"], events=["order.paid"])
    no_channel = await world.accept(shop, type="order.sent")
    both = await world.accept(shop, type="order.sent", channels=("us", "eu"))
    right_type = await world.accept(shop, type="order.paid", channels=("eu",))
    assert set(await world.states(no_channel.event_id)) == {everything.id}
    assert set(await world.states(both.event_id)) == {everything.id, eu.id, us.id}
    assert set(await world.states(right_type.event_id)) == {everything.id, eu.id, paid.id}


async def channels_and_tags_are_kept(world: World) -> None:
    shop = await world.application()
    receipt = await world.accept(shop, channels=("eu", "us"), tags=("vip",))
    event = (await world.story(receipt.event_id)).event
    assert (event.channels, event.tags) == (("eu", "us"), ("vip",))


async def a_request_that_comes_again_makes_nothing_new(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    first = await world.accept(shop, once=_once(world, "a"))
    before = await world.story(first.event_id)
    again = await world.accept(shop, once=_once(world, "a"))
    assert again == Receipt(first.event_id, EventStatus.PENDING, duplicate=True)
    assert await world.story(first.event_id) == before
    assert await _count(world) == 1
    assert not (await world.accept(shop, once=_once(world, "b"))).duplicate
    assert not (await world.accept(await world.application("other"), once=_once(world, "a", "other"))).duplicate


async def many_requests_at_once_with_one_key_make_one_message(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    receipts = await asyncio.gather(*(world.accept(shop, once=_once(world, "a")) for _ in range(300)))
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert sum(receipt.duplicate for receipt in receipts) == 299
    assert await _count(world) == 1


async def a_key_that_comes_with_another_body_is_refused(world: World) -> None:
    shop = await world.application()
    first = await world.accept(shop, once=_once(world, "a", body=b"1"))
    second = await world.accept(shop, once=_once(world, "a", body=b"2"))
    assert (second.misused, second.duplicate, second.event_id) == (True, False, first.event_id)
    assert await _count(world) == 1
    assert (await world.accept(shop, once=_once(world, "a", body=b"1"))).duplicate


async def a_key_whose_day_is_over_makes_a_new_message(world: World) -> None:
    shop = await world.application()
    once = _once(world, "a")
    first = await world.accept(shop, once=once)
    world.now_ms += DAY_MS - 1
    assert (await world.accept(shop, once=once)).duplicate
    world.now_ms += 1
    second = await world.accept(shop, once=_once(world, "a", body=b"another"))
    assert (second.duplicate, second.misused) == (False, False)
    assert second.event_id != first.event_id
    world.now_ms += DAY_MS
    assert await world.store.retention.forget_keys(world.now_ms) == 1


async def a_name_belongs_to_the_message_that_had_it_first(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    first = await world.accept(shop, key="e:1", unique=True)
    await world.try_once(endpoint, Move.EXHAUST)
    taken = await world.accept(shop, key="e:1", unique=True, body=b"other")
    assert taken == Receipt(first.event_id, EventStatus.FAILED, taken=True)
    story = await world.story(first.event_id)
    assert (story.event.status, story.event.duplicates) == (EventStatus.FAILED, 0)  # it is not a redelivery
    assert await world.store.deliveries.owed() == []
    assert not (await world.accept(shop, key="e:2", unique=True)).taken
    assert not (await world.accept(await world.application("other"), key="e:1", unique=True)).taken


async def names_within_one_group_belong_to_the_first(world: World) -> None:
    shop = await world.application()
    receipts = await asyncio.gather(*(world.accept(shop, key="e:1", unique=True) for _ in range(50)))
    assert [receipt.taken for receipt in receipts] == [False] + [True] * 49
    assert {receipt.event_id for receipt in receipts} == {receipts[0].event_id}


async def a_request_whose_name_was_taken_may_be_sent_again(world: World) -> None:
    """It made nothing, so its key stands for nothing: not for the message of somebody else."""
    shop = await world.application()
    await world.accept(shop, key="e:1", unique=True)
    for _ in range(2):
        assert (await world.accept(shop, key="e:1", unique=True, once=_once(world, "a"))).taken
    free = await world.accept(shop, key="e:2", unique=True, once=_once(world, "a"))
    assert (free.taken, free.duplicate) == (False, False)
    again = await world.accept(shop, key="e:2", unique=True, once=_once(world, "a"))
    assert (again.event_id, again.duplicate, again.taken) == (free.event_id, True, False)


async def a_request_that_was_refused_as_a_replay_may_be_sent_again(world: World) -> None:
    shop = await world.application()
    await world.accept(shop, key="1", guard="body:1", refuse_replays=True)
    for _ in range(2):
        again = await world.accept(shop, key="2", guard="body:1", refuse_replays=True, once=_once(world, "a"))
        assert (again.replay, again.duplicate) == (True, False)


async def a_message_for_one_endpoint_goes_nowhere_else(world: World) -> None:
    shop = await world.application()
    usual = await world.customer_endpoint(shop)
    only = await world.customer_endpoint(shop, events=["customer.*"], channels=["eu"])
    receipt = await world.accept(shop, only_endpoint=only.id)
    assert receipt.deliveries == 1
    assert set(await world.states(receipt.event_id)) == {only.id}
    await world.try_once(only)
    assert await world.status(receipt.event_id) == EventStatus.PROCESSED
    replays = world.store.replays
    job = await replays.start(DEFAULT_ORG, EventFilter(source_id=shop.id), world.now_ms)
    assert (await replays.step(job.id, DEFAULT_ORG, world.now_ms)).replayed == 1
    missing = EventFilter(source_id=shop.id, endpoint_id=usual.id)
    assert (await replays.count(DEFAULT_ORG, missing, kind="missing")).events == 0
    assert await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms) == 0
    assert set(await world.states(receipt.event_id)) == {only.id}


async def a_message_for_an_endpoint_that_is_not_there_is_ignored(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    disabled = await world.customer_endpoint(shop, enabled=False)
    elsewhere = await world.customer_endpoint(await world.application("other"))
    for endpoint_id in (disabled.id, elsewhere.id, "ep_0"):
        receipt = await world.accept(shop, only_endpoint=endpoint_id)
        assert (receipt.status, receipt.deliveries) == (EventStatus.IGNORED, 0)


async def a_message_that_is_not_due_yet_waits(world: World) -> None:
    worker = FakeWorker(room=10)
    world.store.hand_over_to(worker)
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    due_at_ms = world.now_ms + 60_000
    receipt = await world.accept(shop, due_at_ms=due_at_ms)
    assert (worker.works, worker.owed_to) == ([], [endpoint.id])
    claimed = await world.claim(endpoint)
    assert (claimed.works, claimed.next_due_ms) == ([], due_at_ms)
    world.now_ms = due_at_ms
    assert [work.event_id for work in await world.try_once(endpoint)] == [receipt.event_id]


async def a_message_whose_time_has_come_already_is_born_leased(world: World) -> None:
    worker = FakeWorker(room=10)
    world.store.hand_over_to(worker)
    shop = await world.application()
    await world.customer_endpoint(shop)
    receipt = await world.accept(shop, due_at_ms=world.now_ms - 1)
    assert [work.event_id for work in worker.works] == [receipt.event_id]
    assert (await world.delivery(receipt.event_id)).state == DeliveryState.LEASED


async def requests_that_reach_different_processes_make_one_message(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    stores = [world.store, world.open()]
    receipts = await asyncio.gather(
        *(world.accept(shop, once=_once(world, "a"), store=stores[n % 2]) for n in range(40))
    )
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert sum(receipt.duplicate for receipt in receipts) == 39


async def a_key_outlives_its_message(world: World) -> None:
    shop = await world.application()
    first = await world.accept(shop, once=_once(world, "a"))
    await world.store.retention.forget_events(Cut(shop.id, world.now_ms + 1))
    again = await world.accept(shop, once=_once(world, "a"))
    assert (again.event_id, again.duplicate) == (first.event_id, True)


def _once(world: World, key: str, scope: str = "acme", body: bytes = b"body") -> Once:
    return Once(scope, f"k:{key}", sha256(body).digest()[:16], world.now_ms + DAY_MS)


async def _count(world: World) -> int:
    return len(await world.store.events.find(DEFAULT_ORG, EventFilter()))


BEHAVIOURS = behaviours(
    a_message_goes_to_the_endpoints_that_share_a_channel,
    channels_and_tags_are_kept,
    a_request_that_comes_again_makes_nothing_new,
    many_requests_at_once_with_one_key_make_one_message,
    a_key_that_comes_with_another_body_is_refused,
    a_key_whose_day_is_over_makes_a_new_message,
    a_name_belongs_to_the_message_that_had_it_first,
    names_within_one_group_belong_to_the_first,
    a_request_whose_name_was_taken_may_be_sent_again,
    a_request_that_was_refused_as_a_replay_may_be_sent_again,
    a_message_for_one_endpoint_goes_nowhere_else,
    a_message_for_an_endpoint_that_is_not_there_is_ignored,
    a_message_that_is_not_due_yet_waits,
    a_message_whose_time_has_come_already_is_born_leased,
    a_key_outlives_its_message,
) + behaviours(requests_that_reach_different_processes_make_one_message, shared=True)
