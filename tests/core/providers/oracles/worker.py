"""Answers what the Python packages of senders say, in an environment that has them (.venv-oracles).

One question a line on stdin, as JSON; its answer a line on stdout. `Message` says what a question holds.
It imports nothing of Hookline: what is compared must not share code.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module as load
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Message:
    """A request, and the secret that proves it. To sign, the headers are those that the sender adds itself."""

    secret: str
    url: str
    method: str
    headers: dict[str, str]  #: by lower-case name
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.text, keep_blank_values=True))

    def __getitem__(self, header: str) -> str:
        return self.headers[header.lower()]


#: What verifies: it raises, or returns False, for what it refuses.
Verifier = Callable[[Message], object]
#: What signs: the headers of the proof, or a whole body.
Signer = Callable[[Message], dict[str, str] | bytes]

#: What is raised where a package is asked wrongly; that is no verdict.
MISTAKES = (AttributeError, ImportError, KeyError, NameError, TypeError)

VERIFIERS: dict[str, Verifier] = {}
SIGNERS: dict[str, Signer] = {}


def verifies(sdk: str) -> Callable[[Verifier], Verifier]:
    return lambda function: VERIFIERS.setdefault(sdk, function)


def signs(sdk: str) -> Callable[[Signer], Signer]:
    return lambda function: SIGNERS.setdefault(sdk, function)


def now() -> str:
    return str(int(time.time()))


def now_ms() -> str:
    return str(int(time.time() * 1000))


# Telephones and messages


@verifies("twilio")
def _(m: Message) -> object:
    twilio = load("twilio.request_validator")
    algorithm = twilio.get_signature_algorithm(m.headers.get(twilio.SIGNATURE_SETTINGS_HEADER.lower()))
    params = m.text if "json" in m["content-type"] else m.form
    return twilio.RequestValidator(m.secret).validate(m.url, params, m["x-twilio-signature"], algorithm)


@signs("twilio")
def _(m: Message) -> dict[str, str]:
    validator = load("twilio.request_validator").RequestValidator(m.secret)
    return {"x-twilio-signature": validator.compute_signature(m.url, m.form)}


@verifies("plivo")
def _(m: Message) -> object:
    check = load("plivo.utils.signature_v3").validate_v3_signature
    nonce, signature = m["x-plivo-signature-v3-nonce"], m["x-plivo-signature-v3"]
    return check(m.method, m.url, nonce, m.secret, signature, m.form)


@signs("plivo")
def _(m: Message) -> dict[str, str]:
    plivo = load("plivo.utils.signature_v3")
    address = plivo.construct_post_url(m.url, m.form).decode()
    signature = plivo.get_signature_v3(m.secret.encode(), address, "12345").decode()
    return {"x-plivo-signature-v3-nonce": "12345", "x-plivo-signature-v3": signature}


@verifies("plivo-v2")
def _(m: Message) -> object:
    check = load("plivo.utils").validate_signature
    return check(m.url, m["x-plivo-signature-v2-nonce"], m["x-plivo-signature-v2"], m.secret)


@verifies("messagebird")
def _(m: Message) -> object:
    validator = load("messagebird.request_validator").RequestValidator(m.secret)
    return validator.validate_signature(m["messagebird-signature-jwt"], m.url, m.body)


@verifies("vonage-jwt")
def _(m: Message) -> object:
    return load("vonage_jwt").verify_signature(m["authorization"].removeprefix("Bearer "), m.secret)


@verifies("sinch")
def _(m: Message) -> object:
    sinch = load("sinch.domains.authentication.sinch_events.v1.authentication_validation")
    return sinch.validate_sinch_event_signature_with_nonce(m.secret, m.headers, m.text)


@signs("sinch")
def _(m: Message) -> dict[str, str]:
    sinch = load("sinch.domains.authentication.sinch_events.v1.authentication_validation")
    signed = sinch.compute_signed_data(m.text, "nonce-1", at := now())
    return {
        "x-sinch-webhook-signature": sinch.calculate_sinch_event_signature(signed, m.secret),
        "x-sinch-webhook-signature-nonce": "nonce-1",
        "x-sinch-webhook-signature-timestamp": at,
    }


@verifies("sinch-numbers")
def _(m: Message) -> object:
    sinch = load("sinch.domains.authentication.sinch_events.v1.authentication_validation")
    return sinch.validate_signature_header(m.secret, m.headers, m.text)


@signs("sinch-numbers")
def _(m: Message) -> dict[str, str]:
    sinch = load("sinch.domains.authentication.sinch_events.v1.authentication_validation")
    return {"x-sinch-signature": sinch.compute_hmac_signature(m.text, m.secret)}


@verifies("telnyx")
def _(m: Message) -> object:
    return load("telnyx.lib.webhook_verification").verify_webhook_signature(m.body, m.headers, m.secret)


@verifies("discord-interactions")
def _(m: Message) -> object:
    signature, timestamp = m["x-signature-ed25519"], m["x-signature-timestamp"]
    return load("discord_interactions").verify_key(m.body, signature, timestamp, m.secret)


@verifies("line-bot-sdk")
def _(m: Message) -> object:
    return load("linebot.v3.webhook").SignatureValidator(m.secret).validate(m.text, m["x-line-signature"])


def _pusher(m: Message) -> Any:
    return load("pusher").Pusher("1", "key-1", m.secret)


@verifies("pusher")
def _(m: Message) -> object:
    return _pusher(m).validate_webhook("key-1", m["x-pusher-signature"], m.text) is not None


@signs("pusher")
def _(m: Message) -> dict[str, str]:
    return {"x-pusher-key": "key-1", "x-pusher-signature": load("pusher.signature").sign(m.secret, m.text)}


@verifies("livekit-api")
def _(m: Message) -> object:
    livekit = load("livekit.api")
    return livekit.WebhookReceiver(livekit.TokenVerifier("key-1", m.secret)).receive(m.text, m["authorization"])


@signs("livekit-api")
def _(m: Message) -> dict[str, str]:
    digest = hashlib.sha256(m.body).digest()
    token = load("livekit.api").AccessToken("key-1", m.secret).with_sha256(base64.b64encode(digest).decode())
    return {"authorization": token.to_jwt()}


# Payments and banks


@verifies("squareup")
def _(m: Message) -> object:
    return load("square.utils.webhooks_helper").verify_signature(
        request_body=m.text,
        signature_header=m["x-square-hmacsha256-signature"],
        signature_key=m.secret,
        notification_url=m.url,
    )


@verifies("Adyen")
def _(m: Message) -> object:
    return load("Adyen.util").is_valid_hmac_notification(json.loads(m.body), m.secret)


@signs("Adyen")
def _(m: Message) -> bytes:
    document = json.loads(m.body)
    item = document["notificationItems"][0]["NotificationRequestItem"]
    signature = load("Adyen.util").generate_notification_sig(item, m.secret).decode()
    item["additionalData"] = {"hmacSignature": signature}
    return json.dumps(document).encode()


@verifies("Adyen-payload")
def _(m: Message) -> object:
    return load("Adyen.util").is_valid_hmac_payload(m["hmacsignature"], m.secret, m.body)


@signs("Adyen-payload")
def _(m: Message) -> dict[str, str]:
    return {"hmacsignature": load("Adyen.util").generate_payload_sig(m.body, m.secret).decode()}


@verifies("paddle-python-sdk")
def _(m: Message) -> object:
    @dataclass
    class Request:
        headers: dict[str, str]
        body: bytes

    request = Request({"Paddle-Signature": m["paddle-signature"]}, m.body)
    secret = load("paddle_billing.Notifications.Secret").Secret(m.secret)
    return load("paddle_billing.Notifications.Verifier").Verifier().verify(request, secret)


@signs("paddle-python-sdk")
def _(m: Message) -> dict[str, str]:
    paddle = load("paddle_billing.Notifications.PaddleSignature").PaddleSignature
    signature = paddle.calculate_hmac(m.secret, f"{(at := now())}:{m.text}".encode()).hexdigest()
    return {"paddle-signature": f"ts={at};h1={signature}"}


@verifies("razorpay")
def _(m: Message) -> object:
    check = load("razorpay.utility").Utility().verify_webhook_signature
    return check(m.text, m["x-razorpay-signature"], m.secret)


@verifies("gocardless_pro")
def _(m: Message) -> object:
    return load("gocardless_pro.webhooks").parse(m.text, m.secret, m["webhook-signature"])


def _braintree(private_key: str, public_key: str) -> Any:
    braintree = load("braintree")
    return braintree.BraintreeGateway(
        braintree.Configuration(braintree.Environment.Sandbox, "merchant", public_key, private_key)
    )


@verifies("braintree")
def _(m: Message) -> object:
    signature = m.form["bt_signature"]
    gateway = _braintree(m.secret, signature.partition("|")[0])
    return gateway.webhook_notification.parse(signature, m.form["bt_payload"])


@signs("braintree")
def _(m: Message) -> bytes:
    sample = _braintree(m.secret, "public-1").webhook_testing.sample_notification("check", "id-1")
    return urlencode(sample).encode()


@verifies("mercadopago")
def _(m: Message) -> object:
    validator = load("mercadopago.webhook.validator").WebhookSignatureValidator
    data_id = parse_qs(urlsplit(m.url).query)["data.id"][0]
    return validator.validate(m["x-signature"], m["x-request-id"], data_id, m.secret)


@verifies("coinbase-commerce")
def _(m: Message) -> object:
    return load("coinbase_commerce.webhook").Webhook.construct_event(m.text, m["x-cc-webhook-signature"], m.secret)


@verifies("polar-sdk")
def _(m: Message) -> object:
    check = load("polar.webhooks").validate_event
    return check(m.body, m.headers, m.secret, frozenset({json.loads(m.body)["type"]}), lambda event: event)


@verifies("orb-billing")
def _(m: Message) -> object:
    return load("orb").Orb(api_key="key-1").webhooks.verify_signature(m.body, m.headers, secret=m.secret)


@verifies("finch-api")
def _(m: Message) -> object:
    return load("finch").Finch(access_token="token-1").webhooks.verify_signature(m.text, m.headers, secret=m.secret)


@verifies("increase")
def _(m: Message) -> object:
    return load("increase").Increase(api_key="key-1").events.unwrap(m.text, headers=m.headers, key=m.secret)


@verifies("increase-client")
def _(m: Message) -> object:
    client = load("increase").Increase(api_key="key-1", webhook_secret=m.secret)
    return client.events.unwrap(m.text, headers=m.headers)


@verifies("lithic")
def _(m: Message) -> object:
    return load("lithic").Lithic(api_key="key-1").webhooks.verify_signature(m.text, m.headers, secret=m.secret)


@functools.cache
def _modern_treasury() -> Any:
    return load("modern_treasury").ModernTreasury(api_key="key-1", organization_id="org-1")


@verifies("modern-treasury")
def _(m: Message) -> object:
    return _modern_treasury().webhooks.validate_signature(m.text, m.headers, key=m.secret)


@signs("modern-treasury")
def _(m: Message) -> dict[str, str]:
    return {"x-signature": _modern_treasury().webhooks.get_signature(m.text, key=m.secret)}


@verifies("easypost")
def _(m: Message) -> object:
    headers = {"X-Hmac-Signature": m["x-hmac-signature"]}
    return load("easypost.util").validate_webhook(m.body, headers, m.secret)


# Offices, identity and models


def _hubspot(version: str, m: Message, timestamp: str | None = None) -> dict[str, Any]:
    return {
        "client_secret": m.secret,
        "request_body": m.text,
        "signature_version": version,
        "http_uri": m.url,
        "http_method": m.method,
        "timestamp": timestamp,
    }


@verifies("hubspot-api-client-v3")
def _(m: Message) -> object:
    given = _hubspot("v3", m, m["x-hubspot-request-timestamp"])
    return load("hubspot.utils.signature").Signature.is_valid(signature=m["x-hubspot-signature-v3"], **given)


@signs("hubspot-api-client-v3")
def _(m: Message) -> dict[str, str]:
    given = _hubspot("v3", m, at := now_ms())
    signature = load("hubspot.utils.signature").Signature.get_signature(**given)
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": at}


@verifies("hubspot-api-client-v2")
@verifies("hubspot-api-client-v1")
def _(m: Message) -> object:
    given = _hubspot(m.headers.get("x-hubspot-signature-version", "v1"), m)
    return load("hubspot.utils.signature").Signature.is_valid(signature=m["x-hubspot-signature"], **given)


def _sign_hubspot(version: str, m: Message) -> dict[str, str]:
    signature = load("hubspot.utils.signature").Signature.get_signature(**_hubspot(version, m))
    return {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}


SIGNERS["hubspot-api-client-v2"] = functools.partial(_sign_hubspot, "v2")
SIGNERS["hubspot-api-client-v1"] = functools.partial(_sign_hubspot, "v1")


@verifies("dropbox-sign")
def _(m: Message) -> object:
    sdk = load("dropbox_sign")
    return sdk.EventCallbackHelper.is_valid(m.secret, sdk.EventCallbackRequest.init(json.loads(m.form["json"])))


@verifies("workos")
def _(m: Message) -> object:
    check = load("workos.webhooks._verification").verify_header
    return check(event_body=m.body, event_signature=m["workos-signature"], secret=m.secret)


@verifies("openai")
def _(m: Message) -> object:
    return load("openai").OpenAI(api_key="key-1").webhooks.verify_signature(m.body, m.headers, secret=m.secret)


@verifies("anthropic")
def _(m: Message) -> object:
    client = load("anthropic").Anthropic(api_key="key-1")
    return client.beta.webhooks.unwrap(m.text, headers=m.headers, key=m.secret)


@verifies("elevenlabs")
def _(m: Message) -> object:
    client = load("elevenlabs.webhooks_custom").WebhooksClient(client_wrapper=None)
    return client.construct_event(m.text, m["elevenlabs-signature"], m.secret)


@verifies("replicate")
def _(m: Message) -> object:
    webhook = load("replicate.webhook")
    secret = webhook.WebhookSigningSecret(key=m.secret)
    return webhook.Webhooks.validate(headers=m.headers, body=m.text, secret=secret)


# E-mail


@verifies("resend")
def _(m: Message) -> object:
    headers = {name: m[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    return load("resend").Webhooks.verify({"payload": m.text, "headers": headers, "webhook_secret": m.secret})


@verifies("sendgrid")
def _(m: Message) -> object:
    key = "".join(line for line in m.secret.splitlines() if "-----" not in line)
    header = "x-twilio-email-event-webhook-"
    webhook = load("sendgrid.helpers.eventwebhook").EventWebhook(key)
    return webhook.verify_signature(m.text, m[header + "signature"], m[header + "timestamp"])


@functools.cache
def _django() -> Any:
    load("django.conf").settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="key-1", ANYMAIL={})
    load("django").setup()
    return load("django.test").RequestFactory()


def _anymail(name: str, view: str, m: Message, **settings: str) -> None:
    """Raises what a view of django-anymail refuses a request with."""
    url, factory = urlsplit(m.url), _django()
    request = factory.generic(
        m.method,
        url.path,
        m.body,
        content_type=m["content-type"],
        secure=url.scheme == "https",
        headers={**m.headers, "host": url.netloc},
        QUERY_STRING=url.query,
    )
    class_ = getattr(load(f"anymail.webhooks.{name}"), f"{view}WebhookView")
    made = class_(**settings)
    made.run_validators(request)


for _name, _view, _setting in [
    ("mandrill", "MandrillCombined", "webhook_key"),
    ("mailgun", "MailgunTracking", "webhook_signing_key"),
    ("mailersend", "MailerSendTracking", "signing_secret"),
    ("mailtrap", "MailtrapTracking", "tracking_secret"),
    ("postal", "PostalTracking", "webhook_key"),
    ("unisender_go", "UnisenderGoTracking", "api_key"),
    ("brevo", "BrevoTracking", "webhook_secret"),
    ("mailjet", "MailjetTracking", "webhook_secret"),
    ("postmark", "PostmarkTracking", "webhook_secret"),
    ("sparkpost", "SparkPostTracking", "webhook_secret"),
]:
    VERIFIERS[f"django-anymail-{_name.replace('_', '-')}"] = functools.partial(
        lambda name, view, setting, m: _anymail(name, view, m, **{setting: _bare(m.secret)}), _name, _view, _setting
    )


def _bare(secret: str) -> str:
    """A public key without its PEM lines; another secret as it is."""
    return "".join(line for line in secret.splitlines() if "-----" not in line)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    message = Message(
        secret=question["secret"],
        url=question["url"],
        method=question["method"],
        headers=question["headers"],
        body=base64.b64decode(question["body"]),
    )
    if question["do"] == "sign":
        signed = SIGNERS[question["sdk"]](message)
        if isinstance(signed, bytes):
            return {"body": base64.b64encode(signed).decode()}
        return {"headers": signed}
    verify = VERIFIERS[question["sdk"]]
    try:
        return {"accepted": verify(message) is not False, "why": ""}
    except MISTAKES:
        raise
    except Exception as refusal:
        return {"accepted": False, "why": f"{type(refusal).__name__}: {refusal}"}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # some packages print
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
