"""Messages that only show what real ones look like."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Json, Sending

SEND = "/app/customer/endpoint/hook/send-example"
INVOICE = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "amount": {"type": "integer", "minimum": 7}},
    "required": ["id", "amount"],
}


async def set_up(sending: Sending, **schemas: Any) -> None:
    await sending.app()
    await sending.endpoint(uid="hook", channels=["nobody-publishes-here"])
    await sending.endpoint(path="/other")
    if schemas:
        await sending.event_type("invoice.paid", schemas=schemas)


async def example(sending: Sending, **fields: Any) -> Json:
    """The answer to a wish for an example, and that it arrived at the one endpoint."""
    before = len(sending.receiver.requests)
    shown = await sending.got("POST", SEND, {"eventType": "invoice.paid", **fields})
    await sending.server.dispatcher.quiet()
    [arrived] = sending.receiver.requests[before:]
    assert (arrived.path, arrived.header("webhook-id"), arrived.json()) == ("/hook", shown["id"], shown["payload"])
    assert isinstance(shown, dict)
    return shown


async def test_an_example_is_made_from_the_newest_schema_and_sent_to_one_endpoint(sending: Sending) -> None:
    await set_up(sending, **{"9": {"examples": [{"old": 1}]}, "10": INVOICE})
    shown = await example(sending)
    assert shown["payload"] == {"id": "string", "amount": 7}
    assert (shown["eventType"], shown["timestamp"]) == ("invoice.paid", "2026-01-01T00:00:00.000Z")
    assert await sending.got("GET", f"/app/customer/msg/{shown['id']}") == shown


async def test_what_the_schema_has_as_examples_is_sent(sending: Sending) -> None:
    await set_up(sending, **{"1": {**INVOICE, "examples": [{"id": "a", "amount": 8}, {"id": "b", "amount": 9}]}})
    assert (await example(sending))["payload"] == {"id": "a", "amount": 8}
    assert (await example(sending, exampleIndex=1))["payload"] == {"id": "b", "amount": 9}
    assert (await example(sending, exampleIndex=7))["payload"] == {"id": "a", "amount": 8}


async def test_a_ping_needs_no_event_type(sending: Sending) -> None:
    await set_up(sending)
    assert (await example(sending, eventType="svix.ping"))["payload"] == {"success": True}
    await sending.event_type("svix.ping", schemas={"1": {"examples": [{"own": 1}]}})
    assert (await example(sending, eventType="svix.ping"))["payload"] == {"own": 1}


async def test_an_example_is_sent_also_where_schemas_are_enforced(sending: Sending) -> None:
    await sending.app(fields={"enforceSchemas": True})
    await sending.endpoint(uid="hook")
    assert (await example(sending, eventType="svix.ping"))["payload"] == {"success": True}


async def test_a_payload_of_ones_own_can_be_sent(sending: Sending) -> None:
    await set_up(sending)
    assert (await example(sending, payload={"own": [1]}))["payload"] == {"own": [1]}


@pytest.mark.parametrize(
    ("schemas", "words"),
    [
        (None, "no schema"),
        ({"1": {"type": "string"}}, "does not describe an object"),
        ({"1": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}}, "without an end"),
        ({"1": {**INVOICE, "properties": {"id": {"pattern": "^[0-9]{7}$"}}}}, "no example that fits"),
    ],
)
async def test_an_example_that_cannot_be_made_is_refused_in_words(sending: Sending, schemas: Any, words: str) -> None:
    await set_up(sending)
    await sending.event_type("invoice.paid", schemas=schemas)
    error = await sending.refused(422, "POST", SEND, {"eventType": "invoice.paid"})
    assert error["code"] == "no_example"
    assert error["detail"][0]["loc"] == ["body", "eventType"] and words in error["detail"][0]["msg"]
    await sending.server.dispatcher.quiet()
    assert sending.receiver.requests == []


async def test_what_is_not_there_has_no_example(sending: Sending) -> None:
    await set_up(sending)
    await sending.refused(404, "POST", SEND, {"eventType": "invoice.lost"})
    await sending.refused(404, "POST", "/app/customer/endpoint/nobody/send-example", {"eventType": "svix.ping"})
    assert list(await sending.wrong("POST", SEND, {"eventType": "!"})) == ["body.eventType"]
    assert list(await sending.wrong("POST", SEND, {"eventType": "a", "exampleIndex": -1})) == ["body.exampleIndex"]


async def test_the_same_request_again_sends_nothing_new(sending: Sending) -> None:
    await set_up(sending)
    key = {"Idempotency-Key": "example-1"}
    for _ in range(2):
        await sending.got("POST", SEND, {"eventType": "svix.ping"}, headers=key)
        await sending.server.dispatcher.quiet()
    assert len(sending.receiver.requests) == 1


async def test_examples_are_for_the_organisation(sending: Sending) -> None:
    await set_up(sending)
    await sending.refused(403, "POST", SEND, {"eventType": "svix.ping"}, token=await sending.portal())
