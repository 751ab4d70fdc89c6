"""Messages, calls, chats, streams, social networks."""

from __future__ import annotations

from hookline.core.model import Response
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.own import discord, meta, plivo, twilio, x, zoom
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

DISCORD = Provider(
    slug="discord",
    name="Discord",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.ED25519,
            signature=Signature(header("X-Signature-Ed25519")),
            signed="{timestamp}{raw_body}",
            key=KeyEncoding.HEX,
            timestamp=Timestamp(header("X-Signature-Timestamp"), tolerance_s=None),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/event/type"), body("/type")),
    handshakes=(
        Handshake("interaction-ping", signed=True, when=body("/type"), equals="1", respond=discord.answer_ping),
        Handshake(
            "webhook-events-ping",
            signed=True,
            when=body("/type"),
            equals="0",
            status=204,
            content_type="application/json",
        ),
    ),
    success="204",
    reply=Response(204),
    timeout_s=3,
    retries="Webhook events several times with growing waits for up to 10 minutes; interactions never.",
    retries_by_itself=True,
    key_hint="the application's public key",
    notes=(
        "Discord sends wrong signatures on purpose and takes the address away unless it gets a 401.",
        "Webhook events have no id; interactions have one, and their type is a number.",
        "No age of the signed time is documented, so none is refused.",
    ),
    docs=(
        "https://docs.discord.com/developers/events/webhook-events",
        "the library discord-interactions 0.4.0",
    ),
)

FRONT = Provider(
    slug="front",
    name="Front",
    schemes=(
        hmac(
            header("X-Front-Signature"),
            signed="{timestamp}:{raw_body}",
            encoding=Encoding.BASE64,
            timestamp=Timestamp(header("X-Front-Request-Timestamp"), TimeUnit.MS),
        ),
    ),
    event_type=(body("/type"),),
    handshakes=(
        Handshake(
            "validation",
            signed=True,
            when=header("X-Front-Challenge"),
            echo=header("X-Front-Challenge"),
            echo_in="json:challenge",
        ),
    ),
    retries="Not known.",
    key_hint="the application's signing key",
    notes=(
        "This is for application webhooks. Webhooks of rules are signed otherwise: the base64 HMAC-SHA1 of the body "
        "under the API secret, in the same header.",
        "Front tests the address when it is saved; how the challenge goes back is as other implementations do it.",
    ),
    docs=(
        "https://dev.frontapp.com/docs/application-webhooks",
        "https://dev.frontapp.com/docs/rule-webhooks",
    ),
)

INTERCOM = Provider(
    slug="intercom",
    name="Intercom",
    schemes=(hmac(header("X-Hub-Signature"), algorithm=Algorithm.SHA1, prefix="sha1="),),
    event_id=(body("/id"),),
    event_type=(body("/topic"),),
    handshakes=(
        Handshake("head-check", signed=False, methods=("HEAD",)),
        Handshake("ping", signed=True, when=body("/topic"), equals="ping"),
    ),
    success="200",
    timeout_s=5,
    retries="Once, after a minute. A 410 ends the subscription, a 429 slows it down, and seven days of errors suspend "
    "that of a private app.",
    retries_by_itself=True,
    attempt=body("/delivery_attempts"),
    key_hint="the app's client secret",
    notes=(
        "SHA-1, in a header that other senders use for SHA-256.",
        "The check with HEAD, the 5 seconds and the single retry are as other implementations know them; not "
        "confirmed by the sender's own documentation.",
    ),
    docs=(
        "https://developers.intercom.com/docs/references/webhooks/webhook-models",
        "https://developers.intercom.com/docs/webhooks/webhook-notifications",
    ),
)

KNOCK = Provider(
    slug="knock",
    name="Knock",
    schemes=(
        hmac(
            header("x-knock-signature"),
            signed="{timestamp}.{raw_body}",
            encoding=Encoding.BASE64,
            format=Format.KV,
            tag="s",
            timestamp=Timestamp(field("t"), TimeUnit.MS),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    success="200 or 204",
    retries="Not known.",
    key_hint="the webhook's signing key",
    notes=("The time in the signature is in milliseconds.",),
    docs=("https://docs.knock.app/developer-tools/outbound-webhooks",),
)

LINE = Provider(
    slug="line",
    name="LINE Messaging API",
    schemes=(hmac(header("x-line-signature"), encoding=Encoding.BASE64),),
    event_id=(body("/events/*/webhookEventId"),),
    event_type=(body("/events/*/type"),),
    handshakes=(Handshake("verify", signed=True, when=body("/events"), equals="[]"),),
    success="200",
    retries="Only where webhook redelivery is turned on in the console.",
    retries_by_itself=True,
    key_hint="the channel secret",
    notes=(
        "One request can hold several events.",
        "The console's Verify button sends an empty list of events.",
        "/deliveryContext/isRedelivery of an event tells retries.",
    ),
    docs=(
        "the official library line-bot-sdk 3.27.0 linebot/v3/webhook.py",
        "the official library @line/bot-sdk 11.0.0 lib/validate-signature.ts",
        "https://github.com/line/line-openapi/blob/main/webhook.yml",
    ),
    sample_headers=(("User-Agent", "LineBotWebhook/2.0"),),
)

LIVEKIT = Provider(
    slug="livekit",
    name="LiveKit",
    schemes=(
        Scheme(
            id="jwt",
            kind=Kind.JWT,
            signature=Signature(header("Authorization")),
            jwt=Jwt(
                algorithms=("HS256",),
                required=("exp",),
                body_hash="sha256",
                hash_encoding="base64",
                leeway_s=60.0,
            ),
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the API secret",
    notes=(
        "The Authorization header holds the token alone, without `Bearer`.",
        "The API key in the token's `iss` is not compared: only its secret can have signed.",
    ),
    docs=("the official library livekit-api 1.2.2 livekit/api/webhook.py",),
)

MESSAGEBIRD = Provider(
    slug="messagebird",
    name="MessageBird",
    schemes=(
        Scheme(
            id="jwt",
            kind=Kind.JWT,
            signature=Signature(header("MessageBird-Signature-JWT")),
            jwt=Jwt(
                algorithms=("HS256", "HS384", "HS512"),
                claims=(("iss", "MessageBird"),),
                required=("exp", "nbf"),
                body_hash="payload_hash",
                empty_body_has_hash=False,
                url_hash="url_hash",
                leeway_s=1.0,
            ),
        ),
    ),
    methods=("POST", "GET", "PUT", "PATCH", "DELETE"),
    retries="Not known.",
    key_hint="the signing key",
    notes=(
        "The token holds the hash of the address, query included, as MessageBird called it.",
        "Now named Bird.",
    ),
    docs=(
        "the official library messagebird 2.2.0 messagebird/request_validator.py",
        "https://github.com/messagebird/python-rest-api",
    ),
)

META = Provider(
    slug="meta",
    name="Meta",
    aliases=("facebook", "whatsapp", "instagram", "messenger"),
    schemes=(
        hmac(header("X-Hub-Signature-256"), prefix="sha256="),
        hmac(
            header("X-Hub-Signature"),
            id="legacy-sha1",
            algorithm=Algorithm.SHA1,
            prefix="sha1=",
            notes="only where the SHA-256 header is absent",
        ),
    ),
    event_type=(body("/entry/*/changes/*/field"), body("/object")),
    methods=("POST", "GET"),
    handshakes=(
        Handshake(
            "hub.challenge",
            signed=False,
            when=query("hub.mode"),
            equals="subscribe",
            echo=query("hub.challenge"),
            methods=("GET",),
            respond=meta.answer_challenge,
        ),
    ),
    options=(meta.VERIFY_TOKEN,),
    success="200",
    retries="At once, then ever less often for up to 36 hours (WhatsApp: 7 days).",
    retries_by_itself=True,
    key_hint="the app secret",
    notes=(
        "For Facebook, Instagram, Messenger and the WhatsApp Cloud API.",
        "One request can hold many changes, and has no id of its own.",
        "What is signed is the body as it is sent, with characters beyond ASCII written as \\uXXXX.",
        "How long retries go on is as other implementations know it.",
    ),
    docs=("https://developers.facebook.com/docs/graph-api/webhooks/getting-started",),
    sample_headers=(("User-Agent", "facebookexternalua"),),
    signs_with=("default", "legacy-sha1"),
)

MS_TEAMS = Provider(
    slug="ms_teams",
    name="Microsoft Teams outgoing webhook",
    schemes=(hmac(header("Authorization"), encoding=Encoding.BASE64, prefix="HMAC ", key=KeyEncoding.BASE64),),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    success="200 with a message as JSON",
    reply=Response(200, b'{"type":"message","text":"Received."}'),
    timeout_s=10,
    retries="Not known.",
    key_hint="the security token",
    notes=(
        "The security token is base64 and is decoded before it is a key.",
        "Teams shows the answer in the conversation, and an error where there is none.",
    ),
    docs=(
        "https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook",
    ),
)

NYLAS = Provider(
    slug="nylas",
    name="Nylas",
    schemes=(
        hmac(
            header("X-Nylas-Signature"),
            notes="of a compressed delivery, the signature is that of the compressed bytes",
        ),
    ),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    methods=("POST", "GET"),
    handshakes=(
        Handshake("challenge", signed=False, when=query("challenge"), echo=query("challenge"), methods=("GET",)),
    ),
    success="200",
    timeout_s=10,
    retries="Failed notifications are tried again; the schedule is not known.",
    retries_by_itself=True,
    attempt=body("/webhook_delivery_attempt"),
    key_hint="the webhook secret",
    notes=("This is version 3 of Nylas.",),
    docs=(
        "https://developer.nylas.com/docs/v3/webhooks/",
        "https://developer.nylas.com/docs/cookbook/use-cases/build/retry-failed-webhooks.md",
    ),
)

PLIVO = Provider(
    slug="plivo",
    name="Plivo",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.HMAC,
            signature=Signature(header("X-Plivo-Signature-V3"), Encoding.BASE64, Format.LIST),
            signed=plivo.SIGNED_V3,
        ),
        Scheme(
            id="v2",
            kind=Kind.HMAC,
            signature=Signature(header("X-Plivo-Signature-V2"), Encoding.BASE64),
            signed=plivo.SIGNED_V2,
            notes="signs only the address without its query; counts only where version 3 is absent",
        ),
    ),
    content_types=("form",),
    methods=("POST", "GET"),
    retries="Not known.",
    key_hint="the Auth Token",
    notes=(
        "X-Plivo-Signature-Ma-V3 is the same under the token of the main account; it is not looked at.",
        "Version 2 leaves body and query out of the proof.",
    ),
    docs=(
        "the official library plivo 4.63.0 plivo/utils/signature_v3.py",
        "the official library plivo 4.63.0 plivo/utils/__init__.py",
    ),
    sample_headers=(
        (plivo.NONCE_V3.name, "12345678901234567890"),
        (plivo.NONCE_V2.name, "12345678901234567890"),
    ),
)

PUSHER = Provider(
    slug="pusher",
    name="Pusher Channels",
    schemes=(hmac(header("X-Pusher-Signature"), timestamp=Timestamp(body("/time_ms"), TimeUnit.MS)),),
    event_type=(body("/events/*/name"),),
    timeout_s=4,
    retries="With growing waits for 5 minutes.",
    retries_by_itself=True,
    key_hint="the secret of the app key that X-Pusher-Key names",
    notes=("One request can hold several events, and has no id.",),
    docs=(
        "the official library pusher 3.3.4 pusher/authentication_client.py",
        "https://docs.bird.com/pusher/channels/channels/webhooks/channels-webhook-timeouts-and-retries",
    ),
)

SENDBIRD = Provider(
    slug="sendbird",
    name="Sendbird",
    schemes=(hmac(header("x-sendbird-signature")),),
    event_type=(body("/category"),),
    retries="Not known.",
    key_hint="the application's master API token",
    notes=("Sendbird says that an API token signs; that it is the master one is as other implementations read it.",),
    docs=("https://docs.sendbird.com/docs/business-messaging/guide/v1/settings/webhooks",),
)

SINCH = Provider(
    slug="sinch",
    name="Sinch",
    schemes=(
        hmac(
            header("x-sinch-webhook-signature"),
            signed="{raw_body}.{header:x-sinch-webhook-signature-nonce}.{timestamp}",
            encoding=Encoding.BASE64,
            timestamp=Timestamp(header("x-sinch-webhook-signature-timestamp")),
        ),
        hmac(
            header("x-sinch-signature"),
            id="numbers",
            algorithm=Algorithm.SHA1,
            event_id=(body("/eventId"),),
            event_type=(body("/eventType"),),
            notes="callbacks of the Numbers API",
        ),
    ),
    event_type=(key("app_id", "project_id", "accepted_time", "event_time", "message_metadata", "correlation_id"),),
    retries="Not known.",
    key_hint="the webhook's secret",
    notes=(
        "For the Conversation API, whose events are named by the key that holds them, and for the Numbers API. "
        "Voice and Verification sign otherwise and are not read.",
        "How old a signed time may be is our choice; the official library does not look at it.",
    ),
    docs=(
        "the official library sinch 2.3.0 domains/authentication/sinch_events/v1/authentication_validation.py",
        "https://developers.sinch.com/docs/conversation/callbacks",
    ),
    sample_headers=(("x-sinch-webhook-signature-nonce", "01FJA8B4A7BM43YGWSG9GBV067"),),
)

TELEGRAM = Provider(
    slug="telegram",
    name="Telegram Bot API",
    schemes=(
        Scheme(
            id="static-token",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(header("X-Telegram-Bot-Api-Secret-Token")),
        ),
    ),
    event_id=(body("/update_id"),),
    event_type=(key("update_id"),),
    retries="With doubling waits of at most a minute or two (a Retry-After is honoured up to an hour). A webhook that "
    "answers 410 for 23 hours is dropped.",
    retries_by_itself=True,
    ip_ranges="https://core.telegram.org/bots/webhooks",
    key_hint="the secret_token given to setWebhook",
    notes=(
        "The body is not covered by the proof.",
        "The token has 1 to 256 letters, digits, underscores and hyphens.",
    ),
    docs=(
        "https://core.telegram.org/bots/api#setwebhook",
        "https://github.com/tdlib/telegram-bot-api/blob/master/telegram-bot-api/WebhookActor.cpp",
    ),
)

TELNYX = Provider(
    slug="telnyx",
    name="Telnyx",
    schemes=(
        Scheme(
            id="default",
            kind=Kind.ED25519,
            signature=Signature(header("telnyx-signature-ed25519"), Encoding.BASE64),
            signed="{timestamp}|{raw_body}",
            key=KeyEncoding.BASE64,
            timestamp=Timestamp(header("telnyx-timestamp")),
        ),
    ),
    event_id=(body("/data/id"),),
    event_type=(body("/data/event_type"),),
    timeout_s=2,
    retries="Each product has its own schedule. Messages: 3 attempts at the address, then at the failover address.",
    retries_by_itself=True,
    attempt=body("/meta/attempt"),
    key_hint="the public key of the Mission Control portal",
    notes=("The 2 seconds are those of messages; for calls they can be set.",),
    docs=(
        "the official library telnyx 4.189.0 telnyx/lib/webhook_verification.py",
        "https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks",
    ),
)

TIKTOK = Provider(
    slug="tiktok",
    name="TikTok",
    schemes=(
        hmac(
            header("TikTok-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="s",
            timestamp=Timestamp(field("t")),
        ),
    ),
    event_type=(body("/event"),),
    success="200",
    retries="For up to 72 hours with growing waits.",
    retries_by_itself=True,
    key_hint="the app's client secret",
    notes=("TikTok Shop is another service, which signs otherwise.",),
    docs=(
        "https://developers.tiktok.com/doc/webhooks-verification",
        "https://developers.tiktok.com/doc/webhooks-overview/",
    ),
)

TWILIO = Provider(
    slug="twilio",
    name="Twilio",
    schemes=(
        Scheme(
            id="json-bodysha256",
            kind=Kind.SPECIAL,
            special=twilio.BODY_HASH,
            notes="bodies that are no form",
        ),
        Scheme(
            id="form",
            kind=Kind.HMAC,
            signature=twilio.SIGNATURE,
            algorithm=Algorithm.SHA1,
            signed=twilio.SIGNED_SHA1,
        ),
        Scheme(
            id="sharedkey-sha256",
            kind=Kind.HMAC,
            signature=twilio.SIGNATURE,
            signed=twilio.SIGNED_SHA256,
            notes="where a shared key signs instead of the Auth Token; the secret is that of the shared key",
        ),
    ),
    event_id=(header("I-Twilio-Idempotency-Token"),),
    event_type=(
        *(form(name) for name in ("EventType", "SmsStatus", "MessageStatus", "CallStatus")),
        *(query(name) for name in ("EventType", "SmsStatus", "MessageStatus", "CallStatus")),
    ),
    delivery_id=(header("I-Twilio-Idempotency-Token"),),
    content_types=("form", "json"),
    methods=("POST", "GET"),
    reply=Response(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml"),
    timeout_s=15,
    retries="Once, and only where no connection came about; the address can ask for more, as `#rc=3&rp=all`.",
    retries_by_itself=True,
    key_hint=twilio.KEY_HINT,
    notes=(
        "The address is signed, so the source must know the one that Twilio was given.",
        "A message or call has one Sid over all its states, so the Sid is not the id of an event. The idempotency "
        "token that serves instead is not signed.",
        "The answer to an event is TwiML that does nothing, which Twilio takes for status callbacks too.",
        "Only the decoded fields of a form are signed, not how they are written.",
    ),
    docs=(
        "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
        "https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides",
        "the official library twilio 9.13.0 twilio/request_validator.py",
        "the official library twilio (npm) 6.2.0 lib/webhooks/webhooks.js",
    ),
    sample_headers=(("User-Agent", "TwilioProxy/1.1"),),
    signs_with=("form",),
)

TWITCH = Provider(
    slug="twitch",
    name="Twitch EventSub",
    schemes=(
        hmac(
            header("Twitch-Eventsub-Message-Signature"),
            prefix="sha256=",
            signed="{header:Twitch-Eventsub-Message-Id}{timestamp}{raw_body}",
            timestamp=Timestamp(header("Twitch-Eventsub-Message-Timestamp"), TimeUnit.ISO, 600.0),
        ),
    ),
    event_id=(header("Twitch-Eventsub-Message-Id"),),
    event_type=(header("Twitch-Eventsub-Subscription-Type"),),
    handshakes=(
        Handshake(
            "webhook_callback_verification",
            signed=True,
            when=header("Twitch-Eventsub-Message-Type"),
            equals="webhook_callback_verification",
            echo=body("/challenge"),
        ),
    ),
    retries="Sent again where Twitch is not sure that it arrived; too many failures end the subscription.",
    retries_by_itself=True,
    attempt=header("Twitch-Eventsub-Message-Retry"),
    key_hint="the subscription's secret",
    notes=(
        "Twitch waits a few seconds for the answer.",
        "The end of a subscription arrives as an event of its type, with Twitch-Eventsub-Message-Type: revocation.",
        "The time is signed as it is written, with nanoseconds.",
    ),
    docs=("https://dev.twitch.tv/docs/eventsub/handling-webhook-events",),
)

VONAGE = Provider(
    slug="vonage",
    name="Vonage",
    aliases=("nexmo",),
    schemes=(
        Scheme(
            id="signed-webhook",
            kind=Kind.JWT,
            signature=Signature(header("Authorization"), prefix="Bearer "),
            jwt=Jwt(
                algorithms=("HS256",),
                claims=(("iss", "Vonage"),),
                required=("iat",),
                body_hash="payload_hash",
                empty_body_has_hash=False,
                max_age_s=300.0,
            ),
        ),
    ),
    event_type=(body("/status"), form("status")),
    content_types=("json", "form"),
    retries="A 5xx is tried again; the schedule is not known.",
    retries_by_itself=True,
    key_hint="the account's signature secret",
    notes=(
        "For signed webhooks of the Messages and Voice APIs, sent with POST. Those sent with GET hold the hash of "
        "their query, which is not read here.",
        "The SMS API signs in the field `sig` of its request; that is not read here.",
        "How old a token may be is our choice: Vonage gives it a time of issue and no end.",
    ),
    docs=(
        "https://developer.vonage.com/en/getting-started/concepts/webhooks",
        "the official library vonage-jwt 1.1.5 vonage_jwt/verify_jwt.py",
    ),
)

X = Provider(
    slug="x",
    name="X",
    aliases=("twitter",),
    schemes=(hmac(header("x-twitter-webhooks-signature"), encoding=Encoding.BASE64, prefix="sha256=", signed=x.BODY),),
    event_type=(key("for_user_id", "user_has_blocked"),),
    methods=("POST", "GET"),
    handshakes=(
        Handshake(
            "crc",
            signed=False,
            when=query("crc_token"),
            echo=query("crc_token"),
            methods=("GET",),
            respond=x.answer_crc,
        ),
    ),
    success="200",
    timeout_s=10,
    retries="None by itself. Replay jobs of the API send events again.",
    retries_by_itself=False,
    key_hint="the app's consumer secret",
    notes=(
        "The address must not have a port.",
        "X asks for the proof of the secret when the webhook is made, and then again and again.",
        "Events have no id; they are named by the key that holds them.",
    ),
    docs=("https://docs.x.com/x-api/webhooks/quickstart",),
)

ZOOM = Provider(
    slug="zoom",
    name="Zoom",
    schemes=(
        hmac(
            header("x-zm-signature"),
            prefix="v0=",
            signed="v0:{timestamp}:{raw_body}",
            timestamp=Timestamp(header("x-zm-request-timestamp")),
        ),
    ),
    event_type=(body("/event"),),
    handshakes=(
        Handshake(
            "endpoint.url_validation",
            signed=False,
            when=body("/event"),
            equals="endpoint.url_validation",
            echo=body("/payload/plainToken"),
            respond=zoom.answer_validation,
        ),
    ),
    success="200 or 204",
    timeout_s=3,
    retries="3 times: 5 minutes after the first attempt, then after another 20 and another 60.",
    retries_by_itself=True,
    key_hint="the app's Secret Token",
    notes=(
        "Events have no id.",
        "How old a signed time may be is our choice; the official library does not look at it.",
    ),
    docs=(
        "the official library @zoom/rivet 0.4.0 meetings/meetings.mjs",
        "https://devsupport.zoom.us/hc/en-us/articles/360059893812-Webhook-delays",
        "https://github.com/zoom/webhook-sample",
    ),
)

ROWS: tuple[Provider, ...] = (
    DISCORD,
    FRONT,
    INTERCOM,
    KNOCK,
    LINE,
    LIVEKIT,
    MESSAGEBIRD,
    META,
    MS_TEAMS,
    NYLAS,
    PLIVO,
    PUSHER,
    SENDBIRD,
    SINCH,
    TELEGRAM,
    TELNYX,
    TIKTOK,
    TWILIO,
    TWITCH,
    VONAGE,
    X,
    ZOOM,
)
