"""Payments, billing and banking."""

from __future__ import annotations

from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac
from hookline.core.providers.scheme import Encoding, Format, Timestamp
from hookline.core.providers.where import body, field, header

CHECKOUT_COM = Provider(
    slug="checkout_com",
    name="Checkout.com",
    schemes=(hmac(header("Cko-Signature")),),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the workflow webhook signature key",
    docs=("https://checkout.com/docs/workflows/set-up-your-webhook-receiver",),
)

COINBASE_COMMERCE = Provider(
    slug="coinbase_commerce",
    name="Coinbase Commerce",
    schemes=(hmac(header("X-CC-Webhook-Signature")),),
    event_id=(body("/event/id"),),
    event_type=(body("/event/type"),),
    delivery_id=(body("/id"),),
    retries="Not known.",
    attempt=body("/attempt_number"),
    key_hint="the shared secret",
    docs=(
        "the official library coinbase-commerce 1.0.1 coinbase_commerce/webhook.py",
        "the official library coinbase-commerce-node 1.0.4",
    ),
)

LEMON_SQUEEZY = Provider(
    slug="lemon_squeezy",
    name="Lemon Squeezy",
    schemes=(hmac(header("X-Signature")),),
    event_type=(header("X-Event-Name"),),
    retries="Not known.",
    key_hint="the webhook signing secret",
    docs=("https://docs.lemonsqueezy.com/help/webhooks/signing-requests",),
)

MODERN_TREASURY = Provider(
    slug="modern_treasury",
    name="Modern Treasury",
    schemes=(hmac(header("X-Signature")),),
    event_id=(header("X-Webhook-ID"),),
    event_type=(header("X-Topic"),),
    delivery_id=(header("X-Event-ID"),),
    retries="Not known.",
    key_hint="the webhook key",
    docs=("the official library modern-treasury 1.80.0 modern_treasury/resources/webhooks.py",),
)

PADDLE = Provider(
    slug="paddle",
    name="Paddle Billing",
    schemes=(
        hmac(
            header("Paddle-Signature"),
            signed="{timestamp}:{raw_body}",
            format=Format.KV,
            tag="h1",
            delimiter=";",
            timestamp=Timestamp(field("ts"), tolerance_s=5.0),
        ),
    ),
    event_id=(body("/event_id"),),
    event_type=(body("/event_type"),),
    delivery_id=(body("/notification_id"),),
    success="200",
    timeout_s=5,
    retries="Not known.",
    ip_ranges="https://developer.paddle.com/webhooks/about/respond-to-webhooks",
    key_hint="the notification destination secret (pdl_ntfset_..., verbatim)",
    notes=(
        "Python SDK raises on unknown keys in the header; be lenient.",
        "SDK signs int(ts): leading zeros would not round-trip.",
    ),
    docs=("https://developer.paddle.com/webhooks/about/respond-to-webhooks",),
)

POLAR = Provider(
    slug="polar",
    name="Polar",
    schemes=(
        hmac(
            header("webhook-signature"),
            id="standard-webhooks",
            signed="{header:webhook-id}.{timestamp}.{raw_body}",
            encoding=Encoding.BASE64,
            format=Format.SPACE_LIST,
            tag="v1",
            timestamp=Timestamp(header("webhook-timestamp")),
        ),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the webhook secret as RAW utf-8 bytes (polar_whs_...)",
    notes=("Polar-sdk 1.0.2 tries raw utf-8 first, then base64-decoded (whsec_ stripped).",),
    docs=("the official library polar-sdk 1.0.2 polar/webhooks.py",),
)

RAZORPAY = Provider(
    slug="razorpay",
    name="Razorpay",
    schemes=(hmac(header("X-Razorpay-Signature")),),
    event_id=(header("x-razorpay-event-id"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the webhook secret",
    docs=("the official library razorpay 2.0.1 razorpay/utility/utility.py",),
)

ROWS: tuple[Provider, ...] = (
    CHECKOUT_COM,
    COINBASE_COMMERCE,
    LEMON_SQUEEZY,
    MODERN_TREASURY,
    PADDLE,
    POLAR,
    RAZORPAY,
)
