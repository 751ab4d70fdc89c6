"""Sending again: one event, many by a filter, what was processed, what was held back."""

from __future__ import annotations

import json

import pytest

from hookline.core.errors import NotFound
from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import AttemptMade
from hookline.storage.base import EventFilter
from hookline.storage.replays import Replay, ReplayState
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop

ONCE = {"schedule": [], "jitter": 0}
BREAKER_OFF = {"pause_after_failures": 0, "retry": ONCE}


async def replay(service: Service, event_id: str, endpoint_id: str = "") -> int:
    return await service.store.deliveries.replay_event(DEFAULT_ORG, event_id, service.clock.now_ms(), endpoint_id)


async def replay_all(service: Service, where: EventFilter) -> Replay:
    """Begin a replay as the API does, and see it end."""
    started = await service.store.replays.start(DEFAULT_ORG, where, service.clock.now_ms())
    service.server.replayer.wake()
    job: Replay | None = started
    while job is not None and job.state == ReplayState.RUNNING:
        await service.store.ping()  # the replayer works step by step, between the writes of others
        job = await service.store.replays.get(DEFAULT_ORG, started.id)
    assert job is not None
    return job


def sent_to(receiver: Receiver, path: str) -> list[str]:
    return [request.header("webhook-id") or "" for request in receiver.requests if request.path == path]


async def test_a_dead_event_is_replayed_with_a_fresh_schedule(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500, 500, 500])
    endpoint = {"name": "down", "url": receiver.url, "retry": {"schedule": ["10ms"], "jitter": 0}}
    service = await serve(shop(endpoint))
    event_id = await service.publish()
    await service.notices.settled("dead")
    assert await service.status(event_id) == "failed"
    assert await replay(service, event_id) == 1
    await service.notices.settled("delivered")
    story = await service.story(event_id)
    assert [(a.number, a.status) for a in story.attempts] == [(1, 500), (2, 500), (3, 500), (4, 200)]
    assert [(d.state, d.attempts) for d in story.deliveries] == [("delivered", 4)]
    assert story.event.status == "processed"
    assert sent_to(receiver, "/") == [event_id] * 4


async def test_a_processed_event_is_sent_again_to_everyone(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop(*({"name": n, "url": f"{receiver.url}/{n}"} for n in ("a", "b"))))
    event_id = await service.publish()
    await service.notices.settled("delivered", count=2)
    assert await replay(service, event_id) == 2
    await service.notices.settled("delivered", count=4)
    assert sent_to(receiver, "/a") == sent_to(receiver, "/b") == [event_id] * 2
    assert await service.status(event_id) == "processed"


async def test_a_replay_to_one_endpoint_goes_to_no_other(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop(*({"name": n, "url": f"{receiver.url}/{n}"} for n in ("a", "b"))))
    event_id = await service.publish()
    await service.notices.settled("delivered", count=2)
    assert await replay(service, event_id, (await service.endpoint("b")).id) == 1
    await service.notices.settled("delivered", count=3)
    assert (len(sent_to(receiver, "/a")), len(sent_to(receiver, "/b"))) == (1, 2)


async def test_an_endpoint_that_failed_is_replayed_alone(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500], path="/bad")
    service = await serve(
        shop(
            {"name": "good", "url": f"{receiver.url}/good"}, {"name": "bad", "url": f"{receiver.url}/bad"} | BREAKER_OFF
        )
    )
    event_id = await service.publish()
    await service.notices.until(AttemptMade, count=2)
    assert await replay(service, event_id) == 1
    await service.notices.settled("delivered", count=2)
    assert (len(sent_to(receiver, "/good")), len(sent_to(receiver, "/bad"))) == (1, 2)


async def test_what_is_still_owed_is_left_alone_by_a_replay(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500], path="/slow")
    slow = {"name": "slow", "url": f"{receiver.url}/slow", "retry": {"schedule": ["1h"]}}
    service = await serve(shop({"name": "good", "url": f"{receiver.url}/good"}, slow))
    event_id = await service.publish()
    await service.notices.until(AttemptMade, count=2)
    assert await replay(service, event_id) == 0
    await service.server.dispatcher.quiet()
    assert receiver.count == 2


async def test_a_replay_reaches_endpoints_that_are_new(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop())
    event_id = await service.publish()
    assert await service.status(event_id) == "ignored"
    await service.apply(shop({"name": "new", "url": f"{receiver.url}/new"}))
    assert await replay(service, event_id) == 1
    await service.notices.settled("delivered")
    assert await service.status(event_id) == "processed"


async def test_an_event_that_does_not_exist_cannot_be_replayed(serve: Serve) -> None:
    service = await serve(shop())
    with pytest.raises(NotFound):
        await replay(service, "msg_none")


async def test_an_event_held_for_review_is_released_by_a_replay(serve: Serve, receiver: Receiver) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
    service = await serve(shop({"name": "all", "url": receiver.url}, schemas={"order.*": schema}))
    body = json.dumps({"type": "order.paid", "amount": "many"}).encode()
    event_id = (await service.post("standard_webhooks", body, source="shop")).event_id
    held = (await service.story(event_id)).event
    assert (held.status, held.review_reason) == ("needs_review", "schema_mismatch")
    assert "/amount" in held.review_detail
    assert await replay(service, event_id) == 1
    await service.notices.settled("delivered")
    released = (await service.story(event_id)).event
    assert (released.status, released.review_reason) == ("processed", "")
    assert receiver.requests[0].body == body


async def test_a_filter_selects_what_is_replayed_and_a_dry_run_only_counts(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(500)
    other = shop({"name": "other", "url": f"{receiver.url}/other"} | BREAKER_OFF, name="other-shop")
    service = await serve(shop({"name": "all", "url": f"{receiver.url}/all"} | BREAKER_OFF), other)
    failed = [await service.publish("order.paid") for _ in range(450)]
    for event_type in ("order", "user.created"):
        await service.publish(event_type)
    await service.publish("order.paid", source="other-shop")
    await service.notices.settled("dead", count=453)
    receiver.answers(Answer(200))
    where = EventFilter(source_id=(await service.source()).id, status="failed", type="order.*")
    assert (await service.store.replays.count(DEFAULT_ORG, where)).events == 450
    await service.server.dispatcher.quiet()
    assert receiver.count == 453
    job = await replay_all(service, where)
    assert (job.total, job.seen, job.replayed) == (450, 450, 450)
    await service.notices.settled("delivered", count=450)
    assert sorted(made.event_id for made in await service.notices.settled("delivered", count=450)) == sorted(failed)
    assert (await service.store.replays.count(DEFAULT_ORG, EventFilter(status="failed"))).events == 3


async def test_a_filter_by_time_replays_only_that_time(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    early, middle, late = [await at_its_own_time(service) for _ in range(3)]
    since, until = [(await service.story(event_id)).event.received_at_ms for event_id in (middle, late)]
    await service.notices.settled("delivered", count=3)
    job = await replay_all(service, EventFilter(since_ms=since, until_ms=until))
    assert job.replayed == 1
    await service.notices.settled("delivered", event_id=middle, count=2)
    assert [event_id for event_id in (early, middle, late) for _ in range(sent_to(receiver, "/").count(event_id))] == [
        early,
        middle,
        middle,
        late,
    ]


async def at_its_own_time(service: Service) -> str:
    """An event that no other shares its millisecond with."""
    before = service.clock.now_ms()
    while service.clock.now_ms() == before:
        await service.store.ping()
    event_id = await service.publish()
    before = service.clock.now_ms()
    while service.clock.now_ms() == before:
        await service.store.ping()
    return event_id


async def test_a_replay_by_filter_to_one_endpoint_sends_it_only_what_it_wants(serve: Serve, receiver: Receiver) -> None:
    orders = {"name": "orders", "url": f"{receiver.url}/orders", "events": ["order.*"]}
    service = await serve(shop(orders, {"name": "all", "url": f"{receiver.url}/all"}))
    order, user = await service.publish("order.paid"), await service.publish("user.created")
    await service.notices.settled("delivered", count=3)
    job = await replay_all(service, EventFilter(endpoint_id=(await service.endpoint("orders")).id))
    await service.server.dispatcher.quiet()
    assert sent_to(receiver, "/orders") == [order, order]
    assert job.replayed == 1
    assert sorted(sent_to(receiver, "/all")) == sorted([order, user])
