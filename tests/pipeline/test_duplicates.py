"""One event, one processing, however often and by whomever it is sent."""

from __future__ import annotations

import asyncio
import json

from hookline.core.notice import EventAccepted, EventDuplicate
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop

GITHUB_KEY = "not-a-real-secret-0123456789"


async def github(service: Service, body: bytes, delivery: str) -> str:
    """A genuine request from GitHub; the event's id."""
    answer = await service.post("github", body, event_id=delivery, event_type="push", secret=GITHUB_KEY)
    return answer.event_id


def github_source(url: str, **more: object) -> dict[str, object]:
    endpoint = {"name": "all", "url": url}
    return {"name": "github", "provider": "github", "secrets": [GITHUB_KEY], "endpoints": [endpoint], **more}


async def test_a_thousand_duplicates_at_once_are_one_event_and_one_processing(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    body = b'{"type":"order.paid"}'
    answers = await asyncio.gather(
        *(service.post("standard_webhooks", body, source="shop", event_id="evt-same") for _ in range(1_000))
    )
    assert {answer.status for answer in answers} == {200}
    (event_id,) = {answer.event_id for answer in answers}
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False] + [True] * 999
    await service.notices.settled("delivered", event_id=event_id)
    await service.server.dispatcher.quiet()
    assert await service.event_ids() == [event_id]
    assert (await service.story(event_id)).event.duplicates == 999
    assert receiver.count == 1
    assert len(service.notices.of(EventAccepted)) == 1
    assert len(service.notices.of(EventDuplicate)) == 999


async def test_a_captured_request_under_another_id_has_no_second_effect(serve: Serve, receiver: Receiver) -> None:
    service = await serve(github_source(receiver.url))
    body = json.dumps({"ref": "refs/heads/main", "after": "0a1b2c"}).encode()
    first = await github(service, body, "delivery-1")
    await service.notices.settled("delivered", event_id=first)
    again = await github(service, body, "delivery-2")
    assert again != first
    held = (await service.story(again)).event
    assert (held.status, held.review_reason) == ("needs_review", "possible_replay")
    assert first in held.review_detail
    await service.server.dispatcher.quiet()
    assert receiver.count == 1
    assert await github(service, body, "delivery-1") == first


async def test_a_source_can_refuse_captured_requests(serve: Serve, receiver: Receiver) -> None:
    service = await serve(github_source(receiver.url, dedupe={"replay_guard": "refuse"}))
    first = await github(service, b'{"n":1}', "delivery-1")
    answer = await service.post("github", b'{"n":1}', event_id="delivery-2", event_type="push", secret=GITHUB_KEY)
    assert (answer.status, answer.json()["code"]) == (409, "replayed")
    assert await service.event_ids() == [first]


async def test_a_redelivery_of_what_failed_here_is_sent_again(serve: Serve, receiver: Receiver) -> None:
    receiver.script([500])
    source = github_source(receiver.url)
    source["endpoints"] = [{"name": "all", "url": receiver.url, "retry": {"schedule": []}}]
    service = await serve(source)
    event_id = await github(service, b'{"n":1}', "delivery-1")
    await service.notices.settled("dead", event_id=event_id)
    assert await github(service, b'{"n":1}', "delivery-1") == event_id
    await service.notices.settled("delivered", event_id=event_id)
    assert await service.status(event_id) == "processed"


async def test_what_was_seen_is_known_after_a_restart(serve: Serve, receiver: Receiver) -> None:
    service = await serve(github_source(receiver.url))
    event_id = await github(service, b'{"n":1}', "delivery-1")
    await service.notices.settled("delivered", event_id=event_id)
    await service.stop()
    service = await serve()
    assert await github(service, b'{"n":1}', "delivery-1") == event_id
    await service.server.dispatcher.quiet()
    assert receiver.count == 1
