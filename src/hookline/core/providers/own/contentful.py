"""Contentful signs the method, the path with its query, the headers that it lists, and the body."""

from __future__ import annotations

from urllib.parse import quote

from hookline.core.errors import VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request, full_url
from hookline.core.providers.refusal import repeated
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.where import header

SIGNED_HEADERS = header("x-contentful-signed-headers")
TIMESTAMP = header("x-contentful-timestamp")

_LIST = b"x-contentful-signed-headers"
_TIME = b"x-contentful-timestamp"

# What JavaScript's `encodeURI` and `encodeURIComponent` leave as it is, beside letters and digits.
_OF_ADDRESS = ";,/?:@&=+$-_.!~*'()#"
_OF_VALUE = "-_.!~*'()"


def canonical(request: Request, timestamp: bytes, options: Options) -> tuple[bytes, ...]:
    """The signed form of ``request``. Raises VerificationError when a header that it lists is missing or repeated."""
    listed = request.lookup.get(_LIST, b"").lower().split(b",")
    names = sorted({name.strip() for name in listed if name.strip()} | {_LIST, _TIME})
    lines = [name + b":" + _value(request, name, names) for name in names]
    path = signed_path(full_url(request)).encode()
    return (b"\n".join([request.method.upper().encode("utf-8", "replace"), path, b";".join(lines), request.body]),)


def signed_path(url: str) -> str:
    """Path and query of ``url`` as Contentful writes them: a query is percent-encoded twice."""
    path, _, query = ("/" + url.partition("://")[2].partition("/")[2]).partition("?")
    query = query.partition("?")[0]
    if query:
        path += "?" + quote(query, _OF_VALUE, errors="replace")
    return quote(path, _OF_ADDRESS, errors="replace")


def _value(request: Request, name: bytes, names: list[bytes]) -> bytes:
    if name == _LIST:
        return b",".join(names)
    value = request.lookup.get(name)
    if value is None:
        raise VerificationError(
            "missing_header",
            "the signature covers a header, named in x-contentful-signed-headers, that this request does not have. "
            "Check that nothing on the way removes it",
        )
    if len(request.lookup) != len(request.headers) and occurrences(request.headers, name) > 1:
        raise repeated("a header named in x-contentful-signed-headers")
    return value.strip()


REQUEST = Signed(
    words="the method, the path with its query, the headers that x-contentful-signed-headers names and the body",
    make=canonical,
    covers=(SIGNED_HEADERS, TIMESTAMP),
)
