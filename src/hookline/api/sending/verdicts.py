"""Tokens that were found genuine, so that the next request with the same one costs a look into a table.

Checking a token's signature takes longer than storing a message. What a token says never changes, but for
whether its time is over; that is asked every time.
"""

from __future__ import annotations

import math

import jwt

from hookline.api.token import Claims, TokenSigner, bearer

#: Tokens that are remembered; those that came first go first. Only genuine ones are: strangers cannot fill this.
MOST_REMEMBERED = 1_000


class Verdicts:
    """What genuine tokens say."""

    def __init__(self, tokens: TokenSigner) -> None:
        self._tokens = tokens
        self._known: dict[bytes, tuple[Claims, float]] = {}

    def of(self, authorization: bytes, now_s: float) -> Claims:
        """What the token in an `Authorization` header says. Raises AuthenticationFailed."""
        known = self._known.get(authorization)
        if known is not None and now_s < known[1]:
            return known[0]
        return self._examine(authorization, now_s)

    def _examine(self, authorization: bytes, now_s: float) -> Claims:
        self._known.pop(authorization, None)
        token = bearer(authorization.decode("latin-1"))
        claims = self._tokens.claims(token, now_s)
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[authorization] = (claims, _expires_at_s(token))
        return claims


def _expires_at_s(token: str) -> float:
    """When the time of a token is over that was found genuine; infinity when it has no end."""
    content = jwt.decode(token, options={"verify_signature": False})
    return float(content.get("exp", math.inf))
