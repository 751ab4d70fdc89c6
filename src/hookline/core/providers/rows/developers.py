"""Code, builds, hosting, identity and models."""

from __future__ import annotations

from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import Algorithm, Format, Timestamp, TimeUnit
from hookline.core.providers.where import body, field, header

ANTHROPIC = Provider(
    slug="anthropic",
    name="Anthropic",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/data/type"),),
    retries="Not known.",
    key_hint="the webhook signing key (whsec_)",
    notes=(
        "A third-party catalogue claims a single X-Webhook-Signature header; the official SDK uses the webhook-* trio.",
    ),
    docs=("the official library anthropic 2.11.0 anthropic/resources/beta/webhooks.py",),
)

BITBUCKET = Provider(
    slug="bitbucket",
    name="Bitbucket Cloud",
    schemes=(hmac(header("X-Hub-Signature"), prefix="sha256="),),
    event_id=(header("X-Request-UUID"),),
    event_type=(header("X-Event-Key"),),
    delivery_id=(header("X-Request-UUID"),),
    retries="Not known.",
    ip_ranges="https://ip-ranges.atlassian.com/",
    key_hint="the webhook secret (optional; unsigned without it)",
    notes=(
        "X-Hook-UUID identifies the subscription, it is not a secret.",
        "Bitbucket Data Center: X-Hub-Signature sha256=, X-Request-Id, X-Event-Key; test event diagnostics:ping.",
    ),
    docs=(
        "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
        "https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/",
    ),
)


CIRCLECI = Provider(
    slug="circleci",
    name="CircleCI",
    schemes=(hmac(header("circleci-signature"), format=Format.KV, tag="v1"),),
    event_id=(body("/id"),),
    event_type=(header("circleci-event-type"),),
    timeout_s=10,
    retries="Retried later on non-2xx or timeout; duplicates possible.",
    retries_by_itself=True,
    key_hint="the webhook secret token",
    notes=("Comma list of versions v1=..,v2=..; check only the newest version you know (downgrade protection).",),
    docs=("https://circleci.com/docs/guides/integration/outbound-webhooks/",),
)

CLERK = Provider(
    slug="clerk",
    name="Clerk",
    schemes=(standard_webhooks_scheme("svix", "svix"),),
    event_id=(header("svix-id"),),
    event_type=(body("/type"),),
    timeout_s=15,
    retries="Svix: immediately, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; endpoint disabled after 5 days of failures.",
    retries_by_itself=True,
    ip_ranges="https://docs.svix.com/webhook-ips.json",
    key_hint="the whsec_ signing secret",
    docs=("https://github.com/clerk/clerk-docs",),
)

ELEVENLABS = Provider(
    slug="elevenlabs",
    name="ElevenLabs",
    schemes=(
        hmac(
            header("ElevenLabs-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v0",
            timestamp=Timestamp(field("t"), tolerance_s=1800.0),
        ),
    ),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the webhook secret",
    docs=("the official library elevenlabs 2.78.0 elevenlabs/webhooks_custom.py",),
)


OPENAI = Provider(
    slug="openai",
    name="OpenAI",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the whsec_ signing secret",
    notes=("SDK accepts entries without the v1, prefix and uses a non-whsec_ secret as raw utf-8.",),
    docs=("https://platform.openai.com/docs/guides/webhooks",),
)

PAGERDUTY = Provider(
    slug="pagerduty",
    name="PagerDuty (V3 webhooks)",
    schemes=(hmac(header("X-PagerDuty-Signature"), format=Format.KV, tag="v1"),),
    event_id=(body("/event/id"),),
    event_type=(body("/event/event_type"),),
    delivery_id=(header("X-Webhook-Id"),),
    timeout_s=5,
    retries="Timeouts/5xx/429/connection: up to 48 hours; 4xx (not 429) dropped; 3 consecutive drops disable for 24 h.",
    retries_by_itself=True,
    ip_ranges="https://developer.pagerduty.com/docs/webhook-ips",
    key_hint="the webhook subscription secret",
    notes=(
        "Comma list v1=..,v1=.. during rotation; any match.",
        "X-Webhook-Id is unique per webhook, repeated on each attempt: use for dedupe.",
    ),
    docs=("https://github.com/PagerDuty/developer-docs",),
)

VERCEL = Provider(
    slug="vercel",
    name="Vercel",
    schemes=(hmac(header("x-vercel-signature"), algorithm=Algorithm.SHA1),),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the webhook secret (integration webhooks: client secret)",
    docs=("https://vercel.com/docs/webhooks",),
)

WORKOS = Provider(
    slug="workos",
    name="WorkOS",
    schemes=(
        hmac(
            header("WorkOS-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t"), unit=TimeUnit.MS, tolerance_s=180.0),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the endpoint secret (verbatim utf-8)",
    notes=(
        "Header has a space after the comma: 't=..., v1=...'; trim.",
        "Timestamp is MILLISECONDS.",
    ),
    docs=("https://github.com/workos/workos-node",),
)

ROWS: tuple[Provider, ...] = (
    ANTHROPIC,
    BITBUCKET,
    CIRCLECI,
    CLERK,
    ELEVENLABS,
    OPENAI,
    PAGERDUTY,
    VERCEL,
    WORKOS,
)
