"""First in, first out: one at a time, and nothing overtakes a message that has to be tried again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.delivery.lane import IN_ORDER_AT_ONCE
from hookline.storage.base import Transaction
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.product import Product
from tests.pipeline.service import Service, shop
from tests.pipeline.test_hot_path import traced
from tests.pipeline.test_limits import flow
from tests.simulation.world import Answer as Reply
from tests.simulation.world import World

URL = "http://ordered.example/hook"
RETRY = {"schedule": ["5s", "1m", "10m"], "jitter": 0}


def ordered(url: str, **more: Any) -> dict[str, Any]:
    """An endpoint that takes things in order, whatever else it allows."""
    return {"name": "ordered", "url": url, "fifo": True, "retry": RETRY, "concurrency": 10, **more}


def came(receiver: Receiver) -> list[str | None]:
    """The ids of what came, in its order."""
    return [request.header("webhook-id") for request in receiver.requests]


async def publish(service: Service, count: int) -> list[str]:
    """Events, each published when the one before was acknowledged."""
    return [await service.publish() for _ in range(count)]


async def owed(service: Service, event_id: str) -> str:
    """The state of an event's only delivery."""
    (delivery,) = (await service.story(event_id)).deliveries
    return delivery.state


async def test_everything_comes_in_its_order_however_often_it_fails(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([200, 500, 500, 200, 503, 200, 500, 500, 500, 200, 200])
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    events = await publish(service, 6)
    await flow(service, clock, 6)
    times = [1, 3, 2, 4, 1, 1]
    assert came(receiver) == [event_id for event_id, count in zip(events, times, strict=True) for _ in range(count)]
    for event_id, count in zip(events, times, strict=True):
        assert [attempt.number for attempt in (await service.story(event_id)).attempts] == list(range(1, count + 1))


async def test_what_is_published_all_at_once_is_sent_one_at_a_time(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(200, delay_s=0.003))
    service = await serve(shop(ordered(receiver.url)))
    await asyncio.gather(*(service.publish() for _ in range(100)))
    await service.notices.settled("delivered", count=100)
    assert came(receiver) == sorted(set(await service.event_ids()))
    assert receiver.connections == 1  # a connection carries one request at a time


async def test_the_next_waits_until_the_result_of_the_last_is_on_disk(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(200, delay_s=0.2))
    service = await serve(shop(ordered(receiver.url)))
    await service.set_state("ordered", EndpointState.PAUSED)
    first, second = await publish(service, 2)
    await service.set_state("ordered", EndpointState.ACTIVE)
    await receiver.wait_for(1)
    assert service.server.dispatcher.queued() == 2  # the next is in memory, and could go at once
    on_disk = threading.Event()

    def wait(tx: Transaction, items: Sequence[None]) -> list[None]:
        on_disk.wait(30)
        return [None] * len(items)

    slow = asyncio.create_task(service.store.database.write(wait, None))  # the disk takes its time
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await receiver.wait_for(2)
    assert came(receiver) == [first]
    on_disk.set()
    await slow
    await service.notices.settled("delivered", event_id=second)
    assert came(receiver) == [first, second]


async def test_a_dead_message_lets_the_next_one_go(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500] * 4)
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    first, second = await publish(service, 2)
    await flow(service, clock, 1)
    assert came(receiver) == [first] * 4 + [second]
    assert (await owed(service, first), await owed(service, second)) == ("dead", "delivered")


async def waiting_head(service: Service) -> list[str]:
    """Three events of which the first has failed and waits for its next try."""
    events = await publish(service, 3)
    await service.notices.settled("waiting", event_id=events[0])
    await service.server.dispatcher.quiet()
    return events


async def test_while_the_oldest_waits_nothing_is_sent_not_even_by_the_next_server(
    serve: Serve, receiver: Receiver
) -> None:
    clock = FakeClock()
    receiver.script([500])
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    events = await waiting_head(service)
    await service.stop()
    clock = FakeClock(clock.now_ms() + 1)  # ids of one process rise within a millisecond, those of two do not
    service = await serve(clock=clock)
    events += [await service.publish(event_id=f"later-{number}") for number in range(2)]
    await service.server.dispatcher.quiet()
    clock.jump_to(clock.now_ms() + 4_998)
    await service.server.dispatcher.quiet()
    assert came(receiver) == events[:1]
    clock.jump_to(clock.now_ms() + 1)
    await service.notices.settled("delivered", count=5)
    assert came(receiver) == events[:1] + events


async def test_cancelling_the_oldest_frees_the_next(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500])
    service = await serve(shop(ordered(receiver.url)), clock=FakeClock())
    first, second, third = await waiting_head(service)
    (delivery,) = (await service.story(first)).deliveries
    await service.store.deliveries.cancel(DEFAULT_ORG, delivery.id, service.clock.now_ms())
    await service.notices.settled("delivered", event_id=third)
    assert came(receiver) == [first, second, third]


async def test_sending_the_oldest_again_by_hand_need_not_wait_for_its_time(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500])
    service = await serve(shop(ordered(receiver.url)), clock=FakeClock())
    first, second, third = await waiting_head(service)
    endpoint = await service.endpoint("ordered")
    await service.store.deliveries.resend(DEFAULT_ORG, first, endpoint.id, service.clock.now_ms())
    await service.notices.settled("delivered", event_id=third)
    assert came(receiver) == [first, first, second, third]
    assert [attempt.manual for attempt in (await service.story(first)).attempts] == [False, True]


async def test_what_is_replayed_goes_before_what_is_younger(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([200, 500])
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    oldest = await service.publish()
    await service.notices.settled("delivered", event_id=oldest)
    first, second, third = await waiting_head(service)
    await service.store.deliveries.replay_event(DEFAULT_ORG, oldest, clock.now_ms())
    await service.notices.settled("delivered", event_id=oldest, count=2)
    await service.server.dispatcher.quiet()
    assert came(receiver) == [oldest, first, oldest]
    await flow(service, clock, 5)
    assert came(receiver) == [oldest, first, oldest, first, second, third]


async def test_a_pause_in_the_middle_changes_no_order(serve: Serve, receiver: Receiver) -> None:
    receiver.script([Answer(200, delay_s=0.1)])
    service = await serve(shop(ordered(receiver.url)))
    events = await publish(service, 4)
    await receiver.wait_for(1)
    await service.set_state("ordered", EndpointState.PAUSED)
    await service.notices.settled("delivered", event_id=events[0])
    await service.server.dispatcher.quiet()
    events += await publish(service, 2)
    assert came(receiver) == events[:1]
    await service.set_state("ordered", EndpointState.ACTIVE)
    await service.notices.settled("delivered", count=6)
    assert came(receiver) == events


@pytest.mark.parametrize("reason", ["endpoint_disabled", "endpoint_deleted"])
async def test_when_the_endpoint_goes_in_the_middle_nothing_more_is_sent(
    serve: Serve, receiver: Receiver, reason: str
) -> None:
    receiver.script([Answer(200, delay_s=0.1)])
    service = await serve(shop(ordered(receiver.url)))
    events = await publish(service, 4)
    await receiver.wait_for(1)
    endpoint = await service.endpoint("ordered")
    if reason == "endpoint_disabled":
        await service.set_state("ordered", EndpointState.DISABLED)
    else:
        await service.store.catalogue.delete_endpoint(DEFAULT_ORG, endpoint.id)
    await service.notices.settled("delivered", event_id=events[0])
    await service.server.dispatcher.quiet()
    assert came(receiver) == events[:1]
    for event_id in events[1:]:
        (delivery,) = (await service.story(event_id)).deliveries
        assert (delivery.state, delivery.reason) == ("dead", reason)


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_order_can_be_turned_on_while_ten_are_under_way(serve: Serve, receiver: Receiver, fails: str) -> None:
    clock = FakeClock()
    service = await serve(shop(ordered(receiver.url, fifo=False)), clock=clock)
    first = await service.publish()
    await service.notices.settled("delivered", event_id=first)  # now it has a lane, which takes in twice ten
    receiver.script([Answer(500, delay_s=0.1 if fails == "before" else 0.6), *[Answer(200, delay_s=0.6)] * 10])
    events = await publish(service, 25)
    if fails == "before":
        await service.notices.settled("waiting")
    await receiver.wait_for(11)
    await service.apply(shop(ordered(receiver.url)))
    begun = receiver.count
    await service.notices.settled("delivered", count=begun - 1)
    await service.server.dispatcher.quiet()
    assert receiver.count == begun  # the one that failed has to go before all that had not begun, and waits
    under_way = came(receiver)[1:]
    assert sorted(map(str, under_way)) == events[: begun - 1]
    await flow(service, clock, 26)
    assert came(receiver)[begun:] == [under_way[0], *events[begun - 1 :]]


async def test_a_receiver_that_asks_to_wait_is_left_alone_and_changes_no_order(
    serve: Serve, receiver: Receiver
) -> None:
    clock = FakeClock()
    receiver.script([Answer(429, (("Retry-After", "120"),))])
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    events = await waiting_head(service)
    clock.jump_to(clock.now_ms() + 119_000)
    await service.server.dispatcher.quiet()
    assert came(receiver) == events[:1]
    await flow(service, clock, 3)
    assert came(receiver) == events[:1] + events


async def test_what_waits_in_order_is_claimed_in_batches(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop(ordered(receiver.url)))
    await service.set_state("ordered", EndpointState.PAUSED)
    await publish(service, 100)
    with traced(service) as statements:
        await service.set_state("ordered", EndpointState.ACTIVE)
        await service.notices.settled("delivered", count=100)
    assert sum("d.fifo = 1" in text for text in statements) <= 100 / IN_ORDER_AT_ONCE + 3
    assert came(receiver) == sorted(map(str, came(receiver)))


async def test_order_can_be_turned_off_while_the_oldest_waits(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    first, second, third = await waiting_head(service)
    await service.apply(shop(ordered(receiver.url, fifo=False)))
    await service.notices.settled("delivered", count=2)
    assert {await owed(service, second), await owed(service, third)} == {"delivered"}
    assert await owed(service, first) == "waiting"
    await flow(service, clock, 3)


async def test_an_endpoint_that_fails_is_asked_for_the_oldest_only(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.answers(500)
    service = await serve(shop(ordered(receiver.url)), clock=clock)
    events = await publish(service, 15)
    await service.notices.settled("waiting", event_id=events[0])
    await service.server.dispatcher.quiet()
    given_back = service.server.dispatcher.given_back
    while receiver.count < 4:
        clock.jump_to(clock.next_timer_ms() or 0)
        await service.server.dispatcher.quiet()
    # What stands behind the oldest is not taken in again and again, only to be given back.
    assert service.server.dispatcher.given_back == given_back
    assert came(receiver)[:4] == [events[0]] * 4


async def test_a_lane_in_order_can_be_limited_to_a_rate(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([200, 500])
    service = await serve(shop(ordered(receiver.url, rate_limit="2/m")), clock=clock)
    events = await publish(service, 5)
    began_ms = clock.now_ms()
    await flow(service, clock, 5)
    assert [event_id for event_id, _ in groupby(came(receiver))] == events
    assert clock.now_ms() - began_ms >= (6 - 2) / 2 * 60_000  # six tries, of which two may come at once


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_crash_at_any_moment_changes_no_order(tmp_path: Path, turns: int) -> None:
    replies = iter([200, 500, 200, 500, 500])
    world = World(tmp_path, lambda _: Reply(next(replies, 200)))
    await world.start()
    await world.add_source(ordered(URL))
    for number in range(6):
        await world.post(b'{"type":"order.paid","number":%d}' % number)
    for _ in range(turns):
        await asyncio.sleep(0)
    await world.crash()
    await world.start()
    await world.elapse(3_600)
    in_order = sorted(world.acknowledged)
    assert [event_id for event_id, _ in groupby(made.event_id for made in world.tries + world.wire.tries)] == in_order
    assert len(in_order) == 6
    await world.stop()


async def test_messages_of_an_application_come_in_order_too(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500, 200, 500])
    service = await serve(clock=clock)
    product = Product(service.server)
    customer = await product.customer()
    await product.endpoint(customer, receiver.url, fifo=True)
    messages = [await product.publish(customer) for _ in range(5)]
    await flow(service, clock, 5)
    assert came(receiver) == [messages[0], messages[0], messages[1], messages[1], *messages[2:]]
