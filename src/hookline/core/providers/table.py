"""The catalogue: one row per provider. Facts only, each from the sources in ``docs``; most stand in ``rows/``."""

from __future__ import annotations

from hookline.core.providers.handshake import Handshake
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows import (
    business,
    cloud,
    code,
    developers,
    email,
    messaging,
    money,
    office,
    payments,
    work,
)
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    Format,
    Kind,
    Scheme,
    Signature,
    Timestamp,
)
from hookline.core.providers.where import body, field, form, header

GITHUB = Provider(
    slug="github",
    name="GitHub",
    schemes=(
        hmac(header("X-Hub-Signature-256"), prefix="sha256="),
        hmac(
            header("X-Hub-Signature"),
            id="legacy-sha1",
            algorithm=Algorithm.SHA1,
            prefix="sha1=",
            notes="only where the SHA-256 header is absent, as from old GitHub Enterprise Servers",
        ),
    ),
    event_id=(header("X-GitHub-Delivery"),),
    event_type=(header("X-GitHub-Event"),),
    event_type_sub="/action",
    delivery_id=(header("X-GitHub-Delivery"),),
    json_field="payload",
    content_types=("json", "form"),
    timeout_s=10,
    retries="None by itself. A person or the API can have a delivery of the last 3 days sent again, with the same id.",
    retries_by_itself=False,
    ip_ranges="https://api.github.com/meta",
    key_hint="the secret in the webhook's settings",
    notes=(
        "A form body is signed as it is on the wire, not as the JSON in its `payload` field.",
        "No timestamp is signed; X-GitHub-Delivery is what guards against replays, and it is not signed either.",
    ),
    docs=("https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",),
    sample_headers=(
        ("User-Agent", "GitHub-Hookshot/044aadd"),
        ("Accept", "*/*"),
        ("X-GitHub-Hook-ID", "292430182"),
        ("X-GitHub-Hook-Installation-Target-ID", "79929171"),
        ("X-GitHub-Hook-Installation-Target-Type", "repository"),
    ),
    signs_with=("default", "legacy-sha1"),
)

STRIPE = Provider(
    slug="stripe",
    name="Stripe",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            signature=Signature(header("Stripe-Signature"), format=Format.KV, tag="v1"),
            signed="{timestamp}.{raw_body}",
            timestamp=Timestamp(field("t")),
            notes="v0 signatures belong to test tools and never count",
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="For up to 3 days with growing waits; in a sandbox 3 times over a few hours.",
    retries_by_itself=True,
    ip_ranges="https://stripe.com/files/ips/ips_webhooks.json",
    key_hint="the endpoint's signing secret, `whsec_` included,",
    notes=(
        "The whole secret is the key, with `whsec_`; nothing of it is decoded.",
        "Events may come out of order, and two events can describe one change.",
    ),
    docs=(
        "https://docs.stripe.com/webhooks",
        "https://docs.stripe.com/webhooks/process-undelivered-events",
    ),
    sample_headers=(
        ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        ("Accept", "*/*; q=0.5, application/xml"),
    ),
)

SHOPIFY = Provider(
    slug="shopify",
    name="Shopify",
    schemes=(
        hmac(
            header("X-Shopify-Hmac-Sha256"),
            id="webhooks",
            encoding=Encoding.BASE64,
            event_id=(header("X-Shopify-Webhook-Id"), header("X-Shopify-Event-Id")),
            event_type=(header("X-Shopify-Topic"),),
        ),
        hmac(
            header("shopify-hmac-sha256"),
            id="events",
            encoding=Encoding.BASE64,
            event_id=(header("shopify-webhook-id"), header("shopify-event-id")),
            event_type=(header("shopify-topic"),),
            notes="the newer Events deliveries, whose headers have no `X-`",
        ),
    ),
    event_id=(header("X-Shopify-Webhook-Id"), header("X-Shopify-Event-Id")),
    event_type=(header("X-Shopify-Topic"),),
    delivery_id=(header("X-Shopify-Webhook-Id"), header("shopify-webhook-id")),
    content_types=("json", "xml"),
    timeout_s=5,
    retries="8 times over 4 hours with growing waits; a subscription that keeps failing is deleted.",
    retries_by_itself=True,
    key_hint="the app's client secret",
    notes=(
        "One action of a merchant gives several topics the same X-Shopify-Event-Id, so the id of the webhook, which "
        "retries keep, is what tells duplicates.",
        "For an hour after a rotation either secret may be in use.",
    ),
    docs=(
        "https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
        "https://shopify.dev/docs/apps/build/events/verify-deliveries",
    ),
    sample_headers=(
        ("User-Agent", "Shopify-Captain-Hook"),
        ("Accept", "*/*"),
        ("X-Shopify-Shop-Domain", "demo-store.myshopify.com"),
        ("X-Shopify-API-Version", "2026-04"),
    ),
)

SLACK = Provider(
    slug="slack",
    name="Slack",
    schemes=(
        hmac(
            header("X-Slack-Signature"),
            prefix="v0=",
            signed="v0:{timestamp}:{raw_body}",
            timestamp=Timestamp(header("X-Slack-Request-Timestamp")),
        ),
    ),
    event_id=(body("/event_id"), body("/trigger_id"), form("trigger_id")),
    event_type=(body("/event/type"), body("/type"), form("command")),
    json_field="payload",
    content_types=("json", "form"),
    handshakes=(
        Handshake(
            "url_verification",
            when=body("/type"),
            equals="url_verification",
            echo=body("/challenge"),
            signed=True,
        ),
        Handshake("ssl_check", when=form("ssl_check"), equals="1", signed=False),
    ),
    timeout_s=3,
    retries="3 times: at once, after 1 minute, after 5 minutes.",
    retries_by_itself=True,
    attempt=header("X-Slack-Retry-Num"),
    key_hint="the app's signing secret",
    notes=("Slash commands are forms; interactions are forms whose `payload` field is JSON. Both are signed as sent.",),
    docs=(
        "https://docs.slack.dev/authentication/verifying-requests-from-slack/",
        "https://docs.slack.dev/apis/events-api/",
    ),
    sample_headers=(("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)"), ("Accept", "*/*")),
)

STANDARD_WEBHOOKS = Provider(
    slug="standard_webhooks",
    name="Standard Webhooks",
    aliases=("svix",),
    schemes=(
        standard_webhooks_scheme("standard-webhooks", "webhook"),
        standard_webhooks_scheme("v1a-ed25519", "webhook", "v1a"),
        standard_webhooks_scheme("svix", "svix"),
        standard_webhooks_scheme("svix-v1a-ed25519", "svix", "v1a"),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/type"),),
    timeout_s=15,
    retries="As Svix does it: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h.",
    retries_by_itself=True,
    ip_ranges="https://docs.svix.com/webhook-ips.json",
    key_hint="the `whsec_` secret (or the `whpk_` public key)",
    notes=(
        "The id stays over retries, the timestamp is that of each try.",
        "Signatures of versions that are not known are passed over.",
    ),
    docs=("https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",),
)

NONE = Provider(
    slug="none",
    name="No proof asked",
    aliases=("unsigned", "unverified"),
    schemes=(Scheme(id="none", kind=Kind.NONE),),
    content_types=("any",),
    methods=("POST", "PUT", "GET"),
    notes=("Anybody who knows the address can send events. Only where something else keeps strangers out.",),
)

_FAMILIES = (business, cloud, code, developers, email, messaging, money, office, payments, work)

ROWS: tuple[Provider, ...] = (
    GITHUB,
    STRIPE,
    SHOPIFY,
    SLACK,
    STANDARD_WEBHOOKS,
    *sorted((row for family in _FAMILIES for row in family.ROWS), key=lambda row: row.slug),
    NONE,
)
