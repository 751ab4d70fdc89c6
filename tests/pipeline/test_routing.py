"""Which endpoints an event goes to, and what becomes of it when one is paused, disabled, deleted or unusable."""

from __future__ import annotations

import pytest
import standardwebhooks

from hookline.config.endpoint_spec import EndpointSpec
from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.core.notice import AttemptMade, EndpointPaused
from hookline.core.signature import generate_secret
from hookline.storage.catalogue import PutEndpoint
from hookline.storage.store import open_store
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.expected import verified
from tests.pipeline.service import Service, shop

OLD_SECRET = generate_secret(b"not a real secret: the old")
NEW_SECRET = generate_secret(b"not a real secret: the new")


def paths(receiver: Receiver, event_id: str) -> list[str]:
    return sorted(r.path for r in receiver.requests if r.header("webhook-id") == event_id)


async def add_endpoint(service: Service, **spec: object) -> str:
    """What the API does to add an endpoint; its id."""
    put = PutEndpoint(
        DEFAULT_ORG, (await service.source()).id, EndpointSpec.model_validate(spec), (), service.clock.now_ms()
    )
    return (await service.store.catalogue.put_endpoint(put)).id


async def test_events_go_to_the_endpoints_whose_pattern_they_match(serve: Serve, receiver: Receiver) -> None:
    patterns = {"exact": ["order.paid"], "below": ["order.*"], "both": ["order.paid", "user.*"], "all": ["*"]}
    endpoints = [{"name": name, "url": f"{receiver.url}/{name}", "events": events} for name, events in patterns.items()]
    service = await serve(shop(*endpoints))
    wanted = {
        "order.paid": ["/all", "/below", "/both", "/exact"],
        "order.item.added": ["/all", "/below"],
        "order": ["/all"],
        "orders": ["/all"],
        "user.created": ["/all", "/both"],
    }
    events = {event_type: await service.publish(event_type) for event_type in wanted}
    await service.notices.settled("delivered", count=sum(map(len, wanted.values())))
    assert {event_type: paths(receiver, event_id) for event_type, event_id in events.items()} == wanted


async def test_an_event_that_nobody_wants_is_ignored(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "orders", "url": receiver.url, "events": ["order.*"]}))
    event_id = await service.publish("user.created")
    assert await service.status(event_id) == "ignored"
    assert (await service.story(event_id)).deliveries == []


async def test_an_event_is_processed_when_the_last_of_its_endpoints_has_it(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(500), path="/bad")
    good = [{"name": f"good{n}", "url": f"{receiver.url}/good"} for n in range(5)]
    bad = {"name": "bad", "url": f"{receiver.url}/bad", "retry": {"schedule": []}}
    service = await serve(shop(*good))
    first = await service.publish()
    await service.notices.settled("delivered", event_id=first, count=5)
    assert await service.status(first) == "processed"
    await service.apply(shop(*good, bad))
    second = await service.publish()
    await service.notices.settled("delivered", event_id=second, count=5)
    await service.notices.settled("dead", event_id=second)
    assert await service.status(second) == "failed"


async def test_an_endpoint_created_just_before_the_publish_gets_the_event(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop())
    for number in range(20):
        await add_endpoint(service, name=f"e{number}", url=f"{receiver.url}/e{number}", events=[f"type.{number}"])
        event_id = await service.publish(f"type.{number}")
        await service.notices.settled("delivered", event_id=event_id)
        assert paths(receiver, event_id) == [f"/e{number}"]


async def test_requests_bear_both_signatures_while_a_secret_is_rotated(serve: Serve, receiver: Receiver) -> None:
    service = await serve()

    async def sent_with(*secrets: str) -> str:
        await service.apply(shop({"name": "all", "url": receiver.url, "secrets": list(secrets)}))
        event_id = await service.publish()
        await service.notices.settled("delivered", event_id=event_id)
        return event_id

    await sent_with(OLD_SECRET)
    await sent_with(NEW_SECRET, OLD_SECRET)
    await sent_with(NEW_SECRET)
    old, both, new = receiver.requests
    verified(old, OLD_SECRET)
    verified(both, OLD_SECRET)
    verified(both, NEW_SECRET)
    verified(new, NEW_SECRET)
    for request, foreign in ((old, NEW_SECRET), (new, OLD_SECRET)):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verified(request, foreign)


async def test_an_endpoint_that_a_person_paused_keeps_its_events_until_it_is_resumed(
    serve: Serve, receiver: Receiver
) -> None:
    service = await serve(
        shop({"name": "held", "url": f"{receiver.url}/held"}, {"name": "open", "url": f"{receiver.url}/open"})
    )
    await service.set_state("held", EndpointState.PAUSED, "maintenance")
    events = [await service.publish() for _ in range(30)]
    await service.notices.settled("delivered", count=30)
    assert {request.path for request in receiver.requests} == {"/open"}
    assert {await service.status(event_id) for event_id in events} == {"processing"}
    await service.set_state("held", EndpointState.ACTIVE)
    await service.notices.settled("delivered", count=60)
    assert {await service.status(event_id) for event_id in events} == {"processed"}
    assert all(paths(receiver, event_id) == ["/held", "/open"] for event_id in events)


async def test_what_fails_while_a_person_pauses_the_endpoint_does_not_resume_it(
    serve: Serve, receiver: Receiver
) -> None:
    receiver.answers(Answer(500, delay_s=0.1))
    service = await serve(shop({"name": "all", "url": receiver.url, "pause_after_failures": 1}))
    await service.publish()
    await receiver.wait_for(1)
    await service.set_state("all", EndpointState.PAUSED, "maintenance")
    await service.notices.settled("waiting")
    await service.server.dispatcher.quiet()
    stored = await service.endpoint("all")
    assert (stored.state, stored.state_reason) == ("paused", "maintenance")
    assert service.notices.of(EndpointPaused) == []  # that is what a breaker says


async def test_a_deleted_endpoint_is_owed_nothing_any_more(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(503))
    service = await serve(shop({"name": "gone", "url": receiver.url, "pause_after_failures": 0}))
    events = [await service.publish() for _ in range(20)]
    await service.notices.settled("waiting", count=20)
    await service.store.catalogue.delete_endpoint(DEFAULT_ORG, (await service.endpoint("gone")).id)
    await service.server.dispatcher.quiet()
    for event_id in events:
        story = await service.story(event_id)
        assert [(d.state, d.reason) for d in story.deliveries] == [("dead", "endpoint_deleted")]
        assert story.event.status == "failed"


async def test_a_disabled_endpoint_gets_no_new_events_and_is_owed_nothing(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(503)
    service = await serve(shop({"name": "off", "url": receiver.url}))
    owed = await service.publish()
    await service.notices.settled("waiting", event_id=owed)
    await service.set_state("off", EndpointState.DISABLED, "not needed")
    await service.server.dispatcher.quiet()
    assert [(d.state, d.reason) for d in (await service.story(owed)).deliveries] == [("dead", "endpoint_disabled")]
    assert await service.status(await service.publish()) == "ignored"
    assert receiver.count == 1


async def test_an_endpoint_that_the_file_switches_off_gets_nothing(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "off", "url": receiver.url, "enabled": False}))
    assert await service.status(await service.publish()) == "ignored"
    await service.apply(shop({"name": "off", "url": receiver.url, "enabled": True}))
    await service.notices.settled("delivered", event_id=await service.publish())


async def test_what_is_on_its_way_when_the_endpoint_goes_ends_as_it_ends(serve: Serve, receiver: Receiver) -> None:
    receiver.script([Answer(200, delay_s=0.2), 410])
    service = await serve(shop({"name": "leaving", "url": receiver.url}))
    slow = await service.publish()
    await receiver.wait_for(1)
    fast = await service.publish()
    await service.notices.settled("dead", event_id=fast)
    await service.server.dispatcher.quiet()
    story = await service.story(slow)
    assert [(attempt.number, attempt.status) for attempt in story.attempts] == [(1, 200)]
    assert story.event.status == "processed"


async def test_what_an_old_address_answers_says_nothing_about_the_new_one(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(410, delay_s=0.2), path="/old")
    service = await serve(shop({"name": "moving", "url": f"{receiver.url}/old"}))
    await service.publish()
    await receiver.wait_for(1)
    await service.apply(shop({"name": "moving", "url": f"{receiver.url}/new"}))
    await service.notices.settled("dead")
    await service.server.dispatcher.quiet()
    assert (await service.endpoint("moving")).state == "active"
    await service.notices.settled("delivered", event_id=await service.publish())


async def test_an_endpoint_that_cannot_be_reached_harms_nobody_else(
    serve: Serve, receiver: Receiver, closed_port: str
) -> None:
    shut = {"name": "shut", "url": closed_port, "retry": {"schedule": []}}
    service = await serve(shop(shut, {"name": "good", "url": receiver.url}))
    event_id = await service.publish()
    await service.notices.until(AttemptMade, count=2)
    story = await service.story(event_id)
    assert sorted((a.status, a.error) for a in story.attempts) == [(0, "connect_refused"), (200, "")]
    assert story.event.status == "failed"


async def test_an_endpoint_paused_behind_our_back_holds_nothing_in_memory(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    other = open_store(service.settings.database, service.settings.secret)  # as another process does
    endpoint = await service.endpoint("all")
    await other.catalogue.set_endpoint_state(endpoint.id, EndpointState.PAUSED, "", service.clock.now_ms())
    await other.close()
    event_id = await service.publish()
    await service.server.dispatcher.quiet()
    assert [d.state for d in (await service.story(event_id)).deliveries] == ["waiting"]
    assert service.server.dispatcher.queued() == 0
