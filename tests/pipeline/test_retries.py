"""When a failed delivery is tried again, when it is given up, and what counts as a failure. On a fake clock."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.utils import formatdate
from itertools import pairwise

import pytest

from hookline.core.model import Attempt, Delivery, RetryPolicy
from hookline.core.notice import AttemptMade, EndpointDisabled
from hookline.storage.events import Story
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.expected import verified
from tests.pipeline.service import Service, shop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def clock() -> FakeClock:
    """Begins now, so that the official libraries accept our timestamps."""
    return FakeClock(time.time_ns() // 1_000_000)


async def next_try(service: Service, clock: FakeClock, event_id: str, number: int) -> AttemptMade:
    """Wait until the database says when the next try is, move the clock there, and see it end."""
    delivery = await owed(service, event_id)
    clock.jump_to(delivery.due_at_ms)
    return await ended(service, event_id, number)


async def ended(service: Service, event_id: str, number: int = 1) -> AttemptMade:
    """The end of an event's try of this number."""
    (made,) = await service.notices.until(AttemptMade, lambda n: (n.event_id, n.number) == (event_id, number))
    return made


async def owed(service: Service, event_id: str) -> Delivery:
    """The event's only delivery."""
    (delivery,) = (await service.story(event_id)).deliveries
    return delivery


async def run_out(service: Service, clock: FakeClock, event_id: str) -> Story:
    """Let every try be made at its time."""
    number = 1
    made = await ended(service, event_id)
    while made.state == "waiting":
        number += 1
        made = await next_try(service, clock, event_id, number)
    return await service.story(event_id)


def waits_s(story: Story) -> list[float]:
    """The time between the tries, as it is on record."""
    return [(later.started_at_ms - earlier.started_at_ms) / 1000 for earlier, later in pairwise(story.attempts)]


async def test_the_customary_schedule_ends_after_eight_tries(
    serve: Serve, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answers(500)
    service = await serve(shop({"name": "down", "url": receiver.url, "pause_after_failures": 0}), clock=clock)
    event_id = await service.publish()
    story = await run_out(service, clock, event_id)
    schedule = RetryPolicy().schedule_s
    assert len(story.attempts) == len(schedule) + 1 == receiver.count
    for waited, planned in zip(waits_s(story), schedule, strict=True):
        assert planned * 0.9 - 0.001 <= waited <= planned * 1.1
    assert [(d.state, d.reason, d.failures) for d in story.deliveries] == [("dead", "exhausted", 8)]
    assert story.event.status == "failed"


async def test_jitter_spreads_the_waits_of_many_events(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.answers(500)
    endpoint = {"name": "down", "url": receiver.url, "pause_after_failures": 0}
    service = await serve(shop({**endpoint, "retry": {"schedule": ["100s"], "jitter": 0.5}}), clock=clock)
    events = [await service.publish() for _ in range(60)]
    await service.notices.settled("waiting", count=60)
    waits = [((await owed(service, event_id)).due_at_ms - clock.now_ms()) / 1000 for event_id in events]
    assert 50 <= min(waits) < 65
    assert 135 < max(waits) <= 150
    assert len(set(waits)) > 50


async def test_without_jitter_tries_are_made_to_the_millisecond(
    serve: Serve, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.script([500, 503, 429])
    endpoint = {"name": "shaky", "url": receiver.url, "retry": {"schedule": ["1s", "1m", "1h"], "jitter": 0}}
    service = await serve(shop(endpoint), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert waits_s(story) == [1, 60, 3600]
    assert [attempt.status for attempt in story.attempts] == [500, 503, 429, 200]
    assert story.event.status == "processed"


async def test_nothing_is_tried_before_its_time(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.script([500])
    endpoint = {"name": "shaky", "url": receiver.url, "retry": {"schedule": ["10s"], "jitter": 0}}
    service = await serve(shop(endpoint), clock=clock)
    event_id = await service.publish()
    await service.notices.settled("waiting")
    clock.jump_to((await owed(service, event_id)).due_at_ms - 1)
    await service.server.dispatcher.quiet()
    assert receiver.count == 1
    clock.jump_to(clock.now_ms() + 1)
    await service.notices.settled("delivered")


async def test_the_id_stays_and_the_timestamp_is_fresh_over_retries(
    serve: Serve, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.script([500, 500, 500])
    secret = "whsec_bm90IGEgcmVhbCBlbmRwb2ludCBrZXku"
    retry = {"schedule": ["10s", "20s", "30s"], "jitter": 0}
    service = await serve(
        shop({"name": "shaky", "url": receiver.url, "secrets": [secret], "retry": retry}), clock=clock
    )
    event_id = await service.publish()
    story = await run_out(service, clock, event_id)
    assert {request.header("webhook-id") for request in receiver.requests} == {event_id}
    stamps = [int(request.header("webhook-timestamp") or 0) for request in receiver.requests]
    assert stamps == [attempt.started_at_ms // 1000 for attempt in story.attempts]
    assert [later - earlier for earlier, later in pairwise(stamps)] == [10, 20, 30]
    assert len({request.body for request in receiver.requests}) == 1
    for request in receiver.requests:
        verified(request, secret)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(serve: Serve, receiver: Receiver, clock: FakeClock, status: int) -> None:
    receiver.script([Answer(status, (("Retry-After", "120"),))])
    service = await serve(shop({"name": "busy", "url": receiver.url}), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert waits_s(story) == [120]


async def test_retry_after_may_be_a_date(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    date_s = clock.now_ms() // 1000 + 90
    receiver.script([Answer(503, (("retry-after", formatdate(date_s, usegmt=True)),))])
    service = await serve(shop({"name": "busy", "url": receiver.url}), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert story.attempts[1].started_at_ms == date_s * 1000


@pytest.mark.parametrize(
    ("status", "value"), [(500, "120"), (503, "1"), (503, "-5"), (503, "soon"), (429, ""), (429, "1e9")]
)
async def test_retry_after_never_makes_a_wait_shorter_and_may_be_nonsense(
    serve: Serve, receiver: Receiver, clock: FakeClock, status: int, value: str
) -> None:
    receiver.script([Answer(status, (("Retry-After", value),))])
    endpoint = {"name": "busy", "url": receiver.url, "retry": {"schedule": ["5s"], "jitter": 0}}
    service = await serve(shop(endpoint), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert waits_s(story) == [5]


async def test_who_asks_to_wait_gets_nothing_else_meanwhile(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.script([Answer(429, (("Retry-After", "60"),))], path="/busy")
    busy, free = ({"name": name, "url": f"{receiver.url}/{name}"} for name in ("busy", "free"))
    service = await serve(shop(busy, free), clock=clock)
    first = await service.publish()
    await service.notices.settled("waiting", event_id=first)
    events = [await service.publish() for _ in range(10)]
    await service.notices.settled("delivered", count=11)
    assert [request.path for request in receiver.requests].count("/busy") == 1
    clock.jump_to(clock.now_ms() + 60_000)
    await service.notices.settled("delivered", count=22)
    assert {await service.status(event_id) for event_id in (first, *events)} == {"processed"}


async def test_410_disables_the_endpoint_and_ends_what_it_is_owed(
    serve: Serve, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.script([500, 500, 410], path="/gone")
    gone, here = ({"name": name, "url": f"{receiver.url}/{name}"} for name in ("gone", "here"))
    service = await serve(shop(gone, here), clock=clock)
    owed_still = [await service.publish() for _ in range(2)]
    await service.notices.settled("waiting", count=2)
    last = await service.publish()
    await service.notices.until(EndpointDisabled)
    await service.notices.settled("dead")
    await service.server.dispatcher.quiet()
    stored = await service.endpoint("gone")
    assert (stored.state, stored.state_reason) == ("disabled", "the endpoint answered 410 Gone")
    reasons = [{d.reason for d in (await service.story(e)).deliveries if d.state == "dead"} for e in owed_still]
    assert reasons == [{"endpoint_disabled"}, {"endpoint_disabled"}]
    assert {d.reason for d in (await service.story(last)).deliveries} == {"gone", ""}
    assert await service.status(last) == "failed"
    after = await service.publish()
    await service.notices.settled("delivered", event_id=after)
    assert await service.status(after) == "processed"


async def test_redirects_are_not_followed(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.script([Answer(302, (("Location", f"{receiver.url}/elsewhere"),)), 308, 200], path="/moved")
    service = await serve(shop({"name": "moved", "url": f"{receiver.url}/moved"}), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert [attempt.status for attempt in story.attempts] == [302, 308, 200]
    assert {request.path for request in receiver.requests} == {"/moved"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.hang(), "timeout"),
        (Answer.drip(0.05, body=b"x" * 100), "timeout"),
        (Answer.close(), "connection_closed"),
        (Answer.raw(HEAD + b"half"), "connection_closed"),
        (Answer.garbage(), "malformed_response"),
    ],
)
async def test_what_is_no_answer_is_a_failure_with_its_own_name(
    serve: Serve, receiver: Receiver, clock: FakeClock, answer: Answer, error: str
) -> None:
    receiver.script([answer])
    service = await serve(shop({"name": "bad", "url": receiver.url, "timeout": "200ms"}), clock=clock)
    story = await run_out(service, clock, await service.publish())
    failed, delivered = story.attempts
    assert (failed.status, failed.error) == (0, error)
    assert failed.detail
    assert delivered.status == 200
    if error == "timeout":
        assert 190 <= failed.duration_ms < 2_000


async def test_the_story_tells_what_was_answered(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.script([Answer(422, (("X-Reason", "no"), ("x-reason", "really")), b'{"error":"no such order"}')])
    service = await serve(shop({"name": "picky", "url": receiver.url}), clock=clock)
    refused = (await run_out(service, clock, await service.publish())).attempts[0]
    assert (refused.status, refused.response_body) == (422, b'{"error":"no such order"}')
    assert refused.response_headers[:2] == ((b"X-Reason", b"no"), (b"x-reason", b"really"))
    assert refused.duration_ms > 0
    assert refused.address == "127.0.0.1"


async def test_a_body_without_end_is_kept_in_part(serve: Serve, receiver: Receiver, clock: FakeClock) -> None:
    receiver.script([Answer.huge(1 << 30, status=500), Answer.huge(1 << 30)])
    service = await serve(shop({"name": "huge", "url": receiver.url}), clock=clock)
    story = await run_out(service, clock, await service.publish())
    assert [(attempt.status, attempt.response_body) for attempt in story.attempts] == [
        (500, b"x" * 4096),
        (200, b"x" * 4096),
    ]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that connecting to it never ends."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


async def first_attempt(service: Service, check: Callable[[Attempt], bool] = lambda _: True) -> Attempt:
    event_id = await service.publish()
    await ended(service, event_id)
    return (await service.story(event_id)).attempts[0]


async def test_connecting_has_a_timeout_of_its_own(serve: Serve, full_port: int) -> None:
    url = f"http://127.0.0.1:{full_port}/"
    service = await serve(shop({"name": "deaf", "url": url, "connect_timeout": "150ms", "timeout": "60s"}))
    failed = await first_attempt(service)
    assert failed.error == "connect_timeout"
    assert 140 <= failed.duration_ms < 2_000


async def test_a_port_without_listener_refuses(serve: Serve, closed_port: str) -> None:
    service = await serve(shop({"name": "shut", "url": closed_port}))
    failed = await first_attempt(service)
    assert (failed.error, failed.address) == ("connect_refused", "127.0.0.1")
