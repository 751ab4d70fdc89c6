"""What teams and their customers work with: mail, tickets, forms, files."""

from __future__ import annotations

from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import Encoding, Format, Timestamp, TimeUnit
from hookline.core.providers.where import body, field, header

BOX = Provider(
    slug="box",
    name="Box",
    schemes=(
        hmac(
            header("box-signature-primary"),
            signed="{raw_body}{timestamp}",
            encoding=Encoding.BASE64,
            timestamp=Timestamp(header("box-delivery-timestamp"), unit=TimeUnit.ISO, tolerance_s=600.0),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/trigger"),),
    delivery_id=(header("box-delivery-id"),),
    retries="Not known.",
    notes=(
        "Also box-signature-secondary under the secondary key: accept either.",
        "Requires box-signature-version: 1, box-signature-algorithm: HmacSHA256.",
    ),
    docs=("https://developer.box.com/guides/webhooks/v2/signatures-v2",),
)

CALENDLY = Provider(
    slug="calendly",
    name="Calendly",
    schemes=(
        hmac(
            header("Calendly-Webhook-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t"), tolerance_s=180.0),
        ),
    ),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the webhook subscription signing_key",
    docs=("https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",),
)

CUSTOMER_IO = Provider(
    slug="customer_io",
    name="Customer.io",
    schemes=(
        hmac(
            header("X-CIO-Signature"),
            signed="v0:{timestamp}:{raw_body}",
            timestamp=Timestamp(header("X-CIO-Timestamp")),
        ),
    ),
    event_id=(body("/event_id"),),
    event_type=(body("/object_type"),),
    event_type_sub="/metric",
    retries="Not known.",
    notes=("No v0= prefix on the header value (unlike Slack).",),
    docs=("https://docs.customer.io/integrations/api/webhooks/",),
)


MAILERSEND = Provider(
    slug="mailersend",
    name="MailerSend",
    schemes=(hmac(header("Signature")),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the webhook signing secret",
    docs=("the library django-anymail 15.2 anymail/webhooks/mailersend.py",),
)

MUX = Provider(
    slug="mux",
    name="Mux",
    schemes=(
        hmac(
            header("mux-signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t")),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    docs=("the official library @mux/mux-node 15.3.0 src/resources/webhooks/webhooks.ts",),
)

RESEND = Provider(
    slug="resend",
    name="Resend",
    schemes=(standard_webhooks_scheme("svix", "svix"),),
    event_id=(header("svix-id"),),
    event_type=(body("/type"),),
    success="200",
    retries="Not known.",
    key_hint="the whsec_ signing secret",
    notes=("Resend-python compares every entry regardless of version tag.",),
    docs=("https://resend.com/docs/dashboard/webhooks/introduction",),
)

TYPEFORM = Provider(
    slug="typeform",
    name="Typeform",
    schemes=(hmac(header("Typeform-Signature"), encoding=Encoding.BASE64, prefix="sha256="),),
    event_id=(body("/event_id"),),
    event_type=(body("/event_type"),),
    retries="Not known.",
    key_hint="the webhook secret",
    docs=("https://www.typeform.com/developers/webhooks/secure-your-webhooks/",),
)

WEBFLOW = Provider(
    slug="webflow",
    name="Webflow",
    schemes=(
        hmac(
            header("x-webflow-signature"),
            signed="{timestamp}:{raw_body}",
            timestamp=Timestamp(header("x-webflow-timestamp"), unit=TimeUnit.MS),
        ),
    ),
    event_type=(body("/triggerType"),),
    retries="Not known.",
    key_hint="the OAuth client secret or site webhook secret",
    docs=("the official library webflow-api (npm) 3.3.4 wrapper/WebhooksClient.js",),
)

ZENDESK = Provider(
    slug="zendesk",
    name="Zendesk",
    schemes=(
        hmac(
            header("X-Zendesk-Webhook-Signature"),
            signed="{timestamp}{raw_body}",
            encoding=Encoding.BASE64,
            timestamp=Timestamp(header("X-Zendesk-Webhook-Signature-Timestamp"), unit=TimeUnit.ISO),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    delivery_id=(header("X-Zendesk-Webhook-Invocation-Id"),),
    content_types=(
        "json",
        "xml",
        "form",
    ),
    methods=(
        "POST",
        "PUT",
        "PATCH",
        "GET",
        "DELETE",
    ),
    retries="Not known.",
    key_hint="the webhook signing secret, verbatim (looks base64 but is NOT decoded)",
    notes=(
        "GET/DELETE have no body: sign timestamp only.",
        "Before creation, test requests use the documented test secret dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==.",
    ),
    docs=("https://developer.zendesk.com/documentation/webhooks/verifying/",),
)

ROWS: tuple[Provider, ...] = (BOX, CALENDLY, CUSTOMER_IO, MAILERSEND, MUX, RESEND, TYPEFORM, WEBFLOW, ZENDESK)
