from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from svix.api import (
    EndpointPatch,
    EventTypeIn,
    MessageCreateOptions,
    MessageGetOptions,
    MessageIn,
    MessageListOptions,
    MessagePrecheckIn,
)
from svix.api.message import message_in_raw
from svix.exceptions import HttpError, HTTPValidationError

from .customer import Customer, verify
from .walking import backward, forward
from .world import World


async def test_a_message_arrives_and_both_official_libraries_believe_it(shop: Customer) -> None:
    message = await shop.publish("order.paid", {"order": 7, "town": "Łódź"})
    assert message.id.startswith("msg_") and message.event_type == "order.paid"
    [received] = shop.received
    assert verify(await shop.secret(), received) == {"order": 7, "town": "Łódź"}
    assert received.method == "POST" and received.path == "/shop"
    assert received.header("svix-id") == received.header("webhook-id") == message.id
    assert received.header("content-type") == "application/json"


async def test_a_message_is_found_by_its_id_and_by_its_event_id(shop: Customer) -> None:
    sent = await shop.publish(payload={"order": 1}, event_id="e-1", channels=["eu", "vip"], tags=["red"])
    assert (sent.event_id, sent.channels, sent.tags) == ("e-1", ["eu", "vip"], ["red"])
    for name in (sent.id, "e-1"):
        found = await shop.svix.message.get("shop", name, MessageGetOptions(with_content=True))
        assert (found.id, found.event_type, found.payload) == (sent.id, "order.paid", {"order": 1})
        assert (found.event_id, found.channels, found.tags) == ("e-1", ["eu", "vip"], ["red"])
        assert found.timestamp == sent.timestamp


async def test_payloads_are_shown_only_when_asked_for(shop: Customer) -> None:
    svix, app, wanted = shop.svix, shop.app.id, MessageIn(event_type="order.paid", payload={"order": 1})
    without = await svix.message.create(app, wanted)
    shown = await svix.message.create(app, wanted, MessageCreateOptions(with_content=True))
    assert (without.payload, shown.payload) == ({}, {"order": 1})
    assert (await svix.message.get(app, shown.id)).payload == {}
    assert [one.payload for one in (await svix.message.list(app)).data] == [{}, {}]
    listed = await svix.message.list(app, MessageListOptions(with_content=True))
    assert [one.payload for one in listed.data] == [{"order": 1}] * 2


async def test_an_event_id_belongs_to_one_message_of_the_application(shop: Customer, world: World) -> None:
    await shop.publish(event_id="e-1")
    with pytest.raises(HttpError) as refused:
        await shop.publish(event_id="e-1")
    assert refused.value.status_code == 409
    other = await Customer.create(world, shop.svix, "other")
    assert (await other.publish(event_id="e-1")).event_id == "e-1"
    assert len(shop.received) == 2


async def test_an_endpoint_receives_the_types_and_channels_that_it_wants(shop: Customer, world: World) -> None:
    for name in ("order.paid", "order.sent"):
        await shop.svix.event_type.create(EventTypeIn(name=name, description=name))
    picky = await Customer.create(
        world, shop.svix, "picky", event_types=["order.paid", "order.sent"], channels=["eu", "uk"]
    )
    for event_type, channels in (
        ("order.paid", ["eu"]),
        ("order.sent", ["us", "uk"]),
        ("order.lost", ["eu"]),
        ("order.paid", ["us"]),
        ("order.paid", None),
    ):
        await picky.publish(event_type, {"channels": channels}, channels=channels)
    assert [one.json()["channels"] for one in picky.received] == [["eu"], ["us", "uk"]]


async def test_a_product_can_ask_whether_anybody_would_get_a_message(shop: Customer) -> None:
    wanted = MessagePrecheckIn(event_type="order.paid")
    assert (await shop.svix.message.precheck(shop.app.id, wanted)).active is True
    await shop.svix.endpoint.delete(shop.app.id, shop.endpoint.id)
    assert (await shop.svix.message.precheck(shop.app.id, wanted)).active is False
    assert shop.received == []


async def test_messages_are_listed_latest_first_and_filtered(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    first = await shop.publish("order.paid", channels=["eu"], tags=["red"])
    await world.later(10)
    second = await shop.publish("order.sent", channels=["us", "eu"])
    await world.later(10)
    third = await shop.publish("order.lost", tags=["blue", "red"])

    async def ids(**wanted: object) -> list[str]:
        return [one.id for one in (await svix.message.list(app, MessageListOptions(**wanted))).data]  # type: ignore[arg-type]

    assert await ids() == [third.id, second.id, first.id]
    assert await ids(event_types=["order.paid", "order.lost"]) == [third.id, first.id]
    assert await ids(channel="eu") == [second.id, first.id]
    assert await ids(tag="red") == [third.id, first.id]
    assert await ids(before=third.timestamp - timedelta(seconds=1)) == [second.id, first.id]
    assert await ids(after=first.timestamp + timedelta(seconds=1)) == [third.id, second.id]


async def test_more_messages_than_a_page_holds_are_paged_both_ways(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    ids = (await world.publish_many(app, 255))[::-1]
    options = MessageListOptions(limit=100)
    pages = [page async for page in forward(svix.message.list, options, app)]
    assert [one.id for page in pages for one in page.data] == ids
    assert [len(page.data) for page in pages] == [100, 100, 55]
    before = [page async for page in backward(svix.message.list, options, pages[-1], app)]
    assert [[one.id for one in page.data] for page in before] == [ids[100:200], ids[:100]]
    with pytest.raises(HTTPValidationError) as refused:
        await svix.message.list(app, MessageListOptions(limit=251))
    assert refused.value.detail[0].loc == ["query", "limit"]
    assert len((await svix.message.list(app, MessageListOptions(limit=250))).data) == 250


async def test_a_raw_payload_arrives_byte_for_byte_with_its_own_type(shop: Customer) -> None:
    text = '<order  id="1">Łódź</order>\n'
    await shop.svix.message.create(shop.app.id, message_in_raw("order.paid", text, "application/xml"))
    await shop.world.delivered()
    [received] = shop.received
    assert received.body == text.encode() and received.header("content-type") == "application/xml"


async def test_raw_json_is_not_rewritten(shop: Customer) -> None:
    text = '{ "b" : 1.0,\n "a": "\\u0141" }'
    await shop.svix.message.create(shop.app.id, message_in_raw("order.paid", text))
    await shop.world.delivered()
    [received] = shop.received
    assert received.body == text.encode() and received.header("content-type") == "application/json"
    assert verify(await shop.secret(), received) == json.loads(text)


async def test_an_expunged_message_has_no_payload_any_more(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    message = await shop.publish(payload={"card": "not-a-real-number"})
    await svix.message.expunge_content(app, message.id)
    found = await svix.message.get(app, message.id, MessageGetOptions(with_content=True))
    assert "not-a-real-number" not in found.model_dump_json()
    with pytest.raises(HttpError) as refused:
        await svix.message_attempt.resend(app, message.id, shop.endpoint.id)
    assert refused.value.status_code == 409 and refused.value.code == "payload_gone"


async def test_a_message_of_later_is_delivered_then(shop: Customer, world: World) -> None:
    due = datetime.fromtimestamp(world.clock.now_ms() / 1000 + 120, UTC)
    message = await shop.publish(deliver_at=due)
    assert message.deliver_at is not None and abs(message.deliver_at - due) < timedelta(seconds=1)
    await world.later(110)
    assert shop.received == []
    await world.later(15)
    assert len(await world.received("/shop", 1)) == 1


async def test_a_message_of_a_disabled_endpoint_is_kept_but_not_sent(shop: Customer) -> None:
    await shop.svix.endpoint.patch(shop.app.id, shop.endpoint.id, EndpointPatch(disabled=True))
    message = await shop.publish()
    assert shop.received == []
    assert (await shop.svix.message.get(shop.app.id, message.id)).id == message.id
