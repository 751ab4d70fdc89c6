"""E-mail."""

from __future__ import annotations

from hookline.core.providers.handshake import Handshake
from hookline.core.providers.options import Option
from hookline.core.providers.own import mandrill, unisender_go
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    KeyEncoding,
    Kind,
    Scheme,
    Signature,
    Timestamp,
    TimeUnit,
)
from hookline.core.providers.where import body, form, header, query

BREVO = Provider(
    slug="brevo",
    name="Brevo",
    schemes=(
        Scheme(id="static-token", kind=Kind.STATIC_TOKEN, signature=Signature(header("X-Webhook-Token"))),
        Scheme(
            id="static-token-bearer",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(header("Authorization"), prefix="Bearer "),
            notes="the token that is set with `auth` of the webhooks API",
        ),
        Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),
    ),
    event_type=(body("/event"),),
    options=(
        Option(
            "header",
            "the name of the header that you chose in `headers` of the webhook",
            default="X-Webhook-Token",
            header=True,
        ),
    ),
    retries="4 times: after 10 minutes, 1 hour, 2 hours and 8 hours; an answer of 4xx (but 429) or 5xx ends them.",
    retries_by_itself=True,
    ip_ranges="https://help.brevo.com/hc/en-us/articles/208848409",
    key_hint="the token, or user:password,",
    notes=(
        "The body is not covered by the proof.",
        "`id` of the body is that of the webhook, not of the event: there is no id of the event.",
        "`ts_epoch` is the only time of the body that is surely UTC; it is in milliseconds.",
    ),
    docs=(
        "https://developers.brevo.com/docs/transactional-webhooks",
        "https://developers.brevo.com/docs/secured-webhooks",
        "https://developers.brevo.com/docs/retry-mechanism",
    ),
)

KLAVIYO = Provider(
    slug="klaviyo",
    name="Klaviyo",
    schemes=(
        hmac(
            header("Klaviyo-Signature"),
            signed="{raw_body}{timestamp}",
            timestamp=Timestamp(header("Klaviyo-Timestamp"), TimeUnit.ISO_OR_S, None),
        ),
    ),
    event_id=(body("/data/*/external_id"),),
    event_type=(body("/data/*/topic"),),
    retries="Not known.",
    key_hint="the secret key of the webhook",
    notes=(
        "These are system webhooks. The webhook action of a flow is not signed: give it a header of your own and use "
        "`generic`.",
        "Klaviyo-Webhook-Id is that of the webhook, not of the event.",
    ),
    docs=("https://developers.klaviyo.com/en/docs/working_with_system_webhooks",),
)

LOOPS = Provider(
    slug="loops",
    name="Loops",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/eventName"),),
    retries="Not known.",
    key_hint="the signing secret (whsec_...)",
    notes=("At most 10 requests per second are sent; further ones wait at Loops.",),
    docs=("https://loops.so/docs/webhooks",),
    test_mode=(body("/eventName"), "testing.testEvent"),
)

MAILCHIMP = Provider(
    slug="mailchimp",
    name="Mailchimp Marketing",
    schemes=(
        Scheme(
            id="url-secret",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(query("token")),
            notes="nothing is signed: put ?token=… with a long random secret in the address",
        ),
    ),
    event_type=(form("type"),),
    content_types=("form",),
    handshakes=(Handshake("get-check", signed=False, methods=("GET", "HEAD")),),
    success="200",
    retries="Not known.",
    key_hint="the secret that you put as ?token=… in the address",
    notes=(
        "Mailchimp signs nothing, so put ?token=… in the address. The body is not covered by the proof.",
        "Names of fields are bracketed: data[merges][EMAIL].",
        "There is no id of the event; an equal body within the window is taken for the same event.",
    ),
    docs=("https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/",),
)

MAILGUN = Provider(
    slug="mailgun",
    name="Mailgun",
    schemes=(
        hmac(
            body("/signature/signature"),
            id="json",
            signed="{json:/signature/timestamp}{json:/signature/token}",
            timestamp=Timestamp(body("/signature/timestamp"), tolerance_s=None),
        ),
        hmac(
            form("signature"),
            id="form-legacy",
            signed="{form:timestamp}{form:token}",
            timestamp=Timestamp(form("timestamp"), tolerance_s=None),
            event_id=(form("token"),),
            event_type=(form("event"),),
            notes="routes and legacy webhooks, as a plain form",
        ),
    ),
    event_id=(body("/event-data/id"),),
    event_type=(body("/event-data/event"),),
    content_types=("json", "form"),
    success="200",
    retries="For 8 hours with growing waits, except for delivery notifications; an answer of 406 ends them.",
    retries_by_itself=True,
    key_hint="the HTTP webhook signing key (not an API key)",
    notes=(
        "Only the timestamp and the token are signed; the body is not covered by the proof.",
        "No tolerance is documented. Mailgun advises to remember tokens, each of which is used once.",
        "Inbound routes with attachments are multipart forms, which are not read here. A form that has one of the "
        "fields timestamp, token and signature twice is refused.",
    ),
    docs=(
        "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries",
    ),
    test_mode=(body("/event-data/flags/is-test-mode"), "true"),
)

MAILJET = Provider(
    slug="mailjet",
    name="Mailjet",
    schemes=(Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),),
    event_type=(body("/event"), body("/*/event")),
    retries="Not known.",
    key_hint="the user:password of the address",
    notes=(
        "Put the user and the password into the address: https://user:password@…. The body is not covered by the "
        "proof.",
        "With events grouped the body is a list; then a request is one event of type `batch`, unless all are of one.",
    ),
    docs=(
        "https://dev.mailjet.com/email/guides/webhooks/",
        "the library django-anymail 15.2 anymail/webhooks/mailjet.py",
    ),
)

MAILTRAP = Provider(
    slug="mailtrap",
    name="Mailtrap",
    schemes=(hmac(header("Mailtrap-Signature")),),
    event_id=(body("/events/*/event_id"),),
    event_type=(body("/events/*/event"),),
    retries="Not known.",
    key_hint="the signature key of the webhook",
    notes=("As other implementations read it; not confirmed by the sender's own documentation.",),
    docs=(
        "https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
        "the library django-anymail 15.2 anymail/webhooks/mailtrap.py",
    ),
)

MANDRILL = Provider(
    slug="mandrill",
    name="Mailchimp Transactional (Mandrill)",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            signature=Signature(header("X-Mandrill-Signature"), Encoding.BASE64),
            algorithm=Algorithm.SHA1,
            signed=mandrill.SIGNED,
        ),
    ),
    event_type=(body("/*/event"),),
    json_field="mandrill_events",
    content_types=("form",),
    handshakes=(Handshake("head-check", signed=False, methods=("HEAD",)),),
    success="200",
    retries="Not known.",
    key_hint="the key of the webhook, one for each address,",
    notes=(
        "The address is signed as it was given to Mandrill, with any user:password@ and query.",
        "There is no id of the event: `_id` is that of the message, and all events of the message have it.",
        "The trial request that follows the saving of a webhook may be signed with another key; it is refused.",
    ),
    docs=(
        "https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/",
        "the library django-anymail 15.2 anymail/webhooks/mandrill.py",
    ),
)

POSTAL = Provider(
    slug="postal",
    name="Postal",
    schemes=(
        Scheme(
            id="sha256",
            kind=Kind.RSA,
            signature=Signature(header("X-Postal-Signature-256"), Encoding.BASE64),
            signed="{raw_body}",
            key=KeyEncoding.PUBLIC_KEY,
        ),
        Scheme(
            id="default",
            kind=Kind.RSA,
            signature=Signature(header("X-Postal-Signature"), Encoding.BASE64),
            algorithm=Algorithm.SHA1,
            signed="{raw_body}",
            key=KeyEncoding.PUBLIC_KEY,
            notes="of Postal versions that know nothing newer; counts only where the SHA-256 header is absent",
        ),
    ),
    event_id=(body("/uuid"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the public key, what follows p= in the answer of `postal default-dkim-record`,",
    docs=(
        "https://docs.postalserver.io/developer/webhooks",
        "the official library postal spec/services/webhook_delivery_service_spec.rb",
        "the library django-anymail 15.2 anymail/webhooks/postal.py",
    ),
    signs_with=("sha256", "default"),
)

POSTMARK = Provider(
    slug="postmark",
    name="Postmark",
    schemes=(Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),),
    event_id=(body("/ID"),),
    event_type=(body("/RecordType"),),
    success="200",
    retries="Of inbound messages 10 within 10.5 hours, from 1 minute to 6 hours apart; an answer of 403 ends them.",
    retries_by_itself=True,
    ip_ranges="https://postmarkapp.com/support/article/800-ips-for-firewalls",
    key_hint="the user:password of the address",
    notes=(
        "Nothing is signed: put a user and a password into the address, https://user:password@…. The body is not "
        "covered by the proof.",
        "Only bounces and complaints have an id of their own.",
    ),
    docs=(
        "https://postmarkapp.com/developer/webhooks/webhooks-overview",
        "https://postmarkapp.com/support/article/understanding-inbound-webhook-retries-in-postmark",
    ),
)

SENDGRID = Provider(
    slug="sendgrid",
    name="SendGrid",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.ECDSA,
            signature=Signature(header("X-Twilio-Email-Event-Webhook-Signature"), Encoding.BASE64),
            signed="{timestamp}{raw_body}",
            key=KeyEncoding.PUBLIC_KEY,
            timestamp=Timestamp(header("X-Twilio-Email-Event-Webhook-Timestamp"), tolerance_s=None),
        ),
    ),
    event_id=(body("/*/sg_event_id"),),
    event_type=(body("/*/event"),),
    retries="Not known.",
    key_hint="the verification key (a public key) of the event webhook",
    notes=(
        "The signature must be switched on in the settings of the event webhook.",
        "The body ends in CR LF, which is signed too.",
        "OAuth, which can be asked for in addition, is not checked here. Inbound Parse has settings of its own.",
    ),
    docs=(
        "the official library sendgrid 6.12.5 sendgrid/helpers/eventwebhook/__init__.py",
        "the official library @sendgrid/eventwebhook 8.0.0",
    ),
)

#: What a SparkPost event is called around its members.
_SPARKPOST_CLASSES = (
    "message_event",
    "track_event",
    "gen_event",
    "unsubscribe_event",
    "relay_event",
)

SPARKPOST = Provider(
    slug="sparkpost",
    name="SparkPost",
    schemes=(Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),),
    event_id=tuple(body(f"/*/msys/{name}/event_id") for name in _SPARKPOST_CLASSES),
    event_type=tuple(body(f"/*/msys/{name}/type") for name in _SPARKPOST_CLASSES),
    delivery_id=(header("X-MessageSystems-Batch-ID"),),
    success="200",
    timeout_s=10,
    retries="For 8 hours.",
    retries_by_itself=True,
    key_hint="the user:password of the webhook",
    notes=(
        "The body is not covered by the proof. OAuth 2.0, the other choice at SparkPost, is not checked here.",
        'The trial request is `[{"msys": {}}]`; it is an event without a type.',
    ),
    docs=(
        "https://developers.sparkpost.com/api/webhooks/",
        "https://docs.bird.com/api/email-api/webhooks",
        "the library django-anymail 15.2 anymail/webhooks/sparkpost.py",
    ),
)

UNISENDER_GO = Provider(
    slug="unisender_go",
    name="Unisender Go",
    schemes=(Scheme(id="md5", kind=Kind.SPECIAL, special=unisender_go.SPECIAL),),
    event_type=(body("/events_by_user/*/events/*/event_name"), body("/event_name")),
    handshakes=(Handshake("get-check", signed=False, methods=("GET",)),),
    retries="Not known.",
    key_hint="the API key of the account, or of the project whose webhook it is,",
    notes=(
        "An MD5 is all that Unisender Go offers.",
        "A request holds several events unless the webhook asks for single ones.",
        "As other implementations read it; not confirmed by the sender's own documentation.",
    ),
    docs=(
        "https://godocs.unisender.ru/web-api-ref#callback-format",
        "the library django-anymail 15.2 anymail/webhooks/unisender_go.py",
    ),
)

ROWS: tuple[Provider, ...] = (
    BREVO,
    KLAVIYO,
    LOOPS,
    MAILCHIMP,
    MAILGUN,
    MAILJET,
    MAILTRAP,
    MANDRILL,
    POSTAL,
    POSTMARK,
    SENDGRID,
    SPARKPOST,
    UNISENDER_GO,
)
