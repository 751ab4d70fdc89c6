from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from svix.api import (
    EndpointIn,
    MessageAttemptListAttemptedDestinationsOptions,
    MessageAttemptListAttemptedMessagesOptions,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
    MessageAttemptTriggerType,
    MessageStatus,
    MessageStatusText,
    StatusCodeClass,
)
from svix.exceptions import HttpError, HTTPValidationError

from hookline.testing.receiver import Answer

from .customer import Customer
from .walking import backward, forward
from .world import World


async def test_an_attempt_says_what_was_tried_and_what_came_back(shop: Customer) -> None:
    shop.world.receiver.answers(Answer(200, body=b"thank you"))
    message = await shop.publish()
    [attempt] = await shop.attempts()
    assert attempt.id.startswith("atmpt_")
    assert (attempt.msg_id, attempt.endpoint_id, attempt.url) == (message.id, shop.endpoint.id, shop.endpoint.url)
    assert (attempt.status, attempt.status_text) == (MessageStatus.SUCCESS, MessageStatusText.SUCCESS)
    assert (attempt.response_status_code, attempt.trigger_type) == (200, MessageAttemptTriggerType.SCHEDULED)
    assert attempt.response_duration_ms >= 0
    shown = await shop.svix.message_attempt.get(shop.app.id, message.id, attempt.id)
    assert shown.response == "thank you"
    assert shown.model_copy(update={"response": ""}) == attempt.model_copy(update={"response": ""})


async def test_responses_are_listed_only_when_asked_for(shop: Customer) -> None:
    shop.world.receiver.answers(Answer(200, body=b"thank you"))
    await shop.publish()
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    options = MessageAttemptListByEndpointOptions(with_content=True, with_msg=True)
    [shown] = (await svix.message_attempt.list_by_endpoint(app, endpoint, options)).data
    assert shown.response == "thank you"
    assert shown.msg is not None and shown.msg.event_type == "order.paid"
    [hidden] = await shop.attempts()
    assert hidden.response == "{}" and hidden.msg is None


async def test_an_attempt_without_an_answer_has_the_status_0(shop: Customer) -> None:
    shop.world.receiver.answers(Answer.garbage())
    await shop.publish()
    [attempt] = await shop.attempts()
    assert (attempt.response_status_code, attempt.status) == (0, MessageStatus.FAIL)


async def test_attempts_are_listed_latest_first_and_filtered(shop: Customer, world: World) -> None:
    world.receiver.script([200, 404, 500, Answer.garbage()])
    kinds = (("order.paid", "eu"), ("order.sent", "us"), ("order.lost", "eu"), ("order.paid", "us"))
    sent = []
    for event_type, channel in kinds:
        sent.append(await shop.publish(event_type, channels=[channel], tags=[f"{channel}-tag"]))
        world.clock.jump_to(world.clock.now_ms() + 1_000)
    ids = [message.id for message in sent]
    times = {attempt.msg_id: attempt.timestamp for attempt in await shop.attempts()}
    assert list(times) == ids[::-1]

    async def tried(**wanted: Any) -> list[int]:
        options = MessageAttemptListByEndpointOptions(**wanted)
        found = await shop.svix.message_attempt.list_by_endpoint(shop.app.id, shop.endpoint.id, options)
        return [ids.index(attempt.msg_id) for attempt in found.data]

    assert await tried(status=MessageStatus.SUCCESS) == [0]
    assert await tried(status=MessageStatus.FAIL) == [3, 2, 1]
    for status_code_class, wanted in (
        (StatusCodeClass.CODE2XX, [0]),
        (StatusCodeClass.CODE4XX, [1]),
        (StatusCodeClass.CODE5XX, [2]),
        (StatusCodeClass.CODE_NONE, [3]),
        (StatusCodeClass.CODE3XX, []),
    ):
        assert await tried(status_code_class=status_code_class) == wanted
    assert await tried(channel="eu") == [2, 0]
    assert await tried(tag="us-tag") == [3, 1]
    assert await tried(event_types=["order.paid", "order.sent"]) == [3, 1, 0]
    assert await tried(before=times[ids[2]] - timedelta(milliseconds=500)) == [1, 0]
    assert await tried(after=times[ids[2]] - timedelta(milliseconds=500)) == [3, 2]
    assert await tried(status=MessageStatus.FAIL, channel="us", event_types=["order.paid"]) == [3]


async def test_the_attempts_of_a_message_are_those_at_all_its_endpoints(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    other = await svix.endpoint.create(app, EndpointIn(url=f"{world.receiver.url}/other", uid="other"))
    world.receiver.script([500, 200], path="/other")
    message = await shop.publish(event_id="e-1")
    await world.later(10)
    listed = (await svix.message_attempt.list_by_msg(app, "e-1")).data
    assert sorted((one.endpoint_id, one.status) for one in listed) == sorted(
        [
            (shop.endpoint.id, MessageStatus.SUCCESS),
            (other.id, MessageStatus.FAIL),
            (other.id, MessageStatus.SUCCESS),
        ]
    )
    only = MessageAttemptListByMsgOptions(endpoint_id="other", status=MessageStatus.FAIL)
    [failed] = (await svix.message_attempt.list_by_msg(app, message.id, only)).data
    assert (failed.endpoint_id, failed.response_status_code) == (other.id, 500)


async def test_the_messages_of_an_endpoint_have_the_state_of_their_delivery(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    world.receiver.script([200, 500])
    fine = await shop.publish(payload={"order": 1}, channels=["eu"])
    failing = await shop.publish(payload={"order": 2}, event_id="e-2")

    async def listed(**wanted: Any) -> list[Any]:
        options = MessageAttemptListAttemptedMessagesOptions(**wanted)
        return (await svix.message_attempt.list_attempted_messages(app, shop.endpoint.id, options)).data

    second, first = await listed(with_content=True)
    assert (first.id, first.status, first.next_attempt) == (fine.id, MessageStatus.SUCCESS, None)
    assert (first.status_text, first.payload) == (MessageStatusText.SUCCESS, {"order": 1})
    assert (second.id, second.event_id) == (failing.id, "e-2")
    assert second.status in (MessageStatus.PENDING, MessageStatus.FAIL)
    assert second.next_attempt is not None and second.next_attempt > failing.timestamp
    assert [one.id for one in await listed(status=MessageStatus.SUCCESS)] == [fine.id]
    assert [one.id for one in await listed(channel="eu")] == [fine.id]
    assert (await listed())[0].payload == {}


async def test_the_endpoints_of_a_message_have_the_state_of_its_delivery(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    other = await svix.endpoint.create(app, EndpointIn(url=f"{world.receiver.url}/other", uid="other"))
    world.receiver.answers(500, path="/other")
    message = await shop.publish()
    first, second = (await svix.message_attempt.list_attempted_destinations(app, message.id)).data
    assert (first.id, first.status, first.url) == (shop.endpoint.id, MessageStatus.SUCCESS, shop.endpoint.url)
    assert (second.id, second.uid) == (other.id, "other") and second.next_attempt is not None
    options = MessageAttemptListAttemptedDestinationsOptions(limit=1)
    ask = svix.message_attempt.list_attempted_destinations
    pages = [page async for page in forward(ask, options, app, message.id)]
    assert [[one.id for one in page.data] for page in pages] == [[shop.endpoint.id], [other.id]]


async def test_an_expunged_attempt_has_no_response_any_more(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    shop.world.receiver.answers(Answer(200, body=b"not-a-real-secret-of-the-shop"))
    message = await shop.publish()
    [attempt] = await shop.attempts()
    await svix.message_attempt.expunge_content(app, message.id, attempt.id)
    assert (await svix.message_attempt.get(app, message.id, attempt.id)).response == "EXPUNGED"


async def test_an_attempt_is_only_found_at_its_own_message(shop: Customer) -> None:
    await shop.publish()
    [attempt] = await shop.attempts()
    other = await shop.publish()
    with pytest.raises(HttpError) as refused:
        await shop.svix.message_attempt.get(shop.app.id, other.id, attempt.id)
    assert refused.value.status_code == 404


async def test_more_attempts_than_a_page_holds_are_paged_both_ways(shop: Customer, world: World) -> None:
    """Every list of many, though very many of its rows have the same millisecond."""
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    sent = await world.publish_many(app, 255)
    for ask, options, name in (
        (svix.message_attempt.list_by_endpoint, MessageAttemptListByEndpointOptions(limit=100), "msg_id"),
        (svix.message_attempt.list_attempted_messages, MessageAttemptListAttemptedMessagesOptions(limit=100), "id"),
    ):
        pages = [page async for page in forward(ask, options, app, endpoint)]
        before = [page async for page in backward(ask, options, pages[-1], app, endpoint)]
        ids = [[getattr(one, name) for one in page.data] for page in pages]
        assert [len(page) for page in ids] == [100, 100, 55]
        assert sorted(ids[0] + ids[1] + ids[2]) == sorted(sent)
        assert [[getattr(one, name) for one in page.data] for page in before] == [ids[1], ids[0]]


async def test_an_iterator_of_another_list_is_refused_with_its_place(shop: Customer) -> None:
    message = await shop.publish()
    of_endpoint = MessageAttemptListByEndpointOptions(iterator=message.id)
    with pytest.raises(HTTPValidationError) as refused:
        await shop.svix.message_attempt.list_by_endpoint(shop.app.id, shop.endpoint.id, of_endpoint)
    assert refused.value.detail[0].loc == ["query", "iterator"]
    of_message = MessageAttemptListByMsgOptions(iterator=f"-{message.id}")
    with pytest.raises(HTTPValidationError) as refused:
        await shop.svix.message_attempt.list_by_msg(shop.app.id, message.id, of_message)
    assert refused.value.detail[0].loc == ["query", "iterator"]


async def test_the_attempts_of_a_message_are_paged_both_ways(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    message = await shop.publish()
    for number in range(4):
        await svix.message_attempt.resend(app, message.id, shop.endpoint.id)
        await shop.world.received("/shop", number + 2)
        await shop.world.later(1)
    options = MessageAttemptListByMsgOptions(limit=2)
    pages = [page async for page in forward(svix.message_attempt.list_by_msg, options, app, message.id)]
    before = [page async for page in backward(svix.message_attempt.list_by_msg, options, pages[-1], app, message.id)]
    ids = [[one.id for one in page.data] for page in pages]
    assert [len(page) for page in ids] == [2, 2, 1]
    assert len({one for page in ids for one in page}) == 5
    assert [[one.id for one in page.data] for page in before] == [ids[1], ids[0]]
