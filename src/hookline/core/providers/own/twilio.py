"""Twilio: an HMAC over the address and the decoded fields of a form, or over an address that holds the body's hash.

https://www.twilio.com/docs/usage/webhooks/webhooks-security, and `twilio/request_validator.py` of twilio 9.13.0. Twilio
itself is not of one mind about the port, so the address counts with and without it. Which hash signs is said by
X-Twilio-Webhooks-Signature-Settings; whoever writes that header can only choose between the two we know.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from urllib.parse import parse_qsl

from hookline.core.body import MAX_FORM_FIELDS, BodyKind, kind_of
from hookline.core.errors import VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request, full_url
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.refusal import Voice, repeated
from hookline.core.providers.scheme import Encoding, KeyEncoding, Signature
from hookline.core.providers.sign import put
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.special import Proof, Special, first_fitting
from hookline.core.providers.where import as_bytes, header, query, request_reader

KEY_HINT = "the account's Auth Token"
SIGNATURE = Signature(header("X-Twilio-Signature"), Encoding.BASE64)

_SHA1, _SHA256 = "HMAC_SHA1", "HMAC_SHA256"
_HASHES = {_SHA1: "sha1", _SHA256: "sha256"}
_VOICE = Voice("Twilio", KEY_HINT)
_BODY_HASH = query("bodySHA256")
_ADDRESS = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_read_body_hash = request_reader(_BODY_HASH)
_to_key = key_decoder(KeyEncoding.UTF8)


def _sha1_messages(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    if _algorithm(request) != _SHA1:
        raise _unsupported()
    return _messages(request)


def _sha256_messages(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    # Without the header it is either algorithm: whoever took it away still has to know the secret.
    if _algorithm(request) != _SHA256 and b"x-twilio-webhooks-signature-settings" in request.lookup:
        raise _unsupported()
    return _messages(request)


def _messages(request: Request) -> tuple[bytes, ...]:
    fields = _fields(request)
    return tuple(address + fields for address in _addresses(full_url(request)))


def _fields(request: Request) -> bytes:
    """The names, sorted, each with its different values, sorted; nothing between them. Bytes as they were encoded."""
    if not request.body:
        return b""
    if kind_of(request.lookup.get(b"content-type", b"")) is not BodyKind.FORM:
        raise VerificationError(
            "body_mismatch",
            "Twilio signs a body that is no form by its hash in `bodySHA256` of the address, which this address does "
            "not have. Check that nothing on the way changes the address or the content type",
        )
    try:
        pairs = parse_qsl(
            request.body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError:
        raise VerificationError(
            "malformed_body",
            f"the form has more than {MAX_FORM_FIELDS} fields. Check that the source names the right provider",
        ) from None
    return "".join(name + value for name, value in sorted(set(pairs))).encode("latin-1")


def _addresses(url: str) -> tuple[bytes, ...]:
    """The address as it is, and without its port or with the default one."""
    forms = [url]
    if found := _ADDRESS.fullmatch(url):
        scheme, authority, rest = found.groups()
        host, _, port = authority.rpartition(":")
        if host and port.isascii() and port.isdigit():
            forms.append(f"{scheme}://{host}{rest}")
        else:
            forms.append(f"{scheme}://{authority}:{_DEFAULT_PORTS[scheme.lower()]}{rest}")
    return tuple(form.encode("utf-8", "surrogatepass") for form in forms)


def _algorithm(request: Request) -> str:
    """What the settings say; SHA-1 when they say nothing."""
    settings = request.lookup.get(b"x-twilio-webhooks-signature-settings", b"").decode("latin-1")
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return _SHA1


def _unsupported() -> VerificationError:
    return VerificationError(
        "unsupported_algorithm",
        "the X-Twilio-Webhooks-Signature-Settings header names an algorithm that this scheme does not use. Check that "
        "the source has the Auth Token, or the secret of the shared key, that Twilio signs with",
    )


def _has_body_hash(request: Request) -> bool:
    """Whether the address speaks of the body. A form with fields is signed by them, whatever the address says."""
    is_form = kind_of(request.lookup.get(b"content-type", b"")) is BodyKind.FORM and request.body.strip(b"&")
    return not is_form and _read_body_hash(request) is not None


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    del certificate, options  # nothing is fetched, nothing is chosen
    if occurrences(request.headers, b"x-twilio-signature") > 1:
        raise repeated("the x-twilio-signature header")
    given = request.lookup.get(b"x-twilio-signature")
    if not given:
        raise _VOICE.missing(SIGNATURE.where)
    algorithm = _HASHES.get(_algorithm(request))
    if algorithm is None:
        raise _unsupported()
    position = _position(_addresses(full_url(request)), given, secrets, algorithm)
    if position < 0:
        raise _VOICE.mismatch(SIGNATURE, [given], 28 if algorithm == "sha1" else 44)
    wanted = hashlib.sha256(request.body).hexdigest().encode()
    if not compare_digest(as_bytes(_read_body_hash(request)) or b"", wanted):
        raise VerificationError(
            "body_mismatch",
            "the address is signed, but its `bodySHA256` is not the hash of this body. Check that nothing on the way "
            "changes the body: compression, re-formatted JSON, an added line end",
        )
    return Proof(position)


def _position(addresses: tuple[bytes, ...], given: bytes, secrets: Sequence[str], algorithm: str) -> int:
    def fits(secret: str) -> bool:
        key = _to_key(secret)
        return any(compare_digest(b64encode(hmac_digest(key, address, algorithm)), given) for address in addresses)

    return first_fitting(secrets, fits, _VOICE.no_secret(len(secrets)))


def _sign(request: Request, secret: str, _now_s: float, _options: Options) -> Request:
    request = put(request, _BODY_HASH, hashlib.sha256(request.body).hexdigest().encode())
    signature = hmac_digest(_to_key(secret), _addresses(full_url(request))[0], "sha1")
    return put(request, SIGNATURE.where, b64encode(signature))


_WORDS = "the address with, behind it, the decoded fields of the form, sorted by name, with nothing between them"

SIGNED_SHA1 = Signed(words=_WORDS, make=_sha1_messages, binds_url=True)
SIGNED_SHA256 = Signed(words=_WORDS, make=_sha256_messages, binds_url=True)
BODY_HASH = Special(
    words="an HMAC of the address, whose `bodySHA256` is the hash of the body",
    verify=_verify,
    sign=_sign,
    is_present=_has_body_hash,
    check_secret=_to_key,
    binds_url=True,
)
