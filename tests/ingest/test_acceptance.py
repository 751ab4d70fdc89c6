"""What the door lets in: verified, told apart, stored exactly as it came."""

from __future__ import annotations

import hashlib
import json

import pytest

from hookline.core.notice import EventAccepted, EventDuplicate
from tests.ingest.asking import JSON_LINE, SECRETS, Street, street

BODY = b'{"n":1}'
FORM = (b"content-type", b"application/x-www-form-urlencoded")
XML = (b"content-type", b"application/xml")
OTHER_SECRETS = ["not-a-real-second-secret-0123456789", "not-a-real-third-secret-0123456789"]


@pytest.mark.parametrize("provider", SECRETS)
async def test_a_genuine_webhook_of_every_provider_is_stored_verified(place: Street, provider: str) -> None:
    await place.source(provider.replace("_", "-"), provider)
    body = b'{"id":"evt-7","type":"order.paid","event_id":"evt-7"}'
    reply = await place.genuine(provider, body, event_id="evt-7", event_type="order.paid")
    assert reply.status == 200
    event = await place.event()
    assert reply.json == {"id": event.id, "status": "ignored", "duplicate": False}
    assert (event.verification, event.provider_event_id) == ("verified", "evt-7")
    assert event.type == ("order" if provider == "github" else "order.paid")
    assert place.notices == [EventAccepted(event.id, event.request.path.split("/")[2], event.type, "ignored", 0)]


@pytest.mark.parametrize("provider", SECRETS)
async def test_the_same_webhook_again_is_a_duplicate(place: Street, provider: str) -> None:
    await place.source(provider.replace("_", "-"), provider)
    body = b'{"id":"evt-7","type":"order.paid","event_id":"evt-7"}'
    first = await place.genuine(provider, body)
    place.advance(100)  # a retry is signed anew
    again = await place.genuine(provider, body)
    assert again.json == {**first.json, "duplicate": True}
    event = await place.event()
    assert event.duplicates == 1
    assert isinstance(place.notices[-1], EventDuplicate)


async def test_an_unverified_source_says_so(place: Street) -> None:
    await place.source()
    await place.ask()
    assert (await place.event()).verification == "unverified"


async def test_a_source_of_another_organisation_is_reached_by_its_id(place: Street) -> None:
    source = await place.source(org_id="org_other")
    assert (await place.ask("shop")).status == 404
    assert (await place.ask(source.id)).status == 200
    assert await place.events() == []
    assert len(await place.events("org_other")) == 1


# -- exactly as it came ---------------------------------------------------------------------------------


async def test_header_lines_are_stored_with_their_case_order_and_repetition(place: Street) -> None:
    await place.source(content_types=["any"])
    wire = [(b"X-B", b"2"), (b"x-a", b"1"), (b"X-B", b""), (b"CONTENT-type", b"\xff")]
    await place.ask(headers=wire, more={"hookline.wire_headers": wire})
    event = await place.event()
    assert event.request.headers == tuple(wire)
    assert event.request.lookup == {b"x-b": b"", b"x-a": b"1", b"content-type": b"\xff"}


async def test_the_path_and_the_query_are_stored_as_written(place: Street) -> None:
    await place.source()
    more = {"raw_path": b"/webhooks/%73hop", "query_string": b"a=%20&a=1&\xff"}
    assert (await place.ask(more=more)).status == 200
    event = await place.event()
    assert (event.request.path, event.request.query) == ("/webhooks/%73hop", b"a=%20&a=1&\xff")
    assert (event.request.method, event.request.client, event.request.scheme) == ("POST", "192.0.2.7", "http")


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b'{"a":1,"a":2}', b' { "n" : 1.10 } \n', b"\xef\xbb\xbf{}"])
async def test_bodies_are_stored_byte_for_byte(place: Street, body: bytes) -> None:
    await place.source()
    await place.ask(body=[body[:1], b"", body[1:]])
    assert (await place.event()).request.body == body


# -- rotation -------------------------------------------------------------------------------------------


async def test_two_secrets_are_accepted_while_they_are_rotated(place: Street) -> None:
    old, new = OTHER_SECRETS

    async def accepted() -> list[int]:
        replies = []
        for number, secret in enumerate((old, new)):
            reply = await place.genuine("github", BODY, secret=secret, event_id=f"{place.clock.now_ms()}-{number}")
            replies.append(reply.status)
        return replies

    await place.source("github", "github", secrets=[old], dedupe={"replay_guard": "off"})
    assert await accepted() == [200, 401]
    await place.source("github", "github", secrets=[new, old], dedupe={"replay_guard": "off"})
    assert await accepted() == [200, 200]
    await place.source("github", "github", secrets=[new], dedupe={"replay_guard": "off"})
    assert await accepted() == [401, 200]


# -- forms, XML, text -----------------------------------------------------------------------------------


async def test_a_form_with_json_in_it_is_read(place: Street) -> None:
    await place.source("github", "github")
    body = b"payload=%7B%22action%22%3A%22opened%22%7D"
    how = {"content_type": "application/x-www-form-urlencoded", "event_type": "pull_request"}
    assert (await place.genuine("github", body, **how)).status == 200
    assert (await place.event()).type == "pull_request.opened"


async def test_a_slash_command_is_a_form(place: Street) -> None:
    await place.source("slack", "slack")
    body = b"command=%2Fdeploy&trigger_id=13345224609.8534564800&text=a+b"
    reply = await place.genuine("slack", body, content_type="application/x-www-form-urlencoded")
    assert reply.status == 200
    event = await place.event()
    assert (event.type, event.provider_event_id) == ("/deploy", "13345224609.8534564800")


async def test_xml_is_read_and_checked_against_a_schema(place: Street) -> None:
    schema = {"order": {"type": "object", "required": ["order"]}, "*": {"type": "object", "required": ["invoice"]}}
    await place.source("shopify", "shopify", schemas=schema)
    for number, (body, status) in enumerate(((b"<invoice><id>7</id></invoice>", "ignored"), (b"<a/>", "needs_review"))):
        how = {"content_type": "application/xml; charset=utf-8", "event_type": "x", "event_id": str(number)}
        assert (await place.genuine("shopify", body, **how)).json["status"] == status


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ((b"content-type", b"text/plain; charset=latin-1"), b"caf\xe9"),
        ((b"content-type", b"application/octet-stream"), bytes(range(256))),
        ((b"content-type", b"multipart/form-data; boundary=x"), b"--x--"),
        ((b"x-nothing", b""), b""),
    ],
)
async def test_any_other_body_is_stored_and_not_read(place: Street, line: tuple[bytes, bytes], body: bytes) -> None:
    await place.source()
    assert (await place.ask(body=body, headers=[line])).json["status"] == "ignored"
    assert (await place.event()).request.body == body


async def test_bytes_that_no_schema_can_describe_contradict_every_schema(place: Street) -> None:
    await place.source(schemas={"*": {"type": "object"}})
    reply = await place.ask(body=b"\x00\x01", headers=[(b"content-type", b"application/octet-stream")])
    assert reply.status == 200
    assert reply.json["status"] == "needs_review"
    assert (await place.event()).review_reason == "schema_mismatch"


async def test_a_get_request_is_an_event_where_the_provider_uses_them(place: Street) -> None:
    await place.source()
    assert (await place.ask(method="GET", body=b"", headers=())).status == 200


# -- what a person must see -----------------------------------------------------------------------------


async def test_a_body_that_contradicts_its_schema_is_accepted_for_review(place: Street) -> None:
    await place.source(
        "stripe", "stripe", schemas={"order.*": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    )
    assert (await place.genuine("stripe", b'{"type":"order.paid","id":"x"}')).json["status"] == "needs_review"
    event = await place.event()
    assert event.review_reason == "schema_mismatch"
    assert event.review_detail.startswith("at /id: ")


async def test_a_type_that_was_not_announced_is_accepted_for_review(place: Street) -> None:
    await place.source("stripe", "stripe", event_types=["order.*"])
    replies = [
        await place.genuine("stripe", b'{"id":"%d","type":"%b"}' % pair) for pair in ((1, b"order.paid"), (2, b"x"))
    ]
    assert [reply.json["status"] for reply in replies] == ["ignored", "needs_review"]
    (held, _) = await place.events()
    assert (held.review_reason, held.type) == ("unknown_type", "x")
    assert "event_types" in held.review_detail


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (JSON_LINE, b"{"),
        (JSON_LINE, b""),
        (JSON_LINE, b'{"a":"\xff"}'),
        (JSON_LINE, b"[" * 100_000),
        (JSON_LINE, b"NaN"),
        (JSON_LINE, b"9" * 5_000),
        (FORM, b"&".join(b"a=1" for _ in range(10_000))),
        (XML, b"<a>"),
        (XML, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        (XML, b"<a>" * 1_000 + b"</a>" * 1_000),
        (XML, b'<?xml version="1.0" encoding="nonsense"?><a/>'),
    ],
)
async def test_a_body_that_cannot_be_read_is_accepted_for_review(
    place: Street, line: tuple[bytes, bytes], body: bytes
) -> None:
    await place.source()
    assert (await place.ask(body=body, headers=[line])).json["status"] == "needs_review"
    event = await place.event()
    assert event.review_reason == "malformed_body"
    assert event.review_detail
    assert event.request.body == body


async def test_a_known_body_under_another_unsigned_id_is_accepted_for_review(place: Street) -> None:
    await place.source("github", "github")
    replies = [await place.genuine("github", BODY, event_id=event_id) for event_id in ("one", "two", "two")]
    assert [(r.json["status"], r.json["duplicate"]) for r in replies] == [
        ("ignored", False),
        ("needs_review", False),
        ("needs_review", True),
    ]
    assert (await place.events())[0].review_reason == "possible_replay"


async def test_the_replay_guard_can_be_off(place: Street) -> None:
    await place.source("github", "github", dedupe={"replay_guard": "off"})
    replies = [await place.genuine("github", BODY, event_id=event_id) for event_id in ("one", "two")]
    assert [reply.json["status"] for reply in replies] == ["ignored", "ignored"]


@pytest.mark.parametrize("provider", ["stripe", "standard_webhooks"])
async def test_an_id_that_is_signed_needs_no_replay_guard(place: Street, provider: str) -> None:
    await place.source(provider.replace("_", "-"), provider)
    for number in range(2):
        body = b'{"id":"evt-%d","type":"a"}' % number if provider == "stripe" else BODY
        assert (await place.genuine(provider, body, event_id=f"evt-{number}")).json["status"] == "ignored"


async def test_a_known_id_with_another_body_is_for_review_where_the_source_says_so(place: Street) -> None:
    await place.source("stripe", "stripe", dedupe={"on_conflict": "review"})
    bodies = [b'{"id":"evt-1","type":"a","n":%d}' % n for n in (1, 2, 1)]
    replies = [await place.genuine("stripe", body) for body in bodies]
    assert [(r.json["status"], r.json["duplicate"]) for r in replies] == [
        ("ignored", False),
        ("needs_review", False),
        ("ignored", True),
    ]
    assert (await place.events())[0].review_reason == "conflicting_duplicate"


# -- what tells events apart ----------------------------------------------------------------------------


async def statuses(place: Street, *requests: tuple[bytes, bytes]) -> list[bool]:
    """Send ``(X-Id, body)`` one after the other; which were duplicates."""
    return [
        (await place.ask(body=body, headers=[JSON_LINE, (b"X-Id", x_id)])).json["duplicate"] for x_id, body in requests
    ]


ONE, TWO = b'{"id":1,"n":1}', b'{"id":1,"n":2}'


@pytest.mark.parametrize(
    ("dedupe", "duplicates"),
    [
        ({"by": "header", "name": "x-ID"}, [False, True, False]),
        ({"by": "body", "name": "/id"}, [False, True, True]),
        ({"by": "content"}, [False, False, True]),
        ({"by": "provider"}, [False, False, True]),  # without an id of its own an event is its content
        ({"by": "none"}, [False, False, False]),
    ],
)
async def test_each_rule_tells_events_apart(place: Street, dedupe: dict[str, str], duplicates: list[bool]) -> None:
    await place.source(dedupe={**dedupe, "replay_guard": "off"})
    assert await statuses(place, (b"a", ONE), (b"a", TWO), (b"b", ONE)) == duplicates


@pytest.mark.parametrize("dedupe", [{"by": "header", "name": "X-Missing"}, {"by": "body", "name": "/missing"}])
async def test_what_has_no_key_is_never_a_duplicate(place: Street, dedupe: dict[str, str]) -> None:
    await place.source(dedupe=dedupe)
    assert await statuses(place, (b"a", ONE), (b"a", ONE)) == [False, False]


@pytest.mark.parametrize("value", [b'{"a":1}', b"[1]", b"null", b"1.5"])
async def test_only_a_text_or_a_whole_number_is_a_key(place: Street, value: bytes) -> None:
    await place.source(dedupe={"by": "body", "name": "/id"})
    body = b'{"id":' + value + b"}"
    assert await statuses(place, (b"", body), (b"", body)) == [False, False]


async def test_a_key_of_any_length_tells_events_apart(place: Street) -> None:
    await place.source(dedupe={"by": "header", "name": "X-Id", "replay_guard": "off"})
    long = b"k" * 50_000
    assert await statuses(place, (long + b"1", ONE), (long + b"2", ONE), (long + b"1", ONE)) == [False, False, True]
    rows = place.store.database._connection.execute("SELECT key FROM seen").fetchall()  # type: ignore[attr-defined]
    assert max(len(row["key"]) for row in rows) < 250


async def test_a_sender_cannot_choose_an_id_that_looks_like_another_kind_of_key(place: Street) -> None:
    """An id that is spelled like the hash of a body must not make that body look known."""
    await place.source("github", "github")
    spelled = f"body:{hashlib.sha256(TWO).digest()[:16].hex()}"
    assert (await place.genuine("github", ONE, event_id=spelled)).json["status"] == "ignored"
    assert (await place.genuine("github", TWO, event_id="honest")).json["status"] == "ignored"


async def test_what_is_known_is_forgotten_after_the_sources_window(place: Street) -> None:
    await place.source(dedupe={"by": "content", "window": "1h"})
    assert await statuses(place, (b"", ONE)) == [False]
    place.advance(3599)
    assert await statuses(place, (b"", ONE)) == [True]
    place.advance(2)
    assert await statuses(place, (b"", ONE)) == [False]


async def test_the_server_says_how_long_where_the_source_does_not() -> None:
    async with street(dedupe_window_s=10.0) as place:
        await place.source()
        assert await statuses(place, (b"", ONE)) == [False]
        place.advance(11)
        assert await statuses(place, (b"", ONE)) == [False]


async def test_without_a_window_an_event_is_known_for_ever(place: Street) -> None:
    await place.source()
    assert await statuses(place, (b"", ONE)) == [False]
    place.advance(100 * 365 * 86_400)
    await place.store.retention.forget_keys(place.clock.now_ms())
    assert await statuses(place, (b"", ONE)) == [True]


# -- handshakes -----------------------------------------------------------------------------------------

CHALLENGE = json.dumps({"type": "url_verification", "challenge": "fake-challenge-0123"}).encode()


async def test_slack_gets_its_challenge_back_when_it_signed_it(place: Street) -> None:
    await place.source("slack", "slack")
    reply = await place.genuine("slack", CHALLENGE)
    assert (reply.status, reply.body) == (200, b"fake-challenge-0123")
    assert reply.headers[b"content-type"].startswith(b"text/plain")
    assert reply.headers[b"x-content-type-options"] == b"nosniff"
    assert await place.events() == []
    assert type(place.notices[-1]).__name__ == "HandshakeAnswered"


async def test_nobody_else_gets_anything_echoed(place: Street) -> None:
    await place.source("slack", "slack")
    reply = await place.genuine("slack", CHALLENGE, secret="not-slacks-secret-0123456789")
    assert (reply.status, reply.json["code"]) == (401, "bad_signature")
    assert b"fake-challenge" not in reply.body
    late = await place.genuine("slack", CHALLENGE, now_s=place.clock.now_ms() / 1000 - 400)
    assert late.status == 401


async def test_a_challenge_that_is_no_short_text_is_an_event_like_any_other(place: Street) -> None:
    await place.source("slack", "slack")
    for challenge in (None, 7, ["a"], "x" * 5000):
        body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
        assert (await place.genuine("slack", body)).json["duplicate"] is False
