"""The official packages as judges, in both directions: they sign and we verify, we sign and they verify.

They read the wall clock, so these tests do too.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook, WebhookVerificationError

from hookline.core.errors import VerificationError
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign
from hookline.core.signature import Signer, generate_secret

from .making import SECRETS, request_of

texts = st.text(max_size=200)
ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=40)
keys = st.binary(min_size=24, max_size=32)

STRIPE_EVENT = (
    b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "api_version": "2024-06-20", "created": 1700000000,'
    b' "livemode": false, "pending_webhooks": 1, "data": {"object": {"id": "in_1", "object": "invoice"}}}'
)


def as_strings(headers: object) -> dict[str, str]:
    assert isinstance(headers, tuple)
    return {name.decode(): value.decode() for name, value in headers}


@given(texts)
@settings(max_examples=50)
def test_what_stripe_signs_is_verified(text: str) -> None:
    now = int(time.time())
    header = stripe.WebhookSignature.generate_signature_header(text, SECRETS["stripe"], now)
    request = request_of([(b"stripe-signature", header.encode())], text.encode())
    assert get("stripe").verify(request, [SECRETS["stripe"]], now).timestamp_s == now


def test_stripe_accepts_what_is_signed_as_stripe() -> None:
    headers = sign(
        get("stripe"),
        body=STRIPE_EVENT,
        secret=SECRETS["stripe"],
        now_s=time.time(),
        event_id="evt_1",
        event_type="invoice.paid",
    )
    signature = as_strings(headers)["stripe-signature"]
    event = stripe.Webhook.construct_event(STRIPE_EVENT, signature, SECRETS["stripe"])
    assert (event["id"], event["type"]) == ("evt_1", "invoice.paid")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(STRIPE_EVENT + b" ", signature, SECRETS["stripe"])


@given(texts)
@settings(max_examples=50)
def test_what_slack_signs_is_verified(text: str) -> None:
    now = int(time.time())
    signature = SignatureVerifier(SECRETS["slack"]).generate_signature(timestamp=str(now), body=text)
    assert signature is not None
    headers = [(b"x-slack-signature", signature.encode()), (b"x-slack-request-timestamp", str(now).encode())]
    assert get("slack").verify(request_of(headers, text.encode()), [SECRETS["slack"]], now).timestamp_s == now


@given(texts)
@settings(max_examples=50)
def test_slack_accepts_what_is_signed_as_slack(text: str) -> None:
    headers = sign(
        get("slack"), body=text.encode(), secret=SECRETS["slack"], now_s=time.time(), event_id="", event_type=""
    )
    judge = SignatureVerifier(SECRETS["slack"])
    assert judge.is_valid_request(text, as_strings(headers))
    assert not judge.is_valid_request(text + "x", as_strings(headers))


@given(ids, texts, keys)
@settings(max_examples=50)
def test_what_standard_webhooks_signs_is_verified(event_id: str, text: str, key: bytes) -> None:
    secret, now = generate_secret(key), int(time.time())
    signature = Webhook(secret).sign(event_id, datetime.fromtimestamp(now, UTC), text)
    for spelling in ("webhook", "svix"):
        headers = [
            (f"{spelling}-id".encode(), event_id.encode()),
            (f"{spelling}-timestamp".encode(), str(now).encode()),
            (f"{spelling}-signature".encode(), signature.encode()),
        ]
        verified = get("svix").verify(request_of(headers, text.encode()), [secret], now)
        assert verified.timestamp_s == now


@given(ids, texts, st.lists(keys, min_size=1, max_size=3))
@settings(max_examples=50)
def test_standard_webhooks_accepts_what_we_send(event_id: str, text: str, all_keys: list[bytes]) -> None:
    secrets = [generate_secret(key) for key in all_keys]
    headers = as_strings(Signer(secrets).headers(event_id, int(time.time()), text.encode()))
    for secret in secrets:
        Webhook(secret).verify(text.encode(), headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify((text + "x").encode(), headers, json_parse=False)


@given(ids, texts, st.lists(keys, min_size=1, max_size=3), st.sampled_from(["webhook", "svix"]))
@settings(max_examples=50)
def test_we_accept_what_we_send(event_id: str, text: str, all_keys: list[bytes], spelling: str) -> None:
    secrets = [generate_secret(key) for key in all_keys]
    headers = Signer(secrets, spellings=(spelling,)).headers(event_id, 1_700_000_000, text.encode())
    for secret in secrets:
        get("standard_webhooks").verify(request_of(headers, text.encode()), [secret], 1_700_000_000)
    with pytest.raises(VerificationError):
        get("standard_webhooks").verify(request_of(headers, text.encode() + b"x"), secrets, 1_700_000_000)
