"""Kinde: the whole body is a signed token (JWS compact serialisation, RFC 7515), whose claims are the event.

The token does not say who issued it. So the secret of a source is the address of the Kinde business, where its public
keys are, or a public key itself: in PEM, or the set of them that is at the address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.providers import jwt
from hookline.core.providers.public_key import load_public_key
from hookline.core.providers.signed import Options
from hookline.core.providers.special import KeyRequest, Proof, Special

_ALGORITHM = "RS256"
_ADDRESS = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?/?")
_TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    """Raises VerificationError unless the body is a token under a key among ``secrets``, or at an address there."""
    token = _token(request.body)
    usable = addressed = False
    for position, secret in enumerate(secrets):
        if not _ADDRESS.fullmatch(secret):
            document = secret.encode("utf-8", "surrogatepass")
        elif addressed or certificate is None:  # only the first address is asked
            addressed = True
            continue
        else:
            addressed, document = True, certificate
        proved = _is_proved(token, document)
        if proved:
            return Proof(position)
        usable = usable or proved is not None
    if not usable:
        raise _without_key(addressed)
    raise VerificationError(
        "bad_signature",
        "the token that is the body is not signed under any key of this source. Check that its secret is the key, or "
        "the address, of the Kinde business which sends",
    )


def key_request(request: Request, secrets: Sequence[str]) -> KeyRequest | None:
    """How to ask for the public keys: at the first address among ``secrets``."""
    address = next((secret for secret in secrets if _ADDRESS.fullmatch(secret)), None)
    return KeyRequest(address.rstrip("/") + "/.well-known/jwks.json") if address else None


def sign(request: Request, secret: str, now_s: float, options: Options) -> Request:
    """The event (a JSON object) as a token under a private key in PEM."""
    claims = ParsedBody(BodyKind.JSON, request.body).value()
    if not isinstance(claims, dict):
        raise InvalidInput("an event of Kinde is a JSON object, and this body is not one")
    lines = [line for line in request.headers if line[0].lower() != b"content-type"]
    headers = ((b"content-type", b"application/jwt"), *lines)
    token = jwt.sign_token(_ALGORITHM, secret.encode("utf-8", "replace"), claims)
    return msgspec.structs.replace(request, headers=headers, lookup=index(headers), body=token)


def check_secret(secret: str) -> None:
    """Raises InvalidInput when the secret is neither a public key, nor a set of them, nor an address."""
    if not _ADDRESS.fullmatch(secret) and not _loadable(secret.encode("utf-8", "surrogatepass")):
        raise InvalidInput(
            "the secret of a Kinde source is its public key (PEM, or what https://you.kinde.com/.well-known/jwks.json "
            "says), or the address https://you.kinde.com"
        )


def _token(body: bytes) -> jwt.Token:
    """The token, read and not yet believed. It has no bound of its own: users have many permissions."""
    if not _TOKEN.fullmatch(body):
        raise VerificationError(
            "missing_signature",
            "Kinde proves itself by a body that is a signed token, and this body is none. Check that the source names "
            "the right provider",
        )
    head, claims, signature = body.split(b".")
    try:
        says = [ParsedBody(BodyKind.JSON, jwt.decode_base64url(part)).value() for part in (head, claims)]
        raw = jwt.decode_base64url(signature)
    except ValueError:
        says, raw = [], b""
    if not raw or not all(isinstance(part, dict) for part in says):
        raise _malformed()
    algorithm, key_id = says[0].get("alg"), says[0].get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(key_id, str) or "crit" in says[0]:
        raise _malformed()
    if algorithm != _ALGORITHM:
        raise jwt.unsupported(algorithm, (_ALGORITHM,))
    return jwt.Token(algorithm, key_id, says[1], head + b"." + claims, raw)


def _malformed() -> VerificationError:
    return VerificationError(
        "malformed_signature",
        "the token that is the body cannot be read. Check that nothing on the way changes the body",
    )


def _is_proved(token: jwt.Token, document: bytes) -> bool | None:
    """Whether the token is signed under a key in ``document``; None when no key there can be used."""
    usable = False
    for key in jwt.find_key(document, token.key_id):
        try:
            if jwt.is_proved(token, key):
                return True
            usable = True
        except InvalidInput:
            continue
    return False if usable else None


def _loadable(document: bytes) -> bool:
    for key in jwt.find_key(document, ""):
        try:
            load_public_key(key)
        except InvalidInput:
            continue
        return True
    return False


def _without_key(addressed: bool) -> VerificationError:
    if addressed:
        return VerificationError(
            "key_unavailable",
            "the public keys at the address that is the secret of this source could not be fetched, or hold none that "
            "fits. Check that this machine can reach it over HTTPS",
        )
    return VerificationError(
        "no_secret",
        "this source has no public key. Give it the address of the Kinde business, as https://you.kinde.com, or its "
        "public key, exactly as Kinde shows it",
    )


BODY_JWT = Special(
    words="a body that is a token signed with RS256, under a public key of the Kinde business",
    is_asymmetric=True,
    verify=verify,
    sign=sign,
    key_request=key_request,
    check_secret=check_secret,
)
