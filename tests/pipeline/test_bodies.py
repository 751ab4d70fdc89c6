"""Any body goes through unchanged: large, empty, binary, form, XML, chunked."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest

from hookline.core.model import DEFAULT_ORG, Headers
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.expected import arrived_as_sent
from tests.pipeline.service import Service

ENDPOINT_SECRET = "whsec_bm90IGEgcmVhbCBlbmRwb2ludCBrZXku"
AGENT = ((b"User-Agent", b"somebody"), (b"Accept", b"*/*"))
GITHUB_KEY = "not-a-real-secret-0123456789"


def open_source(url: str, **more: object) -> dict[str, object]:
    endpoint = {"name": "all", "url": url, "secrets": [ENDPOINT_SECRET]}
    return {"name": "open", "provider": "none", "endpoints": [endpoint], **more}


async def delivered(service: Service, receiver: Receiver, headers: Headers, body: bytes, source: str = "open") -> str:
    event_id = (await service.send(source, body, headers)).event_id
    await service.notices.settled("delivered", event_id=event_id)
    received = next(r for r in receiver.requests if r.header("webhook-id") == event_id)
    arrived_as_sent(received, headers, body, ENDPOINT_SECRET)
    return event_id


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b""),
        ("application/json", b' {"a" : 1.10, "a":2, "\\u0000": 12345678901234567890}\r\n'),
        ("application/json", b"\xef\xbb\xbf{}"),
        ("application/x-www-form-urlencoded", b"a=1&a=2&b=%C3%A9+x&c"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--\r\n"),
        ("text/xml", '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1")),
        ("application/octet-stream", bytes(range(256)) * 4),
        ("text/plain", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n"),
    ],
)
async def test_a_body_of_any_kind_arrives_as_it_was_sent(
    serve: Serve, receiver: Receiver, content_type: str, body: bytes
) -> None:
    service = await serve(open_source(receiver.url))
    kind = ((b"Content-Type", content_type.encode()),) if content_type else ()
    event_id = await delivered(service, receiver, (*AGENT, *kind), body)
    stored = (await service.story(event_id)).event
    assert (stored.request.body, stored.status) == (body, "processed")


async def test_a_large_body_arrives_whole_where_it_is_allowed(serve: Serve, receiver: Receiver) -> None:
    service = await serve(open_source(receiver.url, max_body="6MB"))
    body = os.urandom(5 << 20)
    await delivered(service, receiver, AGENT, body)


async def test_a_body_of_one_byte_too_many_is_refused(serve: Serve, receiver: Receiver) -> None:
    service = await serve(open_source(receiver.url, max_body="1KB"))
    await delivered(service, receiver, AGENT, b"x" * 1024)
    answer = await service.send("open", b"x" * 1025, AGENT)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"<a></b>"])
async def test_a_body_that_is_not_what_it_says_waits_for_a_person(
    serve: Serve, receiver: Receiver, body: bytes
) -> None:
    service = await serve(open_source(receiver.url))
    kind = b"application/xml" if body.startswith(b"<") else b"application/json"
    event_id = (await service.send("open", body, (*AGENT, (b"Content-Type", kind)))).event_id
    stored = (await service.story(event_id)).event
    assert (stored.status, stored.review_reason, stored.request.body) == ("needs_review", "malformed_body", body)
    assert await service.store.deliveries.replay_event(DEFAULT_ORG, event_id, service.clock.now_ms()) == 1
    await service.notices.settled("delivered", event_id=event_id)
    assert receiver.requests[0].body == body


async def test_xml_and_forms_that_are_signed_arrive_as_they_were_signed(serve: Serve, receiver: Receiver) -> None:
    body = b"<?xml version='1.0'?>\n<order><id>1</id></order>"
    proof = hmac.new(GITHUB_KEY.encode(), body, hashlib.sha256).hexdigest()
    scheme = {"header": "X-Signature", "event_type": "header:X-Kind"}
    service = await serve(
        open_source(receiver.url, provider="generic", signature=scheme, secrets=[GITHUB_KEY], content_types=["xml"])
    )
    lines = (*AGENT, (b"Content-Type", b"application/xml"), (b"X-Kind", b"order"), (b"X-Signature", proof.encode()))
    event_id = await delivered(service, receiver, lines, body)
    assert (await service.story(event_id)).event.type == "order"
    other = tuple(line for line in lines if line[0] != b"Content-Type")
    refused = await service.send("open", body, (*other, (b"Content-Type", b"application/json")))
    assert (refused.status, refused.json()["code"]) == (415, "unsupported_content_type")
