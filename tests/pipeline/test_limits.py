"""What protects receivers and endpoints from each other: concurrency, rate, isolation, the breaker."""

from __future__ import annotations

import asyncio
import time

import pytest

from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.core.notice import AttemptMade, EndpointPaused, EndpointResumed
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop

FIRST_COOL_DOWN_MS = 30_000


async def publish_many(service: Service, count: int, at_once: int = 20) -> list[str]:
    """Events from ``at_once`` senders."""

    async def sender(share: int) -> list[str]:
        return [await service.publish() for _ in range(share)]

    shares = [count // at_once + (n < count % at_once) for n in range(at_once)]
    return [event_id for found in await asyncio.gather(*map(sender, shares)) for event_id in found]


@pytest.mark.parametrize("limit", [1, 3, 25])
async def test_an_endpoint_is_never_sent_more_at_once_than_it_allows(
    serve: Serve, receiver: Receiver, limit: int
) -> None:
    receiver.answers(Answer(200, delay_s=0.02))
    service = await serve(shop({"name": "all", "url": receiver.url, "concurrency": limit}))
    events = await publish_many(service, 12 * limit)
    await service.notices.settled("delivered", count=len(events))
    # A connection carries one request at a time and is used again: there are as many as there were requests at once.
    assert receiver.connections == limit


async def test_an_endpoint_is_never_sent_more_in_a_time_than_it_allows(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url, "rate_limit": "40/s", "concurrency": 30}))
    events = await publish_many(service, 70)
    await service.notices.settled("delivered", count=70)
    # When they began: how long each was on its way to the receiver is the machine's affair.
    stories = [await service.story(event_id) for event_id in events]
    at = sorted(attempt.started_at_ms / 1000 for story in stories for attempt in story.attempts)
    for first in range(70):
        for last in range(first, 70):
            # A full bucket at once and what flows in meanwhile; one more, as milliseconds are rounded.
            assert last - first + 1 <= 40 + 40 * (at[last] - at[first]) + 1
    assert at[69] - at[0] < 5


async def test_a_slow_rate_is_kept_over_a_long_time(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    service = await serve(shop({"name": "all", "url": receiver.url, "rate_limit": "2/m"}), clock=clock)
    await publish_many(service, 6)
    for expected in (2, 3, 4, 5, 6):
        await service.notices.settled("delivered", count=expected)
        await service.server.dispatcher.quiet()
        assert receiver.count == expected
        clock.jump_to(clock.now_ms() + 30_001)


async def test_endpoints_that_hang_do_not_delay_another(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer.hang(), path="/hangs")
    hanging = [{"name": f"hangs{n}", "url": f"{receiver.url}/hangs"} for n in range(10)]
    service = await serve(shop(*hanging, {"name": "healthy", "url": f"{receiver.url}/healthy"}))
    healthy = (await service.endpoint("healthy")).id
    await publish_many(service, 200, at_once=5)
    made = await service.notices.settled("delivered", count=200)
    assert {attempt.endpoint_id for attempt in made} == {healthy}
    waits_ms = []
    for attempt in made:
        story = await service.story(attempt.event_id)
        finished_at_ms = next(d.finished_at_ms for d in story.deliveries if d.endpoint_id == healthy)
        waits_ms.append(finished_at_ms - story.event.received_at_ms)
    assert sorted(waits_ms)[197] < 7_500  # the others hang for 15 s
    # Each may have its own ten in flight and as much again in memory, and no more.
    assert [r.path for r in receiver.requests].count("/hangs") <= 100
    assert service.server.dispatcher.queued() <= 200


async def test_an_endpoint_that_keeps_failing_is_held_and_resumes_by_itself(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.answers(500, path="/bad")
    bad = {"name": "bad", "url": f"{receiver.url}/bad", "pause_after_failures": 5, "concurrency": 1}
    service = await serve(shop(bad, {"name": "good", "url": f"{receiver.url}/good"}), clock=clock)
    events = await publish_many(service, 20)
    await service.notices.until(EndpointPaused)
    await service.notices.settled("delivered", count=20)
    await service.server.dispatcher.quiet()
    assert receiver.count == 20 + 5
    stored = await service.endpoint("bad")
    assert (stored.state, stored.state_reason) == ("failing", "5 failures in a row, the last: http_500")
    assert (await service.endpoint("good")).state == "active"

    clock.jump_to(clock.now_ms() + FIRST_COOL_DOWN_MS)  # a probe, which fails: the next is twice as far
    await service.notices.settled("waiting", count=6)
    await service.server.dispatcher.quiet()
    assert receiver.count == 20 + 6
    receiver.answers(200, path="/bad")
    clock.jump_to(clock.now_ms() + FIRST_COOL_DOWN_MS)
    await service.server.dispatcher.quiet()
    assert receiver.count == 20 + 6
    clock.jump_to(clock.now_ms() + FIRST_COOL_DOWN_MS)
    await service.notices.until(EndpointResumed)
    await flow(service, clock, 40)
    assert (await service.endpoint("bad")).state == "active"
    assert {await service.status(event_id) for event_id in events} == {"processed"}


async def flow(service: Service, clock: FakeClock, delivered: int) -> None:
    """Let time pass until so many deliveries have been made."""
    while len(service.notices.of(AttemptMade, lambda made: made.state == "delivered")) < delivered:
        await service.server.dispatcher.quiet()
        if (next_ms := clock.next_timer_ms()) is not None:
            clock.jump_to(next_ms)
        await asyncio.sleep(0)


async def test_a_held_endpoint_is_still_held_after_a_restart(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(500)
    endpoint = {"name": "bad", "url": receiver.url, "pause_after_failures": 3, "concurrency": 1}
    service = await serve(shop(endpoint))
    events = await publish_many(service, 10)
    await service.notices.until(EndpointPaused)
    await service.server.dispatcher.quiet()
    await service.stop()
    assert receiver.count == 3
    service = await serve()
    await service.notices.settled("waiting")  # one probe at once, which fails
    await service.server.dispatcher.quiet()
    assert receiver.count == 4
    assert (await service.endpoint("bad")).state == "failing"
    await service.stop()
    receiver.answers(200)
    service = await serve()
    await service.notices.until(EndpointResumed)
    await service.notices.settled("delivered", count=6)
    assert (await service.endpoint("bad")).state == "active"
    assert len(events) == 10


async def test_what_people_do_elsewhere_does_not_release_a_held_endpoint(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.answers(500, path="/bad")
    bad = {"name": "bad", "url": f"{receiver.url}/bad", "pause_after_failures": 1, "events": ["bad"]}
    good = {"name": "good", "url": f"{receiver.url}/good", "events": ["good"]}
    service = await serve(shop(bad, good), clock=clock)
    fine = await service.publish("good")
    await service.notices.settled("delivered", event_id=fine)
    await service.publish("bad")
    await service.notices.until(EndpointPaused)
    await service.server.dispatcher.quiet()
    await service.store.deliveries.replay_event(DEFAULT_ORG, fine, clock.now_ms())
    await service.notices.settled("delivered", event_id=fine, count=2)
    await service.apply(shop(bad, good, {"name": "new", "url": receiver.url, "events": ["new"]}))
    await service.publish("bad")
    clock.jump_to(clock.now_ms() + FIRST_COOL_DOWN_MS - 1)
    await service.server.dispatcher.quiet()
    assert [request.path for request in receiver.requests].count("/bad") == 1
    assert (await service.endpoint("bad")).state == "failing"


async def test_a_person_can_resume_a_held_endpoint_at_once(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    retry = {"schedule": ["1s"], "jitter": 0}
    endpoint = {"name": "bad", "url": receiver.url, "pause_after_failures": 1, "retry": retry}
    service = await serve(shop(endpoint), clock=clock)
    await service.publish()
    await service.notices.until(EndpointPaused)
    await service.server.dispatcher.quiet()
    await service.set_state("bad", EndpointState.ACTIVE)
    await service.server.dispatcher.quiet()
    clock.jump_to(clock.now_ms() + 1_000)  # long before the cool-down is over
    await service.notices.settled("delivered")


async def test_a_person_who_pauses_a_held_endpoint_has_the_last_word(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500, Answer(200, delay_s=0.1)])
    service = await serve(shop({"name": "bad", "url": receiver.url, "pause_after_failures": 1}), clock=clock)
    await service.publish()
    await service.notices.until(EndpointPaused)
    await service.server.dispatcher.quiet()
    clock.jump_to(clock.now_ms() + FIRST_COOL_DOWN_MS)
    await receiver.wait_for(2)
    await service.set_state("bad", EndpointState.PAUSED, "by a person")
    await service.notices.settled("delivered")
    await service.server.dispatcher.quiet()
    stored = await service.endpoint("bad")
    assert (stored.state, stored.state_reason) == ("paused", "by a person")


async def test_time_spent_waiting_for_a_slow_endpoint_uses_up_no_attempt(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(200, delay_s=0.05))
    service = await serve(shop({"name": "slow", "url": receiver.url, "concurrency": 2, "timeout": "1s"}))
    began = time.monotonic()
    events = await publish_many(service, 40)
    await service.notices.settled("delivered", count=40)
    assert time.monotonic() - began >= 40 / 2 * 0.05
    assert {len((await service.story(event_id)).attempts) for event_id in events} == {1}
