"""Senders whose public keys are at an address: fetched once, kept for a day, and only from where they belong."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.notice import HandshakeAnswered
from hookline.core.providers import registry
from hookline.core.providers.jwt import make_claims, sign_token
from hookline.core.providers.sign import sign_request
from hookline.core.providers.special import KeyRequest
from hookline.ingest.keys import MOST_KEPT, MOST_UNDER_WAY, MOST_WAITING, PAUSE_MS
from tests.core.providers.making import SNS_TOPIC, ec_pair, request_of, rsa_pair
from tests.ingest.asking import Reply, Street, street

KEY_ID = "bfbd5111-8e33-4643-8ced-b2e642a72f3c"
DAY_S = 24 * 3600
AMAZON = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem"
PAYPAL = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-example"


@dataclass(frozen=True)
class Sender:
    """A provider with keys at an address: how a source names them, what asks for them, and what is there."""

    provider: str
    secrets: tuple[str, ...]
    url: str
    document: Callable[[], bytes]
    make: Callable[[int, float], Request]
    with_key: Callable[[], tuple[str, ...]]  #: the secrets of a source that has the key itself
    block: dict[str, str] | None = None
    method: str = "GET"


def sns(number: int, now_s: float, **members: object) -> Request:
    body = {"MessageId": f"m-{number}", "TopicArn": SNS_TOPIC, "Message": "Hello", **members}
    return sign_request(
        registry.get("aws_sns"),
        body=json.dumps(body).encode(),
        secret=rsa_pair()[0],
        now_s=now_s,
        content_type="text/plain",
    )


def paypal(number: int, now_s: float, url: str = PAYPAL) -> Request:
    body = b'{"id":"WH-%d","event_type":"PAYMENT.SALE.COMPLETED"}' % number
    request = sign_request(registry.get("paypal"), body=body, secret="WH-NOT-REAL\n" + rsa_pair()[0], now_s=now_s)
    lines = tuple((name, url.encode() if name == b"paypal-cert-url" else value) for name, value in request.headers)
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


def plaid(number: int, now_s: float, key_id: str = KEY_ID) -> Request:
    rules = registry.get("plaid").schemes[0].jwt
    assert rules is not None
    request = request_of([(b"content-type", b"application/json")], b'{"webhook_type":"ITEM","item_id":"%d"}' % number)
    token = sign_token("ES256", ec_pair()[0].encode(), make_claims(rules, request, "", now_s), key_id)
    return request_of([*request.headers, (b"plaid-verification", token)], request.body)


def fusionauth(number: int, now_s: float) -> Request:
    body = b'{"event":{"id":"e-%d","type":"user.create"}}' % number
    return sign_request(
        registry.get("fusionauth"), body=body, secret=rsa_pair()[0], now_s=now_s, scheme="jwt-public-key"
    )


def kinde(number: int, now_s: float) -> Request:
    body = b'{"type":"user.created","event_id":"event_%d"}' % number
    return sign_request(registry.get("kinde"), body=body, secret=rsa_pair()[0], now_s=now_s)


def base64url(number: int, size: int) -> str:
    return urlsafe_b64encode(number.to_bytes(size)).rstrip(b"=").decode()


def rsa_set() -> bytes:
    """The key as a JSON Web Key Set, beside another."""
    key = load_pem_public_key(rsa_pair()[1].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    numbers = key.public_numbers()
    ours = {"kty": "RSA", "use": "sig", "n": base64url(numbers.n, 256), "e": base64url(numbers.e, 3)}
    return json.dumps({"keys": [{"kty": "EC", "crv": "P-256"}, ours]}).encode()


def plaid_answer() -> bytes:
    key = load_pem_public_key(ec_pair()[1].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    numbers = key.public_numbers()
    found = {
        "alg": "ES256",
        "crv": "P-256",
        "kid": KEY_ID,
        "kty": "EC",
        "use": "sig",
        "x": base64url(numbers.x, 32),
        "y": base64url(numbers.y, 32),
        "expired_at": None,
    }
    return json.dumps({"key": found, "request_id": "not-real"}).encode()


def rsa_pem() -> bytes:
    return rsa_pair()[1].encode()


SENDERS = [
    Sender("aws_sns", (SNS_TOPIC,), AMAZON, rsa_pem, sns, lambda: (f"{SNS_TOPIC}\n{rsa_pair()[1]}",)),
    Sender("paypal", ("WH-NOT-REAL",), PAYPAL, rsa_pem, paypal, lambda: ("WH-NOT-REAL\n" + rsa_pair()[1],)),
    Sender(
        "plaid",
        ("not-a-client-id:not-a-real-secret",),
        "https://production.plaid.com/webhook_verification_key/get",
        plaid_answer,
        plaid,
        lambda: ("not-a-client-id:not-a-real-secret", ec_pair()[1]),
        method="POST",
    ),
    Sender(
        "fusionauth",
        (),
        "https://auth.example.com/.well-known/jwks.json",
        rsa_set,
        fusionauth,
        lambda: (rsa_pair()[1],),
        block={"issuer": "https://auth.example.com", "scheme": "jwt-public-key"},
    ),
    Sender(
        "kinde",
        ("https://you.kinde.com",),
        "https://you.kinde.com/.well-known/jwks.json",
        rsa_set,
        kinde,
        lambda: ("https://you.kinde.com", rsa_pair()[1]),
    ),
]
every_sender = pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.provider)


class Shelf:
    """Where documents are fetched from."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked: list[KeyRequest] = []
        self.open = asyncio.Event()
        self.open.set()
        self.awaited: dict[int, asyncio.Event] = {}

    async def fetch(self, wanted: KeyRequest) -> bytes | None:
        self.asked.append(wanted)
        if len(self.asked) in self.awaited:
            self.awaited[len(self.asked)].set()
        await self.open.wait()
        return self.documents.get(wanted.url)

    async def asked_for(self, count: int) -> None:
        """Return when so many documents were asked for."""
        if len(self.asked) < count:
            await self.awaited.setdefault(count, asyncio.Event()).wait()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def place(shelf: Shelf) -> AsyncIterator[Street]:
    async with street(fetch=shelf.fetch) as made:
        yield made


async def make_source(place: Street, sender: Sender, secrets: tuple[str, ...] | None = None) -> None:
    wanted = sender.secrets if secrets is None else secrets
    block: dict[str, Any] = {"signature": sender.block} if sender.block else {}
    await place.source("shop", sender.provider, secrets=wanted, **block)


def now_s(place: Street) -> float:
    return place.clock.now_ms() / 1000


async def pass_on(place: Street, request: Request) -> Reply:
    return await place.ask("shop", request.body, request.headers, more={"query_string": request.query})


async def send(place: Street, sender: Sender, number: int = 1) -> Reply:
    return await pass_on(place, sender.make(number, now_s(place)))


def test_the_table_names_every_sender_whose_keys_are_fetched() -> None:
    assert {sender.provider for sender in SENDERS} == {p.slug for p in registry.all_providers() if p.fetches_keys}


@every_sender
async def test_a_key_is_fetched_once_and_then_known(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    for number in (1, 2, 3):
        reply = await send(place, sender, number)
        assert reply.status == 200, reply.body
    assert [(asked.method, asked.url) for asked in shelf.asked] == [(sender.method, sender.url)]
    assert len(await place.events()) == 3


@every_sender
async def test_a_key_is_fetched_anew_after_a_day(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    await send(place, sender)
    place.advance(DAY_S - 10)
    await send(place, sender, 2)
    assert len(shelf.asked) == 1
    place.advance(20)
    assert (await send(place, sender, 3)).status == 200
    assert len(shelf.asked) == 2


@every_sender
async def test_without_its_key_nothing_is_stored_and_the_sender_is_told_when_to_try_again(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    await make_source(place, sender)
    reply = await send(place, sender)
    assert (reply.status, reply.json["code"]) == (503, "key_unavailable")
    assert reply.headers[b"retry-after"] == b"30"
    assert not await place.events()
    assert (await place.rejection()).cause == "key_unavailable"
    shelf.documents[sender.url] = sender.document()
    place.advance(30)
    assert (await send(place, sender)).status == 200
    assert len(await place.events()) == 1


@every_sender
async def test_what_was_refused_for_want_of_a_key_can_be_accepted_when_it_is_there(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    await make_source(place, sender)
    await send(place, sender)
    rejection = await place.rejection()
    shelf.documents[sender.url] = sender.document()
    place.advance(2 * DAY_S)
    receipt = await place.door.accept_rejection(rejection.org_id, rejection.id)
    assert (await place.event()).id == receipt.event_id


async def test_a_key_that_was_not_to_be_had_is_not_asked_for_again_at_once(place: Street, shelf: Shelf) -> None:
    await make_source(place, SENDERS[0])
    for number in range(3):
        assert (await send(place, SENDERS[0], number)).status == 503
    assert len(shelf.asked) == 1
    place.advance(5)
    await send(place, SENDERS[0], 4)
    assert len(shelf.asked) == 2


@every_sender
async def test_a_document_that_holds_no_key_is_fetched_anew_before_long(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    shelf.documents[sender.url] = b"<html>Please sign in to this network</html>"
    await make_source(place, sender)
    assert (await send(place, sender)).status in (401, 503)
    assert not await place.events()
    shelf.documents[sender.url] = sender.document()
    place.advance(300)
    assert (await send(place, sender)).status == 200


def other_keys(sender: Sender) -> bytes:
    """A document like that of the sender, with the key of somebody else."""
    if sender.provider == "plaid":
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        key = {"kid": KEY_ID, "kty": "EC", "crv": "P-256", "x": base64url(numbers.x, 32), "y": base64url(numbers.y, 32)}
        return json.dumps({"key": key}).encode()
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key().public_numbers()
    rsa_key = {"kty": "RSA", "n": base64url(other.n, 256), "e": base64url(other.e, 3)}
    return json.dumps(rsa_key if sender.provider in ("aws_sns", "paypal") else {"keys": [rsa_key]}).encode()


@every_sender
async def test_another_key_at_the_address_proves_nothing(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = other_keys(sender)
    await make_source(place, sender)
    reply = await send(place, sender)
    assert (reply.status, reply.json["code"]) == (401, "bad_signature")
    assert not await place.events()


@every_sender
async def test_a_key_that_was_rotated_at_its_address_is_found_within_minutes(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    shelf.documents[sender.url] = other_keys(sender)
    await make_source(place, sender)
    await send(place, sender)
    shelf.documents[sender.url] = sender.document()
    assert (await send(place, sender)).status == 401
    assert len(shelf.asked) == 1
    place.advance(300)
    assert (await send(place, sender)).status == 200
    assert len(shelf.asked) == 2


@every_sender
async def test_forged_requests_do_not_take_a_known_key_away(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    await send(place, sender)
    shelf.documents.clear()
    place.advance(300)
    request = sender.make(2, now_s(place))
    assert (await place.ask("shop", forged(sender, request), request.headers)).status == 401
    assert len(shelf.asked) == 2
    assert (await send(place, sender, 3)).status == 200


@every_sender
async def test_forged_requests_make_us_fetch_once_in_minutes_at_most(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    await send(place, sender)
    place.advance(300)
    for number in range(5):
        request = sender.make(number, now_s(place))
        await place.ask("shop", forged(sender, request), request.headers)
    assert len(shelf.asked) == 2


def forged(sender: Sender, request: Request) -> bytes:
    """The body with another word in it."""
    if sender.provider == "kinde":
        head, claims, signature = request.body.split(b".")
        return b".".join([head, claims[:-4] + b"AAAA", signature])
    return request.body.replace(b"Hello", b"Hullo") if b"Hello" in request.body else request.body[:-1] + b" }"


@every_sender
async def test_requests_that_come_at_once_share_one_fetch(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    shelf.open.clear()
    waiting = [asyncio.ensure_future(send(place, sender, number)) for number in range(4)]
    await shelf.asked_for(1)
    await asyncio.sleep(0)  # the others have come as far
    shelf.open.set()
    assert [reply.status for reply in await asyncio.gather(*waiting)] == [200] * 4
    assert len(shelf.asked) == 1
    assert len(await place.events()) == 4


async def test_a_sender_that_hangs_up_does_not_take_the_key_from_the_others(place: Street, shelf: Shelf) -> None:
    shelf.documents[AMAZON] = rsa_pem()
    await make_source(place, SENDERS[0])
    shelf.open.clear()
    first = asyncio.ensure_future(send(place, SENDERS[0], 1))
    second = asyncio.ensure_future(send(place, SENDERS[0], 2))
    await shelf.asked_for(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    shelf.open.set()
    assert (await second).status == 200
    assert len(shelf.asked) == 1


async def test_keys_that_are_fetched_at_a_time_are_bounded(place: Street, shelf: Shelf) -> None:
    await make_source(place, SENDERS[0])
    shelf.open.clear()
    waiting = [
        asyncio.ensure_future(pass_on(place, sns(number, now_s(place), SigningCertURL=amazon(number))))
        for number in range(MOST_UNDER_WAY)
    ]
    await shelf.asked_for(MOST_UNDER_WAY)
    async with asyncio.timeout(5):
        reply = await pass_on(place, sns(99, now_s(place), SigningCertURL=amazon(99)))
    assert (reply.status, len(shelf.asked)) == (503, MOST_UNDER_WAY)
    shelf.open.set()
    await asyncio.gather(*waiting)
    shelf.documents[amazon(99)] = rsa_pem()
    assert (await pass_on(place, sns(99, now_s(place), SigningCertURL=amazon(99)))).status == 200


def amazon(number: int) -> str:
    return f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{number}.pem"


async def test_keys_that_are_kept_are_bounded(place: Street, shelf: Shelf) -> None:
    await make_source(place, SENDERS[0])
    signed = sns(0, now_s(place))
    for number in range(MOST_KEPT + 1):
        shelf.documents[amazon(number)] = rsa_pem()
        await pass_on(place, naming(signed, amazon(number)))
    assert len(shelf.asked) == MOST_KEPT + 1
    await pass_on(place, naming(signed, amazon(MOST_KEPT)))
    assert len(shelf.asked) == MOST_KEPT + 1
    await pass_on(place, naming(signed, amazon(0)))
    assert len(shelf.asked) == MOST_KEPT + 2


async def test_addresses_that_nobody_has_push_no_known_key_out(place: Street, shelf: Shelf) -> None:
    await make_source(place, SENDERS[0])
    shelf.documents[amazon(0)] = rsa_pem()
    signed = sns(0, now_s(place), SigningCertURL=amazon(0))
    assert (await pass_on(place, signed)).status == 200
    for number in range(1, MOST_KEPT + 10):
        assert (await pass_on(place, naming(signed, amazon(number)))).status == 503
    asked = len(shelf.asked)
    assert (await pass_on(place, sns(1, now_s(place), SigningCertURL=amazon(0)))).status == 200
    assert len(shelf.asked) == asked


@every_sender
async def test_a_known_key_goes_on_serving_while_it_cannot_be_renewed(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    await send(place, sender)
    place.advance(DAY_S + 1)
    del shelf.documents[sender.url]
    for number in (2, 3):
        assert (await send(place, sender, number)).status == 200
    assert len(shelf.asked) == 2  # not for each request: there is a pause
    place.advance(PAUSE_MS / 1000 + 1)
    assert (await send(place, sender, 4)).status == 200
    assert len(shelf.asked) == 3


async def test_requests_that_wait_for_keys_are_bounded(place: Street, shelf: Shelf) -> None:
    await make_source(place, SENDERS[0])
    shelf.open.clear()
    signed = sns(0, now_s(place), SigningCertURL=amazon(0))
    waiting = [asyncio.ensure_future(pass_on(place, signed)) for _ in range(MOST_WAITING)]
    await shelf.asked_for(1)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (await pass_on(place, signed)).status == 503
    shelf.documents[amazon(0)] = rsa_pem()
    shelf.open.set()
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}


def naming(request: Request, url: object) -> Request:
    """The same message, with another certificate; its address is not signed."""
    message = json.loads(request.body) | {"SigningCertURL": url}
    return msgspec.structs.replace(request, body=json.dumps(message).encode())


# Where keys may be.


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x.pem",
        "http://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/x.pem",
        "https://evil.example#@sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
        "https://sns-us-east-1.amazonaws.com/x.pem",
        "https://evilsns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.cn.evil.example/x.pem",
        "https://sns.us-east-1.amazonaws.com:8443/x.pem",
        "https://sns.us-east-1.amazonaws.com:443/x.pem",
        "https://sns.us-east-1.amazonaws.com/../x.pem",
        "https://sns.us-east-1.amazonaws.com/a/b.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem?",
        "https://sns.us-east-1.amazonaws.com/x.pem#",
        "https://sns.us-east-1.amazonaws.com/x.PEM",
        "https://sns.us-east-1.amazonaws.com\\.evil.example/x.pem",
        "https://sns.us-east-1.amazonaws。com/x.pem",
        "https://SNS.us-east-1.amazonaws.com/x.pem",
        " https://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem\n",
        "file:///etc/passwd.pem",
        "https://169.254.169.254/x.pem",
        "",
        None,
        7,
    ],
)
async def test_a_certificate_of_sns_that_is_not_at_amazon_is_not_fetched(
    place: Street, shelf: Shelf, url: object
) -> None:
    await make_source(place, SENDERS[0])
    reply = await pass_on(place, naming(sns(1, now_s(place)), url))
    assert (reply.status, reply.json["code"]) == (401, "untrusted_key")
    assert not shelf.asked
    assert not await place.events()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://apixpaypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api.evil.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:444/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../evil",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?to=evil",
        "https://api.paypal.com/redirect?to=/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://API.paypal.com/v1/notifications/certs/CERT-1",
        "https://169.254.169.254/v1/notifications/certs/CERT-1",
    ],
)
async def test_a_certificate_of_paypal_that_is_not_at_paypal_is_not_fetched(
    place: Street, shelf: Shelf, url: str
) -> None:
    await make_source(place, SENDERS[1])
    reply = await pass_on(place, paypal(1, now_s(place), url))
    assert (reply.status, reply.json["code"]) == (401, "untrusted_key")
    assert not shelf.asked
    assert not await place.events()


@pytest.mark.parametrize("key_id", ["../x", "a/b", "a b", "a" * 65, "é", '","client_id":"x'])
async def test_a_key_id_that_is_none_of_plaids_is_not_asked_for(place: Street, shelf: Shelf, key_id: str) -> None:
    await make_source(place, SENDERS[2])
    reply = await pass_on(place, plaid(1, now_s(place), key_id))
    assert (reply.status, reply.json["code"]) == (401, "untrusted_key")
    assert not shelf.asked


async def test_plaid_is_asked_for_the_key_that_the_token_names_with_our_credentials(
    place: Street, shelf: Shelf
) -> None:
    shelf.documents[SENDERS[2].url] = plaid_answer()
    await make_source(place, SENDERS[2])
    await send(place, SENDERS[2])
    (asked,) = shelf.asked
    assert json.loads(asked.body) == {
        "key_id": KEY_ID,
        "client_id": "not-a-client-id",
        "secret": "not-a-real-secret",
    }
    assert asked.headers == ((b"content-type", b"application/json"),)
    assert "not-a-real-secret" not in repr(asked)


@pytest.mark.parametrize(
    "issuer", ["http://auth.example.com", "https://a@auth.example.com", "https://auth.example.com/x", "file:///etc"]
)
async def test_an_issuer_of_fusionauth_that_is_no_https_address_is_not_asked(
    place: Street, shelf: Shelf, issuer: str
) -> None:
    block = {"issuer": issuer, "scheme": "jwt-public-key"}
    await place.source("shop", "fusionauth", secrets=(), signature=block)
    reply = await send(place, SENDERS[3])
    assert (reply.status, reply.json["code"]) == (401, "untrusted_key")
    assert not shelf.asked


async def test_an_issuer_of_fusionauth_serves_in_place_of_a_secret_and_no_shared_one_counts(
    place: Street, shelf: Shelf
) -> None:
    shelf.documents[SENDERS[3].url] = rsa_set()
    await place.source("shop", "fusionauth", secrets=(), signature={"issuer": "https://auth.example.com"})
    for secret in ("", rsa_set().decode(), rsa_pair()[1]):
        rules = registry.get("fusionauth").schemes[0].jwt
        assert rules is not None
        request = request_of([(b"content-type", b"application/json")], b"{}")
        token = sign_token("HS256", secret.encode(), make_claims(rules, request, "", now_s(place)))
        reply = await place.ask("shop", b"{}", [*request.headers, (b"x-fusionauth-signature-jwt", token)])
        assert reply.status == 401
    assert not await place.events()
    assert (await send(place, SENDERS[3])).status == 200


@every_sender
async def test_a_token_cannot_choose_where_its_keys_are(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    await send(place, sender)
    assert {asked.url for asked in shelf.asked} == {sender.url}


@every_sender
async def test_a_key_among_the_secrets_is_used_and_nothing_is_fetched(
    place: Street, shelf: Shelf, sender: Sender
) -> None:
    shelf.documents[sender.url] = b"not asked for"
    await make_source(place, sender, sender.with_key())
    assert (await send(place, sender)).status == 200
    assert not shelf.asked


@every_sender
async def test_a_forged_request_is_refused_with_the_key_at_hand(place: Street, shelf: Shelf, sender: Sender) -> None:
    shelf.documents[sender.url] = sender.document()
    await make_source(place, sender)
    request = sender.make(1, now_s(place))
    reply = await place.ask("shop", forged(sender, request), request.headers)
    assert reply.status == 401
    assert reply.json["code"] in ("bad_signature", "body_mismatch", "malformed_signature")
    assert not await place.events()


# A subscription of Amazon SNS.


def confirmation(place: Street, url: object = "https://sns.us-east-1.amazonaws.com/?Action=Confirm&Token=t") -> Request:
    return sns(1, now_s(place), Type="SubscriptionConfirmation", Token="t", SubscribeURL=url)


CONFIRM = "https://sns.us-east-1.amazonaws.com/?Action=Confirm&Token=t"


async def test_a_signed_subscription_is_confirmed_by_one_visit(place: Street, shelf: Shelf) -> None:
    shelf.documents |= {AMAZON: rsa_pem(), CONFIRM: b"<ConfirmSubscriptionResponse/>"}
    await make_source(place, SENDERS[0])
    reply = await pass_on(place, confirmation(place))
    assert reply.status == 200
    assert [(asked.method, asked.url) for asked in shelf.asked] == [("GET", AMAZON), ("GET", CONFIRM)]
    assert not await place.events()
    assert place.notices == [HandshakeAnswered("shop", "aws_sns")]


async def test_a_subscription_whose_visit_fails_is_sent_again_and_then_confirmed(place: Street, shelf: Shelf) -> None:
    shelf.documents[AMAZON] = rsa_pem()
    await make_source(place, SENDERS[0])
    reply = await pass_on(place, confirmation(place))
    assert (reply.status, reply.json["code"], reply.headers[b"retry-after"]) == (503, "visit_failed", b"30")
    assert not await place.events()
    assert HandshakeAnswered("shop", "aws_sns") not in place.notices
    shelf.documents[CONFIRM] = b"<ConfirmSubscriptionResponse/>"
    assert (await pass_on(place, confirmation(place))).status == 200
    assert [asked.url for asked in shelf.asked] == [AMAZON, CONFIRM, CONFIRM]


async def test_a_subscription_that_is_not_signed_is_not_visited(place: Street, shelf: Shelf) -> None:
    shelf.documents |= {AMAZON: rsa_pem(), CONFIRM: b"<ConfirmSubscriptionResponse/>"}
    await make_source(place, SENDERS[0])
    message = json.loads(confirmation(place).body) | {"Token": "stolen"}
    reply = await pass_on(place, msgspec.structs.replace(confirmation(place), body=json.dumps(message).encode()))
    assert reply.status == 401
    assert [asked.url for asked in shelf.asked] == [AMAZON]


async def test_a_subscription_of_another_topic_is_not_visited(place: Street, shelf: Shelf) -> None:
    shelf.documents |= {AMAZON: rsa_pem(), CONFIRM: b"<ConfirmSubscriptionResponse/>"}
    await place.source("shop", "aws_sns", secrets=(SNS_TOPIC + "-of-ours",))
    assert (await pass_on(place, confirmation(place))).status == 401
    assert CONFIRM not in [asked.url for asked in shelf.asked]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=Confirm",
        "http://sns.us-east-1.amazonaws.com/?Action=Confirm",
        "https://sns.us-east-1.amazonaws.com@evil.example/?Action=Confirm",
        "https://sns.us-east-1.amazonaws.com.evil.example/?Action=Confirm",
        "https://sns.us-east-1.amazonaws.com:8443/?Action=Confirm",
        "https://sns.us-east-1.amazonaws.com/x?Action=Confirm",
        "https://169.254.169.254/?Action=Confirm",
        "",
    ],
)
async def test_a_subscription_is_confirmed_at_amazon_alone(place: Street, shelf: Shelf, url: str) -> None:
    shelf.documents |= {AMAZON: rsa_pem(), url: b"<ConfirmSubscriptionResponse/>"}
    await make_source(place, SENDERS[0])
    await pass_on(place, confirmation(place, url))
    assert [asked.url for asked in shelf.asked] == [AMAZON]


async def test_a_notification_with_an_address_to_subscribe_at_is_not_visited(place: Street, shelf: Shelf) -> None:
    shelf.documents |= {AMAZON: rsa_pem(), CONFIRM: b"<ConfirmSubscriptionResponse/>"}
    await make_source(place, SENDERS[0])
    assert (await pass_on(place, sns(1, now_s(place), SubscribeURL=CONFIRM))).status == 200
    assert [asked.url for asked in shelf.asked] == [AMAZON]
    assert len(await place.events()) == 1
