"""Signing as a provider does: for tests, the demo and ``hookline trigger``."""

from __future__ import annotations

from binascii import b2a_base64
from hmac import digest as hmac_digest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index
from hookline.core.model import Headers, Request
from hookline.core.providers.encoding import encoder, key_decoder
from hookline.core.providers.format import write_signature
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import KeyEncoding, Kind, Scheme, Signature
from hookline.core.providers.template import Template
from hookline.core.providers.timestamp import write_time
from hookline.core.providers.where import Place, Where
from hookline.core.signature import PRIVATE, decode_base64_key


def sign(
    provider: Provider,
    *,
    body: bytes,
    secret: str,
    now_s: float,
    event_id: str,
    event_type: str,
    content_type: str = "application/json",
    scheme: str | None = None,
) -> Headers:
    """The header lines that ``provider`` sends with ``body`` at ``now_s`` (UTC seconds).

    ``event_id`` and ``event_type`` go where the provider has headers for them; where it reads them from
    the body, the body must already say them. ``scheme`` chooses among the provider's; without it they are
    those that the provider applies itself. A ``v1a`` signature needs the private ``whsk_`` key as secret.
    Raises InvalidInput when the secret cannot sign, or the proof does not travel in a header.
    """
    chosen = _schemes(provider, scheme, secret)
    lines = [(b"content-type", content_type.encode())]
    lines += [(name.lower().encode(), value.encode()) for name, value in provider.sample_headers]
    lines += _identity_lines(provider, chosen[0], event_id, event_type)
    for one in chosen:
        lines += _proof_lines(one, tuple(lines), body, secret, now_s)
    return tuple(lines)


def _schemes(provider: Provider, wanted: str | None, secret: str) -> list[Scheme]:
    if wanted is not None:
        found = [one for one in provider.schemes if one.id == wanted]
        if not found:
            names = ", ".join(one.id for one in provider.schemes)
            raise InvalidInput(f"{provider.name} has no scheme {wanted!r}; there are {names}")
        return found
    if secret.startswith(PRIVATE):
        return [one for one in provider.schemes if one.kind is Kind.ED25519][:1] or [provider.schemes[0]]
    return [one for one in provider.schemes if one.id in provider.signs_with] or [provider.schemes[0]]


def _identity_lines(provider: Provider, scheme: Scheme, event_id: str, event_type: str) -> list[tuple[bytes, bytes]]:
    named_type = event_type.partition(".")[0] if provider.event_type_sub else event_type
    lines = [(name, event_id.encode()) for name in _header_names(scheme.event_id or provider.event_id)]
    lines += [(name, named_type.encode()) for name in _header_names(scheme.event_type or provider.event_type)]
    return lines


def _header_names(places: tuple[Where, ...]) -> list[bytes]:
    return [place.name.lower().encode() for place in places if place.place is Place.HEADER]


def _proof_lines(scheme: Scheme, lines: Headers, body: bytes, secret: str, now_s: float) -> Headers:
    signature = scheme.signature
    if signature is None:
        return ()
    if signature.where.place is not Place.HEADER:
        raise InvalidInput(f"this proof travels in {signature.where.words}; header lines alone cannot carry it")
    name = signature.where.name.lower().encode()
    if scheme.kind is Kind.STATIC_TOKEN:
        return ((name, signature.prefix.encode() + key_decoder(KeyEncoding.UTF8)(secret)),)
    if scheme.kind is Kind.BASIC_AUTH:
        return ((name, b"Basic " + b2a_base64(secret.encode(), newline=False)),)
    return _signed_lines(scheme, signature, lines, body, secret, now_s)


def _signed_lines(
    scheme: Scheme, signature: Signature, lines: Headers, body: bytes, secret: str, now_s: float
) -> Headers:
    timestamp, field, time_lines = _time(scheme, now_s)
    headers = lines + time_lines
    request = Request("POST", "/", b"", headers, index(headers), body)
    try:
        message = Template.parse(scheme.signed).compile()(request, timestamp)
    except VerificationError as error:
        raise InvalidInput(f"this cannot be signed: {error.message}") from None
    encoded = encoder(signature.encoding)(_raw_signature(scheme, secret, message))
    value = write_signature(signature, encoded, field)
    return (*time_lines, (signature.where.name.lower().encode(), value))


def _time(scheme: Scheme, now_s: float) -> tuple[bytes, tuple[str, bytes] | None, Headers]:
    """The written timestamp, its field in the signature, its header line."""
    if scheme.timestamp is None:
        return b"", None, ()
    where, written = scheme.timestamp.where, write_time(scheme.timestamp.unit, now_s)
    if where.place is Place.FIELD:
        return written, (where.name, written), ()
    if where.place is Place.HEADER:
        return written, None, ((where.name.lower().encode(), written),)
    if Template.parse(scheme.signed).has("timestamp"):
        raise InvalidInput(f"this proof takes its time from {where.words}; header lines alone cannot carry it")
    return b"", None, ()


def _raw_signature(scheme: Scheme, secret: str, message: bytes) -> bytes:
    if scheme.kind is Kind.HMAC:
        return hmac_digest(key_decoder(scheme.key)(secret), message, scheme.algorithm.value)
    if scheme.key is KeyEncoding.WHPK_BASE64:
        key = decode_base64_key(secret, PRIVATE)
    else:
        key = key_decoder(scheme.key)(secret)
    if len(key) not in (32, 64):
        raise InvalidInput("an Ed25519 private key has 32 or 64 bytes")
    return Ed25519PrivateKey.from_private_bytes(key[:32]).sign(message)
