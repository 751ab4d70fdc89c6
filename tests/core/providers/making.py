"""Requests as the door hands them to the core."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cache
from urllib.parse import parse_qsl, unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.headers import index
from hookline.core.model import Headers, Request
from hookline.core.providers.own import aws_sns as sns
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import get
from hookline.core.providers.scheme import KeyEncoding, Kind, Scheme
from hookline.core.providers.where import parsed
from hookline.guides import guide_of
from hookline.testing import secrets
from hookline.testing.secrets import SNS_TOPIC as SNS_TOPIC

#: 2023-11-14 22:13:20 UTC.
NOW = 1_700_000_000.0

#: A secret that the provider can use; obviously fake.
SECRETS = {
    "supabase": "v1,whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "adyen": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "anthropic": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "clerk": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "openai": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "resend": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "github": "not-a-real-secret",
    "stripe": "whsec_not_a_real_secret",
    "shopify": "not-a-real-client-secret",
    "slack": "00000000000000000000000000000000",
    "standard_webhooks": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
}


def request_of(
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes = b"",
    *,
    method: str = "POST",
    query: bytes = b"",
) -> Request:
    """A request with these lines and this body."""
    lines: Headers = tuple(headers)
    return Request(method=method, path="/webhooks/x", query=query, headers=lines, lookup=index(lines), body=body)


@cache
def rsa_pair() -> tuple[str, str]:
    """A private and a public key in PEM, made for this run."""
    pair = secrets.rsa_pair()
    return pair.signing, pair.verifying


@cache
def ec_pair() -> tuple[str, str]:
    """The same on the curve P-256."""
    pair = secrets.ec_pair()
    return pair.signing, pair.verifying


SEED = bytes(range(32))
_ED25519 = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def pair_of(provider: Provider, scheme: Scheme) -> tuple[str, str]:
    """What signs and what verifies: the same secret, or a pair of keys."""
    if scheme.kind is Kind.ED25519:
        return {
            KeyEncoding.WHPK_BASE64: ("whsk_" + b64encode(SEED).decode(), "whpk_" + b64encode(_ED25519).decode()),
            KeyEncoding.BASE64: (b64encode(SEED).decode(), b64encode(_ED25519).decode()),
            KeyEncoding.HEX: (SEED.hex(), _ED25519.hex()),
        }[scheme.key]
    algorithm = scheme.jwt.algorithms[0] if scheme.jwt else ""
    if scheme.kind is Kind.RSA or algorithm.startswith("RS"):
        return rsa_pair()
    if scheme.kind is Kind.ECDSA or algorithm.startswith("ES"):
        return ec_pair()
    if scheme.special and provider.slug in SPECIAL_PAIRS:
        return SPECIAL_PAIRS[provider.slug]()
    secret = secret_of(provider.slug, scheme)
    return secret, secret


def aws_sns_meaning(request: Request) -> object:
    """The signed members of a message of Amazon SNS, and its signature; None when the body says none."""
    message = ParsedBody(BodyKind.JSON, request.body).value()
    if not isinstance(message, dict):
        return None
    return [message.get(name) for name in (*sns.SIGNED, "SignatureVersion", "Signature")]


def gitea_meaning(request: Request) -> object:
    """What a form of Gitea says, byte for byte; of anything else the body."""
    if b"urlencoded" not in request.lookup[b"content-type"]:
        return request.body
    return [unquote_to_bytes(part.replace(b"+", b" ")) for part in request.body.split(b"=", 1)]


#: What signs and verifies in schemes that a provider has a file of its own for.
SPECIAL_PAIRS: dict[str, Callable[[], tuple[str, str]]] = {
    "ebay": lambda: ec_pair(),
    "aws_sns": lambda: (rsa_pair()[0], f"{SNS_TOPIC}\n{rsa_pair()[1]}"),
    "kinde": lambda: rsa_pair(),
    "paypal": lambda: ("WH-NOT-REAL\n" + rsa_pair()[0], "WH-NOT-REAL\n" + rsa_pair()[1]),
}


def secret_of(slug: str, scheme: Scheme | None = None) -> str:
    """A secret for this provider: most take any text."""
    if slug in SECRETS and (scheme is None or scheme.kind not in (Kind.BASIC_AUTH, Kind.STATIC_TOKEN)):
        return SECRETS[slug]
    if scheme is None:
        scheme = get(slug).schemes[0]
    if scheme.kind is Kind.BASIC_AUTH:
        return "ada:not-a-real-password"
    return {
        KeyEncoding.WHSEC_BASE64: "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
        KeyEncoding.BASE64: "bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
        KeyEncoding.HEX: "6e6f742061207265616c20736563726574",
    }.get(scheme.key, "not-a-real-secret")


#: A content type and a body for schemes that ask for a certain one, by slug or ``slug/scheme``.
SAMPLES: dict[str, tuple[str, bytes]] = {
    "gitea/gogs": ("application/x-www-form-urlencoded", b"payload=%7B%22ref%22%3A+%22refs%2Fheads%2Fmain%22%7D"),
    "mailgun/form-legacy": (
        "application/x-www-form-urlencoded",
        b"event=delivered&timestamp=1700000000&token=not-a-real-token",
    ),
    "pusher": ("application/json", b'{"time_ms": 1700000000000, "events": [{"name": "channel_occupied"}]}'),
    "twilio/json-bodysha256": ("application/json", b'{"property": "value"}'),
    "paddle_classic": (
        "application/x-www-form-urlencoded",
        b"alert_name=payment_succeeded&alert_id=1001&customer_name=Zo%C3%AB+O%27Hara&currency=EUR&coupon=",
    ),
}


def _fields(request: Request) -> list[tuple[str, str]]:
    """The decoded fields of a form, sorted; another body as it is."""
    text = request.body.decode("latin-1")
    if b"form" not in request.lookup.get(b"content-type", b""):
        return [("", text)]
    return sorted(parse_qsl(text, keep_blank_values=True, encoding="latin-1"))


#: Providers that sign what a body says, not its bytes: what it says.
SIGNS_MEANING: dict[str, Callable[[Request], object]] = {
    "gitea": gitea_meaning,
    "mandrill": _fields,
    "aws_sns": aws_sns_meaning,
    "plivo": _fields,
    "twilio": lambda request: set(_fields(request)),
    "braintree": lambda request: str((parsed(request).value() or {}).get("bt_payload")).rstrip("\n"),
    "paddle_classic": lambda request: sorted(
        pair for pair in parse_qsl(request.body.decode("latin-1"), keep_blank_values=True) if pair[0] != "p_signature"
    ),
}


def sample_of(provider: Provider, scheme: Scheme) -> tuple[str, bytes]:
    """A body that the provider could send."""
    sample = SAMPLES.get(f"{provider.slug}/{scheme.id}") or SAMPLES.get(provider.slug)
    if sample is None and (of_guide := guide_of(provider.slug).sample()) is not None:
        return of_guide.content_type, of_guide.body.encode()
    return sample or ("application/json", b"{}")
