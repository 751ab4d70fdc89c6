"""Atlassian Connect: a token holds the hash of the method, the path and the sorted query, its ``qsh`` claim."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from urllib.parse import parse_qsl, quote

from hookline.core.model import Request, full_url
from hookline.core.providers.jwt import Claims, Jwt

_MOST_FIELDS = 1_000


def query_hash(method: str, url: str) -> str:
    """The SHA-256, in hexadecimal, of the canonical form of a request. Raises ValueError for a query without end."""
    rest = url.partition("#")[0].partition("://")[2]
    address, _, query = rest.partition("?")
    path = "/" + address.partition("/")[2].replace("&", "%26")
    if len(path) > 1:
        path = path.removesuffix("/")
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS):
        if name != "jwt":
            values.setdefault(name, []).append(value)
    pairs = [f"{_encode(name)}={','.join(map(_encode, sorted(values[name])))}" for name in sorted(values)]
    canonical = "&".join([method.upper(), path, "&".join(pairs)])
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _check(request: Request, claims: Claims) -> str:
    """A sentence when the token was made for another request."""
    given = claims.get("qsh")
    try:
        wanted = query_hash(request.method, full_url(request))
    except ValueError:
        wanted = ""
    if isinstance(given, str) and compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode()):
        return ""
    return "`qsh` of the token is not the hash of this method, path and query; a proxy may have changed them"


CONNECT = Jwt(
    algorithms=("HS256",),
    required=("exp", "iat"),
    check=_check,
    makes=lambda request, url: {"qsh": query_hash(request.method, url)},
)
