"""Signing as a provider does: for tests, the demo and ``hookline trigger``."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from hmac import digest as hmac_digest
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.body import pointer_tokens
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index
from hookline.core.model import Headers, Request
from hookline.core.providers import jwt
from hookline.core.providers.encoding import encoder, key_decoder
from hookline.core.providers.format import write_signature
from hookline.core.providers.provider import Provider
from hookline.core.providers.public_key import sign_with
from hookline.core.providers.scheme import KeyEncoding, Kind, Scheme, Signature
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.template import Template
from hookline.core.providers.timestamp import write_time
from hookline.core.providers.where import Place, Where, as_bytes, request_reader
from hookline.core.signature import PRIVATE, decode_base64_key

#: Where requests go that are signed for nobody in particular.
EXAMPLE_URL = "https://hooks.example.com/webhooks/example"


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
    """The header lines that ``provider`` sends with ``body``: as `sign_request`, for proofs in headers.

    Raises InvalidInput where the proof does not travel in headers.
    """
    request = sign_request(
        provider,
        body=body,
        secret=secret,
        now_s=now_s,
        event_id=event_id,
        event_type=event_type,
        content_type=content_type,
        scheme=scheme,
    )
    if request.body != body or request.query:
        raise InvalidInput("this proof travels in the body or the address; header lines alone cannot carry it")
    return request.headers


def sign_request(
    provider: Provider,
    *,
    body: bytes,
    secret: str,
    now_s: float,
    event_id: str = "",
    event_type: str = "",
    content_type: str = "application/json",
    scheme: str | None = None,
    url: str = EXAMPLE_URL,
    method: str = "POST",
    headers: Headers = (),
) -> Request:
    """The request that ``provider`` sends to ``url`` with ``body`` at ``now_s`` (UTC seconds).

    ``event_id`` and ``event_type`` go where the provider has headers for them; where it reads them from
    the body, the body must already say them. ``scheme`` chooses among the provider's; without it they are
    those that the provider applies itself. Asymmetric schemes need the private key as ``secret``: ``whsk_`` for
    ``v1a``, PEM for RSA and ECDSA, 32 bytes in the row's encoding for Ed25519. The proof may change the body (a
    signature in a field of it) and the query. Raises InvalidInput when the secret cannot sign.
    """
    chosen = _schemes(provider, scheme, secret)
    lines = [(b"content-type", content_type.encode())] if body or method == "POST" else []
    lines += [(name.lower().encode(), value.encode()) for name, value in provider.sample_headers]
    lines += [*headers, *_identity_lines(provider, chosen[0], event_id, event_type)]
    parts = urlsplit(url)
    request = Request(
        method,
        parts.path or "/",
        parts.query.encode(),
        tuple(lines),
        index(tuple(lines)),
        body,
        scheme=parts.scheme,
        url=url,
    )
    for one in chosen:
        request = _prove(one, request, secret, now_s, provider.chosen)
    return request


def put(request: Request, where: Where, value: bytes) -> Request:
    """The request with ``value`` at ``where``: a JSON member or form field, another header line or query parameter."""
    if where.place is Place.HEADER:
        lines = (*request.headers, (where.name.lower().encode(), value))
        return msgspec.structs.replace(request, headers=lines, lookup=index(lines))
    pair = quote(where.name).encode() + b"=" + quote(value).encode()
    if where.place is Place.QUERY:
        query = request.query + (b"&" if request.query else b"") + pair
        url = f"{request.url.partition('?')[0]}?{query.decode()}"
        return msgspec.structs.replace(request, query=query, url=url)
    if where.place is Place.FORM:
        name = pair.partition(b"=")[0]
        others = [one for one in request.body.split(b"&") if one and one.partition(b"=")[0] != name]
        return msgspec.structs.replace(request, body=b"&".join([*others, pair]))
    if where.place is Place.BODY:
        return msgspec.structs.replace(request, body=_with_member(request.body, where.name, value.decode()))
    raise InvalidInput(f"nothing can be put at {where.words}")


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
    if named_type:
        lines += [(name, named_type.encode()) for name in _header_names(scheme.event_type or provider.event_type)]
    return lines


def _header_names(places: tuple[Where, ...]) -> list[bytes]:
    return [place.name.lower().encode() for place in places if place.place is Place.HEADER]


def _prove(scheme: Scheme, request: Request, secret: str, now_s: float, options: Options) -> Request:
    if scheme.special is not None:
        return scheme.special.sign(request, secret, now_s, options)
    signature = scheme.signature
    if signature is None:
        return request
    prefix = signature.prefix.encode()
    if scheme.kind is Kind.STATIC_TOKEN:
        return put(request, signature.where, prefix + key_decoder(KeyEncoding.UTF8)(secret))
    if scheme.kind is Kind.BASIC_AUTH:
        return put(request, signature.where, b"Basic " + b2a_base64(secret.encode(), newline=False))
    if scheme.jwt is not None:
        claims = jwt.make_claims(scheme.jwt, request, request.url, now_s)
        return put(request, signature.where, prefix + jwt.sign_token(scheme.jwt.algorithms[0], secret.encode(), claims))
    return _signed(scheme, signature, request, secret, now_s, options)


def _signed(
    scheme: Scheme, signature: Signature, request: Request, secret: str, now_s: float, options: Options
) -> Request:
    request, timestamp, field = _time(scheme, request, now_s)
    try:
        if isinstance(scheme.signed, Signed):
            message = scheme.signed.make(request, timestamp, options)[0]
        else:
            message = Template.parse(scheme.signed).compile(options)(request, timestamp)
    except VerificationError as error:
        raise InvalidInput(f"this cannot be signed: {error.message}") from None
    encoded = encoder(signature.encoding)(_raw_signature(scheme, secret, message))
    return put(request, signature.where, write_signature(signature, encoded, field))


def _time(scheme: Scheme, request: Request, now_s: float) -> tuple[Request, bytes, tuple[str, bytes] | None]:
    """The request with the time in it, the time as it is written, and its field in the signature."""
    if scheme.timestamp is None:
        return request, b"", None
    where, written = scheme.timestamp.where, write_time(scheme.timestamp.unit, now_s)
    if where.place is Place.FIELD:
        return request, written, (where.name, written)
    if as_bytes(request_reader(where)(request)) == written:
        return request, written, None  # the body says it already
    return put(request, where, written), written, None


def _raw_signature(scheme: Scheme, secret: str, message: bytes) -> bytes:
    if scheme.kind is Kind.HMAC:
        return hmac_digest(key_decoder(scheme.key)(secret), message, scheme.algorithm.value)
    if scheme.kind is Kind.HASH:
        key = key_decoder(scheme.key)(secret)
        return hashlib.new(scheme.algorithm.value, key + message, usedforsecurity=False).digest()
    if scheme.kind in (Kind.RSA, Kind.ECDSA):
        return sign_with(secret.encode(), message, scheme.algorithm.value)
    if scheme.key is KeyEncoding.WHPK_BASE64:
        key = decode_base64_key(secret, PRIVATE)
    else:
        key = key_decoder(scheme.key)(secret)
    if len(key) not in (32, 64):
        raise InvalidInput("an Ed25519 private key has 32 or 64 bytes")
    return Ed25519PrivateKey.from_private_bytes(key[:32]).sign(message)


def _with_member(body: bytes, pointer: str, value: str) -> bytes:
    """The JSON body with ``value`` at ``pointer``: digits as a number, unless a text stood there before."""
    try:
        document: Any = msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError:
        raise InvalidInput("this proof travels in a JSON body, and the body is not JSON") from None
    *steps, last = pointer_tokens(pointer)
    parent = document
    for step in steps:
        parent = parent.setdefault(step, {}) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        raise InvalidInput(f"this proof travels at {pointer} of the body, and the body has no place for it")
    parent[last] = int(value) if value.isdigit() and not isinstance(parent.get(last), str) else value
    return msgspec.json.encode(document)
