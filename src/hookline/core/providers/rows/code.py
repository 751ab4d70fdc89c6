"""Code, builds, hosting, monitoring, data."""

from __future__ import annotations

from dataclasses import replace

from hookline.core.providers.handshake import Handshake
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.options import Option
from hookline.core.providers.own import gitea, grafana
from hookline.core.providers.provider import Provider
from hookline.core.providers.rows.shapes import hmac, standard_webhooks_scheme
from hookline.core.providers.scheme import Algorithm, Encoding, Format, Kind, Scheme, Signature, Timestamp
from hookline.core.providers.signed import Signed
from hookline.core.providers.where import Where, body, field, header, key, query

_BODY_NOT_COVERED = "The body is not covered by the proof: who learns the token can send anything."
_BASIC = Scheme(id="basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization")))


def _token(id: str, where: Where, prefix: str = "", event_type: tuple[Where, ...] = ()) -> Scheme:
    return Scheme(id=id, kind=Kind.STATIC_TOKEN, signature=Signature(where, prefix=prefix), event_type=event_type)


ALERTMANAGER = Provider(
    slug="alertmanager",
    name="Prometheus Alertmanager",
    schemes=(_BASIC, _token("bearer", header("Authorization"), "Bearer ")),
    event_type=(body("/status"),),
    repeats_bodies=True,
    retries="With growing waits until the next group interval, after network errors and 5xx; other refusals are final.",
    retries_by_itself=True,
    key_hint="the credentials of `authorization`, or `user:password` of `basic_auth`, in its `http_config`",
    notes=(
        "Nothing is signed. " + _BODY_NOT_COVERED,
        "A request is a group of alerts. Its groupKey stays the same from one notification to the next, so it is not "
        "an id: two requests are the same when their bodies are.",
        "`oauth2` and client certificates are not checked here; `payload` of a receiver may replace the usual body.",
    ),
    docs=("https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",),
)

BUILDKITE = Provider(
    slug="buildkite",
    name="Buildkite",
    schemes=(
        hmac(
            header("X-Buildkite-Signature"),
            signed="{timestamp}.{raw_body}",
            format=Format.KV,
            tag="signature",
            timestamp=Timestamp(field("timestamp")),
        ),
        _token("token", header("X-Buildkite-Token")),
    ),
    event_id=(header("X-Buildkite-Request"),),
    event_type=(header("X-Buildkite-Event"),),
    retries="Not known.",
    key_hint="the token in the settings of the webhook notification",
    notes=(
        "A webhook either signs with its token or sends the token itself. Choose the signature: with the plain token "
        "the body is not covered by the proof.",
        "When a build changes quickly, the body may tell a later state than the event that caused it.",
    ),
    docs=("https://buildkite.com/docs/apis/webhooks/pipelines",),
    sample_headers=(("User-Agent", "Buildkite-Request"), ("Accept", "*/*")),
)

CLOUDFLARE = Provider(
    slug="cloudflare",
    name="Cloudflare notifications",
    schemes=(_token("static-token", header("cf-webhook-auth")),),
    event_type=(body("/alert_type"),),
    retries="Not known.",
    key_hint="the secret of the webhook destination",
    notes=(
        _BODY_NOT_COVERED,
        "Cloudflare sends a test request as soon as the webhook is saved, so the source must exist before.",
        "`alert_event` of the body says whether an alert begins or ends; `alert_correlation_id` is the same for both.",
    ),
    docs=(
        "https://developers.cloudflare.com/notifications/get-started/configure-webhooks/",
        "https://developers.cloudflare.com/notifications/reference/webhook-payload-schema/",
    ),
)

DATADOG = Provider(
    slug="datadog",
    name="Datadog",
    schemes=(
        _token("custom-header", header("X-Webhook-Token")),
        Scheme(id="custom-header-basic", kind=Kind.BASIC_AUTH, signature=Signature(header("Authorization"))),
    ),
    event_id=(body("/id"),),
    event_type=(body("/event_type"),),
    content_types=("json", "form"),
    options=(
        Option(
            "header",
            "the name of the custom header that you chose at Datadog",
            default="X-Webhook-Token",
            header=True,
        ),
    ),
    timeout_s=15,
    retries="5 times after a failed connection or a 5xx; other refusals are final.",
    retries_by_itself=True,
    ip_ranges="https://ip-ranges.datadoghq.com/",
    key_hint="the value of the custom header (or `user:password` of the address)",
    notes=(
        "Nothing is signed. " + _BODY_NOT_COVERED,
        'The body is a template of yours: keep `"id": "$ID"` and `"event_type": "$EVENT_TYPE"` in it.',
        "OAuth 2.0 is not checked here.",
    ),
    docs=("https://docs.datadoghq.com/integrations/webhooks/",),
)

DOPPLER = Provider(
    slug="doppler",
    name="Doppler",
    schemes=(hmac(header("X-Doppler-Signature"), prefix="sha256="),),
    event_type=(body("/type"),),
    retries="Not known.",
    key_hint="the signing secret of the webhook",
    notes=(
        "A webhook may arrive more than once, and it has no id: two requests are the same when their bodies are.",
        "The usual body names the secrets that changed, never their values. A payload of your own replaces it whole, "
        "and then there is no type.",
    ),
    docs=("https://docs.doppler.com/docs/webhooks",),
)

DROPBOX = Provider(
    slug="dropbox",
    name="Dropbox",
    schemes=(hmac(header("X-Dropbox-Signature")),),
    event_type=(key("delta"),),
    repeats_bodies=True,
    methods=("POST", "GET"),
    handshakes=(
        Handshake(
            "challenge",
            when=query("challenge"),
            echo=query("challenge"),
            methods=("GET",),
            signed=False,
        ),
    ),
    timeout_s=10,
    retries="Not known.",
    key_hint="the app secret",
    notes=(
        "A request only names the accounts in which something changed; /2/files/list_folder/continue, with the cursor "
        "that you kept, tells what.",
    ),
    docs=("https://www.dropbox.com/developers/reference/webhooks",),
)

FIGMA = Provider(
    slug="figma",
    name="Figma",
    schemes=(_token("passcode", body("/passcode")),),
    event_type=(body("/event_type"),),
    handshakes=(Handshake("ping", when=body("/event_type"), equals="PING", signed=True),),
    success="200",
    retries="3 times: after 5 minutes, 30 minutes and 3 hours.",
    retries_by_itself=True,
    key_hint="the passcode that you gave when you created the webhook",
    notes=(
        _BODY_NOT_COVERED,
        "The passcode is a member of the body, so endpoints that get the body get it too.",
        "A webhook sends a PING when it is created, unless it is created paused.",
    ),
    docs=(
        "https://developers.figma.com/docs/rest-api/webhooks",
        "https://developers.figma.com/docs/rest-api/webhooks-security",
    ),
)


def _gitea(id: str, name: str, owner: str, signed: Signed = gitea.DOCUMENT, prefix: str = "") -> Scheme:
    """One of the headers in which Gitea and its relatives write the same signature."""
    return Scheme(
        id=id,
        kind=Kind.HMAC,
        signature=Signature(header(name), prefix=prefix),
        algorithm=Algorithm.SHA1 if prefix == "sha1=" else Algorithm.SHA256,
        signed=signed,
        event_id=(header(f"X-{owner}-Delivery"),),
        event_type=(header(f"X-{owner}-Event"), header(f"X-{owner}-Event-Type")),
    )


GITEA = Provider(
    slug="gitea",
    name="Gitea / Forgejo / Gogs",
    aliases=("forgejo", "gogs"),
    schemes=(
        _gitea("default", "X-Gitea-Signature", "Gitea"),
        _gitea("forgejo", "X-Forgejo-Signature", "Forgejo"),
        _gitea("gogs", "X-Gogs-Signature", "Gogs"),
        _gitea(
            "hub-256",
            "X-Hub-Signature-256",
            "Gitea",
            gitea.document_of_hub("X-Hub-Signature-256", "sha256="),
            "sha256=",
        ),
        _gitea("hub-sha1", "X-Hub-Signature", "Gitea", gitea.document_of_hub("X-Hub-Signature", "sha1="), "sha1="),
    ),
    event_id=(header("X-Gitea-Delivery"),),
    event_type=(header("X-Gitea-Event"), header("X-Gitea-Event-Type")),
    delivery_id=(header("X-Gitea-Delivery"), header("X-Forgejo-Delivery"), header("X-Gogs-Delivery")),
    json_field="payload",
    content_types=("json", "form"),
    timeout_s=5,
    retries="None by itself. A person can have a delivery sent again.",
    retries_by_itself=False,
    key_hint="the secret in the webhook's settings",
    notes=(
        "What is signed is the JSON document: of a form the decoded `payload`, not the form as it is on the wire.",
        "Choose POST: a hook with GET has its document in the address, and is refused here.",
        "A hook without a secret sends the headers of signatures all the same, empty; such requests are refused.",
        "X-GitHub-* headers come too, so a request is not GitHub's because of them.",
        "The 5 seconds are the server's own setting DELIVER_TIMEOUT.",
    ),
    docs=(
        "https://docs.gitea.com/usage/webhooks",
        "https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go",
    ),
    signs_with=("default", "gogs", "hub-256", "hub-sha1"),
)

GITLAB = Provider(
    slug="gitlab",
    name="GitLab",
    schemes=(
        standard_webhooks_scheme("signing-token", "webhook"),
        _token("secret-token", header("X-Gitlab-Token")),
    ),
    event_id=(header("Idempotency-Key"),),
    event_type=(header("X-Gitlab-Event"), body("/object_kind")),
    delivery_id=(header("X-Gitlab-Event-UUID"),),
    timeout_s=10,
    retries="None by itself. A person or the API can have an event sent again, with the same Idempotency-Key.",
    retries_by_itself=False,
    key_hint="the signing token (whsec_…) or the secret token of the webhook",
    notes=(
        "The secret token travels as it is, and the body is not covered by it. Newer versions have a signing token, "
        "which proves the body too and is looked at first.",
        "After 4 failures in a row GitLab stops using the webhook for a while, and after many more for good.",
        "X-Gitlab-Event-UUID is shared by all webhooks that one event set off.",
    ),
    docs=(
        "https://docs.gitlab.com/user/project/integrations/webhooks/",
        "https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944",
    ),
)

GRAFANA = Provider(
    slug="grafana",
    name="Grafana Alerting",
    schemes=(
        hmac(
            header("X-Grafana-Alerting-Signature"),
            id="hmac-with-timestamp",
            signed="{timestamp}:{raw_body}",
            timestamp=Timestamp(header(grafana.TIMESTAMP.default)),
            notes="where the contact point names a timestamp header",
        ),
        Scheme(
            id="hmac",
            kind=Kind.HMAC,
            signature=Signature(header("X-Grafana-Alerting-Signature")),
            signed=grafana.BODY_ALONE,
        ),
        _BASIC,
        _token("authorization-header", header("Authorization"), "Bearer "),
    ),
    event_type=(body("/status"),),
    repeats_bodies=True,
    methods=("POST", "PUT"),
    options=(
        Option(
            "header",
            "the name of the signature header, where the contact point says another",
            default="X-Grafana-Alerting-Signature",
            header=True,
        ),
        grafana.TIMESTAMP,
    ),
    retries="Not known.",
    key_hint="the secret of the HMAC signature in the contact point",
    notes=(
        "The signature is off until the contact point has a secret for it. Basic auth and a bearer token do not cover "
        "the body.",
        "Name a timestamp header in the contact point and here, and set `scheme` to `hmac-with-timestamp`: then "
        "captured requests are worth nothing after 5 minutes.",
        "Some versions write X-Grafana-Alert-Signature when no header is chosen; then say so with `header`.",
        "A request is a group of alerts. Its groupKey stays the same from one notification to the next, so it is not "
        "an id: two requests are the same when their bodies are.",
    ),
    docs=(
        "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/"
        "webhook-notifier/",
        "https://github.com/grafana/alerting/blob/main/http/hmac.go",
    ),
    signs_with=("hmac",),
)

HEROKU = Provider(
    slug="heroku",
    name="Heroku",
    schemes=(hmac(header("Heroku-Webhook-Hmac-SHA256"), encoding=Encoding.BASE64),),
    event_id=(body("/id"),),
    event_type=(body("/webhook_metadata/event/include"), body("/resource")),
    event_type_sub="/action",
    delivery_id=(body("/webhook_metadata/delivery/id"),),
    retries="At the level `sync` until one succeeds or a limit is reached; at the level `notify` never.",
    retries_by_itself=True,
    key_hint="the secret that you gave when you subscribed",
    docs=(
        "https://devcenter.heroku.com/articles/app-webhooks",
        "https://devcenter.heroku.com/articles/app-webhooks-schema",
    ),
)

INCIDENT_IO = Provider(
    slug="incident_io",
    name="incident.io",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/event_type"),),
    retries="With growing waits over 24 hours; an endpoint that fails for 5 days is disabled.",
    retries_by_itself=True,
    key_hint="the signing secret of the endpoint (whsec_…)",
    notes=("Webhooks may arrive out of order. Those of private incidents only hold an id.",),
    docs=("https://docs.incident.io/api-reference/webhooks",),
)

JENKINS = Provider(
    slug="jenkins",
    name="Jenkins",
    schemes=(
        _token("bearer", header("Authorization"), "Bearer "),
        _token("url-secret", query("token")),
    ),
    event_type=(body("/build/phase"),),
    content_types=("json", "form", "xml"),
    retries="Not known.",
    key_hint="the token that you wrote into the address",
    notes=(
        "Jenkins signs nothing. Put ?token=… behind the address of the source in the Notification plugin; a pipeline "
        "with the HTTP Request plugin can send `Authorization: Bearer …` instead. " + _BODY_NOT_COVERED,
        "A token in an address ends up in logs of proxies: use https and keep it to this one source.",
        "This is Jenkins as a sender. It can also be sent to: /generic-webhook-trigger/invoke?token=… and "
        "/github-webhook/ are addresses for an endpoint.",
    ),
    docs=(
        "https://plugins.jenkins.io/notification/",
        "https://plugins.jenkins.io/http_request/",
    ),
)

LAUNCHDARKLY = Provider(
    slug="launchdarkly",
    name="LaunchDarkly",
    schemes=(hmac(header("X-LD-Signature")),),
    event_id=(body("/_id"),),
    event_type=(body("/kind"),),
    retries="Not known.",
    key_hint="the secret of the webhook",
    notes=(
        "Webhooks are signed only where `Sign this webhook` is chosen.",
        "They may arrive out of order; `date` of the body tells when something happened.",
    ),
    docs=(
        "https://launchdarkly.com/docs/home/infrastructure/webhooks",
        "https://launchdarkly.com/docs/api/webhooks",
    ),
)

MONGODB_ATLAS = Provider(
    slug="mongodb_atlas",
    name="MongoDB Atlas alerts",
    schemes=(hmac(header("X-MMS-Signature"), algorithm=Algorithm.SHA1, encoding=Encoding.BASE64),),
    event_type=(header("X-MMS-Event"), body("/eventTypeName")),
    retries="Not known.",
    key_hint="the webhook secret of the project's integration",
    notes=(
        "`id` of the body is that of the alert, which is the same when it opens and when it closes, so it is not an "
        "id of the request: two requests are the same when their bodies are.",
        "X-MMS-Event (alert.open, alert.close, …) is not signed; `status` of the body says the same and is.",
        "Templates of your own may replace the usual headers and body.",
    ),
    docs=("https://www.mongodb.com/docs/atlas/tutorial/webhook-integration/",),
)

NETLIFY = Provider(
    slug="netlify",
    name="Netlify",
    schemes=(
        Scheme(
            id="jws",
            kind=Kind.JWT,
            signature=Signature(header("X-Webhook-Signature")),
            jwt=Jwt(algorithms=("HS256",), claims=(("iss", "netlify"),), body_hash="sha256"),
        ),
    ),
    event_type=(header("X-Netlify-Event"),),
    retries="Not known.",
    key_hint="the JWS secret token of the notification",
    notes=(
        "The token never ends, so a captured request stays valid.",
        "`id` of the body is that of the deploy, which all notifications about it share, so it is not an id of the "
        "request: two requests are the same when their bodies are.",
        "X-Netlify-Event is not signed; `state` of the body is.",
    ),
    docs=("https://docs.netlify.com/deploy/deploy-notifications/",),
)

NPM = Provider(
    slug="npm",
    name="npm hooks",
    schemes=(hmac(header("x-npm-signature"), prefix="sha256="),),
    event_type=(body("/event"),),
    retries="Not known.",
    key_hint="the secret that you gave to `npm hook add`",
    notes=("The npm client has the command `npm hook` up to version 10.",),
    docs=("the official library npm-hook-receiver",),
)

RENDER = Provider(
    slug="render",
    name="Render",
    schemes=(standard_webhooks_scheme("standard-webhooks", "webhook"),),
    event_id=(header("webhook-id"),),
    event_type=(body("/type"),),
    timeout_s=15,
    retries="Not known.",
    key_hint="the signing secret of the webhook (whsec_…)",
    notes=("The body names the event and the service; Render's API has the rest.",),
    docs=("https://render.com/docs/webhooks",),
)

SEGMENT = Provider(
    slug="segment",
    name="Segment",
    schemes=(hmac(header("X-Signature"), algorithm=Algorithm.SHA1),),
    event_id=(body("/messageId"),),
    event_type=(body("/type"),),
    methods=("POST", "PUT", "PATCH"),
    retries="Not known.",
    key_hint="the shared secret of the destination",
    notes=(
        "Turn batching off: of a batch only the first event is signed, so batches are refused here.",
        "The type is that of the call, as `track`; the name of a tracked event is at /event of the body.",
    ),
    docs=("https://www.twilio.com/docs/segment/connections/destinations/catalog/actions-webhook",),
)

SENTRY = Provider(
    slug="sentry",
    name="Sentry",
    schemes=(hmac(header("Sentry-Hook-Signature")),),
    event_id=(header("Request-ID"),),
    event_type=(header("Sentry-Hook-Resource"),),
    event_type_sub="/action",
    timeout_s=1,
    retries="Not known.",
    key_hint="the client secret of the integration",
    notes=(
        "Sentry-Hook-Timestamp, Sentry-Hook-Resource and Request-ID are not signed.",
        "Sentry waits 1 second. An unpublished integration with 1000 timeouts in 24 hours is unsubscribed.",
        "The older service hooks of a project sign in another way and are not read here.",
    ),
    docs=(
        "https://docs.sentry.io/integrations/integration-platform/webhooks/",
        "https://sentry.io/changelog/2023-10-3-change-to-integration-platform-webhook-handling",
    ),
)

SUPABASE = Provider(
    slug="supabase",
    name="Supabase auth hooks / DB webhooks",
    schemes=(
        replace(
            standard_webhooks_scheme("auth-hooks", "webhook"),
            event_type=(body("/metadata/name"), body("/email_data/email_action_type")),
        ),
        _token("db-webhooks", header("X-Webhook-Token"), event_type=(body("/type"),)),
    ),
    event_id=(header("webhook-id"),),
    event_type=(body("/type"),),
    options=(
        Option(
            "header",
            "the name of the HTTP header that you added to the database webhook",
            default="X-Webhook-Token",
            header=True,
        ),
    ),
    timeout_s=5,
    retries="Auth hooks: after a 429 or 503, within 5 seconds in all. Database webhooks: not known.",
    key_hint="the secret of the auth hook (v1,whsec_…), or the value of the header of the database webhook",
    notes=(
        "Database webhooks are not signed: their body is not covered by the proof, and they have no id.",
        "Supabase waits for an auth hook and acts on its answer. Those that must be answered with something, as the "
        "one that changes access tokens, need a service of their own.",
    ),
    docs=(
        "https://supabase.com/docs/guides/auth/auth-hooks",
        "https://supabase.com/docs/guides/database/webhooks",
    ),
)

ROWS: tuple[Provider, ...] = (
    ALERTMANAGER,
    BUILDKITE,
    CLOUDFLARE,
    DATADOG,
    DOPPLER,
    DROPBOX,
    FIGMA,
    GITEA,
    GITLAB,
    GRAFANA,
    HEROKU,
    INCIDENT_IO,
    JENKINS,
    LAUNCHDARKLY,
    MONGODB_ATLAS,
    NETLIFY,
    NPM,
    RENDER,
    SEGMENT,
    SENTRY,
    SUPABASE,
)
