"""The head of an outgoing request: the given headers byte for byte, plus the few that HTTP needs."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from hookline.core.model import Headers
from hookline.core.target import Target

try:
    _VERSION = version("hookline")
except PackageNotFoundError:  # imported from a source tree that was never installed
    _VERSION = "0"

USER_AGENT = f"Hookline/{_VERSION}".encode()

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2


class UnsendableHeader(Exception):
    """A header cannot be put on the wire; the message names it and never shows its value."""


#: What a given header makes unnecessary to add, as bits.
_OTHER, _USER_AGENT, _ACCEPT = 0, 1, 2
_KINDS = {b"user-agent": _USER_AGENT, b"accept": _ACCEPT}
_ADDED = (
    b"User-Agent: %b\r\nAccept: */*\r\n" % USER_AGENT,
    b"Accept: */*\r\n",
    b"User-Agent: %b\r\n" % USER_AGENT,
    b"",
)

#: Where a message goes and where it ends; a second opinion on that is request smuggling (RFC 9112 §11.2).
_OURS = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


def render_head(target: Target, headers: Headers, body_bytes: int) -> bytes:
    """Request line and headers, up to and with the empty line. Raises UnsendableHeader."""
    has = 0
    for name, _ in headers:
        has |= _kind(name)
    given = b"".join([b"%b: %b\r\n" % header for header in headers])
    if given.count(b"\n") != len(headers) or given.count(b"\r") != len(headers) or b"\0" in given:
        _refuse_value(headers)
    return b"%bContent-Length: %d\r\n%b%b\r\n" % (target.head, body_bytes, _ADDED[has], given)


@lru_cache(maxsize=4096)
def _kind(name: bytes) -> int:
    if not _TOKEN.fullmatch(name):
        raise UnsendableHeader(f"header name {name[:60]!r} is not a token (letters, digits, hyphens)")
    if name.lower() in _OURS:
        raise UnsendableHeader(f"header {name.decode()!r} is set by Hookline; remove it from the given headers")
    return _KINDS.get(name.lower(), _OTHER)


def _refuse_value(headers: Headers) -> None:
    for name, value in headers:
        if b"\n" in value or b"\r" in value or b"\0" in value:
            raise UnsendableHeader(f"the value of header {name.decode()!r} contains a line break or a NUL byte")
