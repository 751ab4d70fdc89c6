"""What a server leaves when it stops is done by the next one."""

from __future__ import annotations

import asyncio
import time

from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop


async def test_what_waits_and_what_is_in_flight_is_delivered_by_the_next_server(
    serve: Serve, receiver: Receiver
) -> None:
    receiver.answers(Answer.hang())
    service = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 4}))
    events = [await service.publish() for _ in range(30)]
    await receiver.wait_for(4)
    began = time.monotonic()
    assert await service.stop() == 8  # four in flight and as many in memory; the rest was never taken
    assert time.monotonic() - began < 5
    receiver.answers(200)
    service = await serve()
    await service.notices.settled("delivered", count=30)
    assert {await service.status(event_id) for event_id in events} == {"processed"}
    for event_id in events:  # what was cut off was no attempt of the endpoint's: it uses up none
        assert [a.number for a in (await service.story(event_id)).attempts] == [1]


async def test_what_is_nearly_done_is_finished_before_the_server_stops(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(200, delay_s=0.3))
    service = await serve(shop({"name": "all", "url": receiver.url}), graceful_stop="20s")
    event_id = await service.publish()
    await receiver.wait_for(1)
    began = time.monotonic()
    assert await service.stop() == 0
    assert time.monotonic() - began < 10
    await service.notices.settled("delivered", event_id=event_id)
    service = await serve()
    assert await service.status(event_id) == "processed"
    assert receiver.count == 1


async def test_retries_are_made_at_their_time_by_the_next_server(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500])
    clock = FakeClock()
    retry = {"schedule": ["1h"], "jitter": 0}
    service = await serve(shop({"name": "all", "url": receiver.url, "retry": retry}), clock=clock)
    event_id = await service.publish()
    await service.notices.settled("waiting")
    (delivery,) = (await service.story(event_id)).deliveries
    await service.stop()
    clock = FakeClock(delivery.due_at_ms - 1)
    service = await serve(clock=clock)
    await service.server.dispatcher.quiet()
    assert receiver.count == 1
    clock.jump_to(delivery.due_at_ms)
    await service.notices.settled("delivered", event_id=event_id)


async def test_a_retry_that_fell_due_while_nobody_served_is_made_at_once(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500])
    clock = FakeClock()
    service = await serve(shop({"name": "all", "url": receiver.url}), clock=clock)
    event_id = await service.publish()
    await service.notices.settled("waiting")
    await service.stop()
    service = await serve(clock=FakeClock(clock.now_ms() + 86_400_000))
    await service.notices.settled("delivered", event_id=event_id)


async def test_nothing_that_was_acknowledged_while_stopping_is_lost(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    acknowledged: list[str] = []

    async def sender() -> None:
        while True:
            acknowledged.append(await service.publish())

    senders = [asyncio.create_task(sender()) for _ in range(8)]
    await service.notices.settled("delivered", count=200)
    await service.stop()
    for task in senders:
        task.cancel()
    await asyncio.gather(*senders, return_exceptions=True)
    service = await serve()
    await service.server.dispatcher.quiet()
    assert len(acknowledged) >= 200
    assert set(acknowledged) <= set(await service.event_ids())
    assert set(acknowledged) <= {request.header("webhook-id") for request in receiver.requests}
    assert {await service.status(event_id) for event_id in acknowledged} == {"processed"}
