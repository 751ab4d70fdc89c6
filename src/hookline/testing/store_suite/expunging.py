"""Expunging: the bytes of a message go before it does, because a person said so or their time was over."""

from __future__ import annotations

from hookline.core import ids
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import DEFAULT_ORG, EventStatus
from hookline.core.state import DeliveryState, Move
from hookline.storage.attempts import AttemptFilter
from hookline.storage.base import EventFilter, Receipt, Slice
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises


async def the_bytes_go_and_the_rest_stays(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop, body=b"secret-ish")
    await world.try_once(endpoint)
    await _expunge(world, shop.id, receipt.event_id)
    message = await world.store.messages.get(DEFAULT_ORG, shop.id, receipt.event_id)
    assert message is not None
    assert (message.payload, message.content_type, message.event.status) == (None, "", EventStatus.PROCESSED)
    story = await world.story(receipt.event_id)
    assert story.event.request.body == b""
    assert len(story.attempts) == 1
    await _expunge(world, shop.id, receipt.event_id)  # what is gone is gone


async def what_is_still_owed_is_cancelled(world: World) -> None:
    shop = await world.application()
    done, waiting, sending = [await world.customer_endpoint(shop) for _ in range(3)]
    receipt = await world.accept(shop)
    await world.try_once(done)
    (work,) = (await world.claim(sending)).works
    world.now_ms += 5
    await _expunge(world, shop.id, receipt.event_id)
    assert await world.states(receipt.event_id) == {
        done.id: DeliveryState.DELIVERED,
        waiting.id: DeliveryState.CANCELLED,
        sending.id: DeliveryState.CANCELLED,
    }
    deliveries = (await world.story(receipt.event_id)).deliveries
    assert {one.reason for one in deliveries if one.state == DeliveryState.CANCELLED} == {"expunged"}
    assert {one.finished_at_ms for one in deliveries if one.state == DeliveryState.CANCELLED} == {world.now_ms}
    assert not await world.settle(work)
    assert await world.store.deliveries.owed() == []
    assert await world.status(receipt.event_id) == EventStatus.PROCESSED


async def what_has_no_bytes_is_not_sent_again(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    gone, there = await world.accept(shop), await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    await _expunge(world, shop.id, gone.event_id)
    deliveries = world.store.deliveries
    for endpoint_id in ("", endpoint.id):
        again = deliveries.replay_event(DEFAULT_ORG, gone.event_id, world.now_ms, endpoint_id)
        assert (await raises(Conflict, again)).code == "payload_gone"
    where = EventFilter(source_id=shop.id, endpoint_id=endpoint.id)
    new = await world.customer_endpoint(shop)
    for kind, to in (("recover", endpoint.id), ("bulk", endpoint.id), ("missing", new.id), ("replay", "")):
        where = EventFilter(source_id=shop.id, endpoint_id=to)
        job = await world.store.replays.start(DEFAULT_ORG, where, world.now_ms, kind)
        await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
        for owner in (endpoint, new):
            assert {work.event_id for work in await world.try_once(owner, Move.EXHAUST)} <= {there.event_id}
    assert (await world.states(gone.event_id)) == {endpoint.id: DeliveryState.DEAD}


async def what_is_not_there_cannot_be_expunged(world: World) -> None:
    shop, other = await world.application(), await world.application("other")
    receipt = await world.accept(shop)
    expunge = world.store.messages.expunge
    await raises(NotFound, expunge(DEFAULT_ORG, shop.id, "msg_0", world.now_ms))
    await raises(NotFound, expunge(DEFAULT_ORG, other.id, receipt.event_id, world.now_ms))
    await raises(NotFound, expunge(OTHER_ORG, shop.id, receipt.event_id, world.now_ms))
    assert (await world.story(receipt.event_id)).event.request.body == b'{"n":1}'


async def bytes_go_when_their_time_is_over(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    short, long, kept = [
        await world.accept(shop, payload_expires_at_ms=expires)
        for expires in (world.now_ms + 1000, world.now_ms + 2000, None)
    ]
    await world.try_once(endpoint)
    assert await _forget_payloads(world) == 0
    world.now_ms += 1000
    assert await _forget_payloads(world) == 1
    assert await _bodies(world, short, long, kept) == [b"", b'{"n":1}', b'{"n":1}']
    world.now_ms += 1_000_000
    assert await _forget_payloads(world) == 1
    assert await _bodies(world, short, long, kept) == [b"", b"", b'{"n":1}']


async def bytes_that_are_still_owed_stay_until_they_are_not(world: World) -> None:
    """Also where so many are owed that the others are found behind them."""
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipts = [await world.accept(shop, payload_expires_at_ms=world.now_ms + 1) for _ in range(1_200)]
    world.now_ms += 5000
    assert await _forget_payloads(world) == 0
    works = (await world.claim(endpoint, limit=1_200)).works
    for work in works[-2:]:
        await world.settle(work, Move.DELIVER)
    assert await _forget_payloads(world) == 2
    assert await _bodies(world, receipts[0], receipts[-3], *receipts[-2:]) == [b'{"n":1}', b'{"n":1}', b"", b""]
    assert await world.status(receipts[0].event_id) == EventStatus.PENDING


async def bytes_of_what_nobody_wanted_go_too(world: World) -> None:
    shop = await world.application()
    await world.accept(shop, payload_expires_at_ms=world.now_ms + 1)
    world.now_ms += 1
    assert await _forget_payloads(world) == 1


async def what_an_endpoint_answered_can_be_expunged(world: World) -> None:
    shop, other = await world.application(), await world.application("other")
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint, Move.RETRY)
    await world.try_once(endpoint)
    attempts = world.store.attempts
    tried = await attempts.of_message(DEFAULT_ORG, shop.id, receipt.event_id, AttemptFilter(), Slice(descending=False))
    first = ids.attempt(tried[0].attempt.delivery_id, 1)
    await raises(NotFound, attempts.expunge(DEFAULT_ORG, other.id, receipt.event_id, first))
    await raises(NotFound, attempts.expunge(OTHER_ORG, shop.id, receipt.event_id, first))
    await raises(NotFound, attempts.expunge(DEFAULT_ORG, shop.id, receipt.event_id, "atmpt_0"))
    another = await world.accept(shop)
    await raises(NotFound, attempts.expunge(DEFAULT_ORG, shop.id, another.event_id, first))
    await attempts.expunge(DEFAULT_ORG, shop.id, receipt.event_id, first)
    made = (await world.story(receipt.event_id)).attempts
    assert [one.response_body for one in made] == [b"EXPUNGED", b"so be it\x00\xff"]
    assert [len(one.response_headers) for one in made] == [0, 2]
    assert (made[0].status, made[0].duration_ms) == (500, 12.5)


async def _expunge(world: World, application_id: str, event_id: str) -> None:
    await world.store.messages.expunge(DEFAULT_ORG, application_id, event_id, world.now_ms)


async def _forget_payloads(world: World) -> int:
    return await world.store.retention.forget_payloads(world.now_ms)


async def _bodies(world: World, *receipts: Receipt) -> list[bytes]:
    return [(await world.story(receipt.event_id)).event.request.body for receipt in receipts]


BEHAVIOURS = behaviours(
    the_bytes_go_and_the_rest_stays,
    what_is_still_owed_is_cancelled,
    what_has_no_bytes_is_not_sent_again,
    what_is_not_there_cannot_be_expunged,
    bytes_go_when_their_time_is_over,
    bytes_that_are_still_owed_stay_until_they_are_not,
    bytes_of_what_nobody_wanted_go_too,
    what_an_endpoint_answered_can_be_expunged,
)
