"""API tokens: JSON Web Tokens (RFC 7519) signed with HS256, whose subject is an organisation or one application.

A token of an application, for the customer behind it, also names the organisation (``org``) and what it may do.
The signing key is derived from HOOKLINE_SECRET under a label of its own, so that a token says nothing about
the key that encrypts stored secrets. A token is revoked by its ``exp`` or by changing HOOKLINE_SECRET.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookline.core.errors import HooklineError, InvalidInput

ISSUER = "hookline"
ALGORITHM = "HS256"

_ORGANISATION = re.compile(r"org_[A-Za-z0-9_-]{1,60}")
_APPLICATION = re.compile(r"app_[A-Za-z0-9_-]{1,60}")

#: Far more than a token of ours is long, but for one with very many feature flags, and little work to look at.
LONGEST = 8_192

#: Times are checked here, against the injected clock, not by the library against the machine's.
_OPTIONS: Any = {
    "require": ["sub", "iat", "iss"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


class AuthenticationFailed(HooklineError):
    """The request does not prove for which organisation it speaks. The message never holds the token."""

    code = "authentication_failed"
    status = 401


class InsufficientAccess(HooklineError):
    """The token is a right one, but not for this."""

    code = "insufficient_access"
    status = 403


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about whoever sends it."""

    org_id: str
    application_id: str = ""  #: the one application it is for; empty for the whole organisation
    feature_flags: frozenset[str] = frozenset()
    read_only: bool = False
    #: What it may do, in the words of `api.sending.access`; None means everything.
    capabilities: frozenset[str] | None = None


class TokenSigner:
    """Makes and checks the tokens of one server."""

    def __init__(self, secret: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hookline api token v1")
        self._key = derive.derive(secret.encode())
        self._secret_hash = _hash(secret)

    def create(self, org_id: str, now_s: int, lifetime_s: int | None = None) -> str:
        """A token for ``org_id``, for ever or for ``lifetime_s``. Raises InvalidInput for what is no organisation."""
        if not _ORGANISATION.fullmatch(org_id):
            raise InvalidInput("an organisation is `org_` and up to 60 letters, digits, `-` and `_`")
        claims: dict[str, Any] = {"iss": ISSUER, "sub": org_id, "iat": now_s}
        if lifetime_s is not None:
            claims["exp"] = now_s + lifetime_s
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def create_for_application(self, claims: Claims, now_s: int, lifetime_s: int) -> str:
        """A token for one application. Raises InvalidInput when it would be longer than any that is accepted."""
        content: dict[str, Any] = {
            "iss": ISSUER,
            "sub": claims.application_id,
            "org": claims.org_id,
            "iat": now_s,
            "exp": now_s + lifetime_s,
        }
        if claims.feature_flags:
            content["feature_flags"] = sorted(claims.feature_flags)
        if claims.read_only:
            content["read_only"] = True
        if claims.capabilities is not None:
            content["capabilities"] = sorted(claims.capabilities)
        token = jwt.encode(content, self._key, algorithm=ALGORITHM)
        if len(token) > LONGEST:
            raise InvalidInput(f"a token has at most {LONGEST} characters; name fewer feature flags")
        return token

    def claims(self, token: str, now_s: float) -> Claims:
        """What ``token`` says. Raises AuthenticationFailed, whatever the text."""
        content = self._content(token)
        _check_times(content, now_s)
        return _of_application(content) if "org" in content else Claims(_organisation(content["sub"]))

    def organisation(self, token: str, now_s: float) -> str:
        """The organisation that ``token`` speaks for as a whole. Raises AuthenticationFailed, InsufficientAccess."""
        claims = self.claims(token, now_s)
        refuse_application(claims)
        return claims.org_id

    def _content(self, token: str) -> dict[str, Any]:
        if hmac.compare_digest(_hash(token), self._secret_hash):
            raise AuthenticationFailed(
                "this is HOOKLINE_SECRET itself, which must never leave the server; "
                "make a token with `hookline token create` and send that"
            )
        try:
            if len(token) > LONGEST:
                raise ValueError("too long")
            content = jwt.decode(token, self._key, algorithms=[ALGORITHM], issuer=ISSUER, options=_OPTIONS)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise AuthenticationFailed(
                "the bearer token is not one of this server; make one with `hookline token create`"
            ) from None
        assert isinstance(content, dict)
        return content


def bearer(authorization: str) -> str:
    """The token in the value of an `Authorization` header (RFC 6750 §2.1). Raises AuthenticationFailed."""
    kind, _, token = authorization.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise AuthenticationFailed("send `Authorization: Bearer …` with a token from `hookline token create`")
    return token


def refuse_application(claims: Claims) -> None:
    """Raise InsufficientAccess when a token is for one application only."""
    if claims.application_id:
        raise InsufficientAccess("this token is for one application; this needs one for the organisation")


def _organisation(name: object) -> str:
    if not isinstance(name, str) or not _ORGANISATION.fullmatch(name):
        raise AuthenticationFailed("the bearer token does not name an organisation (`org_…`)")
    return name


def _of_application(content: dict[str, Any]) -> Claims:
    application_id = content["sub"]
    if not isinstance(application_id, str) or not _APPLICATION.fullmatch(application_id):
        raise AuthenticationFailed("the subject of the bearer token is not an application (`app_…`)")
    return Claims(
        org_id=_organisation(content["org"]),
        application_id=application_id,
        feature_flags=_words(content.get("feature_flags", [])),
        read_only=content.get("read_only", False) is not False,
        capabilities=_words(content["capabilities"]) if "capabilities" in content else None,
    )


def _words(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise AuthenticationFailed("the bearer token says in no known way what it may do")
    return frozenset(value)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _check_times(claims: dict[str, Any], now_s: float) -> None:
    if "exp" in claims and not now_s < _time(claims["exp"]):
        raise AuthenticationFailed("the bearer token has expired; make a new one with `hookline token create`")
    if "nbf" in claims and not now_s >= _time(claims["nbf"]):
        raise AuthenticationFailed("the bearer token is not valid yet")


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AuthenticationFailed("the times of the bearer token are not numbers")
    return value


def create_token(secret: str, org_id: str, now_s: int, lifetime_s: int | None = None) -> str:
    """A bearer token for ``org_id``; ``secret`` is HOOKLINE_SECRET. Raises InvalidInput for a bad ``org_id``."""
    return TokenSigner(secret).create(org_id, now_s, lifetime_s)
