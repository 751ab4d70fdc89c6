"""What may be published, and how it is read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hookline.api.answer import InvalidBody
from hookline.api.sending.message import Message, read
from hookline.api.sending.refusal import Unprocessable
from hookline.testing.clock import START_MS

DAY_MS = 86_400_000


def message(**fields: Any) -> Message:
    """What is read of a message with these fields in its body."""
    return read(json.dumps({"eventType": "invoice.paid", "payload": {}, **fields}).encode(), START_MS)


def wrong(body: bytes | dict[str, Any]) -> dict[str, str]:
    """What is wrong with a body: words by place."""
    raw = body if isinstance(body, bytes) else json.dumps({"eventType": "invoice.paid", "payload": {}, **body}).encode()
    with pytest.raises(Unprocessable) as refused:
        read(raw, START_MS)
    return {".".join(map(str, one.place)): one.words for one in refused.value.wrong}


def test_the_payload_is_kept_byte_for_byte() -> None:
    payload = '{ "b":1.0,\n\t"a" : "\\u0141ódź" , "a":1e400}'
    assert read(b'{"payload": %b  ,"eventType":"t"}' % payload.encode(), START_MS).payload == payload.encode()


def test_what_is_not_said_is_the_usual() -> None:
    assert message() == Message(
        event_type="invoice.paid",
        payload=b"{}",
        content_type=b"application/json",
        event_id="",
        channels=(),
        tags=(),
        due_at_ms=0,
        payload_expires_at_ms=None,
        application=b"",
    )


def test_null_says_nothing() -> None:
    absent: dict[str, Any] = {"eventId": None, "channels": None, "tags": None, "application": None}
    absent |= {"transformationsParams": None, "contentType": None, "deliverAt": None}
    assert message(**absent, payloadRetentionPeriod=None, payloadRetentionHours=None) == message()


def test_fields_of_newer_sdks_are_passed_over() -> None:
    assert message(somethingNew=[{"a": 1}], transformationsParams={"anything": 1, "headers": {"x": 1}}) == message()


def test_everything_can_be_said() -> None:
    full = message(
        eventId="evt_7",
        channels=["eu", "vip", "eu"],
        tags=["a/b#c\\d", "red"],
        application={"name": "A", "uid": "a"},
        payloadRetentionPeriod=5,
        deliverAt="2026-01-01T01:00:00.250+01:00",
        contentType="application/vnd.example+json; charset=utf-8",
    )
    assert (full.event_id, full.channels, full.tags) == ("evt_7", ("eu", "vip"), ("a/b#c\\d", "red"))
    assert json.loads(full.application) == {"name": "A", "uid": "a"}
    assert full.payload_expires_at_ms == START_MS + 5 * DAY_MS
    assert full.due_at_ms == START_MS + 250
    assert full.content_type == b"application/vnd.example+json; charset=utf-8"


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's own time is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_without_a_zone_is_utc_and_one_that_is_over_means_now() -> None:
    assert message(deliverAt="2026-01-01T10:00:00").due_at_ms == START_MS + 10 * 3_600_000
    assert message(deliverAt="0001-01-01T00:00:00+14:00").due_at_ms == 0


def test_the_usual_retention_needs_nothing_to_be_remembered() -> None:
    assert message(payloadRetentionPeriod=90).payload_expires_at_ms is None
    assert message(payloadRetentionHours=1).payload_expires_at_ms == START_MS + 3_600_000


@pytest.mark.parametrize("own", [True, False])
def test_a_body_that_is_not_json_has_a_kind_of_its_own(own: bool) -> None:
    raw: dict[str, Any] = {"rawPayload": "<a>Łódź</a>\n"}
    fields = {"contentType": "text/xml"} if own else {}
    headers = {} if own else {"headers": {"Content-Type": "text/xml"}}
    read_one = message(transformationsParams={**raw, **headers}, **fields)
    assert (read_one.payload, read_one.content_type) == ("<a>Łódź</a>\n".encode(), b"text/xml")


def test_a_raw_payload_stands_in_for_the_payload() -> None:
    body = b'{"eventType":"t","transformationsParams":{"rawPayload":""}}'
    assert read(body, START_MS).payload == b""
    assert read(body, START_MS).content_type == b"application/json"


LONG = "x" * 257


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"eventType": ""}, "body.eventType", "1 to 256 letters"),
        ({"eventType": "a b"}, "body.eventType", "1 to 256 letters"),
        ({"eventType": "a\n"}, "body.eventType", "1 to 256 letters"),
        ({"eventType": LONG}, "body.eventType", "1 to 256 letters"),
        ({"eventType": 7}, "body.eventType", "must be text"),
        ({"eventType": None}, "body.eventType", "must be text"),
        ({"payload": []}, "body.payload", "must be an object"),
        ({"payload": "x"}, "body.payload", "must be an object"),
        ({"payload": None}, "body.payload", "must be an object"),
        ({"payload": json.loads('{"a":' * 201 + "1" + "}" * 201)}, "body.payload", "deeper than 200"),
        ({"eventId": ""}, "body.eventId", "1 to 256 letters"),
        ({"eventId": "msg_1"}, "body.eventId", "must not begin with `msg_`"),
        ({"eventId": "é"}, "body.eventId", "1 to 256 letters"),
        ({"channels": []}, "body.channels", "1 to 5 channels"),
        ({"channels": list("abcdef")}, "body.channels", "1 to 5 channels"),
        ({"channels": ["a", "b c"]}, "body.channels.1", "1 to 128 letters"),
        ({"channels": ["a", "x" * 129]}, "body.channels.1", "1 to 128 letters"),
        ({"channels": ["a", 1]}, "body.channels.1", "must be text"),
        ({"channels": "a"}, "body.channels", "must be a list"),
        ({"tags": list("abcdef")}, "body.tags", "at most 5 tags"),
        ({"tags": ["a", ""]}, "body.tags.1", "1 to 128 letters"),
        ({"tags": ["a b"]}, "body.tags.0", "1 to 128 letters"),
        ({"payloadRetentionPeriod": 4}, "body.payloadRetentionPeriod", "must be 5 to 90"),
        ({"payloadRetentionPeriod": 91}, "body.payloadRetentionPeriod", "must be 5 to 90"),
        ({"payloadRetentionPeriod": 10**30}, "body.payloadRetentionPeriod", "must be 5 to 90"),
        ({"payloadRetentionPeriod": "9"}, "body.payloadRetentionPeriod", "whole number"),
        ({"payloadRetentionHours": 0}, "body.payloadRetentionHours", "must be 1 to 2160"),
        ({"payloadRetentionPeriod": 9, "payloadRetentionHours": 9}, "body.payloadRetentionHours", "either this or"),
        ({"deliverAt": "2026-01-02T00:00:01Z"}, "body.deliverAt", "at most 24 hours"),
        ({"deliverAt": "9999-12-31T23:59:59-14:00"}, "body.deliverAt", "at most 24 hours"),
        ({"deliverAt": "soon"}, "body.deliverAt", "must be a time"),
        ({"deliverAt": 1}, "body.deliverAt", "must be"),
        ({"contentType": "text"}, "body.contentType", "media type"),
        ({"contentType": "text/xml\r\nX-Evil: 1"}, "body.contentType", "media type"),
        ({"contentType": "text/xml; a=" + LONG}, "body.contentType", "media type"),
        (
            {"transformationsParams": {"headers": {"content-type": 1}}},
            "body.transformationsParams.headers.content-type",
            "media type",
        ),
        ({"transformationsParams": {"rawPayload": {}}}, "body.transformationsParams.rawPayload", "must be text"),
        ({"transformationsParams": []}, "body.transformationsParams", "must be an object"),
    ],
)
def test_what_cannot_be_used_is_named(fields: dict[str, Any], place: str, words: str) -> None:
    found = wrong(fields)
    assert list(found) == [place] and words in found[place], found


def test_what_is_missing_is_named() -> None:
    assert wrong(b"{}") == {"body.eventType": "this key is required"}
    assert wrong(b'{"eventType":"t"}') == {"body.payload": "this key is required"}
    assert wrong(b"[]") == {"body": "must be an object"}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert set(wrong({"eventType": "!", "payload": 1, "channels": ["!"], "tags": ["!"]})) == {
        "body.eventType",
        "body.payload",
        "body.channels.0",
        "body.tags.0",
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "truncated"),
        (b"<a/>", "invalid character"),
        (b'{"eventType":"t","payload":{"a":"\xff"}}', "not UTF-8"),
        (b'{"eventType":"t","payload":{}} x', "trailing"),
        (b'{"eventType":"t","payload":{"a":"\\ud800"}}', "half of a UTF-16 surrogate pair"),
        (b'{"eventType":"t","payload":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}", "nested too deeply"),
        (b"\xef\xbb\xbf{}", "invalid character"),
    ],
)
def test_what_is_no_json_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(InvalidBody, match=words) as refused:
        read(body, START_MS)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


def test_many_values_side_by_side_are_not_deep() -> None:
    payload = json.dumps({"rows": [{"n": [n]} for n in range(1_000)]}).encode()
    assert read(b'{"eventType":"t","payload":%b}' % payload, START_MS).payload == payload
