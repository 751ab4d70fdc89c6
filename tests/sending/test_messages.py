"""Messages as their publisher and their customer look at them."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sending


async def listed(sending: Sending, query: str = "", **more: Any) -> list[str]:
    """The event ids of the messages in a list."""
    found = await sending.got("GET", f"/app/customer/msg{query}", **more)
    return [one["eventId"] for one in found["data"]]


async def publish_some(sending: Sending) -> None:
    """Four messages, a minute apart."""
    await sending.app()
    for event_id, fields in (
        ("one", {"type": "invoice.paid", "channels": ["eu"], "tags": ["red"]}),
        ("two", {"type": "invoice.sent", "channels": ["eu", "us"]}),
        ("three", {"type": "invoice.paid", "tags": ["red", "blue"]}),
        ("four", {"type": "invoice.lost"}),
    ):
        await sending.publish(eventId=event_id, **fields)
        sending.advance(60)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["four", "three", "two", "one"]),
        ("?event_types=invoice.paid", ["three", "one"]),
        ("?event_types=invoice.paid,invoice.sent", ["three", "two", "one"]),
        ("?event_types=invoice.paid&event_types=invoice.sent", ["three", "two", "one"]),
        ("?event_types[]=invoice.sent&event_types[]=invoice.lost", ["four", "two"]),
        ("?event_types[0]=invoice.sent&event_types[1]=invoice.lost", ["four", "two"]),
        ("?event_types=", ["four", "three", "two", "one"]),
        ("?channel=eu", ["two", "one"]),
        ("?channel=e", []),
        ("?tag=red", ["three", "one"]),
        ("?tag=red&channel=eu&event_types=invoice.paid", ["one"]),
        ("?before=2026-01-01T00:02:00Z", ["two", "one"]),
        ("?after=2026-01-01T00:02:00Z", ["four", "three"]),
        ("?after=2026-01-01T01:01:00%2B01:00&before=2026-01-01T00:02:00.001Z", ["three", "two"]),
        ("?after=2026-01-01T01:01:00+01:00&before=2026-01-01T00:02:00.001", ["three", "two"]),
        ("?after=90s", ["four"]),
        ("?something_new=1", ["four", "three", "two", "one"]),
        ("?limit=2", ["four", "three"]),
    ],
)
async def test_messages_are_found_by_what_they_are(sending: Sending, query: str, expected: list[str]) -> None:
    await publish_some(sending)
    assert await listed(sending, query) == expected


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("?limit=0", "query.limit"),
        ("?limit=251", "query.limit"),
        ("?limit=many", "query.limit"),
        ("?channel=a b", "query.channel"),
        ("?tag=a b", "query.tag"),
        ("?event_types=a,b c", "query.event_types"),
        ("?event_types[7]=!", "query.event_types"),
        ("?before=soon", "query.before"),
        ("?after=2026-13-01", "query.after"),
        ("?with_content=maybe", "query.with_content"),
        ("?iterator=" + "x" * 700, "query.iterator"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused_with_its_place(
    sending: Sending, query: str, place: str
) -> None:
    await sending.app()
    assert list(await sending.wrong("GET", f"/app/customer/msg{query}")) == [place]


async def test_pages_lead_there_and_back(sending: Sending) -> None:
    await publish_some(sending)
    first = await sending.got("GET", "/app/customer/msg?limit=3")
    assert ([one["eventId"] for one in first["data"]], first["done"]) == (["four", "three", "two"], False)
    second = await sending.got("GET", f"/app/customer/msg?limit=3&iterator={first['iterator']}")
    assert ([one["eventId"] for one in second["data"]], second["done"]) == (["one"], True)
    back = await sending.got("GET", f"/app/customer/msg?limit=3&iterator={second['prevIterator']}")
    assert (back["data"], back["done"]) == (first["data"], True)
    await sending.publish(eventId="five")
    newer = await sending.got("GET", f"/app/customer/msg?iterator={first['prevIterator']}")
    assert [one["eventId"] for one in newer["data"]] == ["five"]


async def test_payloads_are_left_out_of_a_list_when_they_are_not_asked_for(sending: Sending) -> None:
    await publish_some(sending)
    shown = (await sending.got("GET", "/app/customer/msg?limit=1"))["data"][0]
    hidden = (await sending.got("GET", "/app/customer/msg?limit=1&with_content=false"))["data"][0]
    assert shown["payload"] == {"n": 1} and hidden == {**shown, "payload": {}}


async def test_a_message_is_found_by_id_and_by_event_id(sending: Sending) -> None:
    await sending.app()
    sent = await sending.publish(eventId="evt-7", tags=["red"], channels=["eu"])
    for name in (sent["id"], "evt-7"):
        assert await sending.got("GET", f"/app/customer/msg/{name}") == sent
    await sending.app("other")
    for name in (sent["id"], "evt-7"):
        await sending.refused(404, "GET", f"/app/other/msg/{name}")
    await sending.refused(404, "GET", "/app/customer/msg/evt-8")


async def test_an_expunged_message_cannot_be_seen_or_sent_again(sending: Sending) -> None:
    await sending.app()
    endpoint = await sending.endpoint()
    sending.receiver.answers(500)
    sent = await sending.publish(payload={"card": "not-a-real-number"}, eventId="evt-7")
    await sending.got("DELETE", "/app/customer/msg/evt-7/content", status=204)
    for path in ("", "/evt-7"):
        response = await sending.ask("GET", f"/app/customer/msg{path}")
        assert "not-a-real-number" not in response.text and '"payload":{"expired":true}' in response.text
    resend = f"/app/customer/msg/{sent['id']}/endpoint/{endpoint['id']}/resend"
    assert (await sending.refused(409, "POST", resend))["code"] == "payload_gone"
    [owed] = (await sending.got("GET", "/app/customer/msg/evt-7/endpoint"))["data"]
    assert (owed["statusText"], owed["nextAttempt"]) == ("fail", None)
    await sending.refused(404, "DELETE", "/app/customer/msg/evt-8/content")


async def test_a_customer_sees_messages_and_neither_publishes_nor_expunges(sending: Sending) -> None:
    await sending.app()
    sent = await sending.publish(eventId="evt-7")
    portal = await sending.portal()
    assert await sending.got("GET", "/app/customer/msg/evt-7", token=portal) == sent
    assert await listed(sending, token=portal) == ["evt-7"]
    body = {"eventType": "a", "payload": {}}
    for method, path, content in (
        ("POST", "/app/customer/msg", body),
        ("POST", "/app/customer/msg/precheck/active", {"eventType": "a"}),
        ("DELETE", "/app/customer/msg/evt-7/content", None),
    ):
        refused = await sending.refused(403, method, path, content, token=portal)
        assert refused["code"] == "insufficient_access"


async def test_whether_anybody_would_be_sent_a_message_can_be_asked_before(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("invoice.paid")

    async def active(**fields: Any) -> bool:
        answer = await sending.got("POST", "/app/customer/msg/precheck/active", {"eventType": "invoice.paid", **fields})
        return bool(answer["active"])

    assert not await active()
    endpoint = await sending.endpoint(eventTypes=["invoice.paid"], channels=["eu"])
    assert not await active()
    assert not await active(eventType="invoice.sent", channels=["eu"])
    assert await active(channels=["us", "eu"])
    await sending.got("PATCH", f"/app/customer/endpoint/{endpoint['id']}", {"disabled": True})
    assert not await active(channels=["eu"])
    assert await listed(sending) == []
    assert list(await sending.wrong("POST", "/app/customer/msg/precheck/active", {})) == ["body.eventType"]
