"""API tokens: JSON Web Tokens (RFC 7519) signed with HS256, whose subject is an organisation.

The signing key is derived from HOOKLINE_SECRET under a label of its own, so that a token says nothing about
the key that encrypts stored secrets. A token is revoked by its ``exp`` or by changing HOOKLINE_SECRET.
"""

from __future__ import annotations

import re
from typing import Any

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookline.core.errors import HooklineError, InvalidInput

ISSUER = "hookline"
ALGORITHM = "HS256"

_ORGANISATION = re.compile(r"org_[A-Za-z0-9_-]{1,60}")

#: Far more than a token of ours is long, and little work to look at.
_LONGEST = 2_048

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


class TokenSigner:
    """Makes and checks the tokens of one server."""

    def __init__(self, secret: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hookline api token v1")
        self._key = derive.derive(secret.encode())

    def create(self, org_id: str, now_s: int, lifetime_s: int | None = None) -> str:
        """A token for ``org_id``, for ever or for ``lifetime_s``. Raises InvalidInput for what is no organisation."""
        if not _ORGANISATION.fullmatch(org_id):
            raise InvalidInput("an organisation is `org_` and up to 60 letters, digits, `-` and `_`")
        claims: dict[str, Any] = {"iss": ISSUER, "sub": org_id, "iat": now_s}
        if lifetime_s is not None:
            claims["exp"] = now_s + lifetime_s
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def organisation(self, token: str, now_s: float) -> str:
        """The organisation that ``token`` speaks for. Raises AuthenticationFailed, whatever the text."""
        try:
            if len(token) > _LONGEST:
                raise ValueError("too long")
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], issuer=ISSUER, options=_OPTIONS)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise AuthenticationFailed(
                "the bearer token is not one of this server; make one with `hookline token create`"
            ) from None
        _check_times(claims, now_s)
        organisation = claims["sub"]
        if not isinstance(organisation, str) or not _ORGANISATION.fullmatch(organisation):
            raise AuthenticationFailed("the subject of the bearer token is not an organisation (`org_…`)")
        return organisation


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
