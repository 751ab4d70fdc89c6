"""Door 2: what may be published, what is answered, and what is stored when it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hookline.api.token import Claims, TokenSigner
from hookline.config.application_spec import ApplicationSpec
from hookline.core.model import DEFAULT_ORG, EventType
from hookline.core.notice import EventAccepted, EventDuplicate
from hookline.storage.applications import NewApplication
from hookline.storage.store import open_store
from tests.api.conftest import SERVER_SECRET

from .conftest import OTHER_ORG, Sending
from .office import HungUp, Office, Reply, office

BODY = b'{"eventType":"invoice.paid","payload":{"n":1}}'
KEY = ((b"idempotency-key", b"request-1"),)


@pytest.fixture
async def place() -> AsyncIterator[Office]:
    async with office() as opened:
        await opened.application()
        yield opened


def message(**fields: Any) -> bytes:
    return json.dumps({"eventType": "invoice.paid", "payload": {"n": 1}, **fields}).encode()


async def stored(place: Office, app: str = "customer") -> list[str]:
    """The ids of all messages of an application, newest first."""
    listed = await place.ask("GET", f"/api/v1/app/{app}/msg")
    return [one["id"] for one in listed.json["data"]]


def code(reply: Reply, status: int) -> str:
    """The code of a refusal with this status."""
    assert reply.status == status, reply.body
    assert reply.headers[b"content-type"] == b"application/json"
    return str(reply.json["code"])


# -- what is accepted ----------------------------------------------------------------------------------


async def test_a_message_arrives_byte_for_byte_as_it_was_published(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint()
    payload = '{ "b":1.0,\n\t"a" : "\\u0141ódź" , "a":2}'
    body = '{"payload": ' + payload + ',"eventType":"invoice.paid"}'
    headers = {"Authorization": f"Bearer {sending.token()}", "Content-Type": "application/json"}
    accepted = await sending.world.http.post("/api/v1/app/customer/msg", content=body.encode(), headers=headers)
    assert accepted.status_code == 202
    assert f'"payload":{payload}' in accepted.text
    await sending.server.dispatcher.quiet()
    [arrived] = sending.receiver.requests
    assert arrived.body == payload.encode()
    assert arrived.header("content-type") == "application/json"
    assert arrived.header("webhook-id") == arrived.header("svix-id") == accepted.json()["id"]


async def test_the_answer_says_what_was_taken(place: Office) -> None:
    body = message(eventId="evt-7", channels=["eu", "vip"], tags=["a\\b"], deliverAt="2026-01-01T01:00:00Z")
    reply = await place.publish(body)
    assert reply.status == 202 and reply.headers[b"content-type"] == b"application/json"
    [id] = await stored(place)
    assert reply.json == {
        "id": id,
        "eventType": "invoice.paid",
        "eventId": "evt-7",
        "channels": ["eu", "vip"],
        "tags": ["a\\b"],
        "timestamp": "2026-01-01T00:00:00.000Z",
        "deliverAt": "2026-01-01T01:00:00.000Z",
        "payload": {"n": 1},
    }


@pytest.mark.parametrize(
    ("query", "payload"),
    [(b"", {"n": 1}), (b"with_content=true", {"n": 1}), (b"a=b&with_content=false", {}), (b"with_content=0", {})],
)
async def test_the_payload_is_answered_unless_it_is_not_asked_for(place: Office, query: bytes, payload: Any) -> None:
    assert (await place.publish(query=query)).json["payload"] == payload


async def test_a_query_that_says_neither_yes_nor_no_is_refused(place: Office) -> None:
    reply = await place.publish(query=b"with_content=maybe")
    assert code(reply, 422) == "invalid_input"
    assert reply.json["detail"] == [
        {"loc": ["query", "with_content"], "msg": "must be true or false", "type": "value_error"}
    ]


@pytest.mark.parametrize("raw", ["<a>Łódź</a>\n", "a=1&b=%20", "", "[1]", '{"half":', "{" * 5_000, "\x00\ufffe"])
async def test_any_text_can_be_a_message(sending: Sending, raw: str) -> None:
    await sending.app()
    await sending.endpoint()
    params = {"rawPayload": raw, "headers": {"content-type": "application/xml"}}
    shown = await sending.publish(payload={}, transformationsParams=params)
    assert (shown["payload"], shown["rawPayload"], shown["contentType"]) == ({}, raw, "application/xml")
    assert await sending.got("GET", f"/app/customer/msg/{shown['id']}") == shown
    [arrived] = sending.receiver.requests
    assert arrived.body == raw.encode() and arrived.header("content-type") == "application/xml"


async def test_text_that_is_an_object_is_shown_as_one(place: Office) -> None:
    reply = await place.publish(message(payload={}, transformationsParams={"rawPayload": '{ "n" : 1 }'}))
    assert b'"payload":{ "n" : 1 }' in reply.body and "rawPayload" not in reply.json


async def test_an_application_is_named_by_its_id_or_by_its_uid(place: Office) -> None:
    id = await place.application("other")
    for name in (id, "other", f"{id}/msg/..", "nobody"):
        reply = await place.publish(app=name)
        assert reply.status == (202 if name in (id, "other") else 404)
    assert len(await stored(place, "other")) == 2


async def test_a_slash_at_the_end_changes_nothing(place: Office) -> None:
    assert (await place.ask("POST", "/api/v1/app/customer/msg/", BODY)).status == 202
    assert (await place.ask("POST", "/api/v1/app/customer/msg//", BODY)).status == 404


async def test_what_another_process_made_a_moment_ago_is_found(sending: Sending) -> None:
    now_ms = sending.clock.now_ms()
    beside = open_store(sending.server.settings.database, SERVER_SECRET)
    try:
        spec = ApplicationSpec(title="Made beside", uid="beside", enforce_schemas=True)
        await beside.applications.create(NewApplication(DEFAULT_ORG, spec, now_ms))
        await sending.refused(422, "POST", "/app/beside/msg", {"eventType": "invoice.paid", "payload": {}})
        await beside.event_types.create(EventType(DEFAULT_ORG, "invoice.paid", created_at_ms=now_ms))
    finally:
        await beside.close()
    assert (await sending.publish("beside"))["eventType"] == "invoice.paid"


async def test_what_a_framework_would_serve_is_the_same_door(place: Office) -> None:
    """The documented route, which `Server` never lets anybody reach."""
    whole, place.server.publish = place.server.publish, place.server.api
    direct = await place.publish(message(eventId="e-1"), headers=KEY)
    place.server.publish = whole
    again = await place.publish(message(eventId="e-1"), headers=KEY)
    assert (direct.status, direct.json) == (again.status, again.json) == (202, direct.json)


# -- who may publish -----------------------------------------------------------------------------------


async def test_only_the_organisation_may_publish(place: Office) -> None:
    id = (await place.ask("GET", "/api/v1/app/customer")).json["id"]
    signer, now_s = TokenSigner(SERVER_SECRET), place.clock.now_ms() // 1000
    portal = signer.create_for_application(Claims(DEFAULT_ORG, id), now_s, 60)
    for token, status, expected in (
        ("", 401, "authentication_failed"),
        ("nonsense", 401, "authentication_failed"),
        (SERVER_SECRET, 401, "authentication_failed"),
        (portal, 403, "insufficient_access"),
        (place.token(OTHER_ORG), 404, "not_found"),
    ):
        for _ in range(2):
            assert code(await place.publish(token=token), status) == expected
    assert await stored(place) == []


async def test_a_token_that_was_good_a_moment_ago_is_not_good_for_ever(place: Office) -> None:
    token = place.token(lifetime_s=60)
    assert (await place.publish(token=token)).status == 202
    place.advance(59)
    assert (await place.publish(token=token)).status == 202
    place.advance(1)
    for _ in range(2):
        reply = await place.publish(token=token)
        assert code(reply, 401) == "authentication_failed" and "expired" in reply.json["detail"]


async def test_one_token_never_speaks_for_another(place: Office) -> None:
    """Verdicts are remembered by token; more come than are remembered."""
    await place.ask("POST", "/api/v1/app", b'{"name":"B","uid":"theirs"}', token=place.token(OTHER_ORG))
    for number in range(1_200):
        place.clock.jump_to(place.clock.now_ms() + 1_000)  # another second is another token
        app, org = ("customer", DEFAULT_ORG) if number % 2 else ("theirs", OTHER_ORG)
        other = "theirs" if number % 2 else "customer"
        token = place.token(org)
        assert (await place.publish(app=app, token=token)).status == 202
        if number % 100 < 2:
            assert (await place.publish(app=other, token=token)).status == 404


# -- applications that come with their first message ---------------------------------------------------


async def test_an_application_can_be_created_by_its_first_message(place: Office) -> None:
    wanted = {"name": "New", "uid": "new", "metadata": {"plan": "free"}}
    assert (await place.publish(message(application=wanted), app="new")).status == 202
    again = {**wanted, "name": "Changed"}
    assert (await place.publish(message(application=again), app="new")).status == 202
    made = (await place.ask("GET", "/api/v1/app/new")).json
    assert (made["name"], made["metadata"]) == ("New", {"plan": "free"})
    assert len(await stored(place, "new")) == 2


async def test_many_first_messages_at_once_create_one_application(place: Office) -> None:
    body = message(application={"name": "New", "uid": "new"})
    replies = await asyncio.gather(*(place.publish(body, app="new") for _ in range(10)))
    assert {reply.status for reply in replies} == {202}
    assert len(await stored(place, "new")) == 10
    assert len((await place.ask("GET", "/api/v1/app")).json["data"]) == 2


@pytest.mark.parametrize(
    ("wanted", "place_of_it", "kind"),
    [
        ({"name": "New"}, ["body", "application", "uid"], "application_uid_missing"),
        ({"name": "New", "uid": "other"}, ["body", "application", "uid"], "application_uid_mismatch"),
        ({"uid": "new"}, ["body", "application", "name"], "value_error"),
        ([], ["body", "application"], "value_error"),
        ({"name": "New", "uid": "new", "metadata": {"a": 1}}, ["body", "application", "metadata", "a"], "value_error"),
    ],
)
async def test_an_application_that_cannot_be_created_is_refused_with_its_place(
    place: Office, wanted: Any, place_of_it: list[str], kind: str
) -> None:
    reply = await place.publish(message(application=wanted), app="new")
    assert code(reply, 422) == "invalid_input"
    [found] = reply.json["detail"]
    assert (found["loc"], found["type"]) == (place_of_it, kind)
    assert len((await place.ask("GET", "/api/v1/app")).json["data"]) == 1
    assert (await place.publish(message(application=wanted))).status == 202  # nobody looks where one is there


# -- twice the same ------------------------------------------------------------------------------------


async def test_an_event_id_belongs_to_one_message_of_its_application(place: Office) -> None:
    first = await place.publish(message(eventId="evt-7"))
    again = await place.publish(message(eventId="evt-7", payload={"n": 2}))
    assert code(again, 409) == "conflict"
    assert first.json["id"] in again.json["detail"] and "evt-7" in again.json["detail"]
    assert await stored(place) == [first.json["id"]]
    await place.application("other")
    assert (await place.publish(message(eventId="evt-7"), app="other")).status == 202


async def test_the_same_event_id_many_times_at_once_is_stored_once(place: Office) -> None:
    replies = await asyncio.gather(*(place.publish(message(eventId="e", payload={"n": n})) for n in range(20)))
    assert sorted(reply.status for reply in replies) == [202] + [409] * 19
    [id] = await stored(place)
    assert all(id in reply.body.decode() for reply in replies)


async def test_the_same_request_again_gets_the_same_answer_and_stores_nothing(place: Office) -> None:
    body = message(eventId="evt-7", channels=["eu"])
    first = await place.publish(body, headers=KEY)
    place.advance(24 * 3600 - 1)
    again = await place.publish(body, headers=KEY)
    assert (again.status, again.body) == (202, first.body)
    assert len(await stored(place)) == 1
    said = [(type(notice), notice.source) for notice in place.notices[-2:]]  # type: ignore[attr-defined]
    assert said == [(EventAccepted, "applications"), (EventDuplicate, "applications")]
    place.advance(1)
    assert code(await place.publish(body, headers=KEY), 409) == "conflict"  # its event id is still taken


async def test_a_key_that_was_used_for_another_body_is_refused(place: Office) -> None:
    first = await place.publish(headers=KEY)
    other = await place.publish(message(payload={"n": 2}), headers=KEY)
    assert code(other, 409) == "idempotency_key_reused" and first.json["id"] in other.json["detail"]
    assert await stored(place) == [first.json["id"]]


async def test_a_key_counts_for_one_application_however_that_is_named(place: Office) -> None:
    id = await place.application("other")
    one, two, three = [await place.publish(app=name, headers=KEY) for name in ("customer", "other", id)]
    assert one.json["id"] != two.json["id"] == three.json["id"]


async def test_a_key_of_a_refused_request_is_free(place: Office) -> None:
    await place.publish(message(eventId="evt-7"))
    assert (await place.publish(message(eventId="evt-7", tags=["a"]), headers=KEY)).status == 409
    assert (await place.publish(message(eventId="!"), headers=KEY)).status == 422
    assert (await place.publish(message(eventId="evt-8"), headers=KEY)).status == 202


async def test_one_key_many_times_at_once_is_one_message(place: Office) -> None:
    replies = await asyncio.gather(*(place.publish(headers=KEY) for _ in range(20)))
    assert {(reply.status, reply.body) for reply in replies} == {(202, replies[0].body)}
    assert len(await stored(place)) == 1


async def test_an_empty_key_is_none(place: Office) -> None:
    for _ in range(2):
        assert (await place.publish(headers=((b"idempotency-key", b""),))).status == 202
    assert len(await stored(place)) == 2


# -- schemas -------------------------------------------------------------------------------------------

SCHEMAS: dict[str, Any] = {
    "1": {"type": "object", "required": ["old"]},
    "10": {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"type": "object", "required": ["price"]}}},
    },
    "9": {"type": "object", "required": ["older"]},
}


async def test_nothing_is_enforced_unless_somebody_asks_for_it(place: Office) -> None:
    await place.event_type("invoice.paid", schemas=SCHEMAS)
    assert (await place.publish(message(payload={"lines": 1}))).status == 202
    assert (await place.publish(message(eventType="unknown"))).status == 202
    assert (await place.ask("DELETE", "/api/v1/event-type/invoice.paid")).status == 204
    assert (await place.publish()).status == 202  # also an archived one


async def test_a_payload_that_does_not_match_the_newest_schema_is_refused_with_the_path(place: Office) -> None:
    await place.application("strict", enforceSchemas=True)
    await place.event_type("invoice.paid", schemas=SCHEMAS)
    fits = {"lines": [{"price": 1}]}
    assert (await place.publish(message(payload=fits), app="strict")).status == 202
    reply = await place.publish(message(payload={"lines": [{"price": 1}, {}, 3]}), app="strict")
    assert code(reply, 422) == "schema_mismatch"
    assert [one["loc"] for one in reply.json["detail"]] == [
        ["body", "payload", "lines", "1", "price"],
        ["body", "payload", "lines", "2"],
    ]
    assert len(await stored(place, "strict")) == 1


async def test_a_type_that_is_not_known_or_archived_is_refused_where_types_are_enforced(place: Office) -> None:
    await place.application("strict", enforceSchemas=True)
    reply = await place.publish(app="strict")
    assert code(reply, 422) == "unknown_event_type" and "not known" in reply.json["detail"][0]["msg"]
    await place.event_type("invoice.paid")
    assert (await place.publish(app="strict")).status == 202  # it has no schema: anything matches
    await place.ask("DELETE", "/api/v1/event-type/invoice.paid")
    reply = await place.publish(app="strict")
    assert code(reply, 422) == "unknown_event_type" and "archived" in reply.json["detail"][0]["msg"]


async def test_a_changed_schema_counts_from_the_next_message_on(place: Office) -> None:
    await place.application("strict", enforceSchemas=True)
    await place.event_type("invoice.paid", schemas={"1": {"required": ["n"]}})
    assert (await place.publish(app="strict")).status == 202
    change = json.dumps({"schemas": {"1": {"required": ["m"]}}}).encode()
    assert (await place.ask("PATCH", "/api/v1/event-type/invoice.paid", change)).status == 200
    assert code(await place.publish(app="strict"), 422) == "schema_mismatch"


async def test_only_json_can_match_a_schema(place: Office) -> None:
    await place.application("strict", enforceSchemas=True)
    await place.event_type("invoice.paid", schemas={"1": {"type": "object"}})
    for raw, kind in (("<a/>", "text/xml"), ("<a/>", "application/json"), ("[]", "application/json")):
        body = message(transformationsParams={"rawPayload": raw}, contentType=kind)
        assert code(await place.publish(body, app="strict"), 422) == "schema_mismatch"
    body = message(transformationsParams={"rawPayload": "{}"}, contentType="application/vnd.a+json")
    assert (await place.publish(body, app="strict")).status == 202


async def test_the_settings_decide_for_applications_that_do_not_say() -> None:
    async with office(enforce_schemas=True) as place:
        await place.application()
        await place.application("free", enforceSchemas=False)
        assert code(await place.publish(), 422) == "unknown_event_type"
        assert (await place.publish(app="free")).status == 202


# -- what cannot be read -------------------------------------------------------------------------------


async def test_what_is_no_json_is_400(place: Office) -> None:
    assert code(await place.publish(b"{"), 400) == "invalid_json"
    assert code(await place.publish(b""), 400) == "invalid_json"
    assert await stored(place) == []


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_413(declared: bool) -> None:
    async with office(max_body_bytes=100) as place:
        await place.application()
        body = message(payload={"a": "x" * 100})
        headers = ((b"content-length", b"%d" % len(body)),) if declared else ()
        reply = await place.publish(body, headers=headers)
        assert code(reply, 413) == "body_too_large" and "`max_body`" in reply.json["detail"]
        assert reply.headers[b"connection"] == b"close"
        assert (await place.publish()).status == 202


async def test_a_body_that_is_said_to_be_too_large_is_not_waited_for() -> None:
    async with office(max_body_bytes=100) as place:
        await place.application()
        reply = await place.publish([b"{"], headers=((b"content-length", b"101"),), end="silent")
        assert code(reply, 413) == "body_too_large"


async def test_a_body_that_does_not_come_in_time_is_408() -> None:
    async with office(read_timeout_s=0.02) as place:
        await place.application()
        reply = await place.publish([b"{"], end="silent")
        assert code(reply, 408) == "body_timeout" and reply.headers[b"connection"] == b"close"


async def test_who_hangs_up_before_the_end_is_not_answered_and_leaves_nothing(place: Office) -> None:
    for chunks in ([], [BODY[:10]], [BODY]):
        with pytest.raises(HungUp):
            await place.publish(chunks, end="gone")
    assert await stored(place) == []


async def test_a_body_may_come_in_parts(place: Office) -> None:
    assert (await place.publish([BODY[:7], b"", BODY[7:]])).status == 202


async def test_more_bodies_at_once_than_there_is_memory_for_are_503(
    place: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.ingest.body.MOST_BYTES_UNDER_WAY", 10)
    reply = await place.publish([BODY[:20], BODY[20:]])
    assert (code(reply, 503), reply.headers[b"retry-after"]) == ("too_busy", b"1")


# -- the store -----------------------------------------------------------------------------------------


async def test_a_store_that_is_closed_is_503_and_never_a_promise(place: Office) -> None:
    await place.store.close()
    reply = await place.publish()
    assert (code(reply, 503), reply.headers[b"retry-after"]) == ("store_unavailable", b"1")


async def test_a_store_that_is_busy_is_503_and_never_a_promise(place: Office) -> None:
    place.store.database._writer._most_waiting = 0  # type: ignore[attr-defined]
    reply = await place.publish()
    assert (code(reply, 503), reply.headers[b"retry-after"]) == ("store_busy", b"1")
    place.store.database._writer._most_waiting = 10  # type: ignore[attr-defined]
    assert await stored(place) == []
    assert (await place.publish()).status == 202


async def test_a_disk_that_is_full_is_503_and_the_key_is_free(place: Office) -> None:
    connection = place.store.database._connection  # type: ignore[attr-defined]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    body = message(payload={"a": "x" * 50_000}, eventId="e-1")
    assert code(await place.publish(body, headers=KEY), 503) == "store_unavailable"
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert await stored(place) == []
    assert (await place.publish(body, headers=KEY)).status == 202
    assert len(await stored(place)) == 1


# -- later ---------------------------------------------------------------------------------------------


async def test_messages_are_counted_under_one_name_for_all_applications(place: Office) -> None:
    await place.publish()
    metrics = (await place.ask("GET", "/metrics")).body.decode()
    assert 'hookline_events_accepted_total{source="applications"} 1.0' in metrics


async def test_a_message_for_later_waits(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint()
    shown = await sending.publish(deliverAt="2026-01-01T02:00:00Z")
    assert sending.receiver.requests == []
    [owed] = (await sending.got("GET", f"/app/customer/msg/{shown['id']}/endpoint"))["data"]
    assert (owed["statusText"], owed["nextAttempt"]) == ("pending", "2026-01-01T02:00:00.000Z")


async def test_a_payload_goes_when_its_time_is_over_and_is_shown_as_gone(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint()
    shown = await sending.publish(payloadRetentionHours=1, eventId="e-1")
    sending.advance(3601)
    await sending.server.housekeeper.tidy()
    found = await sending.got("GET", "/app/customer/msg/e-1")
    assert found == {**shown, "payload": {"expired": True}}
    assert (await sending.got("GET", "/app/customer/msg/e-1?with_content=false"))["payload"] == {}
