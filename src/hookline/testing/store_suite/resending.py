"""Resending: a person asks for one message to be sent to one endpoint again."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from hookline.core.errors import Conflict, NotFound
from hookline.core.model import DEFAULT_ORG, EventStatus
from hookline.core.state import DeliveryState, Move
from hookline.storage.base import Once
from hookline.testing.store_suite.world import OTHER_ORG, FakeWorker, World, behaviours, raises, settlement


async def whatever_became_of_it_it_is_sent_again(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    for move in (Move.DELIVER, Move.EXHAUST):
        receipt = await world.accept(shop)
        await world.try_once(endpoint, move)
        await _resend(world, receipt.event_id, endpoint.id)
        assert await world.status(receipt.event_id) == EventStatus.PROCESSING
        (work,) = (await world.claim(endpoint)).works
        assert (work.event_id, work.attempts, work.failures, work.manual) == (receipt.event_id, 1, 0, True)
        assert await world.settle(work)
    receipt = await world.accept(shop)
    await world.store.deliveries.cancel(DEFAULT_ORG, (await world.delivery(receipt.event_id)).id, world.now_ms)
    await _resend(world, receipt.event_id, endpoint.id)
    assert (await world.delivery(receipt.event_id)).state == DeliveryState.WAITING


async def one_that_waits_is_due_at_once_and_keeps_its_schedule(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint, Move.RETRY, due_in_ms=3_600_000)
    assert (await world.claim(endpoint)).works == []
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    await _resend(world, receipt.event_id, endpoint.id)
    assert worker.owed_to == [endpoint.id]
    (work,) = (await world.claim(endpoint)).works
    assert (work.attempts, work.failures, work.manual) == (1, 1, True)


async def one_that_is_being_sent_is_left_alone(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    await _resend(world, receipt.event_id, endpoint.id)
    assert (await world.claim(endpoint)).works == []
    assert await world.settle(work)


async def the_others_are_left_alone(world: World) -> None:
    shop = await world.application()
    one, two = await world.customer_endpoint(shop), await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(one)
    await world.try_once(two, Move.EXHAUST)
    await _resend(world, receipt.event_id, one.id)
    assert await world.states(receipt.event_id) == {one.id: DeliveryState.WAITING, two.id: DeliveryState.DEAD}


async def it_may_go_where_it_was_never_owed(world: World) -> None:
    shop = await world.application()
    receipt = await world.accept(shop)
    endpoint = await world.customer_endpoint(shop, events=["customer.*"], fifo=True)
    await _resend(world, receipt.event_id, endpoint.id)
    (work,) = (await world.claim(endpoint, fifo=True)).works
    assert (work.event_id, work.manual) == (receipt.event_id, True)


async def an_attempt_says_whether_a_person_asked_for_it(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    assert not work.manual
    await world.settle(work)
    await _resend(world, receipt.event_id, endpoint.id)
    (work,) = (await world.claim(endpoint)).works
    await world.settle_as(settlement(work, Move.DELIVER, world.now_ms))
    assert [attempt.manual for attempt in (await world.story(receipt.event_id)).attempts] == [False, True]


async def a_sender_that_sends_again_is_no_person(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source, key="1")
    await world.try_once(endpoint, Move.EXHAUST)
    await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms)
    (work,) = (await world.claim(endpoint)).works
    assert work.manual
    await world.settle(work, Move.EXHAUST)
    assert (await world.accept(source, key="1")).duplicate
    (work,) = (await world.claim(endpoint)).works
    assert not work.manual


async def what_is_not_there_cannot_be_resent(world: World) -> None:
    shop, other = await world.application(), await world.application("other")
    endpoint, elsewhere = await world.customer_endpoint(shop), await world.customer_endpoint(other)
    receipt = await world.accept(shop)
    resend = world.store.deliveries.resend
    await raises(NotFound, resend(DEFAULT_ORG, "msg_0", endpoint.id, world.now_ms))
    await raises(NotFound, resend(DEFAULT_ORG, receipt.event_id, "ep_0", world.now_ms))
    await raises(NotFound, resend(DEFAULT_ORG, receipt.event_id, elsewhere.id, world.now_ms))
    await raises(NotFound, resend(OTHER_ORG, receipt.event_id, endpoint.id, world.now_ms))
    assert not (await world.claim(elsewhere)).works


async def a_resend_that_is_asked_for_twice_is_one(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint)
    resend = world.store.deliveries.resend
    once = Once(shop.id, "k:resend", sha256(b"{}").digest()[:16], world.now_ms + 1000)
    await resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms, once)
    await world.try_once(endpoint)
    await asyncio.gather(*(resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms, once) for _ in range(3)))
    assert await world.try_once(endpoint) == []
    other = Once(shop.id, "k:resend", sha256(b"other").digest()[:16], world.now_ms + 1000)
    error = await raises(Conflict, resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms, other))
    assert error.code == "idempotency_key_reused"
    world.now_ms += 1000
    await resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms, other)
    assert len(await world.try_once(endpoint)) == 1


async def a_resend_that_could_not_be_may_be_asked_for_again(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, receipt.event_id, world.now_ms)
    once = Once(shop.id, "k:resend", b"", world.now_ms + 1000)
    for _ in range(2):
        again = world.store.deliveries.resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms, once)
        assert (await raises(Conflict, again)).code == "payload_gone"


async def _resend(world: World, event_id: str, endpoint_id: str) -> None:
    await world.store.deliveries.resend(DEFAULT_ORG, event_id, endpoint_id, world.now_ms)


BEHAVIOURS = behaviours(
    whatever_became_of_it_it_is_sent_again,
    one_that_waits_is_due_at_once_and_keeps_its_schedule,
    one_that_is_being_sent_is_left_alone,
    the_others_are_left_alone,
    it_may_go_where_it_was_never_owed,
    an_attempt_says_whether_a_person_asked_for_it,
    a_sender_that_sends_again_is_no_person,
    what_is_not_there_cannot_be_resent,
    a_resend_that_is_asked_for_twice_is_one,
    a_resend_that_could_not_be_may_be_asked_for_again,
)
