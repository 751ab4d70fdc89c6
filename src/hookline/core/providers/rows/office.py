"""Projects, documents, customers."""

from __future__ import annotations

from hookline.core.model import Response
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.options import URL
from hookline.core.providers.own import dropbox_sign, hubspot, jira, microsoft_graph, monday
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
from hookline.core.providers.where import body, header, query

AIRTABLE = Provider(
    slug="airtable",
    name="Airtable",
    schemes=(hmac(header("X-Airtable-Content-MAC"), prefix="hmac-sha256=", key=KeyEncoding.BASE64),),
    success="200 or 204",
    reply=Response(204),
    retries="Not known.",
    key_hint="the macSecretBase64 that the creation of the webhook answered with",
    notes=(
        "The secret is base64; what it decodes to is the key.",
        "A request says only that something changed. What changed is fetched from the API of Airtable, so there are "
        "no types and ids of events.",
        "A webhook ends after 7 days unless it is refreshed or its payloads are listed.",
    ),
    docs=(
        "https://airtable.com/developers/web/api/webhooks-overview",
        "https://airtable.com/developers/web/api/create-a-webhook",
    ),
)

ASANA = Provider(
    slug="asana",
    name="Asana",
    schemes=(hmac(header("X-Hook-Signature")),),
    event_type=(body("/events/*/action"),),
    event_type_sub="/events/*/resource/resource_type",
    handshakes=(
        Handshake(
            "x-hook-secret",
            when=header("X-Hook-Secret"),
            echo=header("X-Hook-Secret"),
            echo_in="header:X-Hook-Secret",
            learns=header("X-Hook-Secret"),
            signed=False,
        ),
    ),
    success="200 or 204",
    retries="With growing waits; a webhook that had no success for 24 hours is deleted.",
    retries_by_itself=True,
    key_hint="the secret that Asana sends in X-Hook-Secret when the webhook is made",
    notes=(
        "Each webhook has a secret of its own. A source learns the first one that comes, as long as it has none.",
        "The secret comes while the call that makes the webhook is still under way.",
        "A request without events is a heartbeat. Events have no id.",
    ),
    docs=("https://developers.asana.com/docs/webhooks-guide",),
)

CLICKUP = Provider(
    slug="clickup",
    name="ClickUp",
    schemes=(hmac(header("X-Signature")),),
    event_type=(body("/event"),),
    timeout_s=7,
    retries="Up to 5 attempts for each event. After 100 events that failed, or one answer of 410, nothing is sent.",
    retries_by_itself=True,
    key_hint="the webhook.secret that the creation of the webhook answered with",
    notes=(
        "Events have no id: one item of `history_items` can come with several events, as taskUpdated and "
        "taskStatusUpdated.",
    ),
    docs=(
        "https://developer.clickup.com/docs/webhooksignature",
        "https://developer.clickup.com/docs/webhookhealth",
    ),
)

DOCUSIGN = Provider(
    slug="docusign",
    name="DocuSign Connect",
    schemes=(
        hmac(
            header("X-DocuSign-Signature-1"),
            encoding=Encoding.BASE64,
            format=Format.NUMBERED,
            notes="a header for each key, X-DocuSign-Signature-1, -2 and so on; one that matches is enough",
        ),
    ),
    event_type=(body("/event"), body("/DocuSignEnvelopeInformation/EnvelopeStatus/Status")),
    content_types=("json", "xml"),
    success="200",
    retries="Not known.",
    attempt=body("/retryCount"),
    key_hint="the Connect HMAC key",
    notes=(
        "The key is text and is used as it is, although it looks like base64.",
        "The signature must be switched on in the Connect configuration.",
        "Events have no id of their own: `data.envelopeId`, `event` and `retryCount` tell them apart.",
    ),
    docs=("https://developers.docusign.com/platform/webhooks/connect/validate/",),
)

DROPBOX_SIGN = Provider(
    slug="dropbox_sign",
    name="Dropbox Sign",
    schemes=(Scheme(id="default", kind=Kind.SPECIAL, special=dropbox_sign.SPECIAL),),
    aliases=("hellosign",),
    event_type=(body("/event/event_type"),),
    json_field=dropbox_sign.FIELD,
    content_types=("any",),
    success="200",
    reply=Response(200, b"Hello API Event Received", "text/plain"),
    retries="For about 3 days with growing waits.",
    retries_by_itself=True,
    key_hint="the API key of the account",
    notes=(
        "Only the time and the type of the event are signed; the body is not covered by the proof.",
        "The body is a multipart form whose field `json` holds the event.",
        "Events have no id: the hash of two events of one type and second is the same.",
    ),
    docs=(
        "the official library dropbox-sign 2.0.0 dropbox_sign/event_callback_helper.py",
        "https://developers.hellosign.com/docs/events/overview/",
        "https://developers.hellosign.com/api/manual-reference-pages/glossary/callbacks-events",
    ),
    test_mode=(body("/signature_request/test_mode"), "true"),
)

GOOGLE_PUSH = Provider(
    slug="google_push",
    name="Google Calendar and Drive push channels",
    schemes=(Scheme(id="static-token", kind=Kind.STATIC_TOKEN, signature=Signature(header("X-Goog-Channel-Token"))),),
    event_id=(header("X-Goog-Message-Number"),),
    id_scope=(header("X-Goog-Channel-ID"),),
    repeats_bodies=True,
    event_type=(header("X-Goog-Resource-State"),),
    content_types=("any",),
    retries="Not known.",
    key_hint="the token that you gave to the channel when you made it",
    notes=(
        "The body is empty, or says nothing, and is not covered by the proof: fetch the changes from Google.",
        "The first message of a channel has the type `sync`. Channels end and have to be made anew.",
        "Messages are numbered within a channel, so the id that Hookline takes is that of the channel and the number.",
    ),
    docs=(
        "https://developers.google.com/workspace/calendar/api/guides/push",
        "https://developers.google.com/workspace/drive/api/guides/push",
    ),
)

HUBSPOT = Provider(
    slug="hubspot",
    name="HubSpot",
    schemes=(
        Scheme(
            id="v3",
            kind=Kind.HMAC,
            signature=Signature(header("X-HubSpot-Signature-v3"), Encoding.BASE64),
            signed=hubspot.V3,
            timestamp=Timestamp(hubspot.TIMESTAMP, TimeUnit.MS, 300.0),
        ),
        Scheme(
            id="v2",
            kind=Kind.SPECIAL,
            special=hubspot.V2,
            notes="where X-HubSpot-Signature-Version says v2: workflow webhooks and CRM cards; without a timestamp",
        ),
        Scheme(
            id="v1",
            kind=Kind.HASH,
            signature=Signature(hubspot.SIGNATURE),
            signed=hubspot.BODY_ALONE,
            notes="CRM object webhooks; covers neither the address nor the time",
        ),
    ),
    event_id=(body("/*/eventId"),),
    id_scope=(body("/*/subscriptionId"), body("/*/objectId"), body("/*/occurredAt")),
    event_type=(body("/*/subscriptionType"),),
    retries="Not known.",
    attempt=body("/*/attemptNumber"),
    key_hint="the client secret of the app",
    notes=(
        "Versions 1 and 2 are bare hashes without a timestamp. Where HubSpot sends version 3 too, set `scheme` to "
        "`v3`, so that nothing older counts.",
        "HubSpot does not promise that eventId is never used twice: subscription, object and time belong to the id.",
    ),
    docs=(
        "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
        "the official library hubspot-api-client 12.0.0 hubspot/utils/signature.py",
        "the official library @hubspot/api-client 13.5.0 lib/src/utils/signature.js",
    ),
)

JIRA = Provider(
    slug="jira",
    name="Jira",
    schemes=(
        hmac(header("X-Hub-Signature"), prefix="sha256="),
        Scheme(
            id="connect-jwt",
            kind=Kind.JWT,
            signature=Signature(header("Authorization"), prefix="JWT "),
            jwt=jira.CONNECT,
            notes="Connect apps only: the secret is the sharedSecret of the installation",
        ),
    ),
    aliases=("atlassian_jira",),
    event_id=(header("X-Atlassian-Webhook-Identifier"),),
    event_type=(body("/webhookEvent"),),
    options=(URL,),
    retries="Some, minutes apart, after timeouts and errors; X-Atlassian-Webhook-Retry counts them.",
    retries_by_itself=True,
    attempt=header("X-Atlassian-Webhook-Retry"),
    key_hint="the secret of the webhook",
    notes=(
        "A webhook without a secret is not signed.",
        "The token of a Connect app covers the method, the path and the query; the body is not covered by it. Its path "
        "is that below the base URL of the app, which must have none of its own. Where a proxy changes the path, say "
        "the public address with `url`.",
        "X-Atlassian-Webhook-Identifier stays over retries. It is not signed.",
    ),
    docs=(
        "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
        "the official library atlassian-jwt 2.0.3 dist/lib/jwt.js",
    ),
    sample_headers=(("User-Agent", "Atlassian Webhook HTTP Client"),),
)

LINEAR = Provider(
    slug="linear",
    name="Linear",
    schemes=(
        hmac(
            header("Linear-Signature"),
            timestamp=Timestamp(body("/webhookTimestamp"), TimeUnit.MS, 60.0),
        ),
    ),
    event_id=(header("Linear-Delivery"),),
    event_type=(body("/type"), header("Linear-Event")),
    event_type_sub="/action",
    delivery_id=(header("Linear-Delivery"),),
    success="200",
    timeout_s=5,
    retries="Not known.",
    key_hint="the signing secret of the webhook",
    notes=("Linear-Delivery is not signed. The time that is signed is `webhookTimestamp` of the body.",),
    docs=(
        "https://linear.app/developers/webhooks",
        "the official library @linear/sdk 98.0.0 dist/webhooks",
    ),
)

MICROSOFT_GRAPH = Provider(
    slug="microsoft_graph",
    name="Microsoft Graph",
    schemes=(Scheme(id="client-state", kind=Kind.SPECIAL, special=microsoft_graph.CLIENT_STATE),),
    event_id=(body("/value/*/id"),),
    event_type=(body("/value/*/changeType"), body("/value/*/lifecycleEvent")),
    content_types=("json", "text"),  # the question comes as text/plain
    handshakes=(
        Handshake("validationToken", when=query("validationToken"), echo=query("validationToken"), signed=False),
    ),
    timeout_s=3,
    retries="For up to 4 hours; who answers slowly too often is sent to more slowly.",
    retries_by_itself=True,
    key_hint="the clientState of the subscription",
    notes=(
        "Every notification of a batch must have a clientState that is a secret of the source. The body is not covered "
        "by the proof.",
        "The `validationTokens` of notifications with resource data are not checked, and the data is not decrypted.",
        "One request can hold notifications of several subscriptions and tenants.",
    ),
    docs=(
        "https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
        "https://learn.microsoft.com/en-us/graph/api/resources/changenotificationcollection",
    ),
)

MONDAY = Provider(
    slug="monday",
    name="monday.com",
    schemes=(
        Scheme(
            id="jwt",
            kind=Kind.JWT,
            signature=Signature(header("Authorization")),
            jwt=Jwt(algorithms=("HS256",), required=("exp",), url_claim="aud"),
        ),
    ),
    event_id=(body("/event/triggerUuid"),),
    event_type=(body("/event/type"),),
    handshakes=(
        Handshake("challenge", when=body("/challenge"), echo=body("/challenge"), respond=monday.respond, signed=False),
    ),
    retries="Not known.",
    key_hint="the signing secret of the app",
    notes=(
        "The token names the address, which must be the one that monday.com was given. The body is not covered by the "
        "proof.",
        "Webhooks that are made in the user interface or with a personal token are not signed.",
        "Webhooks about the life of an app are signed with its client secret.",
    ),
    docs=(
        "https://developer.monday.com/apps/docs/authorization-header",
        "https://developer.monday.com/apps/docs/advanced-concepts",
    ),
)

NOTION = Provider(
    slug="notion",
    name="Notion",
    schemes=(hmac(header("X-Notion-Signature"), prefix="sha256=", encoding=Encoding.HEX_ANY_CASE),),
    event_id=(body("/id"),),
    event_type=(body("/type"),),
    handshakes=(
        Handshake(
            "verification_token",
            when=body("/verification_token"),
            learns=body("/verification_token"),
            signed=False,
        ),
    ),
    success="200",
    retries="Not known.",
    key_hint="the verification token of the subscription",
    notes=(
        "Notion sends the verification token once, and a source that has no secret yet keeps it. Paste it into the "
        "settings of the integration to begin.",
        "Events come together and late: several changes can be told as one.",
    ),
    docs=(
        "https://developers.notion.com/reference/webhooks",
        "the official library @notionhq/client 5.26.0 build/src/webhooks.js",
    ),
)

PIPEDRIVE = Provider(
    slug="pipedrive",
    name="Pipedrive",
    schemes=(Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),),
    event_type=(body("/meta/action"),),
    event_type_sub="/meta/entity",
    timeout_s=10,
    retries="Some after a failure; a webhook whose first attempts keep failing is held back for a while.",
    retries_by_itself=True,
    key_hint="the user:password of the webhook",
    notes=(
        "The body is not covered by the proof.",
        "`meta.id` is that of the object in version 1, so it is not taken for the id of the event.",
    ),
    docs=(
        "https://pipedrive.readme.io/docs/guide-for-webhooks-v2",
        "https://pipedrive.readme.io/docs/webhooks-for-apps",
    ),
)

#: What Salesforce wants to read before it stops sending a message.
_ACKNOWLEDGED = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
_NOTIFICATION = "/Envelope/Body/notifications/Notification"

SALESFORCE = Provider(
    slug="salesforce",
    name="Salesforce outbound messages",
    schemes=(
        Scheme(
            id="url-secret",
            kind=Kind.STATIC_TOKEN,
            signature=Signature(query("token")),
            notes="nothing is signed: put ?token=… with a long random secret in the address",
        ),
    ),
    event_id=(body(f"{_NOTIFICATION}/Id"), body(f"{_NOTIFICATION}/*/Id")),
    event_type=(body(f"{_NOTIFICATION}/sObject/@type"), body(f"{_NOTIFICATION}/*/sObject/@type")),
    content_types=("xml",),
    success="200",
    reply=Response(200, _ACKNOWLEDGED, "text/xml"),
    timeout_s=60,
    retries="For 24 hours until it is acknowledged, with waits that grow to 2 hours.",
    retries_by_itself=True,
    key_hint="the secret that you put as ?token=… in the address",
    notes=(
        "Salesforce signs nothing, so put ?token=… in the address. The body is not covered by the proof. Its client "
        "certificate (mutual TLS) can be asked for by a proxy in front.",
        "A message has up to 100 notifications, each with an id that retries keep.",
        "Platform events and change data capture are not sent as webhooks.",
    ),
    docs=(
        "https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging_understanding.htm",
        "https://developer.salesforce.com/docs/platform/api/guide/sforce-api-om-outboundmessaging-wsdl.html",
    ),
)

TRELLO = Provider(
    slug="trello",
    name="Trello",
    schemes=(
        hmac(
            header("X-Trello-Webhook"),
            signed="{raw_body}{url}",
            algorithm=Algorithm.SHA1,
            encoding=Encoding.BASE64,
        ),
    ),
    event_id=(body("/action/id"),),
    event_type=(body("/action/type"),),
    handshakes=(Handshake("head-check", signed=False, methods=("HEAD",)),),
    success="200",
    retries="Not known.",
    key_hint="the OAuth secret of the API key (neither the key nor a token)",
    notes=("The address is signed exactly as it was given as callbackURL.",),
    docs=("https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",),
)

ROWS: tuple[Provider, ...] = (
    AIRTABLE,
    ASANA,
    CLICKUP,
    DOCUSIGN,
    DROPBOX_SIGN,
    GOOGLE_PUSH,
    HUBSPOT,
    JIRA,
    LINEAR,
    MICROSOFT_GRAPH,
    MONDAY,
    NOTION,
    PIPEDRIVE,
    SALESFORCE,
    TRELLO,
)
