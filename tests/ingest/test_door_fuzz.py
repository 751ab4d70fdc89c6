"""Any bytes, any headers at door 1: never a 5xx, never an exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput
from hookline.core.model import Headers
from hookline.core.providers import registry
from hookline.core.providers.scheme import Kind
from tests.ingest.asking import ALL_SECRETS, HungUp, Reply, Street, street

#: Everything that the door may say to a stranger.
STATUSES = {200, 204, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503}
#: Answers that providers ask for: to events, and to handshakes.
REPLIES = {row.reply.body for row in registry.all_providers() if row.reply is not None}
HANDSHAKES = (
    {"challenge"},
    {"verification"},
    {"type"},
    {"plainToken", "encryptedToken"},
    {"response_token"},
    {"challengeResponse"},
)

#: Sources whose rules read as much of a request as rules can.
SCHEMAS = {
    "*": {"type": "object", "properties": {"id": {"type": ["string", "integer"], "pattern": "^(a+)+$"}}},
    "order.*": {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a"}}}},
}
STRICT: dict[str, Any] = {"schemas": SCHEMAS, "content_types": ["any"]}
DEDUPES: list[dict[str, Any]] = [
    {"by": "provider", "on_conflict": "review"},
    {"by": "header", "name": "X-Id"},
    {"by": "body", "name": "/id", "replay_guard": "refuse"},
    {"by": "content", "window": "1s"},
    {"by": "none"},
]
GENERIC: dict[str, dict[str, Any]] = {
    "generic-token": {"kind": "static_token", "header": "X-Token"},
    "generic-basic": {"kind": "basic_auth", "header": "Authorization"},
    "generic-query": {"in": "query:signature", "signed": "{raw_body}", "event_id": "body:/id", "event_type": "form:a"},
    "generic-form": {"in": "form:signature", "signed": "{raw_body}", "timestamp": "body:/at", "timestamp_unit": "iso"},
    "generic-kv": {
        "header": "X-Sign",
        "format": "kv",
        "tag": "v1",
        "timestamp": "field:t",
        "signed": "{timestamp}.{raw_body}",
    },
    "generic-list": {"header": "X-Sign", "format": "list", "encoding": "base64url", "algorithm": "sha512"},
}

KNOWN_NAMES = (
    b"content-type content-length x-id x-token authorization x-sign x-forwarded-for "
    b"x-hub-signature-256 x-hub-signature x-github-event x-github-delivery "
    b"stripe-signature x-shopify-hmac-sha256 shopify-hmac-sha256 x-shopify-topic "
    b"x-shopify-webhook-id x-slack-signature x-slack-request-timestamp webhook-id webhook-timestamp webhook-signature "
    b"svix-id svix-timestamp svix-signature"
).split()
KNOWN_VALUES = (
    b"application/json|application/x-www-form-urlencoded|text/xml; charset=utf-16|text/plain|1|-1|1767225600|"
    b"99999999999|sha256=|sha1=00|t=1767225600,v1=00|t=,v1=|v0=00|v1,AAAA v1a,AAAA v2,=|"
    b"Basic OjpAOg==|Bearer x|,|=|\xff\xfe|\x00"
).split(b"|")

names = st.sampled_from(KNOWN_NAMES) | st.binary(min_size=1, max_size=12).map(bytes.lower)
values = st.sampled_from(KNOWN_VALUES) | st.binary(max_size=40)
headers = st.lists(st.tuples(names, values), max_size=12)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "event", "action", "challenge", "event_id", "trigger_id"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
XML_PIECES = b"<a>|</a>|<?xml version='1.0'?>|<!DOCTYPE a [|<!ENTITY b 'c'>|]>|&b;"
FORM_PIECES = b"a=%ff&|%00|&|payload={|+|ssl_check=1"
JSON_PIECES = b'{|[|"\\ud800"|"id":|1e999|\xed\xa0\x80|\xef\xbb\xbf|"\\u0000"|,|}|]'
pieces = st.sampled_from(b"|".join([XML_PIECES, FORM_PIECES, JSON_PIECES]).split(b"|"))
bodies = (
    st.binary(max_size=80)
    | documents.map(lambda value: json.dumps(value).encode())
    | documents.map(lambda value: b"payload=" + json.dumps(value).encode())
    | st.lists(pieces, max_size=12).map(b"".join)
)
paths = st.sampled_from(["shop", "", "/", "none", "%00", "../etc", "shop?x"]) | st.text(max_size=30)


async def every_source(place: Street) -> list[str]:
    """A source of every provider, each with another rule for duplicates; their names."""
    number = 0
    for provider in [row.slug for row in registry.all_providers()]:
        for dedupe in DEDUPES:
            number += 1
            announced: dict[str, Any] = {"event_types": ["order.*", "push"]} if number % 2 else {}
            await place.source(f"source-{number}", provider, dedupe=dedupe, **STRICT, **announced)
    for name, signature in GENERIC.items():
        secret = "user:not-a-real-password" if "basic" in name else "not-a-real-secret-0123456789"
        await place.source(name, "generic", signature=signature, secrets=[secret], **STRICT)
    await place.source("limited", rate_limit="1/s", client_rate_limit="5/s", max_body=64)
    return [source.name for source in place.store.routing.sources.values()]


def sound(reply: Reply) -> None:
    assert reply.status in STATUSES
    if reply.headers.get(b"content-type") == b"application/json" and reply.body not in {b"", *REPLIES}:
        assert set(reply.json) in ({"id", "status", "duplicate"}, {"code", "detail"}, *HANDSHAKES)
    for name, value in reply.headers.items():
        assert not set(b"\r\n\0") & set(name + value)


quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])


class Passers:
    """One street, for as many passers as hypothesis sends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = street()
        self.place = self.loop.run_until_complete(self.context.__aenter__())
        self.names = self.loop.run_until_complete(every_source(self.place))

    def close(self) -> None:
        self.loop.run_until_complete(self.context.__aexit__(None, None, None))
        self.loop.close()

    def ask(self, *args: Any, **how: Any) -> Reply | None:
        """One request; None when the sender hung up."""
        try:
            reply = self.loop.run_until_complete(self.place.ask(*args, **how))
        except HungUp:
            assert how.get("end") == "gone"
            return None
        sound(reply)
        return reply


@pytest.fixture(scope="module")
def passers() -> Iterator[Passers]:
    made = Passers()
    yield made
    made.close()


@given(st.data(), paths, headers, st.lists(bodies, max_size=3), st.booleans())
@settings(quick, max_examples=400)
def test_anything_at_all_is_answered(
    passers: Passers, data: st.DataObject, path: str, lines: Headers, chunks: list[bytes], gone: bool
) -> None:
    name = data.draw(st.sampled_from(passers.names) | st.just(path))
    passers.ask(
        name,
        chunks,
        lines,
        method=data.draw(st.sampled_from(["POST", "GET", "PUT", "HEAD", "X"]) | st.text("AZ-", min_size=1, max_size=9)),
        client=data.draw(st.sampled_from(["192.0.2.7", "::1", "", "unix", None])),
        scheme=data.draw(st.sampled_from(["http", "https"])),
        more={"query_string": data.draw(st.binary(max_size=20)), "raw_path": data.draw(st.binary(max_size=20))},
        end="gone" if gone or not chunks else "complete",
    )


def signs_anything(provider: str) -> bool:
    """Whether this sender signs the bytes of a body, whatever they are."""
    scheme = registry.get(provider).usual_scheme
    words = str(scheme.signed)
    return scheme.kind is Kind.HMAC and isinstance(scheme.signed, str) and "{json" not in words and "{url" not in words


@given(st.data(), bodies, st.sampled_from(KNOWN_VALUES[:4]), headers)
@settings(quick, max_examples=500)
def test_anything_that_was_signed_is_read_without_harm(
    passers: Passers, data: st.DataObject, body: bytes, kind: bytes, lines: Headers
) -> None:
    """Behind the signature everything is parsed: a customer of a provider chooses much of what it says."""
    source = data.draw(st.sampled_from(sorted(passers.place.store.routing.sources.values(), key=lambda one: one.name)))
    signed: Headers = ()
    if source.provider in ALL_SECRETS:
        identity = {
            "event_id": data.draw(st.text("ab\u00e9", max_size=3)),
            "event_type": data.draw(st.text("or.\u2028", max_size=5)),
        }
        with suppress(InvalidInput):  # of a sender that signs only what it sends itself
            signed = passers.place.signed(source.provider, body, content_type=kind.decode(), **identity)
    taken = {name for name, _ in signed} | (set(KNOWN_NAMES) if signed else set())
    reply = passers.ask(source.name, body, (*(line for line in lines if line[0] not in taken), *signed))
    assert reply is not None
    if signed and signs_anything(source.provider):
        assert reply.status in (200, 204, 409)


def test_a_good_request_is_still_welcome_after_all_that(passers: Passers) -> None:
    passers.loop.run_until_complete(passers.place.source("github", "github"))
    body = b'{"good":true}'
    reply = passers.ask("github", body, passers.place.signed("github", body, event_id="good"))
    assert reply is not None
    assert (reply.status, reply.json["duplicate"]) == (200, False)
