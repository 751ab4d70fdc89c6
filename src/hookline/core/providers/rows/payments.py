"""Payments and billing, beyond those of money.py."""

from __future__ import annotations

from hookline.core.model import Response
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.options import Option
from hookline.core.providers.own import adyen, braintree, mercado_pago, paddle_classic, paypal
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac
from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    Format,
    KeyEncoding,
    Kind,
    Scheme,
    Signature,
    Timestamp,
    TimeUnit,
)
from hookline.core.providers.where import body, field, form, header, key, query

_NOT_CONFIRMED = "As other implementations read it; not confirmed by the sender's own documentation."

ADYEN = Provider(
    slug="adyen",
    name="Adyen",
    schemes=(
        Scheme(
            id="standard-payments",
            kind=Kind.SPECIAL,
            special=adyen.SPECIAL,
            event_type=(body("/notificationItems/*/NotificationRequestItem/eventCode"), form("eventCode")),
            notes="standard webhooks: every item has a signature of its own, and all must be right",
        ),
        hmac(
            header("HmacSignature"),
            id="platforms-management",
            encoding=Encoding.BASE64,
            key=KeyEncoding.HEX,
            event_type=(body("/type"),),
            notes="webhooks of the Balance Platform, Management and Capital, with the header `protocol: HmacSHA256`",
        ),
    ),
    event_type=(body("/notificationItems/*/NotificationRequestItem/eventCode"), form("eventCode")),
    content_types=("json", "form"),
    reply=Response(200, b"[accepted]", "text/plain"),
    timeout_s=10,
    retries="3 times within half a minute, then with waits that grow to 8 hours, for up to 30 days.",
    retries_by_itself=True,
    test_mode=(body("/live"), "false"),
    key_hint="the HMAC key (hexadecimal)",
    notes=(
        "A standard webhook signs eight fields of each item (references, account, amount, code, success) and not the "
        "rest of the body, so its events count as authenticated.",
        "There is no id of an event; pspReference, eventCode and success tell notifications apart.",
        "The SOAP format is not read here; choose JSON or HTTP POST.",
        "While messages wait to be sent again, later ones wait behind them.",
        "A user and password are mostly set in addition; they are not looked at.",
    ),
    docs=(
        "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
        "https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        "the official library Adyen 16.0.0 Adyen/util.py",
        "the official library @adyen/api-library 32.1.0 lib/src/utils/hmacValidator.js",
    ),
)

AIRWALLEX = Provider(
    slug="airwallex",
    name="Airwallex",
    schemes=(
        hmac(
            header("x-signature"),
            signed="{timestamp}{raw_body}",
            timestamp=Timestamp(header("x-timestamp"), TimeUnit.MS, None),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/name"),),
    success="200",
    retries="With growing waits over about 3 days.",
    retries_by_itself=True,
    key_hint="the secret of the notification URL",
    docs=(
        "https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview",
        "https://www.airwallex.com/docs/developer-tools/webhooks/listen-for-webhook-events",
    ),
)

AUTHORIZE_NET = Provider(
    slug="authorize_net",
    name="Authorize.Net",
    schemes=(
        hmac(
            header("X-ANET-Signature"),
            algorithm=Algorithm.SHA512,
            encoding=Encoding.HEX_ANY_CASE,
            prefix="sha512=",
            key=KeyEncoding.HEX,
        ),
    ),
    event_id=(body("/notificationId"),),
    event_type=(body("/eventType"),),
    retries="Not known.",
    key_hint="the Signature Key (hexadecimal)",
    notes=(f"That the key is decoded from hexadecimal: {_NOT_CONFIRMED[0].lower()}{_NOT_CONFIRMED[1:]}",),
    docs=("https://developer.authorize.net/api/reference/features/webhooks.html",),
)

BRAINTREE = Provider(
    slug="braintree",
    name="Braintree",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            algorithm=Algorithm.SHA1,
            signature=Signature(form("bt_signature"), Encoding.HEX, Format.PIPE_PAIRS),
            signed=braintree.SIGNED,
            key=KeyEncoding.SHA1_OF_UTF8,
        ),
    ),
    event_type=(body("/notification/kind"),),
    json_field="bt_payload",
    content_types=("form",),
    handshakes=(
        Handshake(
            "bt_challenge",
            signed=False,
            when=query("bt_challenge"),
            echo=query("bt_challenge"),
            methods=("GET",),
            respond=braintree.answer_challenge,
        ),
    ),
    options=(Option("public_key", "the public key that belongs to the private key; Braintree asks for it once"),),
    retries="Not known.",
    key_hint="the private key",
    notes=(
        "`bt_payload` is XML in base64, and only this field is signed.",
        "The SHA-1 of the private key is the key of the HMAC.",
        "There is no id of an event; kind, timestamp and the subject's id tell notifications apart.",
        "When a webhook is made, Braintree asks with ?bt_challenge=…; the answer needs the option `public_key`.",
    ),
    docs=(
        "the official library braintree 4.48.0 braintree/webhook_notification_gateway.py, util/crypto.py",
        "https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
    ),
)

CHARGEBEE = Provider(
    slug="chargebee",
    name="Chargebee",
    schemes=(Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),),
    event_id=(body("/id"),),
    event_type=(body("/event_type"),),
    retries="Up to 7 times with growing waits over about 3 days.",
    retries_by_itself=True,
    key_hint="the user and password of the webhook, as `user:password`,",
    notes=("Nothing is signed: a user and password prove the sender, and the body is not covered by them.",),
    docs=(
        "https://www.chargebee.com/docs/webhook_settings.html",
        "https://www.chargebee.com/docs/events_and_webhooks.html",
    ),
)

GOCARDLESS = Provider(
    slug="gocardless",
    name="GoCardless",
    schemes=(hmac(header("Webhook-Signature")),),
    event_id=(body("/events/*/id"),),
    event_type=(body("/events/*/resource_type"),),
    event_type_sub="/events/*/action",
    delivery_id=(body("/meta/webhook_id"),),
    timeout_s=10,
    retries="Up to 8 times with growing waits.",
    retries_by_itself=True,
    key_hint="the webhook endpoint's secret",
    notes=(
        "One request can hold many events, of one kind or several.",
        "GoCardless asks for status 498 where a signature is wrong; any refusal is tried again all the same.",
        "The Origin header says whether the sandbox sent it.",
    ),
    docs=(
        "the official library gocardless_pro 3.22.0 gocardless_pro/webhooks.py",
        "https://support.gocardless.com/hc/en-nz/articles/360000989989-Webhook-retries-failures",
    ),
    sample_headers=(("User-Agent", "gocardless-webhook-service/1.2"),),
)

MERCADO_PAGO = Provider(
    slug="mercado_pago",
    name="Mercado Pago",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            signature=Signature(header("x-signature"), format=Format.KV, tag="v1"),
            signed=mercado_pago.SIGNED,
            timestamp=Timestamp(field("ts"), TimeUnit.S_OR_MS, None),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    event_type_sub="/action",
    success="200 or 201",
    timeout_s=22,
    retries="Every 15 minutes.",
    retries_by_itself=True,
    test_mode=(body("/live_mode"), "false"),
    key_hint="the application's secret signature",
    notes=(
        "The signature covers `data.id` of the address, the x-request-id header and the time. The body is not covered "
        "by it, so fetch what happened by that id.",
        "Notifications of QR payments are not signed and are refused here.",
        "The time is in seconds or milliseconds, by product.",
    ),
    docs=("the official library mercadopago 3.6.0 mercadopago/webhook/validator.py",),
)

MOLLIE = Provider(
    slug="mollie",
    name="Mollie",
    schemes=(
        hmac(header("X-Mollie-Signature"), id="next-gen", prefix="sha256=", event_id=(body("/id"),)),
        Scheme(
            id="url-secret",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(query("token")),
            notes="classic webhooks, which Mollie does not sign",
        ),
    ),
    event_type=(body("/type"),),
    repeats_bodies=True,
    content_types=("json", "form"),
    retries="Not known.",
    key_hint="the webhook's signing secret (or, for classic webhooks, a token of your own in the address)",
    notes=(
        "Classic webhooks are not signed: put ?token=… with the secret of the source into the address that you give "
        "to Mollie. The body is not covered by it, and holds only the id of what changed: fetch that.",
        "Classic webhooks about one payment are all alike, so none of them is taken for a duplicate.",
        f"The signature of next-gen webhooks: {_NOT_CONFIRMED[0].lower()}{_NOT_CONFIRMED[1:]}",
    ),
    docs=("https://docs.mollie.com/reference/webhooks", "https://docs.mollie.com/reference/webhooks-new"),
)

ORB = Provider(
    slug="orb",
    name="Orb",
    schemes=(
        hmac(
            header("X-Orb-Signature"),
            signed="v1:{timestamp}:{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(header("X-Orb-Timestamp"), TimeUnit.ISO),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the endpoint's signing secret",
    notes=("Several signatures in the header are separated by spaces.",),
    docs=("the official library orb-billing 4.90.0 orb/resources/webhooks/webhooks.py",),
)

PADDLE_CLASSIC = Provider(
    slug="paddle_classic",
    name="Paddle Classic",
    schemes=(
        Scheme(
            id="p_signature",
            kind=Kind.RSA,
            algorithm=Algorithm.SHA1,
            signature=Signature(form("p_signature"), Encoding.BASE64),
            signed=paddle_classic.SIGNED,
            key=KeyEncoding.PUBLIC_KEY,
        ),
    ),
    event_id=(form("alert_id"),),
    event_type=(form("alert_name"),),
    content_types=("form",),
    success="200",
    retries="Not known.",
    key_hint="the public key of the vendor account (PEM)",
    notes=(
        "The fields are signed as they are decoded, sorted by name, so their order in the body does not matter.",
        "No time is signed.",
    ),
    docs=("https://developer.paddle.com/webhook-reference/verifying-webhooks",),
)

PAYPAL = Provider(
    slug="paypal",
    name="PayPal",
    schemes=(Scheme(id="offline-rsa", kind=Kind.SPECIAL, special=paypal.SPECIAL),),
    event_id=(body("/id"),),
    event_type=(body("/event_type"),),
    delivery_id=(header("PAYPAL-TRANSMISSION-ID"),),
    retries="Up to 25 times over 3 days.",
    retries_by_itself=True,
    key_hint="the webhook id",
    notes=(
        "The secret is the webhook id. PayPal's certificate is fetched from api.paypal.com (or api.sandbox.paypal.com);"
        " where that cannot be, the certificate in PEM can stand behind the id in the secret.",
        "A CRC-32 of the body is signed, not the body. It keeps accidents out, but not somebody who holds a genuine "
        "notification, so events count as authenticated.",
        "Asking PayPal's API whether a notification is genuine is left out: the certificate says the same.",
    ),
    docs=(
        "https://developer.paypal.com/api/rest/webhooks/rest/",
        "https://github.com/paypal/paypal-rest-api-specifications openapi/notifications_webhooks_v1.json",
    ),
)

PAYSTACK = Provider(
    slug="paystack",
    name="Paystack",
    schemes=(hmac(header("x-paystack-signature"), algorithm=Algorithm.SHA512),),
    event_type=(body("/event"),),
    retries="Not known.",
    test_mode=(body("/data/domain"), "test"),
    key_hint="the secret key of the same mode (sk_live_… or sk_test_…)",
    notes=("There is no id of an event.", _NOT_CONFIRMED),
    docs=("https://paystack.com/docs/payments/webhooks/",),
)

RECURLY = Provider(
    slug="recurly",
    name="Recurly",
    schemes=(
        hmac(
            header("recurly-signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.POSITIONAL,
            timestamp=Timestamp(field("0"), TimeUnit.S_OR_MS),
        ),
        Scheme(
            id="basic",
            kind=Kind.BASIC_AUTH,
            signature=Signature(header("Authorization")),
            notes="XML webhooks, which Recurly does not sign",
        ),
    ),
    event_type=(body("/object_type"), key("id", "uuid", "site_id", "event_type", "event_time", "account_code")),
    event_type_sub="/event_type",
    content_types=("json", "xml"),
    timeout_s=5,
    retries="Up to 10 times with growing waits.",
    retries_by_itself=True,
    ip_ranges="https://docs.recurly.com/docs/ip-allowlist",
    key_hint="the endpoint's secret key (or, for XML, the user and password as `user:password`)",
    notes=(
        "Only JSON webhooks are signed. For XML, set a user and a password at Recurly; the body is not covered by "
        "them.",
        "There is no id of an event: `id` of the body is that of the object.",
        "While a secret is replaced the header holds a signature for each.",
    ),
    docs=(
        "https://docs.recurly.com/recurly-subscriptions/docs/signature-verification",
        "https://docs.recurly.com/recurly-subscriptions/docs/automatic-retries",
        "https://docs.recurly.com/docs/overview-webhooks",
    ),
)

REVENUECAT = Provider(
    slug="revenuecat",
    name="RevenueCat",
    schemes=(
        hmac(
            header("X-RevenueCat-Webhook-Signature"),
            id="hmac",
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t")),
            notes="where signing was turned on; it then counts even where an Authorization header is there too",
        ),
        Scheme(id="static-token", kind=Kind.STATIC_TOKEN, signature=Signature(header("Authorization"))),
    ),
    event_id=(body("/event/id"),),
    event_type=(body("/event/type"),),
    success="200",
    timeout_s=60,
    retries="With growing waits.",
    retries_by_itself=True,
    test_mode=(body("/event/environment"), "SANDBOX"),
    key_hint="the whole value of the Authorization header (or the signing secret)",
    notes=(
        "With the Authorization header alone, the body is not covered by the proof.",
        f"The signature: {_NOT_CONFIRMED[0].lower()}{_NOT_CONFIRMED[1:]}",
    ),
    docs=("https://www.revenuecat.com/docs/integrations/webhooks",),
)

SQUARE = Provider(
    slug="square",
    name="Square",
    schemes=(
        hmac(header("x-square-hmacsha256-signature"), signed="{url}{raw_body}", encoding=Encoding.BASE64),
        hmac(
            header("x-square-signature"),
            id="legacy-sha1",
            signed="{url}{raw_body}",
            algorithm=Algorithm.SHA1,
            encoding=Encoding.BASE64,
            notes="only where the SHA-256 header is absent",
        ),
    ),
    event_id=(body("/event_id"),),
    event_type=(body("/type"),),
    timeout_s=10,
    retries="With growing waits for up to 24 hours.",
    retries_by_itself=True,
    key_hint="the subscription's signature key",
    notes=("The address is signed exactly as it stands in the subscription at Square.",),
    docs=(
        "the official library squareup 46.0.0.20260916 square/utils/webhooks_helper.py",
        "https://developer.squareup.com/docs/webhooks/step3validate",
        "https://developer.squareup.com/docs/webhooks/troubleshooting",
    ),
)

ROWS: tuple[Provider, ...] = (
    ADYEN,
    AIRWALLEX,
    AUTHORIZE_NET,
    BRAINTREE,
    CHARGEBEE,
    GOCARDLESS,
    MERCADO_PAGO,
    MOLLIE,
    ORB,
    PADDLE_CLASSIC,
    PAYPAL,
    PAYSTACK,
    RECURLY,
    REVENUECAT,
    SQUARE,
)
