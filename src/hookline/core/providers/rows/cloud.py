"""Clouds, identity, standards, content, models."""

from __future__ import annotations

from hookline.core.providers.handshake import Handshake
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.options import URL, Option
from hookline.core.providers.own.aws_sns import SNS_RSA, confirm
from hookline.core.providers.own.cloudevents import allow
from hookline.core.providers.own.contentful import REQUEST as CONTENTFUL_REQUEST
from hookline.core.providers.own.contentful import TIMESTAMP as CONTENTFUL_TIMESTAMP
from hookline.core.providers.own.fusionauth import key_url as fusionauth_key_url
from hookline.core.providers.own.kinde import BODY_JWT
from hookline.core.providers.own.websub import intend
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    Format,
    Kind,
    Scheme,
    Signature,
    Timestamp,
    TimeUnit,
)
from hookline.core.providers.where import Where, body, field, header, query

_NOT_COVERED = "The body is not covered by the proof: whoever knows the token can write any event."


def _token(where: Where, id: str = "static-token", prefix: str = "", notes: str = "") -> Scheme:
    return Scheme(id=id, kind=Kind.STATIC_TOKEN, signature=Signature(where, prefix=prefix), notes=notes)


def _basic(id: str = "basic") -> Scheme:
    return Scheme(id=id, kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization")))


ASSEMBLYAI = Provider(
    slug="assemblyai",
    name="AssemblyAI",
    schemes=(_token(header("X-Webhook-Token")),),
    options=(
        Option(
            "header",
            "the name of the header that you chose as webhook_auth_header_name",
            default="X-Webhook-Token",
            header=True,
        ),
    ),
    event_id=(body("/transcript_id"),),
    event_type=(body("/status"),),
    timeout_s=10,
    retries="Up to 10 attempts until a 2xx comes within 10 seconds; a 4xx ends them.",
    retries_by_itself=True,
    ip_ranges="https://www.assemblyai.com/docs/faq/what-ip-address-should-i-whitelist-for-assemblyai",
    key_hint="the webhook_auth_header_value of the transcription request",
    notes=(
        _NOT_COVERED,
        "The body names the transcript only; its text is fetched over the API.",
        "After a streaming session the body is the transcript itself, without an id or a status at these places.",
    ),
    docs=("https://www.assemblyai.com/docs/deployment/webhooks",),
)

AUTH0 = Provider(
    slug="auth0",
    name="Auth0",
    schemes=(
        _token(header("Authorization"), id="log-stream", notes="the Authorization value of a custom log stream"),
        _token(
            header("Authorization"),
            id="event-stream",
            prefix="Bearer ",
            notes="the bearer token of an event stream's webhook",
        ),
        _basic("event-stream-basic"),
    ),
    options=(
        Option(
            "header",
            "the name of the header, where an event stream authorises itself in a custom one",
            default="Authorization",
            header=True,
        ),
    ),
    event_id=(body("/*/log_id"), body("/id")),
    event_type=(body("/*/data/type"), body("/type")),
    content_types=("any",),
    retries="Log streams: up to 3 attempts; a stream that keeps failing is paused.",
    retries_by_itself=True,
    key_hint="the authorization token (or `user:password`) that you entered for the stream",
    notes=(
        _NOT_COVERED,
        "Choose JSON array (or JSON object) as the format of a log stream: ids and types are not read from JSON lines.",
        "Retries as other implementations tell them; not confirmed by the sender's own documentation.",
    ),
    docs=(
        "https://auth0.com/docs/customize/log-streams/custom-log-streams",
        "https://auth0.com/docs/api/management/v2/event-streams/post-event-streams",
    ),
)

AWS_SNS = Provider(
    slug="aws_sns",
    name="Amazon SNS",
    aliases=("amazon_sns", "ses"),
    schemes=(Scheme(id="sns-rsa", kind=Kind.SPECIAL, special=SNS_RSA),),
    event_id=(header("x-amz-sns-message-id"), body("/MessageId")),
    event_type=(header("x-amz-sns-message-type"), body("/Type")),
    content_types=("json", "text"),
    handshakes=(
        Handshake(
            "SubscriptionConfirmation",
            when=header("x-amz-sns-message-type"),
            equals="SubscriptionConfirmation",
            respond=confirm,
            signed=True,
        ),
    ),
    retries="By default 3 times, 20 seconds apart; a policy of the topic can stretch that to an hour.",
    retries_by_itself=True,
    ip_ranges="https://ip-ranges.amazonaws.com/ip-ranges.json",
    key_hint="the ARN of the topic",
    notes=(
        "The secret is the ARN of the topic: Amazon signs for every customer, so only topics that the source names "
        "count. Where the certificate cannot be fetched, it may stand behind the ARN in PEM.",
        "The headers x-amz-sns-message-id, -type and -topic-arn are accepted only as the signed body says them.",
        "MessageAttributes and UnsubscribeURL are not signed.",
        "With raw message delivery nothing is signed, and nothing is accepted.",
        "A subscription is confirmed by itself, once its confirmation is proved.",
    ),
    docs=(
        "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html",
        "the official library sns-validator 0.3.5 index.js",
        "the official library aws-php-sns-message-validator src/MessageValidator.php",
    ),
    sample_headers=(("User-Agent", "Amazon Simple Notification Service Agent"),),
)

CLOUDEVENTS = Provider(
    slug="cloudevents",
    name="CloudEvents webhooks",
    schemes=(
        _token(header("Authorization"), id="bearer-header", prefix="Bearer "),
        _token(query("access_token"), id="bearer-query"),
    ),
    event_id=(header("ce-id"), body("/id"), body("/*/id")),
    id_scope=(header("ce-source"), body("/source"), body("/*/source")),
    event_type=(header("ce-type"), body("/type"), body("/*/type")),
    content_types=("any",),
    handshakes=(
        Handshake(
            "abuse-protection",
            when=header("WebHook-Request-Origin"),
            echo=header("WebHook-Request-Origin"),
            methods=("OPTIONS",),
            respond=allow,
            signed=False,
        ),
    ),
    success="200, 201, 202 or 204",
    retries="Each sender has its own rule.",
    key_hint="the access token",
    notes=(
        _NOT_COVERED,
        "An id is unique only together with the event's source (`ce-source` or /source).",
        "A 410 tells the sender to stop for good, a 429 with Retry-After to slow down.",
    ),
    docs=("https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",),
)

CONTENTFUL = Provider(
    slug="contentful",
    name="Contentful",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            signature=Signature(header("x-contentful-signature")),
            signed=CONTENTFUL_REQUEST,
            timestamp=Timestamp(CONTENTFUL_TIMESTAMP, TimeUnit.MS, 30.0),
        ),
    ),
    options=(URL,),
    event_id=(header("X-Contentful-Idempotency-Key"),),
    event_type=(header("X-Contentful-Topic"),),
    retries="By default twice more, 30 seconds apart, after a 429 or 5xx; some plans can set up to 99 retries.",
    retries_by_itself=True,
    key_hint="the request verification secret of 64 characters",
    notes=(
        "The path of the address is signed, not its host. Where a proxy changes the path, say the address with `url` "
        "in the `signature` block.",
        "The idempotency key and the topic are signed only where x-contentful-signed-headers lists them.",
        "A retry is signed anew; a request that was held back for more than 30 seconds is refused.",
    ),
    docs=(
        "https://www.contentful.com/developers/docs/webhooks/request-verification/",
        "https://www.contentful.com/developers/docs/webhooks/retry-policy/",
        "https://www.contentful.com/developers/changelog/idempotency-key-headers-for-webhook-requests/",
        "the official library @contentful/node-apps-toolkit 3.16.1 lib/requests/index.cjs",
    ),
)

_CONVOY_HEADER = header("X-Convoy-Signature")
_CONVOY_FORMS = [(algorithm, encoding) for algorithm in ("sha256", "sha512") for encoding in ("hex", "base64")]

CONVOY = Provider(
    slug="convoy",
    name="Convoy (as sender)",
    schemes=(
        *(
            hmac(
                _CONVOY_HEADER,
                id=f"simple-{algorithm}-{encoding}",
                algorithm=Algorithm(algorithm),
                encoding=Encoding(encoding),
            )
            for algorithm, encoding in _CONVOY_FORMS
        ),
        *(
            hmac(
                _CONVOY_HEADER,
                id=f"advanced-{algorithm}-{encoding}",
                signed="{timestamp},{raw_body}",
                algorithm=Algorithm(algorithm),
                encoding=Encoding(encoding),
                format=Format.KV,
                tag="v1",
                timestamp=Timestamp(field("t")),
            )
            for algorithm, encoding in _CONVOY_FORMS
        ),
    ),
    options=(
        Option(
            "header",
            "the name of the signature header in the settings of the Convoy project",
            default="X-Convoy-Signature",
            header=True,
        ),
    ),
    repeats_bodies=True,
    event_id=(header("X-Convoy-Idempotency-Key"),),
    event_type=(body("/event_type"), body("/type"), body("/event")),
    retries="As the Convoy project is configured.",
    retries_by_itself=True,
    key_hint="the secret of the Convoy endpoint",
    notes=(
        "Simple signatures have no time, so a captured request can be replayed; prefer advanced ones, and say so with "
        "`scheme` in the `signature` block.",
        "The body is whatever the application sent; the type is looked for at /event_type, /type and /event.",
        "The idempotency key is there only when the event has one, and is not signed.",
    ),
    docs=(
        "https://www.getconvoy.io/docs/product-manual/signatures",
        "https://www.getconvoy.io/docs/product-manual/idempotency",
        "https://github.com/frain-dev/convoy",
    ),
)

CURSOR = Provider(
    slug="cursor",
    name="Cursor cloud agents",
    schemes=(hmac(header("X-Webhook-Signature"), prefix="sha256="),),
    event_type=(header("X-Webhook-Event"),),
    delivery_id=(header("X-Webhook-ID"),),
    retries="Not known.",
    key_hint="the secret that you gave with the webhook when the agent was started",
    notes=("No time and no id of the event are signed; an event is known by its content.",),
    docs=("https://cursor.com/docs/cloud-agent/api/webhooks",),
    sample_headers=(("User-Agent", "Cursor-Agent-Webhook/1.0"),),
)

DEEPGRAM = Provider(
    slug="deepgram",
    name="Deepgram callbacks",
    schemes=(
        _basic(),
        _token(body("/metadata/extra/callback_secret"), id="extra", notes="sent with `extra=callback_secret:…`"),
        _token(header("dg-token"), notes="the identifier of the API key; no longer supported by Deepgram"),
    ),
    event_type=(body("/type"),),
    retries="Up to 10 times, 30 seconds apart.",
    retries_by_itself=True,
    key_hint="the `user:password` of the callback address, or the callback_secret of the request's extra metadata,",
    notes=(
        _NOT_COVERED,
        "Since 27 October 2026 Deepgram no longer supports the dg-token header. Put `user:password@` into the callback "
        "address, or send `extra=callback_secret:…` with the request.",
        "A callback_secret is part of the body, so endpoints see it.",
        "A result of recorded audio has no type; streamed ones say theirs at /type.",
        "Retries as other implementations tell them; not confirmed by the sender's own documentation.",
    ),
    docs=(
        "https://developers.deepgram.com/docs/callback",
        "https://developers.deepgram.com/changelog/2026/10/27",
    ),
)

EVENTBRIDGE = Provider(
    slug="eventbridge",
    name="Amazon EventBridge API destinations",
    schemes=(_token(header("X-Webhook-Token"), id="api-key"), _basic()),
    options=(
        Option(
            "header",
            "the name of the API key's header that you chose in the connection",
            default="X-Webhook-Token",
            header=True,
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/detail-type"),),
    event_type_sub="/source",
    methods=("POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS"),
    timeout_s=5,
    retries="By default for up to 24 hours and 185 attempts, with regard to Retry-After; then the dead-letter queue.",
    retries_by_itself=True,
    key_hint="the API key of the connection (or `user:password`)",
    notes=(
        _NOT_COVERED,
        "Connections with OAuth are not supported.",
        "An input transformer may take the envelope away, and the id and the type with it.",
    ),
    docs=(
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html",
        "https://repost.aws/knowledge-center/eventbridge-api-destination-target-failure",
    ),
    sample_headers=(("User-Agent", "Amazon/EventBridge/ApiDestinations"),),
)

_FUSIONAUTH_HEADER = header("X-FusionAuth-Signature-JWT")

FUSIONAUTH = Provider(
    slug="fusionauth",
    name="FusionAuth",
    schemes=(
        Scheme(
            id="jwt",
            kind=Kind.JWT,
            signature=Signature(_FUSIONAUTH_HEADER),
            jwt=Jwt(
                algorithms=("HS256", "HS384", "HS512"),
                body_hash="request_body_sha256",
                hash_encoding="base64",
                key_url=fusionauth_key_url,
            ),
            notes="with an HMAC key",
        ),
        Scheme(
            id="jwt-public-key",
            kind=Kind.JWT,
            signature=Signature(_FUSIONAUTH_HEADER),
            jwt=Jwt(
                algorithms=("RS256", "RS384", "RS512", "ES256", "ES384", "ES512"),
                body_hash="request_body_sha256",
                hash_encoding="base64",
                key_url=fusionauth_key_url,
            ),
            notes="with an RSA or EC key",
        ),
    ),
    options=(
        Option(
            "issuer",
            "the address of FusionAuth, as https://auth.example.com, whose public keys are at /.well-known/jwks.json",
            proves=True,
        ),
    ),
    event_id=(body("/event/id"),),
    event_type=(body("/event/type"),),
    retries="Not known.",
    key_hint="the HMAC key, or the public key (PEM), that the webhook signs with",
    notes=(
        "Events are signed only when `Sign events` is on in the webhook's settings (since 1.48.0).",
        "Public keys may be fetched: name the `issuer` in the `signature` block in place of a secret.",
    ),
    docs=("https://fusionauth.io/docs/extend/events-and-webhooks/signing",),
)

HUGGINGFACE = Provider(
    slug="huggingface",
    name="Hugging Face",
    schemes=(_token(header("X-Webhook-Secret")),),
    event_type=(body("/event/action"),),
    event_type_sub="/event/scope",
    retries="Not known.",
    key_hint="the secret in the webhook's settings",
    notes=(_NOT_COVERED, "No id is sent; an event is known by its content."),
    docs=("https://huggingface.co/docs/hub/webhooks",),
)

KINDE = Provider(
    slug="kinde",
    name="Kinde",
    schemes=(Scheme(id="body-jwt", kind=Kind.SPECIAL, special=BODY_JWT),),
    event_id=(body("/event_id"),),
    event_type=(body("/type"),),
    delivery_id=(header("webhook-id"),),
    success="200",
    retries="Again with growing waits until a 200 comes.",
    retries_by_itself=True,
    key_hint="the address of the Kinde business, as https://you.kinde.com,",
    notes=(
        "The whole body is a signed token (application/jwt); its claims are the event. It is kept and delivered as it "
        "came.",
        "The secret is the address of the business, where its public keys are fetched. Where that cannot be done, the "
        "secret may be the public key, or what https://you.kinde.com/.well-known/jwks.json says.",
        "No time of sending is signed.",
    ),
    docs=(
        "https://docs.kinde.com/integrate/webhooks/about-webhooks/",
        "the official library @kinde/webhook lib/main.ts",
    ),
)

OKTA = Provider(
    slug="okta",
    name="Okta event hooks",
    schemes=(_token(header("Authorization")),),
    options=(
        Option(
            "header",
            "the name of the authentication field that you chose in the event hook",
            default="Authorization",
            header=True,
        ),
    ),
    event_id=(body("/eventId"), body("/data/events/*/uuid")),
    event_type=(body("/data/events/*/eventType"), body("/eventType")),
    methods=("POST", "GET"),
    handshakes=(
        Handshake(
            "verification-challenge",
            when=header("X-Okta-Verification-Challenge"),
            echo=header("X-Okta-Verification-Challenge"),
            echo_in="json:verification",
            methods=("GET",),
            signed=False,
        ),
    ),
    timeout_s=3,
    retries="Once, after a 5xx or a timeout; a 4xx ends it.",
    retries_by_itself=True,
    key_hint="the authentication secret of the event hook",
    notes=(
        _NOT_COVERED,
        "A request may carry several events; each has its own uuid.",
        "Inline hooks are something else: they wait for an answer that changes what Okta does.",
    ),
    docs=("https://developer.okta.com/docs/concepts/event-hooks/",),
)

PERSONA = Provider(
    slug="persona",
    name="Persona",
    schemes=(
        hmac(
            header("Persona-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t")),
        ),
    ),
    event_id=(body("/data/id"),),
    event_type=(body("/data/attributes/name"),),
    success="200, 201, 202 or 204",
    timeout_s=5,
    retries="Up to 8 times with growing waits.",
    retries_by_itself=True,
    key_hint="the webhook secret (wbhsec_…)",
    notes=("While a secret is rotated the header holds two groups of `t=…,v1=…`, with a space between them.",),
    docs=("https://docs.withpersona.com/webhooks", "https://docs.withpersona.com/webhooks-best-practices"),
)

RECALL_AI = Provider(
    slug="recall_ai",
    name="Recall.ai",
    schemes=(
        standard_webhooks_scheme("standard-webhooks", "webhook"),
        standard_webhooks_scheme("svix", "svix"),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the workspace verification secret (whsec_…)",
    notes=(
        "Nothing is signed until a workspace secret exists.",
        "Accounts from before 15 December 2025 sign with svix-* headers and a secret for each endpoint.",
    ),
    docs=("https://docs.recall.ai/docs/authenticating-requests-from-recallai",),
)

REPLICATE = Provider(
    slug="replicate",
    name="Replicate",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/status"),),
    retries="Not known.",
    key_hint="the secret (whsec_…) that GET /v1/webhooks/default/secret gives",
    notes=("The body is the prediction (or training); its /status serves as the type.",),
    docs=(
        "https://replicate.com/docs/topics/webhooks/verify-webhook",
        "the official library replicate 1.0.7 replicate/webhook.py",
    ),
)

SANITY = Provider(
    slug="sanity",
    name="Sanity",
    schemes=(
        hmac(
            header("sanity-webhook-signature"),
            signed="{timestamp}.{raw_body}",
            encoding=Encoding.BASE64URL_BARE,
            format=Format.KV,
            tag="v1",
            timestamp=Timestamp(field("t"), TimeUnit.MS, None),
        ),
    ),
    repeats_bodies=True,
    event_id=(header("idempotency-key"),),
    event_type=(header("sanity-operation"), body("/_type")),
    methods=("POST", "PUT", "PATCH", "DELETE", "GET"),
    retries="Twice, 30 seconds apart, after a 429 or 5xx.",
    retries_by_itself=True,
    key_hint="the secret in the webhook's settings",
    notes=(
        "A time is signed, and Sanity documents no limit for it: set the source's tolerance to refuse old requests.",
        "The idempotency key is not signed.",
        "The body is what the projection of the webhook says. The type is the sanity-operation header (create, update, "
        "delete), else the document's /_type; both headers are as other implementations read them, not confirmed by "
        "the sender's own documentation.",
    ),
    docs=(
        "https://www.sanity.io/docs/webhooks",
        "https://www.sanity.io/docs/changelog/50ec6abf-fe0c-475b-ae72-314148860132",
        "the official library @sanity/webhook 4.0.4",
    ),
)

STYTCH = Provider(
    slug="stytch",
    name="Stytch",
    schemes=(standard_webhooks_scheme("svix", "svix"),),
    event_id=(header("svix-id"),),
    event_type=(body("/object_type"),),
    event_type_sub="/action",
    retries="Not known.",
    key_hint="the signing secret of the endpoint (whsec_…)",
    notes=("Types are made of /object_type and /action; /source says where the change was made.",),
    docs=("https://stytch.com/docs/workspace-management/webhooks",),
)

WEBSUB = Provider(
    slug="websub",
    name="WebSub hubs",
    aliases=("pubsubhubbub",),
    schemes=tuple(
        hmac(header("X-Hub-Signature"), id=f"default-{algorithm}", algorithm=algorithm, prefix=f"{algorithm}=")
        for algorithm in (Algorithm.SHA256, Algorithm.SHA384, Algorithm.SHA512, Algorithm.SHA1)
    ),
    options=(
        Option(
            "topic",
            "the topics that are subscribed to, separated by spaces. Questions of hubs about others are not answered",
        ),
    ),
    event_type=(query("topic"),),
    content_types=("any",),
    methods=("POST", "GET"),
    handshakes=(
        Handshake(
            "intent-verification",
            when=query("hub.mode"),
            echo=query("hub.challenge"),
            methods=("GET",),
            respond=intend,
            signed=False,
        ),
        Handshake("denied", when=query("hub.mode"), equals="denied", methods=("GET",), signed=False),
    ),
    retries="Each hub has its own rule.",
    retries_by_itself=True,
    key_hint="the hub.secret of the subscription",
    notes=(
        "The hub chooses the hash. Narrow the source to those that you want with `scheme` in the `signature` block.",
        "With `topic` set, subscribing to it is confirmed and ending its subscription is not, whoever asks the hub. "
        "Without it every question is answered: anybody who knows the address could end a subscription.",
        "A subscription ends after hub.lease_seconds; subscribe again before that.",
        "The body is the content of the topic, known by itself: no id is sent. To tell topics apart, put `?topic=NAME` "
        "into the address that each subscription calls; it serves as the type, and is not signed.",
    ),
    docs=("https://www.w3.org/TR/websub/",),
)

ROWS: tuple[Provider, ...] = (
    ASSEMBLYAI,
    AUTH0,
    AWS_SNS,
    CLOUDEVENTS,
    CONTENTFUL,
    CONVOY,
    CURSOR,
    DEEPGRAM,
    EVENTBRIDGE,
    FUSIONAUTH,
    HUGGINGFACE,
    KINDE,
    OKTA,
    PERSONA,
    RECALL_AI,
    REPLICATE,
    SANITY,
    STYTCH,
    WEBSUB,
)
