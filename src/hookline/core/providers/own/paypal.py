"""PayPal: an RSA signature of four texts, one of them a CRC-32 of the body, under a certificate that it publishes.

The secret is the id of the webhook. Where certificates cannot be fetched, the public key (or the certificate) in PEM
may stand behind it in the same secret.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from binascii import b2a_base64
from collections.abc import Sequence
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request
from hookline.core.providers.encoding import decode_signature
from hookline.core.providers.public_key import is_signed_by, load_public_key, sign_with
from hookline.core.providers.refusal import repeated
from hookline.core.providers.scheme import Encoding, TimeUnit
from hookline.core.providers.sign import put
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special
from hookline.core.providers.timestamp import time_parser, write_time
from hookline.core.providers.where import header

_ID = "PAYPAL-TRANSMISSION-ID"
_TIME = "PAYPAL-TRANSMISSION-TIME"
_SIGNATURE = "PAYPAL-TRANSMISSION-SIG"
_CERTIFICATE = "PAYPAL-CERT-URL"
_ALGORITHM = "PAYPAL-AUTH-ALGO"
_HEADERS = (_ID, _TIME, _SIGNATURE, _CERTIFICATE, _ALGORITHM)

_ONLY_ALGORITHM = "SHA256withRSA"
_CERTIFICATES = re.compile(r"https://api\.(?:sandbox\.)?paypal\.com/v1/notifications/certs/[A-Za-z0-9_-]+")
_PEM = "-----BEGIN"
_parse_time = time_parser(TimeUnit.ISO)


def key_url(request: Request, options: Options) -> str:
    """Where the certificate is that the request names, empty when it names none.

    Raises VerificationError ``untrusted_key`` for an address that is not PayPal's.
    """
    url = _value(request, _CERTIFICATE).decode("latin-1")
    if url and not _CERTIFICATES.fullmatch(url):
        raise VerificationError(
            "untrusted_key",
            f"the {_CERTIFICATE} header names a certificate that is not at api.paypal.com or api.sandbox.paypal.com. "
            "Check that the source names the right provider; if it does, somebody imitates PayPal",
        )
    return url


def split_secret(secret: str) -> tuple[str, str]:
    """The id of the webhook, and what stands behind it in PEM (empty: nothing). Raises InvalidInput without an id."""
    webhook_id, marker, rest = secret.partition(_PEM)
    if not webhook_id.strip():
        raise InvalidInput("this secret must be the id of the webhook, as PayPal shows it")
    return webhook_id.strip(), marker + rest


def check_secret(secret: str) -> None:
    """Raise InvalidInput, without the secret in it, when it cannot be used."""
    _, pem = split_secret(secret)
    if pem:
        _public_key(_bytes(pem))


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    for name in _HEADERS:
        if occurrences(request.headers, name.encode()) > 1:
            raise repeated(f"the {name} header")
    signature = _read_signature(request)
    start, sent_s = _read_start(request)
    fetched = None if certificate is None else _fetched_key(certificate)
    has_id = has_key = False
    for position, secret in enumerate(secrets):
        try:
            webhook_id, pem = split_secret(secret)
            has_id = True
            keys = [_public_key(_bytes(pem))] if pem else []
        except InvalidInput:
            continue
        message = b"|".join((*start, _bytes(webhook_id), b"%d" % zlib.crc32(request.body)))
        for key in [*keys, *([fetched] if fetched else [])]:
            has_key = True
            if is_signed_by(key, signature, message, "sha256"):
                return Proof(position, sent_s)
    if not has_id:
        raise VerificationError(
            "no_secret",
            "this source has no secret of the form that this signature needs. Give it the webhook id, exactly as "
            "PayPal shows it. Check that it is not the client id or the client secret",
        )
    if not has_key:
        raise VerificationError(
            "key_unavailable",
            "PayPal's certificate could not be fetched, so nothing can be said about the signature. Check that this "
            "machine may call api.paypal.com, or put the certificate in PEM behind the webhook id in the secret",
        )
    raise VerificationError(
        "bad_signature",
        f"the signature in the {_SIGNATURE} header is not that of this request under any webhook id of this source. "
        "Check that the webhook id is that of this address and this environment (sandbox and live differ), and that "
        "nothing on the way changes the body: compression, re-formatted JSON, an added line end",
    )


def _sign(request: Request, secret: str, now_s: float, options: Options) -> Request:
    webhook_id, pem = split_secret(secret)
    time = write_time(TimeUnit.ISO, now_s)
    transmission_id = str(UUID(bytes=hashlib.sha256(time + request.body).digest()[:16], version=4)).encode()
    message = b"|".join((transmission_id, time, _bytes(webhook_id), b"%d" % zlib.crc32(request.body)))
    signature = b2a_base64(sign_with(_bytes(pem), message, "sha256"), newline=False)
    lines = {
        _ID: transmission_id,
        _TIME: time,
        _CERTIFICATE: b"https://api.sandbox.paypal.com/v1/notifications/certs/CERT-example",
        _ALGORITHM: _ONLY_ALGORITHM.encode(),
        _SIGNATURE: signature,
    }
    known = {name.lower().encode() for name in lines}
    kept = tuple(line for line in request.headers if line[0].lower() not in known)
    request = Request(
        request.method,
        request.path,
        request.query,
        kept,
        {name: value for name, value in request.lookup.items() if name not in known},
        request.body,
        request.client,
        request.scheme,
        request.url,
    )
    for name, value in lines.items():
        request = put(request, header(name), value)
    return request


def _read_signature(request: Request) -> bytes:
    text = _value(request, _SIGNATURE)
    if not text:
        raise VerificationError(
            "missing_signature",
            f"PayPal proves itself in the {_SIGNATURE} header, and this request has nothing there. Check that nothing "
            "on the way removes it",
        )
    if _value(request, _ALGORITHM).lower() != _ONLY_ALGORITHM.lower().encode():
        raise VerificationError(
            "unsupported_algorithm",
            f"the {_ALGORITHM} header does not say {_ONLY_ALGORITHM}, and PayPal signs with nothing else. Check that "
            "the source names the right provider and that nothing on the way removes headers",
        )
    signature = decode_signature(Encoding.BASE64, text)
    if signature is None:
        raise VerificationError(
            "malformed_signature",
            f"the {_SIGNATURE} header holds no signature written in base64. Check that the source names the right "
            "provider and that nothing on the way changes headers",
        )
    return signature


def _read_start(request: Request) -> tuple[tuple[bytes, bytes], float]:
    """The two headers that are signed, and the time in UTC seconds."""
    transmission_id, time = _value(request, _ID), _value(request, _TIME)
    for name, value, cause in ((_ID, transmission_id, "missing_header"), (_TIME, time, "missing_timestamp")):
        if not value:
            raise VerificationError(
                cause=cause,
                message=f"the signature covers the {name} header, and this request has nothing there. Check that "
                "nothing on the way removes it",
            )
    try:
        return (transmission_id, time), _parse_time(time)
    except (ValueError, OverflowError):
        raise VerificationError(
            "malformed_timestamp",
            f"the {_TIME} header is not a time. Check that the source names the right provider",
        ) from None


def _fetched_key(certificate: bytes) -> rsa.RSAPublicKey:
    try:
        return _public_key(certificate)
    except InvalidInput:
        raise VerificationError(
            "key_unavailable",
            "what was fetched as PayPal's certificate is not one, so nothing can be said about the signature. Check "
            "that nothing between this machine and api.paypal.com answers in its place",
        ) from None


def _public_key(document: bytes) -> rsa.RSAPublicKey:
    key = load_public_key(document)
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidInput("PayPal signs under RSA keys, and this is another kind of key")
    return key


def _value(request: Request, name: str) -> bytes:
    return request.lookup.get(name.lower().encode(), b"")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


#: A CRC-32 keeps accidents out. Whoever holds a genuine notification can write another body with the same one.
SPECIAL = Special(
    words="an RSA signature of its id and time, the webhook id and a CRC-32 of the body, under PayPal's certificate",
    verify=_verify,
    sign=_sign,
    key_url=key_url,
    check_secret=check_secret,
    covers_body=False,
    is_asymmetric=True,
)
