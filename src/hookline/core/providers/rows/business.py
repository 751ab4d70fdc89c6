"""Banks, accounting, shops, shipping, people."""

from __future__ import annotations

from hookline.core.model import Response
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.options import URL, Option
from hookline.core.providers.own import ebay, plaid
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
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
from hookline.core.providers.where import body, form, header, query

_NOT_CONFIRMED = "As other implementations read it; not confirmed by the sender's own documentation."

AFTERSHIP = Provider(
    slug="aftership",
    name="AfterShip",
    schemes=(hmac(header("aftership-hmac-sha256"), encoding=Encoding.BASE64),),
    event_id=(body("/event_id"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the webhook secret of the account",
    notes=("Webhooks of other AfterShip products, as Warranty, have another header and are not read here.",),
    docs=("https://www.aftership.com/docs/tracking/webhook/webhook-signature",),
)

ASHBY = Provider(
    slug="ashby",
    name="Ashby",
    schemes=(hmac(header("Ashby-Signature"), prefix="sha256="),),
    event_type=(body("/action"),),
    retries="Not known.",
    key_hint="the secret token of the webhook",
    notes=(
        "Ashby signs only when the webhook has a secret token.",
        "Events have no id; the same body is taken for the same event.",
    ),
    docs=(
        "https://developers.ashbyhq.com/docs/authenticating-webhooks",
        "https://developers.ashbyhq.com/docs/setting-up-webhooks",
    ),
)

BIGCOMMERCE = Provider(
    slug="bigcommerce",
    name="BigCommerce",
    schemes=(
        Scheme(
            id="static-token",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(header("X-Webhook-Token")),
            notes="a header that you add when you create the webhook",
        ),
    ),
    event_type=(body("/scope"),),
    options=(
        Option(
            "header", "the name of the header that you chose at BigCommerce", default="X-Webhook-Token", header=True
        ),
    ),
    retries="Not known.",
    key_hint="the token that you put into `headers` of the webhook",
    notes=(
        "Create the webhook with a header of your choice in `headers`; BigCommerce has no signature of its own.",
        "The body is not covered by the proof.",
        _NOT_CONFIRMED,
    ),
    docs=("https://developer.bigcommerce.com/docs/integrations/webhooks/events",),
)

BREX = Provider(
    slug="brex",
    name="Brex",
    schemes=(
        standard_webhooks_scheme("standard-webhooks", "webhook"),
        standard_webhooks_scheme("svix", "svix"),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/event_type"),),
    retries="Not known.",
    key_hint="the webhook secret that GET /v1/webhooks/secrets of the Brex API shows",
    notes=(
        "While a secret is rotated the API shows two and requests carry two signatures; give both to the source.",
        "Brex names its headers Webhook-*; the older svix-* headers are read too.",
    ),
    docs=(
        "https://developer.brex.com/docs/webhooks",
        "https://developer.brex.com/openapi/webhooks_api/webhook-subscriptions",
    ),
)

CAL_COM = Provider(
    slug="cal_com",
    name="Cal.com",
    schemes=(hmac(header("X-Cal-Signature-256")),),
    event_type=(body("/triggerEvent"),),
    content_types=("json", "form"),
    retries="Not known.",
    key_hint="the secret of the webhook",
    notes=(
        "A webhook without a secret sends the words `no-secret-provided` as its signature, and is refused.",
        "A custom payload template that is not JSON is sent as a form; it has no event type unless it says "
        "`triggerEvent` in JSON.",
        "Events have no id; the same body is taken for the same event.",
    ),
    docs=(
        "https://cal.com/docs/developing/guides/automation/webhooks",
        "https://github.com/calcom/cal.com/blob/main/packages/features/webhooks/lib/sendPayload.ts",
    ),
)

CHECKR = Provider(
    slug="checkr",
    name="Checkr",
    schemes=(hmac(header("X-Checkr-Signature")),),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    retries="Not known. An address that fails every request for 60 days is removed.",
    key_hint="the API key of the same account and environment (of a partner application its client secret)",
    docs=("https://docs.checkr.com/apis/webhooks", "https://docs.checkr.com/partners/webhooks"),
)

DWOLLA = Provider(
    slug="dwolla",
    name="Dwolla",
    schemes=(hmac(header("X-Request-Signature-SHA-256")),),
    event_id=(body("/id"),),
    event_type=(body("/topic"),),
    retries="Not known.",
    key_hint="the secret of the webhook subscription",
    notes=(_NOT_CONFIRMED,),
    docs=("https://developers.dwolla.com/docs/webhook-events",),
)

EASYPOST = Provider(
    slug="easypost",
    name="EasyPost",
    schemes=(hmac(header("X-Hmac-Signature"), prefix="hmac-sha256-hex=", key=KeyEncoding.UTF8_NFKD),),
    event_id=(body("/id"),),
    event_type=(body("/description"),),
    retries="Not known.",
    test_mode=(body("/mode"), "test"),
    key_hint="the webhook secret",
    notes=("The secret is normalised (Unicode NFKD) before it becomes the key.",),
    docs=(
        "the official library easypost 10.7.0 easypost/util.py",
        "https://docs.easypost.com/docs/events",
    ),
)

EBAY = Provider(
    slug="ebay",
    name="eBay notifications",
    schemes=(Scheme(id="ecdsa", kind=Kind.SPECIAL, special=ebay.SPECIAL),),
    event_id=(body("/notification/notificationId"),),
    event_type=(body("/metadata/topic"),),
    handshakes=(
        Handshake(
            "challenge_code",
            methods=("GET",),
            echo=query("challenge_code"),
            respond=ebay.answer_challenge,
            signed=False,
        ),
    ),
    options=(ebay.VERIFICATION_TOKEN, URL),
    success="200, 201, 202, 204",
    retries="Not known.",
    attempt=body("/notification/publishAttemptCount"),
    key_hint="the public key of eBay (its id is `kid` of the X-EBAY-SIGNATURE header)",
    notes=(
        "eBay gives its public key only to applications that sign in with OAuth, so it is not fetched: ask "
        "getPublicKey of the Notification API for it once, and give what it answers, or its `key`, to the source.",
        "To pass the challenge say the same `verification_token` in the `signature` block of the source as at eBay; "
        "behind a proxy say the address too, as `url`, exactly as you entered it there.",
        "Production and sandbox have different keys.",
        "The older platform notifications, which are SOAP, are not read.",
    ),
    docs=(
        "https://developer.ebay.com/api-docs/buy/notification/resources/public_key/methods/getPublicKey",
        "https://developer.ebay.com/develop/guides/sell/sell-communications-guide",
        "the official library event-notification-nodejs-sdk lib/validator.js",
    ),
)

FINCH = Provider(
    slug="finch",
    name="Finch",
    schemes=(
        hmac(
            header("Finch-Signature"),
            signed="{header:Finch-Event-Id}.{timestamp}.{raw_body}",
            encoding=Encoding.BASE64,
            format=Format.SPACE_LIST,
            tag="v1",
            key=KeyEncoding.BASE64,
            timestamp=Timestamp(header("Finch-Timestamp")),
        ),
    ),
    event_id=(header("Finch-Event-Id"),),
    event_type=(body("/event_type"),),
    retries="Not known.",
    key_hint="the webhook secret (base64)",
    notes=("As Standard Webhooks, but with headers of its own and a secret without `whsec_`.",),
    docs=("the official library finch-api 2.9.1 finch/resources/webhooks.py",),
)

INCREASE = Provider(
    slug="increase",
    name="Increase",
    schemes=(
        standard_webhooks_scheme("standard-webhooks", "webhook"),
        hmac(
            header("webhook-signature"),
            id="standard-webhooks-utf8",
            signed="{header:webhook-id}.{timestamp}.{raw_body}",
            encoding=Encoding.BASE64,
            format=Format.SPACE_LIST,
            tag="v1",
            timestamp=Timestamp(header("webhook-timestamp")),
            event_id=(header("webhook-id"),),
            notes="the bytes of the secret as it is",
        ),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/category"),),
    retries="Not known.",
    key_hint="the shared secret of the event subscription",
    notes=(
        "You choose the secret yourself. The official library takes it as base64 in one place and as it is in "
        "another, so both are tried.",
    ),
    docs=(
        "the official library increase 0.552.0 increase/resources/events.py",
        "https://increase.com/documentation/webhooks",
    ),
)

LITHIC = Provider(
    slug="lithic",
    name="Lithic",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/event_type"),),
    retries="Not known.",
    key_hint="the secret of the event subscription (whsec_...)",
    docs=(
        "the official library lithic 0.133.0 lithic/resources/webhooks.py",
        "https://docs.lithic.com/docs/events-api",
    ),
)

LOB = Provider(
    slug="lob",
    name="Lob",
    schemes=(
        hmac(
            header("Lob-Signature"),
            signed="{timestamp}.{raw_body}",
            timestamp=Timestamp(header("Lob-Signature-Timestamp"), TimeUnit.S_OR_MS, None),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/event_type/id"),),
    retries="Not known.",
    key_hint="the secret of the webhook",
    notes=(
        "Lob documents no age after which a signature is worth nothing; say `tolerance` at the source to set one.",
        _NOT_CONFIRMED,
    ),
    docs=("https://docs.lob.com/#tag/Webhooks",),
)

ONFLEET = Provider(
    slug="onfleet",
    name="Onfleet",
    schemes=(hmac(header("X-Onfleet-Signature"), algorithm=Algorithm.SHA512, key=KeyEncoding.HEX),),
    event_type=(body("/triggerName"),),
    handshakes=(Handshake("check", methods=("GET",), when=query("check"), echo=query("check"), signed=False),),
    success="200",
    retries="Every 30 minutes for up to a day.",
    retries_by_itself=True,
    key_hint="the webhook secret of the organisation (64 hexadecimal digits)",
    notes=(
        "Events have no id; the same body is taken for the same event.",
        "The secret is hexadecimal and is decoded before it becomes the key.",
    ),
    docs=(
        "https://docs.onfleet.com/reference/secrets",
        "https://docs.onfleet.com/reference/validation",
        "the official library ruby-onfleet 1.0.1 lib/resources/webhooks.rb",
    ),
)

PLAID = Provider(
    slug="plaid",
    name="Plaid",
    schemes=(
        Scheme(
            id="es256-jwt",
            kind=Kind.JWT,
            signature=Signature(header("Plaid-Verification")),
            jwt=Jwt(
                algorithms=("ES256",),
                required=("iat",),
                body_hash="request_body_sha256",
                max_age_s=300.0,
                key_url=plaid.key_url,
                key_request=plaid.key_request,
                check_secret=plaid.check_secret,
            ),
        ),
    ),
    event_type=(body("/webhook_type"),),
    event_type_sub="/webhook_code",
    repeats_bodies=True,
    options=(plaid.ENVIRONMENT,),
    success="200",
    timeout_s=10,
    retries="Not known.",
    test_mode=(body("/environment"), "sandbox"),
    key_hint="`client_id:secret` of your Plaid application",
    notes=(
        "The secret is written `client_id:secret`; with it Plaid's public key is fetched. A public key in its place, "
        "as a JSON Web Key or in PEM, is used as it is, and nothing is fetched.",
        "For the sandbox say `environment: sandbox` in the `signature` block of the source.",
        "Webhooks have no id, and two of one item can be alike byte for byte, so none is taken for a duplicate.",
    ),
    docs=("https://plaid.com/docs/api/webhooks/webhook-verification/", "https://plaid.com/docs/api/webhooks/"),
)

QUICKBOOKS = Provider(
    slug="quickbooks",
    name="QuickBooks Online",
    aliases=("intuit",),
    schemes=(hmac(header("intuit-signature"), encoding=Encoding.BASE64),),
    event_id=(body("/*/id"),),
    event_type=(body("/*/type"), body("/eventNotifications/*/dataChangeEvent/entities/*/name")),
    event_type_sub="/eventNotifications/*/dataChangeEvent/entities/*/operation",
    success="200",
    retries="Not known.",
    key_hint="the verifier token of the app's webhooks",
    notes=(
        "Intuit moves from its own form, whose events have no id, to CloudEvents in an array; both are read.",
        "A request holds several events; their type is `batch` when they are of several types.",
    ),
    docs=(
        "https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks/configure-webhooks",
        "https://github.com/intuit/QuickBooks-V3-DotNET-SDK/releases/tag/V14.7.0.4",
        "https://github.com/IntuitDeveloper/SampleApp-Webhooks-nodejs",
    ),
)

SQUARESPACE = Provider(
    slug="squarespace",
    name="Squarespace",
    schemes=(hmac(header("Squarespace-Signature"), key=KeyEncoding.HEX),),
    event_id=(body("/id"),),
    event_type=(body("/topic"),),
    retries="Several times for up to 48 hours; a subscription that keeps failing may be deleted.",
    retries_by_itself=True,
    key_hint="the secret of the webhook subscription (hexadecimal)",
    notes=(
        "The secret is shown only when the subscription is created or its secret is rotated.",
        "Events may come more than once and out of order.",
    ),
    docs=(
        "https://developers.squarespace.com/commerce-apis/webhooks/verifying-notifications",
        "https://developers.squarespace.com/commerce-apis/webhooks/notification-delivery",
    ),
)

TALLY = Provider(
    slug="tally",
    name="Tally",
    schemes=(hmac(header("Tally-Signature"), encoding=Encoding.BASE64),),
    event_id=(body("/eventId"),),
    event_type=(body("/eventType"),),
    retries="Not known.",
    key_hint="the signing secret of the webhook",
    notes=("Tally signs only when the webhook has a signing secret.", _NOT_CONFIRMED),
    docs=("https://tally.so/help/webhooks",),
)

WISE = Provider(
    slug="wise",
    name="Wise",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.RSA,
            signature=Signature(header("X-Signature-SHA256"), encoding=Encoding.BASE64),
            signed="{raw_body}",
            key=KeyEncoding.PUBLIC_KEY,
        ),
    ),
    event_id=(header("X-Delivery-Id"),),
    event_type=(body("/event_type"),),
    delivery_id=(header("X-Delivery-Id"),),
    handshakes=(Handshake("test-notification", when=header("X-Test-Notification"), equals="true", signed=True),),
    timeout_s=5,
    retries="At most 25 times at growing intervals over two weeks.",
    retries_by_itself=True,
    key_hint="the public key that Wise publishes in its documentation",
    notes=(
        "Production and sandbox have different keys.",
        "The id is in a header that is not signed.",
        "A request with `X-Test-Notification: true` is answered once its signature is right, and is not an event.",
    ),
    docs=(
        "https://docs.wise.com/features/webhooks-notifications/event-handling",
        "https://docs.wise.com/api-reference/webhook-event",
    ),
)

WOOCOMMERCE = Provider(
    slug="woocommerce",
    name="WooCommerce",
    schemes=(hmac(header("X-WC-Webhook-Signature"), encoding=Encoding.BASE64),),
    event_type=(header("X-WC-Webhook-Topic"),),
    delivery_id=(header("X-WC-Webhook-Delivery-ID"),),
    content_types=("json", "form"),
    handshakes=(Handshake("ping", when=form("webhook_id"), signed=False),),
    timeout_s=60,
    retries="None by itself; after 5 failures in a row the webhook is disabled.",
    retries_by_itself=False,
    key_hint="the secret of the webhook",
    notes=(
        "The ping that comes when a webhook is activated is a form and is not signed.",
        "WooCommerce decodes HTML entities of the secret before it signs: choose one without `&`, quotes, `<` and `>`.",
        "The id and the topic are in headers that are not signed.",
    ),
    docs=(
        "https://woocommerce.com/document/webhooks/",
        "https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-webhook.php",
    ),
)

XERO = Provider(
    slug="xero",
    name="Xero",
    schemes=(hmac(header("x-xero-signature"), encoding=Encoding.BASE64),),
    event_type=(body("/events/*/eventType"),),
    event_type_sub="/events/*/eventCategory",
    handshakes=(Handshake("intent-to-receive", when=body("/events"), equals="[]", signed=True),),
    success="200",
    reply=Response(200, b"", "text/plain"),
    bare_refusals=True,
    timeout_s=5,
    retries="Not known.",
    key_hint="the webhooks key of the app",
    notes=(
        "The key looks like base64 and is not decoded.",
        "To check an address Xero sends some requests with wrong signatures on purpose and wants 401 for them.",
        "Events have no id. `lastEventSequence` shows gaps.",
    ),
    docs=(
        "https://developer.xero.com/documentation/guides/webhooks/overview/",
        "https://gist.github.com/constantm/3ad8d31fd8fc2e1f00eff1246fd591ba",
    ),
)

ROWS: tuple[Provider, ...] = (
    AFTERSHIP,
    ASHBY,
    BIGCOMMERCE,
    BREX,
    CAL_COM,
    CHECKR,
    DWOLLA,
    EASYPOST,
    EBAY,
    FINCH,
    INCREASE,
    LITHIC,
    LOB,
    ONFLEET,
    PLAID,
    QUICKBOOKS,
    SQUARESPACE,
    TALLY,
    WISE,
    WOOCOMMERCE,
    XERO,
)
