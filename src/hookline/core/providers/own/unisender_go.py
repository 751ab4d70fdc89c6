"""Unisender Go hashes the body with the API key in the place where the hash then stands, in ``auth`` of the JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, with_body
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.scheme import KeyEncoding
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special, first_fitting
from hookline.core.providers.where import parsed

_LENGTH = 32  #: of an MD5 in hexadecimal

_key = key_decoder(KeyEncoding.UTF8)


def _auth(request: Request) -> bytes:
    document: Any = parsed(request).value()
    text = document.get("auth") if isinstance(document, dict) else None
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""


def _hash(request: Request, given: bytes, secret: str) -> bytes:
    message = request.body.replace(given, _key(secret))
    return hashlib.md5(message, usedforsecurity=False).hexdigest().encode()


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    given = _auth(request)
    if not given:
        raise VerificationError(
            "missing_signature",
            "Unisender Go proves itself in /auth of the JSON body, and this request has nothing there. Check that the "
            "source names the right provider, and that the webhook sends JSON",
        )
    if len(given) != _LENGTH or request.body.count(given) != 1:
        raise VerificationError(
            "malformed_signature",
            "/auth of the body is not one MD5 in hexadecimal. Check that the source names the right provider, and "
            "that nothing on the way changes the body",
        )
    no_secret = VerificationError(
        "no_secret", "this source has no secret. Give it the API key of the account or project whose webhook it is"
    )
    position = first_fitting(secrets, lambda secret: compare_digest(_hash(request, given, secret), given), no_secret)
    if position >= 0:
        return Proof(position)
    raise VerificationError(
        "bad_signature",
        "the hash in /auth of the body is not that of this body under any secret of this source. Check that the API "
        "key is that of the account or project whose webhook it is, and that nothing on the way changes the body",
    )


def _sign(request: Request, secret: str, _now_s: float, _options: Options) -> Request:
    given = _auth(request)
    if not given or request.body.count(given) != 1:
        raise InvalidInput("this proof stands in `auth` of a JSON body: put a text there that occurs nowhere else")
    return with_body(request, request.body.replace(given, _hash(request, given, secret)))


SPECIAL = Special(
    words="the MD5 of the body with the API key in `auth`, which stands in `auth`",
    verify=_verify,
    sign=_sign,
    check_secret=_key,
)
