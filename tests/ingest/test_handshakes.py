"""What senders ask a door before, or between, their events: each is answered as its sender documents it."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from hmac import digest as hmac_digest
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hookline.app import Server, build
from hookline.config.file import FileConfig, read_file
from hookline.config.settings import Settings
from hookline.core.errors import InvalidInput
from hookline.core.model import Headers
from hookline.core.notice import HandshakeAnswered
from hookline.core.providers import registry
from hookline.core.providers.sign import sign_request
from hookline.core.providers.special import KeyRequest
from hookline.testing.clock import FakeClock
from tests.core.providers.making import SNS_TOPIC, pair_of
from tests.ingest.asking import SERVER_SECRET, Reply, Street, street

JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
SECRET = "not-a-real-handshake-secret"
ADDRESS = "https://hooks.example.com/webhooks/shop"
NOSNIFF = {b"x-content-type-options": b"nosniff"}
TOPIC = "https://blog.example/feed"


@dataclass(frozen=True)
class Exchange:
    """A handshake as its sender makes it, and the answer that it documents."""

    provider: str
    id: str
    method: str = "POST"
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""
    signed: bool = False
    block: dict[str, str] | None = None  #: `signature` of the source
    secrets: tuple[str, ...] | None = None  #: None: one that the provider can use
    status: int = 200
    content_type: bytes | None = None  #: None: no matter
    answer: bytes = b""
    answer_headers: dict[bytes, bytes] = field(default_factory=dict)


def intent(mode: bytes) -> bytes:
    """The question of a hub."""
    return b"hub.mode=%b&hub.topic=%b&hub.challenge=not-a-guess&hub.lease_seconds=86400" % (mode, quoted(TOPIC))


def quoted(text: str) -> bytes:
    return quote(text, "").encode()


def hmac_of(key: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    return hmac_digest(key, message, algorithm)


X_TOKEN = b"9b4507b3-9040-4669-9ca3-6b94edb50553"
X_ANSWER = b'{"response_token":"sha256=' + b64encode(hmac_of(SECRET.encode(), X_TOKEN)) + b'"}'
ZOOM_TOKEN = b"qgg8vlvZRS6UYooatFL8Aw"
ZOOM_ANSWER = (
    b'{"plainToken":"%b","encryptedToken":"%b"}' % (ZOOM_TOKEN, hmac_of(SECRET.encode(), ZOOM_TOKEN).hex().encode())
)  # fmt: skip
EBAY_CODE = b"a8628072-3d33-45ee-9004-bee86830a22d"
EBAY_ANSWER = (
    b'{"challengeResponse":"' + sha256(EBAY_CODE + b"not-a-token" + ADDRESS.encode()).hexdigest().encode() + b'"}'
)
BRAINTREE_QUESTION = b"20f9f8ed05f77439fe955c977e4c8a53"
BRAINTREE_ANSWER = (
    b"not-a-public-key|"
    + hmac_of(sha1(SECRET.encode(), usedforsecurity=False).digest(), BRAINTREE_QUESTION, "sha1").hex().encode()
)
ZOOM = b'{"payload":{"plainToken":"%b"},"event_ts":1767225600000,"event":"endpoint.url_validation"}'
SNS = {
    "Type": "SubscriptionConfirmation",
    "TopicArn": SNS_TOPIC,
    "Token": "2336412f37",
    "Message": "You have chosen to subscribe to the topic",
    "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37",
}
META = b"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="

EXCHANGES = [
    Exchange(
        "slack",
        "url_verification",
        headers=(JSON,),
        body=b'{"token":"not-a-token","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}',
        signed=True,
        content_type=b"text/plain",
        answer=b"3eZbrw1aBm2rZgRNFdxV",
    ),
    Exchange("slack", "ssl_check", headers=(FORM,), body=b"ssl_check=1&token=not-a-token"),
    Exchange(
        "asana",
        "x-hook-secret",
        headers=(JSON, (b"x-hook-secret", b"not-a-real-hook-secret")),
        body=b"{}",
        secrets=(),
        answer_headers={b"x-hook-secret": b"not-a-real-hook-secret"},
    ),
    Exchange(
        "asana",
        "x-hook-secret",
        headers=((b"x-hook-secret", b"not-a-real-secret"),),
        answer_headers={b"x-hook-secret": b"not-a-real-secret"},
    ),
    Exchange(
        "aws_sns", "SubscriptionConfirmation", headers=(TEXT,), body=json.dumps(SNS).encode(), signed=True, block=None
    ),
    Exchange(
        "braintree",
        "bt_challenge",
        "GET",
        b"bt_challenge=" + BRAINTREE_QUESTION,
        block={"public_key": "not-a-public-key"},
        secrets=(SECRET,),
        answer=BRAINTREE_ANSWER,
    ),
    Exchange(
        "cloudevents",
        "abuse-protection",
        "OPTIONS",
        headers=((b"webhook-request-origin", b"eventemitter.example.com"), (b"webhook-request-rate", b"120")),
        answer_headers={
            b"webhook-allowed-origin": b"eventemitter.example.com",
            b"webhook-allowed-rate": b"120",
            b"allow": b"POST",
        },
    ),
    Exchange(
        "cloudevents",
        "abuse-protection",
        "OPTIONS",
        headers=((b"webhook-request-origin", b"eventgrid.azure.net"),),
        answer_headers={b"webhook-allowed-origin": b"eventgrid.azure.net", b"allow": b"POST"},
    ),
    Exchange(
        "discord",
        "interaction-ping",
        headers=(JSON,),
        body=b'{"type":1,"application_id":"1"}',
        signed=True,
        content_type=b"application/json",
        answer=b'{"type":1}',
    ),
    Exchange(
        "discord",
        "webhook-events-ping",
        headers=(JSON,),
        body=b'{"version":1,"application_id":"1234560123453231555","type":0}',
        signed=True,
        status=204,
        content_type=b"application/json",
    ),
    Exchange(
        "dropbox",
        "challenge",
        "GET",
        b"challenge=abc123",
        content_type=b"text/plain",
        answer=b"abc123",
        answer_headers=NOSNIFF,
    ),
    Exchange(
        "ebay",
        "challenge_code",
        "GET",
        b"challenge_code=" + EBAY_CODE,
        block={"verification_token": "not-a-token", "url": ADDRESS},
        content_type=b"application/json",
        answer=EBAY_ANSWER,
    ),
    Exchange("figma", "ping", headers=(JSON,), body=b'{"event_type":"PING","webhook_id":"1"}', signed=True),
    Exchange(
        "front",
        "validation",
        headers=(JSON, (b"x-front-challenge", b"not-a-guess")),
        body=b'{"type":"sync"}',
        signed=True,
        content_type=b"application/json",
        answer=b'{"challenge":"not-a-guess"}',
    ),
    Exchange("intercom", "head-check", "HEAD"),
    Exchange("intercom", "ping", headers=(JSON,), body=b'{"type":"notification_event","topic":"ping"}', signed=True),
    Exchange("line", "verify", headers=(JSON,), body=b'{"destination":"U0","events":[]}', signed=True),
    Exchange("mailchimp", "get-check", "GET"),
    Exchange("mailchimp", "get-check", "HEAD"),
    Exchange("mandrill", "head-check", "HEAD"),
    Exchange(
        "meta",
        "hub.challenge",
        "GET",
        META + b"not-a-verify-token",
        block={"verify_token": "not-a-verify-token"},
        content_type=b"text/plain",
        answer=b"1158201444",
    ),
    Exchange("meta", "hub.challenge", "GET", META + SECRET.encode(), secrets=("app", SECRET), answer=b"1158201444"),
    Exchange(
        "microsoft_graph",
        "validationToken",
        "POST",
        b"validationToken=Validation%3A+Testing+client%20app%2Breachability",
        headers=(TEXT, (b"content-length", b"0")),
        content_type=b"text/plain",
        answer=b"Validation: Testing client app+reachability",
    ),
    Exchange(
        "monday",
        "challenge",
        headers=(JSON,),
        body=b'{"challenge":"3eZbrw1aBm2rZgRNFdxV"}',
        content_type=b"application/json",
        answer=b'{"challenge":"3eZbrw1aBm2rZgRNFdxV"}',
    ),
    Exchange(
        "notion",
        "verification_token",
        headers=(JSON,),
        body=b'{"verification_token":"secret_not-a-real-token"}',
        secrets=(),
    ),
    Exchange("nylas", "challenge", "GET", b"challenge=6ea8b2", content_type=b"text/plain", answer=b"6ea8b2"),
    Exchange(
        "okta",
        "verification-challenge",
        "GET",
        headers=((b"x-okta-verification-challenge", b"YW55IHZhbHVl"),),
        content_type=b"application/json",
        answer=b'{"verification":"YW55IHZhbHVl"}',
    ),
    Exchange("onfleet", "check", "GET", b"check=6pEQ", content_type=b"text/plain", answer=b"6pEQ"),
    Exchange("trello", "head-check", "HEAD"),
    Exchange(
        "twitch",
        "webhook_callback_verification",
        headers=(
            JSON,
            (b"twitch-eventsub-message-type", b"webhook_callback_verification"),
        ),
        body=b'{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"channel.follow"}}',
        signed=True,
        content_type=b"text/plain",
        answer=b"pogchamp-kappa-360noscope-vohiyo",
    ),
    Exchange("unisender_go", "get-check", "GET"),
    Exchange(
        "websub", "intent-verification", "GET", intent(b"subscribe"), content_type=b"text/plain", answer=b"not-a-guess"
    ),
    Exchange("websub", "intent-verification", "GET", intent(b"unsubscribe"), answer=b"not-a-guess"),
    Exchange(
        "websub", "intent-verification", "GET", intent(b"subscribe"), block={"topic": TOPIC}, answer=b"not-a-guess"
    ),
    Exchange("websub", "denied", "GET", b"hub.mode=denied&hub.topic=x&hub.reason=no"),
    Exchange(
        "wise", "test-notification", headers=(JSON, (b"x-test-notification", b"true")), body=b'{"a":1}', signed=True
    ),
    Exchange("woocommerce", "ping", headers=(FORM,), body=b"webhook_id=7"),
    Exchange(
        "x",
        "crc",
        "GET",
        b"crc_token=" + X_TOKEN + b"&nonce=not-random",
        secrets=(SECRET,),
        content_type=b"application/json",
        answer=X_ANSWER,
    ),
    Exchange(
        "xero",
        "intent-to-receive",
        headers=(JSON,),
        body=b'{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"NOTRANDOM"}',
        signed=True,
    ),
    Exchange(
        "zoom",
        "endpoint.url_validation",
        headers=(JSON,),
        body=ZOOM % ZOOM_TOKEN,
        secrets=(SECRET,),
        content_type=b"application/json",
        answer=ZOOM_ANSWER,
    ),
]


def named(exchange: Exchange) -> str:
    return f"{exchange.provider}-{exchange.id}-{exchange.method}"


each_exchange = pytest.mark.parametrize("exchange", EXCHANGES, ids=named)
each_signed = pytest.mark.parametrize("exchange", [one for one in EXCHANGES if one.signed], ids=named)


async def answered(_: KeyRequest) -> bytes | None:
    return b"<ConfirmSubscriptionResponse/>"


def keys_of(exchange: Exchange) -> tuple[str, tuple[str, ...]]:
    """What its sender signs with, and the secrets of the source."""
    provider = registry.get(exchange.provider)
    private, public = pair_of(provider, provider.schemes[0])
    return private, (public,) if exchange.secrets is None else exchange.secrets


async def make_source(place: Street, exchange: Exchange, **spec: Any) -> None:
    if exchange.block is not None:
        spec["signature"] = exchange.block
    await place.source("shop", exchange.provider, secrets=keys_of(exchange)[1], **spec)


async def make(place: Street, exchange: Exchange, *, signed: bool = True, query: bytes | None = None) -> Reply:
    """The request of the sender; without its signature on demand."""
    headers, body, asked = exchange.headers, exchange.body, exchange.query if query is None else query
    if exchange.signed and signed:
        request = sign_request(
            registry.get(exchange.provider),
            body=body,
            secret=keys_of(exchange)[0],
            now_s=place.clock.now_ms() / 1000,
            event_id="m-1",
            headers=headers[1:],
            content_type=headers[0][1].decode(),
            url=ADDRESS,
        )
        headers, body, asked = request.headers, request.body, request.query
    return await place.ask("shop", body, headers, method=exchange.method, more={"query_string": asked})


@pytest.fixture
async def place() -> AsyncIterator[Street]:
    async with street(fetch=answered) as made:
        yield made


async def nothing_is_stored(place: Street) -> bool:
    return not await place.events() and not await place.rejections()


def test_the_table_names_every_handshake_of_the_catalogue() -> None:
    known = {(row.slug, handshake.id) for row in registry.all_providers() for handshake in row.handshakes}
    assert {(exchange.provider, exchange.id) for exchange in EXCHANGES} == known
    methods = {
        (row.slug, handshake.id, method)
        for row in registry.all_providers()
        for handshake in row.handshakes
        for method in handshake.methods
    }
    assert methods == {(exchange.provider, exchange.id, exchange.method) for exchange in EXCHANGES}


def test_the_table_says_of_each_whether_it_must_be_signed() -> None:
    known = {(row.slug, one.id): one.signed for row in registry.all_providers() for one in row.handshakes}
    assert {(exchange.provider, exchange.id): exchange.signed for exchange in EXCHANGES} == known


@each_exchange
async def test_a_handshake_is_answered_as_its_sender_documents(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange)
    reply = await make(place, exchange)
    assert reply.status == exchange.status, reply.body
    assert reply.body == (b"" if exchange.method == "HEAD" else exchange.answer)
    length = None if reply.status == 204 else b"%d" % len(exchange.answer)  # RFC 9110 §8.6
    assert reply.headers.get(b"content-length") == length
    if exchange.content_type is not None:
        assert reply.headers[b"content-type"] == exchange.content_type
    for name, value in exchange.answer_headers.items():
        assert reply.headers[name] == value
    assert b"set-cookie" not in reply.headers


@each_exchange
async def test_a_handshake_stores_no_event_and_no_rejection_and_is_told_of(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange)
    await make(place, exchange)
    assert await nothing_is_stored(place)
    assert place.notices == [HandshakeAnswered("shop", exchange.provider)]


@each_exchange
async def test_whatever_is_echoed_is_never_sniffed_for_a_script(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange)
    reply = await make(place, exchange)
    if reply.body:
        assert reply.headers[b"x-content-type-options"] == b"nosniff"
        assert reply.headers[b"content-type"] in (b"text/plain", b"application/json")


@each_exchange
async def test_a_handshake_is_answered_where_a_source_lists_other_methods(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange, methods=("PUT",))
    assert (await make(place, exchange)).status == exchange.status


@pytest.mark.parametrize("exchange", [one for one in EXCHANGES if one.method != "POST"], ids=named)
async def test_a_handshake_without_a_body_is_answered_where_a_source_takes_one_kind(
    place: Street, exchange: Exchange
) -> None:
    await make_source(place, exchange, content_types=("xml",))
    assert (await make(place, exchange)).status == exchange.status


@each_signed
async def test_a_handshake_that_must_be_signed_is_refused_to_a_stranger(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange)
    reply = await make(place, exchange, signed=False)
    assert reply.status == 401
    for secret in (exchange.answer, b"not-a-guess"):
        assert not secret or secret not in reply.body
    assert not await place.events()
    assert (await place.rejection()).cause in ("missing_signature", "missing_timestamp")


@pytest.mark.parametrize(
    "exchange", [one for one in EXCHANGES if one.signed and one.provider != "figma"], ids=named
)  # the passcode of Figma covers nothing
async def test_a_signed_handshake_that_was_changed_is_refused(place: Street, exchange: Exchange) -> None:
    await make_source(place, exchange)
    provider = registry.get(exchange.provider)
    request = sign_request(
        provider,
        body=exchange.body,
        secret=keys_of(exchange)[0],
        now_s=place.clock.now_ms() / 1000,
        event_id="m-1",
        headers=exchange.headers[1:],
        content_type=exchange.headers[0][1].decode(),
    )
    first, rest = (b'"Message":"You', b'"Message":"Yet') if exchange.provider == "aws_sns" else (b"{", b'{"more": "",')
    reply = await place.ask("shop", request.body.replace(first, rest, 1), request.headers)
    assert reply.status == 401
    assert not await place.events()


@pytest.mark.parametrize("path", ["shop", "nowhere"])
async def test_the_answer_to_a_head_has_no_body_whatever_it_says(place: Street, path: str) -> None:
    await place.source("shop", "github")
    reply = await place.ask(path, b"", (), method="HEAD")
    assert (reply.status // 100, reply.body) == (4, b"")
    assert int(reply.headers[b"content-length"]) > 0


async def test_a_wrong_passcode_of_figma_is_refused(place: Street) -> None:
    await place.source("shop", "figma", secrets=("not-a-real-passcode",))
    assert (await place.ask(body=b'{"event_type":"PING","passcode":"other"}')).status == 401
    assert (await place.rejection()).cause == "bad_signature"


@pytest.mark.parametrize("token", ["v0:1767225600:{}", "a:b", "", "a" * 129, "a b", "é"])
async def test_zoom_gets_nothing_signed_that_could_be_an_event(place: Street, token: str) -> None:
    await place.source("shop", "zoom", secrets=(SECRET,))
    reply = await place.ask(body=ZOOM % json.dumps(token)[1:-1].encode())
    assert reply.status == 401
    assert b"encryptedToken" not in reply.body
    assert not await place.events()


@pytest.mark.parametrize("token", ['{"for_user_id":"1"}', "[]", "a b", "", '"', "a" * 257, "0\n"])
async def test_x_gets_nothing_signed_that_could_be_an_event(place: Street, token: str) -> None:
    await place.source("shop", "x", secrets=(SECRET,))
    reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": b"crc_token=" + quoted(token)})
    assert reply.status == 401
    assert b"response_token" not in reply.body
    assert not await place.events()


@pytest.mark.parametrize(
    "question", ["bad challenge", "20f9f8ed05f77439fe9", "20F9F8ED05F77439FE955C977E4C8A53", "a" * 33]
)
async def test_braintree_gets_nothing_signed_but_its_own_challenge(place: Street, question: str) -> None:
    await place.source("shop", "braintree", secrets=(SECRET,), signature={"public_key": "not-a-public-key"})
    query = {"query_string": b"bt_challenge=" + quoted(question)}
    reply = await place.ask(method="GET", body=b"", headers=(), more=query)
    assert reply.status == 401
    assert b"not-a-public-key" not in reply.body
    assert not await place.events()


async def test_braintree_is_not_answered_without_the_public_key(place: Street) -> None:
    await place.source("shop", "braintree", secrets=(SECRET,))
    query = {"query_string": b"bt_challenge=" + BRAINTREE_QUESTION}
    assert (await place.ask(method="GET", body=b"", headers=(), more=query)).status == 401


@pytest.mark.parametrize(
    ("block", "token"),
    [
        ({"verify_token": "not-a-verify-token"}, b"other"),
        ({"verify_token": "not-a-verify-token"}, SECRET.encode()),
        ({"verify_token": "not-a-verify-token"}, b""),
        (None, b"other"),
        (None, b""),
    ],
)
async def test_meta_is_not_answered_with_another_verify_token(
    place: Street, block: dict[str, str] | None, token: bytes
) -> None:
    spec: dict[str, Any] = {} if block is None else {"signature": block}
    await place.source("shop", "meta", secrets=(SECRET,), **spec)
    reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": META + token})
    assert reply.status == 401
    assert b"1158201444" not in reply.body
    assert not await place.events()


@pytest.mark.parametrize(
    ("query", "block"),
    [
        (intent(b"subscribe"), {"topic": "https://other.example/feed"}),
        (intent(b"unsubscribe"), {"topic": TOPIC}),
        (intent(b"publish"), None),
        (b"hub.mode=subscribe&hub.challenge=not-a-guess", None),
    ],
    ids=["another topic", "the end of ours", "another mode", "no topic"],
)
async def test_a_hub_is_not_answered_what_was_not_meant(
    place: Street, query: bytes, block: dict[str, str] | None
) -> None:
    spec: dict[str, Any] = {} if block is None else {"signature": block}
    await place.source("shop", "websub", secrets=(SECRET,), **spec)
    reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": query})
    assert reply.status // 100 == 4
    assert b"not-a-guess" not in reply.body
    assert not await place.events()


async def test_a_body_of_monday_with_more_than_a_challenge_is_no_handshake(place: Street) -> None:
    await place.source("shop", "monday", secrets=(SECRET,))
    reply = await place.ask(body=b'{"challenge":"x","event":{"type":"update_column_value"}}')
    assert reply.status == 401
    assert not await place.events()


async def test_ebay_is_not_answered_without_the_verification_token(place: Street) -> None:
    exchange = next(one for one in EXCHANGES if one.provider == "ebay")
    await place.source("shop", "ebay", secrets=keys_of(exchange)[1])
    reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": exchange.query})
    assert (reply.status, await place.events()) == (401, [])


async def test_ebay_is_answered_for_the_public_address_of_the_server() -> None:
    exchange = next(one for one in EXCHANGES if one.provider == "ebay")
    async with street(public_url="https://hooks.example.com/") as place:
        block = {"verification_token": "not-a-token"}
        await place.source("shop", "ebay", secrets=keys_of(exchange)[1], signature=block)
        reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": exchange.query})
    assert (reply.status, reply.body) == (200, EBAY_ANSWER)


async def test_a_discord_event_is_no_ping_though_its_type_is_the_same(place: Street) -> None:
    exchange = next(one for one in EXCHANGES if one.id == "interaction-ping")
    await make_source(place, exchange)
    event = Exchange(
        "discord",
        "interaction-ping",
        headers=(JSON,),
        body=b'{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2026-01-01T00:00:00Z"}}',
        signed=True,
    )
    assert (await make(place, event)).status == 204
    assert (await place.event()).type == "APPLICATION_AUTHORIZED"


async def test_a_question_that_is_too_long_to_be_one_is_not_echoed(place: Street) -> None:
    await place.source("shop", "dropbox", secrets=(SECRET,))
    reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": b"challenge=" + b"a" * 3000})
    assert reply.status == 401


@pytest.mark.parametrize(
    "secret", [b"a\r\nset-cookie: bbbbbbbbbbbb", b"\xff\xfe" * 10, b"short", b"with a blank in the middle", b"x" * 257]
)
async def test_what_is_no_secret_is_neither_kept_nor_echoed(place: Street, secret: bytes) -> None:
    await place.source("shop", "asana", secrets=())
    reply = await place.ask(body=b"{}", headers=(JSON, (b"x-hook-secret", secret)))
    assert reply.status == 401
    assert b"x-hook-secret" not in reply.headers


# A handshake that brings the secret.


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(database="sqlite://:memory:", data_dir=tmp_path, secret=SERVER_SECRET, public_url="")
    made = build(settings, clock=FakeClock(), threads=False)
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
def learning(server: Server) -> Street:
    """The door of a whole server."""
    clock = server.clock
    assert isinstance(clock, FakeClock)
    made = Street(server.store, clock)
    made.door = server.door
    return made


LEARNS = ["asana", "notion"]


def bringing(provider: str, secret: str) -> tuple[bytes, Headers]:
    """The handshake: its body and header lines."""
    if provider == "asana":
        return b"{}", (JSON, (b"x-hook-secret", secret.encode()))
    return json.dumps({"verification_token": secret}).encode(), (JSON,)


def event_of(provider: str, secret: str, number: int = 1) -> tuple[bytes, Headers]:
    name, prefix = {"asana": (b"x-hook-signature", b""), "notion": (b"x-notion-signature", b"sha256=")}[provider]
    body = json.dumps({"id": f"event-{number}", "type": "page.created", "events": [{"action": "added"}]}).encode()
    return body, (JSON, (name, prefix + hmac_of(secret.encode(), body).hex().encode()))


def test_the_catalogue_has_no_other_sender_that_brings_its_secret() -> None:
    assert [row.slug for row in registry.all_providers() if row.learns_secret] == LEARNS


@pytest.mark.parametrize("provider", LEARNS)
async def test_before_the_handshake_events_are_refused_for_want_of_a_secret(learning: Street, provider: str) -> None:
    await learning.source("shop", provider, secrets=())
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 401
    assert (await learning.rejection()).cause == "no_secret"


@pytest.mark.parametrize("provider", LEARNS)
async def test_a_handshake_brings_the_secret_that_events_are_then_signed_with(learning: Street, provider: str) -> None:
    await learning.source("shop", provider, secrets=())
    assert (await learning.ask("shop", *bringing(provider, SECRET))).status == 200
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 200
    assert (await learning.event()).verification == "verified"
    assert (await learning.ask("shop", *event_of(provider, "other", 2))).status == 401


@pytest.mark.parametrize("provider", LEARNS)
async def test_an_event_that_came_before_the_handshake_can_be_accepted_after_it(
    learning: Street, provider: str
) -> None:
    await learning.source("shop", provider, secrets=())
    await learning.ask("shop", *event_of(provider, SECRET))
    rejection = await learning.rejection()
    await learning.ask("shop", *bringing(provider, SECRET))
    receipt = await learning.door.accept_rejection(rejection.org_id, rejection.id)
    assert receipt.event_id == (await learning.event()).id


@pytest.mark.parametrize("provider", LEARNS)
async def test_a_second_handshake_by_a_stranger_changes_nothing(learning: Street, provider: str) -> None:
    await learning.source("shop", provider, secrets=())
    await learning.ask("shop", *bringing(provider, SECRET))
    assert (await learning.ask("shop", *bringing(provider, "not-a-real-stranger"))).status == 200
    assert (await learning.ask("shop", *event_of(provider, "not-a-real-stranger"))).status == 401
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 200


@pytest.mark.parametrize("provider", LEARNS)
async def test_of_two_handshakes_at_once_the_first_counts(learning: Street, provider: str) -> None:
    await learning.source("shop", provider, secrets=())
    replies = await asyncio.gather(
        learning.ask("shop", *bringing(provider, SECRET)),
        learning.ask("shop", *bringing(provider, "not-a-real-stranger")),
    )
    assert [reply.status for reply in replies] == [200, 200]
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 200
    assert (await learning.ask("shop", *event_of(provider, "not-a-real-stranger", 2))).status == 401


@pytest.mark.parametrize("provider", LEARNS)
async def test_a_secret_that_a_person_gave_is_not_replaced(learning: Street, provider: str) -> None:
    await learning.source("shop", provider, secrets=("given-by-a-person",))
    await learning.ask("shop", *bringing(provider, SECRET))
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 401
    assert (await learning.ask("shop", *event_of(provider, "given-by-a-person"))).status == 200


def written(folder: Path, **source: Any) -> FileConfig:
    """A hookline.yaml with one source."""
    path = folder / "hookline.yaml"
    path.write_text(json.dumps({"version": 1, "sources": [source]}))
    return read_file(path)


@pytest.mark.parametrize("provider", LEARNS)
async def test_a_file_without_secrets_keeps_the_one_that_was_learned(
    learning: Street, server: Server, provider: str, tmp_path: Path
) -> None:
    file = written(tmp_path, name="shop", provider=provider)
    assert [change.action for change in await server.apply(file, {})] == ["created"]
    await learning.ask("shop", *bringing(provider, SECRET))
    assert [change.action for change in await server.apply(file, {})] == ["unchanged"]
    file = written(tmp_path, name="shop", provider=provider, owner="ines", tolerance="10m")
    (change,) = await server.apply(file, {})
    assert (change.action, set(change.fields)) == ("updated", {"owner", "tolerance"})
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 200


@pytest.mark.parametrize("provider", LEARNS)
async def test_a_secret_in_the_file_takes_the_place_of_the_one_that_was_learned(
    learning: Street, server: Server, provider: str, tmp_path: Path
) -> None:
    await learning.source("shop", provider, secrets=())
    await learning.ask("shop", *bringing(provider, SECRET))
    file = written(tmp_path, name="shop", provider=provider, secrets=["env:SHOP"])
    await server.apply(file, {"SHOP": "in-the-file"})
    assert (await learning.ask("shop", *event_of(provider, SECRET))).status == 401
    assert (await learning.ask("shop", *event_of(provider, "in-the-file"))).status == 200


async def test_a_secret_is_learned_for_the_source_that_was_asked_alone(learning: Street) -> None:
    await learning.source("shop", "asana", secrets=())
    await learning.source("other", "asana", secrets=())
    await learning.ask("shop", *bringing("asana", SECRET))
    assert (await learning.ask("other", *event_of("asana", SECRET))).status == 401


async def test_another_source_cannot_do_without_its_secret(learning: Street) -> None:
    with pytest.raises(InvalidInput, match="needs at least one secret"):
        await learning.source("shop", "slack", secrets=())
