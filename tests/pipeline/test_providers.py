"""What real senders sign is accepted, and reaches the endpoint byte for byte with our signature on it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import stripe
from slack_sdk.signature import SignatureVerifier

from hookline.core.model import Headers
from hookline.core.notice import HandshakeAnswered
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.expected import arrived_as_sent
from tests.pipeline.service import SENDER_SECRET, Service

KEY = "not-a-real-secret-0123456789"
#: What the endpoints' requests are signed with: the base64 of "not a real endpoint key.".
ENDPOINT_SECRET = "whsec_bm90IGEgcmVhbCBlbmRwb2ludCBrZXku"

EXAMPLES = Path(__file__).parents[1] / "node/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
#: Small and large, with and without an action, with text beyond ASCII.
GITHUB_EVENTS = ("push", "pull_request", "issues", "star", "workflow_run", "release", "check_run", "ping")

SLACK_EVENT = b'{"type":"event_callback","event_id":"Ev01","event":{"type":"app_mention","text":"\\u00e9 \xc3\xa9"}}'
SHOPIFY_ORDER = b'{"id":820982911946154508,"email":"ines@example.com","total_price":"199.00","note":"caf\xc3\xa9"}'


def source(provider: str, url: str, secret: str = KEY, **more: Any) -> dict[str, Any]:
    endpoint = {"name": "app", "url": f"{url}/app?tenant=7", "secrets": [ENDPOINT_SECRET]}
    name = provider.replace("_", "-")
    return {"name": name, "provider": provider, "secrets": [secret], "endpoints": [endpoint], **more}


@cache
def github_examples() -> dict[str, list[dict[str, Any]]]:
    return {entry["name"]: entry["examples"] for entry in json.loads(EXAMPLES.read_text())}


def github_lines(body: bytes, event: str, delivery: str, content_type: str = "application/json") -> Headers:
    """The lines of a request from GitHub, in the order and the case in which it sends them."""
    digests = [hmac.new(KEY.encode(), body, name).hexdigest() for name in ("sha1", "sha256")]
    lines = {
        "User-Agent": "GitHub-Hookshot/044aadd",
        "Accept": "*/*",
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-Hub-Signature": f"sha1={digests[0]}",
        "X-Hub-Signature-256": f"sha256={digests[1]}",
        "Content-Type": content_type,
    }
    return tuple((name.encode(), value.encode()) for name, value in lines.items())


async def delivered(service: Service, receiver: Receiver, name: str, headers: Headers, body: bytes) -> str:
    """Send a genuine webhook and see it arrive as it was sent; the id of its event."""
    event_id = (await service.send(name, body, headers)).event_id
    await service.notices.settled("delivered", event_id=event_id)
    assert await service.status(event_id) == "processed"
    received = next(r for r in receiver.requests if r.header("webhook-id") == event_id)
    assert (received.method, received.path) == ("POST", "/app?tenant=7")
    ours = tuple(line for line in headers if not line[0].lower().startswith(b"webhook-"))
    arrived_as_sent(received, ours, body, ENDPOINT_SECRET)
    return event_id


async def test_what_github_really_sends_arrives_as_it_was_sent(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("github", receiver.url))
    for event in GITHUB_EVENTS:
        for number, example in enumerate(github_examples()[event][:2]):
            body = json.dumps(example, ensure_ascii=False, separators=(",", ":")).encode()
            headers = github_lines(body, event, f"{event}-{number}")
            event_id = await delivered(service, receiver, "github", headers, body)
            stored = (await service.story(event_id)).event
            assert stored.type == (f"{event}.{example['action']}" if "action" in example else event)
            assert stored.provider_event_id == f"{event}-{number}"
            assert stored.verification == "verified"
            assert [line for line in stored.request.headers if line in headers] == list(headers)
            assert stored.request.body == body
    assert service.notices.failures() == []


async def test_a_form_from_github_arrives_as_a_form(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("github", receiver.url))
    body = b"payload=%7B%22action%22%3A%22opened%22%7D"
    headers = github_lines(body, "issues", "form-1", "application/x-www-form-urlencoded")
    event_id = await delivered(service, receiver, "github", headers, body)
    assert (await service.story(event_id)).event.type == "issues.opened"


async def test_what_stripe_signs_arrives_as_it_was_sent(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("stripe", receiver.url))
    text = json.dumps({"id": "evt_1PexampleNo", "type": "invoice.paid", "data": {"object": {"amount": 1}}}, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(text, KEY, int(time.time()))
    headers = (
        (b"Content-Type", b"application/json; charset=utf-8"),
        (b"User-Agent", b"Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        (b"Accept", b"*/*; q=0.5, application/xml"),
        (b"Stripe-Signature", signature.encode()),
    )
    event_id = await delivered(service, receiver, "stripe", headers, text.encode())
    assert (await service.story(event_id)).event.type == "invoice.paid"
    forwarded = receiver.requests[0].header("stripe-signature")
    assert stripe.Webhook.construct_event(text, forwarded, KEY)["id"] == "evt_1PexampleNo"


async def test_what_the_standard_webhooks_library_signs_is_signed_anew(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("standard_webhooks", receiver.url, SENDER_SECRET))
    body = '{"type":"user.created","data":{"name":"Zoë"}}'
    now = datetime.now(UTC)
    headers = (
        (b"Webhook-Id", b"msg_theirs"),
        (b"Webhook-Timestamp", str(int(now.timestamp())).encode()),
        (b"Webhook-Signature", standardwebhooks.Webhook(SENDER_SECRET).sign("msg_theirs", now, body).encode()),
        (b"Content-Type", b"application/json"),
        (b"User-Agent", b"a sender"),
        (b"Accept", b"*/*"),
    )
    event_id = await delivered(service, receiver, "standard-webhooks", headers, body.encode())
    assert (await service.story(event_id)).event.provider_event_id == "msg_theirs"
    assert event_id != "msg_theirs"


async def test_what_slack_signs_arrives_as_it_was_sent(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("slack", receiver.url))
    event_id = await delivered(service, receiver, "slack", slack_lines(SLACK_EVENT), SLACK_EVENT)
    assert (await service.story(event_id)).event.type == "app_mention"


async def test_the_url_verification_of_slack_is_answered_and_goes_nowhere(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("slack", receiver.url))
    body = b'{"type":"url_verification","challenge":"3eZbrw1aB"}'
    answer = await service.send("slack", body, slack_lines(body))
    assert (answer.status, answer.body) == (200, b"3eZbrw1aB")
    assert service.notices.of(HandshakeAnswered) == [HandshakeAnswered("slack", "slack")]
    assert await service.event_ids() == []


def slack_lines(body: bytes) -> Headers:
    stamp = str(int(time.time()))
    signature = SignatureVerifier(KEY).generate_signature(timestamp=stamp, body=body)
    assert signature is not None
    return (
        (b"User-Agent", b"Slackbot 1.0 (+https://api.slack.com/robots)"),
        (b"Accept", b"*/*"),
        (b"X-Slack-Signature", signature.encode()),
        (b"X-Slack-Request-Timestamp", stamp.encode()),
        (b"Content-Type", b"application/json"),
    )


async def test_what_shopify_signs_arrives_as_it_was_sent(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("shopify", receiver.url))
    proof = base64.b64encode(hmac.new(KEY.encode(), SHOPIFY_ORDER, hashlib.sha256).digest())
    headers = (
        (b"User-Agent", b"Shopify-Captain-Hook"),
        (b"Accept", b"*/*"),
        (b"Content-Type", b"application/json"),
        (b"X-Shopify-Topic", b"orders/create"),
        (b"X-Shopify-Hmac-Sha256", proof),
        (b"X-Shopify-Webhook-Id", b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    )
    event_id = await delivered(service, receiver, "shopify", headers, SHOPIFY_ORDER)
    assert (await service.story(event_id)).event.type == "orders/create"


async def test_a_scheme_of_ones_own_is_configuration(serve: Serve, receiver: Receiver) -> None:
    signature = {
        "header": "X-Acme-Signature",
        "algorithm": "sha512",
        "encoding": "base64",
        "prefix": "v3:",
        "signed": "{timestamp}|{raw_body}",
        "timestamp": "header:X-Acme-Time",
        "event_id": "body:/uid",
        "event_type": "header:X-Acme-Kind",
    }
    service = await serve(source("generic", receiver.url, signature=signature))
    body, stamp = b'{"uid":"a-1"}', str(int(time.time())).encode()
    proof = base64.b64encode(hmac.new(KEY.encode(), stamp + b"|" + body, hashlib.sha512).digest())
    headers = (
        (b"User-Agent", b"acme"),
        (b"Accept", b"*/*"),
        (b"X-ACME-time", stamp),
        (b"x-Acme-KIND", b"part.made"),
        (b"X-Acme-Signature", b"v3:" + proof),
        (b"Content-Type", b"application/json"),
    )
    event = (await service.story(await delivered(service, receiver, "generic", headers, body))).event
    assert (event.type, event.provider_event_id) == ("part.made", "a-1")


@pytest.mark.parametrize("place", ["body", "signature"])
async def test_what_was_tampered_with_is_refused_and_goes_nowhere(serve: Serve, receiver: Receiver, place: str) -> None:
    service = await serve(source("github", receiver.url))
    body = b'{"zen":"Design for failure."}'
    headers = github_lines(body, "ping", "d-1")
    if place == "body":
        body = body.replace(b"failure", b"success")
    else:
        headers = tuple((name, value.replace(b"sha256=", b"sha256=0")) for name, value in headers)
    answer = await service.send("github", body, headers)
    assert answer.status == 401
    assert await service.event_ids() == []
    assert receiver.count == 0


async def test_both_secrets_count_while_a_sender_rotates_them(serve: Serve, receiver: Receiver) -> None:
    spec = source("github", receiver.url)
    service = await serve({**spec, "secrets": ["not-a-real-secret-of-the-future", KEY]})
    await delivered(service, receiver, "github", github_lines(b"{}", "ping", "d-1"), b"{}")
    await service.apply({**spec, "secrets": ["not-a-real-secret-of-the-future"]})
    assert (await service.send("github", b"[]", github_lines(b"[]", "ping", "d-2"))).status == 401


async def test_lines_about_the_connection_and_credentials_stay_here(serve: Serve, receiver: Receiver) -> None:
    service = await serve(source("none", receiver.url))
    kept = (
        (b"X-Trace", b"one"),
        (b"x-trace", b"two"),
        (b"User-Agent", b"somebody"),
        (b"X-TRACE", b"\xe9 three"),
        (b"Accept", b"text/plain"),
        (b"X-Empty", b""),
        (b"Content-Encoding", b"x-own"),
    )
    stays = (
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Authorization", b"Basic bm90OnJlYWw="),
        (b"Proxy-Authorization", b"Basic bm90OnJlYWw="),
        (b"Cookie", b"session=not-real"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"Forwarded", b"for=192.0.2.1"),
        (b"Via", b"1.1 proxy"),
        (b"Accept-Encoding", b"gzip"),
        (b"webhook-signature", b"v1,Zm9yZWlnbg=="),
        (b"svix-id", b"foreign"),
    )
    mixed = tuple(line for pair in zip(kept, stays, strict=False) for line in pair) + stays[len(kept) :]
    event_id = (await service.send("none", b"\x00\xff", mixed)).event_id
    await service.notices.settled("delivered", event_id=event_id)
    arrived_as_sent(receiver.requests[0], kept, b"\x00\xff", ENDPOINT_SECRET)


async def test_the_headers_of_an_endpoint_replace_those_of_the_event(serve: Serve, receiver: Receiver) -> None:
    spec = source("none", receiver.url)
    spec["endpoints"][0]["headers"] = {"X-Tenant": "seven", "Authorization": "Bearer not-a-real-token"}
    service = await serve(spec)
    sent = ((b"x-tenant", b"six"), (b"User-Agent", b"somebody"), (b"Accept", b"*/*"))
    event_id = (await service.send("none", b"hello", sent)).event_id
    await service.notices.settled("delivered", event_id=event_id)
    expected = (*sent[1:], (b"X-Tenant", b"seven"), (b"Authorization", b"Bearer not-a-real-token"))
    arrived_as_sent(receiver.requests[0], expected, b"hello", ENDPOINT_SECRET)
