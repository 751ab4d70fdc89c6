"""The packages that senders publish as judges: they sign and we verify, we sign and they verify, no change passes.

`worker.py` and `worker.mjs` say how each is asked. They read the wall clock, so these tests do too.
The packages that the tests themselves have (stripe, slack_sdk, standardwebhooks) are asked in ``../test_oracles.py``.

Left out, with the reason:

- ``@slack/bolt``: it brings a web server and much else, and slack_sdk says the same.
- ``twilio``, ``square``, ``@adyen/api-library``, ``@hubspot/api-client``, ``@line/bot-sdk``, ``@sendgrid/eventwebhook``
  and ``coinbase-commerce-node`` from npm, and the views of django-anymail for SendGrid and Resend: the sender's own
  Python package is asked.
- ``livekit-api`` as a verifier: it wants the API key as `iss` of the token, which what we sign does not have.
- ``orb-billing`` for the scheme `standard` of its row: it verifies nothing but X-Orb-Signature.
- ``@twurple/eventsub-http``: a community package whose check is private and needs a server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import msgspec
import pytest

from hookline.core.errors import VerificationError
from hookline.core.headers import index
from hookline.core.model import Headers, Request
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import get
from hookline.core.providers.sign import EXAMPLE_URL, sign_request

from ..making import pair_of, rsa_pair
from .asking import Worker, node_worker, python_worker

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

#: What is changed, and to what, is in every body: one byte of "Zoe".
EVENT = '{"id":"evt_1","type":"order.paid","town":"Łódź","name":"Zoe"}'.encode()

ADYEN_ITEM = {
    "pspReference": "Zoe-1",
    "originalReference": "",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "order-1",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
}
ADYEN = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": ADYEN_ITEM}]}).encode()

DROPBOX_SIGN = json.dumps(
    {"event": {"event_time": "1700000000", "event_type": "signature_request_sent", "event_hash": "x"}}
).encode()

#: Base64 of <notification><kind>check</kind><timestamp type="datetime">…</timestamp><subject><check …>true</check>…
BRAINTREE = (
    b"bt_payload=PG5vdGlmaWNhdGlvbj48a2luZD5jaGVjazwva2luZD48dGltZXN0YW1wIHR5cGU9ImRhdGV0aW1lIj4yMDIzLTExLTE0VDIyOjEz"
    b"OjIwWjwvdGltZXN0YW1wPjxzdWJqZWN0PjxjaGVjayB0eXBlPSJib29sZWFuIj50cnVlPC9jaGVjaz48L3N1YmplY3Q%2BPC9ub3RpZmljYXRpb24%2B"
)

#: The list of signed headers, without which the package verifies nothing. `sign_request` leaves it to the caller.
CONTENTFUL = ((b"x-contentful-signed-headers", b"x-contentful-signed-headers,x-contentful-timestamp"),)

Change = Callable[[Request], Request]


def in_body(was: bytes, becomes: bytes) -> Change:
    """One byte of the body changed."""

    def change(request: Request) -> Request:
        changed = request.body.replace(was, becomes, 1)
        assert len(changed) == len(request.body) and changed != request.body
        return msgspec.structs.replace(request, body=changed)

    return change


def in_payload(request: Request) -> Request:
    """The first byte of Braintree's payload changed."""
    start, name, rest = request.body.partition(b"bt_payload=")
    return msgspec.structs.replace(request, body=start + name + (b"Q" if rest[:1] == b"P" else b"P") + rest[1:])


def in_header(name: bytes) -> Change:
    """One byte of a header changed, in the middle of its last third."""

    def change(request: Request) -> Request:
        value = request.lookup[name]
        place = len(value) * 5 // 6
        other = b"A" if value[place : place + 1] != b"A" else b"B"
        changed = value[:place] + other + value[place + 1 :]
        lines = tuple((one, changed if one == name else text) for one, text in request.headers)
        return msgspec.structs.replace(request, headers=lines, lookup=index(lines))

    return change


def in_address(was: str, becomes: str) -> Change:
    """One byte of the address changed."""

    def change(request: Request) -> Request:
        url, query = request.url.replace(was, becomes, 1), request.query.replace(was.encode(), becomes.encode(), 1)
        path = request.path.replace(was, becomes, 1)
        assert url != request.url
        return msgspec.structs.replace(request, url=url, path=path, query=query)

    return change


def with_space(request: Request) -> Request:
    """WorkOS writes a space behind the comma of its signature, and its package insists on it."""
    lines = tuple((name, value.replace(b",", b", ") if b"sign" in name else value) for name, value in request.headers)
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


ZOE = in_body(b"Zoe", b"Zof")
BASIC = in_header(b"authorization")


@dataclass(frozen=True)
class Oracle:
    """A package that judges one scheme of one provider. ``scheme`` empty: the first."""

    sdk: str
    slug: str
    scheme: str = ""
    node: bool = False
    signs: bool = False
    verifies: bool = True
    body: bytes = EVENT  #: NOW_MS in it stands for the time
    content_type: str = JSON
    url: str = EXAMPLE_URL
    headers: Headers = ()  #: that the sender puts beside the proof
    secret: str = ""  #: that this package understands; empty: as in the other tests
    change: Change = ZOE
    as_sent: Change = lambda request: request  #: what the sender writes otherwise than `sign_request` does

    @property
    def provider(self) -> Provider:
        """The provider with this scheme alone."""
        provider = get(self.slug)
        scheme = next((one for one in provider.schemes if one.id == self.scheme), provider.schemes[0])
        assert self.scheme in ("", scheme.id)
        return replace(provider, schemes=(scheme,), signs_with=())

    @property
    def secrets(self) -> tuple[str, str]:
        """What signs and what verifies."""
        if self.slug == "aws_sns":
            private, public = rsa_pair()
            return private, public
        return (self.secret, self.secret) if self.secret else pair_of(self.provider, self.provider.schemes[0])

    @property
    def judging_secret(self) -> str:
        """What our side verifies with."""
        return pair_of(self.provider, self.provider.schemes[0])[1] if self.slug == "aws_sns" else self.secrets[1]

    def request(self) -> Request:
        """What the sender has before it is signed."""
        lines = ((b"content-type", self.content_type.encode()), *self.headers)
        address, _, query = self.url.partition("?")
        path = "/" + address.partition("://")[2].partition("/")[2]
        return Request("POST", path, query.encode(), lines, index(lines), self._body(), scheme="https", url=self.url)

    def signed_by_us(self) -> Request:
        request = sign_request(
            self.provider,
            body=self._body(),
            secret=self.secrets[0],
            now_s=time.time(),
            event_id="evt_1",
            event_type="order.paid",
            content_type=self.content_type,
            url=self.url,
            headers=self.headers,
        )
        return self.as_sent(request)

    def _body(self) -> bytes:
        return self.body.replace(b"NOW_MS", str(int(time.time() * 1000)).encode())


node = partial(Oracle, node=True)

ORACLES = [
    Oracle(
        "twilio",
        "twilio",
        "form",
        signs=True,
        body=b"From=%2B15550001&Name=Zoe&Town=%C5%81%C3%B3d%C5%BA",
        content_type=FORM,
    ),
    Oracle("twilio", "twilio", "json-bodysha256"),
    Oracle(
        "twilio",
        "twilio",
        "sharedkey-sha256",
        body=b"From=%2B15550001&Name=Zoe",
        content_type=FORM,
        headers=((b"x-twilio-webhooks-signature-settings", b"key=k1,algorithm=HMAC_SHA256"),),
    ),
    Oracle(
        "plivo", "plivo", signs=True, body=b"To=1555&Name=Zoe&From=", content_type=FORM, url=EXAMPLE_URL + "?b=2&a=1"
    ),
    Oracle("plivo-v2", "plivo", "v2", body=b"Name=Zoe", content_type=FORM, change=in_address("example", "examplf")),
    Oracle("messagebird", "messagebird", url=EXAMPLE_URL + "?a=1"),
    Oracle("vonage-jwt", "vonage", change=in_header(b"authorization")),
    Oracle("sinch", "sinch", signs=True),
    Oracle("sinch-numbers", "sinch", "numbers", signs=True),
    Oracle("telnyx", "telnyx"),
    Oracle("discord-interactions", "discord"),
    Oracle("line-bot-sdk", "line"),
    Oracle("pusher", "pusher", signs=True, body=b'{"time_ms":NOW_MS,"events":[{"name":"Zoe"}]}'),
    Oracle(
        "livekit-api",
        "livekit",
        signs=True,
        verifies=False,
        body=b'{"id":"EV_1","event":"Zoe"}',
    ),
    Oracle("squareup", "square"),
    Oracle("Adyen", "adyen", "standard-payments", signs=True, body=ADYEN),
    Oracle("Adyen-payload", "adyen", "platforms-management", signs=True),
    Oracle("paddle-python-sdk", "paddle", signs=True),
    Oracle("razorpay", "razorpay"),
    Oracle("gocardless_pro", "gocardless", body=b'{"events":[],"meta":{"webhook_id":"Zoe"}}'),
    Oracle("braintree", "braintree", signs=True, body=BRAINTREE, content_type=FORM, change=in_payload),
    Oracle(
        "mercadopago",
        "mercado_pago",
        url=EXAMPLE_URL + "?data.id=123456&type=payment",
        headers=((b"x-request-id", b"request-1"),),
        change=in_address("123456", "123457"),
    ),
    Oracle("coinbase-commerce", "coinbase_commerce", body=b'{"id":"1","event":{"id":"evt_1","type":"Zoe"}}'),
    Oracle("polar-sdk", "polar"),
    Oracle("orb-billing", "orb"),
    Oracle("finch-api", "finch"),
    Oracle("increase", "increase"),
    Oracle("increase-client", "increase", "standard-webhooks-utf8"),
    Oracle("lithic", "lithic"),
    Oracle("modern-treasury", "modern_treasury", signs=True),
    Oracle("easypost", "easypost", secret="sécrét-not-real"),
    Oracle("hubspot-api-client-v3", "hubspot", "v3", signs=True),
    Oracle("hubspot-api-client-v2", "hubspot", "v2", signs=True),
    Oracle("hubspot-api-client-v1", "hubspot", "v1", signs=True),
    Oracle(
        "dropbox-sign",
        "dropbox_sign",
        body=b"json=" + DROPBOX_SIGN,
        content_type=FORM,
        change=in_body(b"1700000000", b"1700000001"),
    ),
    Oracle("workos", "workos", as_sent=with_space),
    Oracle("openai", "openai"),
    Oracle("anthropic", "anthropic"),
    Oracle("elevenlabs", "elevenlabs"),
    Oracle("replicate", "replicate"),
    Oracle("resend", "resend"),
    Oracle("sendgrid", "sendgrid", body=b'[{"sg_event_id":"1","event":"open","email":"Zoe"}]\r\n'),
    Oracle(
        "django-anymail-mandrill",
        "mandrill",
        body=b"mandrill_events=%5B%7B%22event%22%3A%22Zoe%22%7D%5D",
        content_type=FORM,
    ),
    Oracle(
        "django-anymail-mailgun",
        "mailgun",
        "json",
        body=b'{"signature":{"token":"Zoe"},"event-data":{}}',
    ),
    Oracle("django-anymail-mailersend", "mailersend"),
    Oracle("django-anymail-mailtrap", "mailtrap", body=b'{"events":[{"event":"open","event_id":"Zoe"}]}'),
    Oracle("django-anymail-postal", "postal", "default"),
    Oracle("django-anymail-unisender-go", "unisender_go", body=b'{"auth":"xxxx","events_by_user":[{"user_id":"Zoe"}]}'),
    Oracle("django-anymail-brevo", "brevo", "basic", change=BASIC),
    Oracle("django-anymail-mailjet", "mailjet", change=BASIC),
    Oracle("django-anymail-postmark", "postmark", change=BASIC),
    Oracle("django-anymail-sparkpost", "sparkpost", change=BASIC),
    node("@clerk/backend", "clerk"),
    node("@contentful/node-apps-toolkit", "contentful", signs=True, secret="0123456789abcdef" * 4, headers=CONTENTFUL),
    node("@linear/sdk", "linear", body=b'{"action":"create","webhookTimestamp":NOW_MS,"name":"Zoe"}'),
    node("@mux/mux-node", "mux", signs=True),
    node("@notionhq/client", "notion", signs=True),
    node("@octokit/webhooks-methods", "github", signs=True),
    node("@sanity/webhook", "sanity", signs=True),
    node("@shopify/shopify-api", "shopify", "webhooks"),
    node(
        "@shopify/shopify-api",
        "shopify",
        "events",
        headers=((b"shopify-shop-domain", b"demo.myshopify.com"), (b"shopify-api-version", b"2026-04")),
    ),
    node("@zoom/rivet", "zoom", body=b'{"event":"meeting.started","payload":{"name":"Zoe"}}'),
    node(
        "atlassian-jwt",
        "jira",
        "connect-jwt",
        signs=True,
        url=EXAMPLE_URL + "?b=2&a=1",
        change=in_address("b=2", "b=3"),
    ),
    node("sns-validator", "aws_sns", body=b'{"Message":"Zoe"}'),
    node("svix", "svix", "svix", signs=True),
    node("svix", "standard_webhooks"),
    node("webflow-api", "webflow"),
]


def of(wanted: Callable[[Oracle], bool]) -> pytest.MarkDecorator:
    chosen = [pytest.param(one, id=f"{one.sdk}-{one.scheme or one.slug}") for one in ORACLES if wanted(one)]
    return pytest.mark.parametrize("oracle", chosen)


@pytest.fixture(scope="module")
def workers() -> Iterator[dict[bool, Worker]]:
    python = python_worker()
    both = {False: python, True: node_worker()}
    yield both
    for worker in both.values():
        worker.close()


def refuses(oracle: Oracle, request: Request) -> bool:
    with pytest.raises(VerificationError):
        oracle.provider.verify(request, [oracle.judging_secret], time.time())
    return True


@of(lambda oracle: oracle.signs)
def test_what_a_package_signs_is_verified(oracle: Oracle, workers: dict[bool, Worker]) -> None:
    request = workers[oracle.node].signed(oracle.sdk, oracle.request(), oracle.secrets[0])
    verified = oracle.provider.verify(request, [oracle.judging_secret], time.time())
    assert verified.scheme == oracle.provider.schemes[0].id
    assert refuses(oracle, oracle.change(request))


@of(lambda oracle: oracle.verifies)
def test_a_package_accepts_what_is_signed_as_its_sender_does(oracle: Oracle, workers: dict[bool, Worker]) -> None:
    request, judge, secret = oracle.signed_by_us(), workers[oracle.node], oracle.secrets[1]
    assert judge.verdict(oracle.sdk, request, secret) == "accepted"
    changed = oracle.change(request)
    assert judge.verdict(oracle.sdk, changed, secret).startswith("refused")
    assert refuses(oracle, changed)
