"""Header lines: finding one, counting one, and which of them an endpoint may see.

Names are compared without regard to case (RFC 9110 §5.1); bytes are never changed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hookline.core.model import Headers

#: Lines that speak about one connection only (RFC 9110 §7.6.1, RFC 2616 §13.5.1 and customary ones).
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

#: Lines that were meant for us, or that whoever sends the request on must write anew.
_OURS = frozenset(
    {
        b"accept-encoding",
        b"authorization",
        b"content-length",
        b"cookie",
        b"cookie2",
        b"expect",
        b"forwarded",
        b"host",
        b"set-cookie",
        b"via",
        b"x-real-ip",
    }
)

#: The lines of our own signature, in both spellings whichever of them we write: Svix libraries look for
#: ``svix-*`` first, so a foreign one beside our ``webhook-*`` would make them refuse what we signed.
_RESIGNED = frozenset(
    {
        b"svix-id",
        b"svix-signature",
        b"svix-timestamp",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
    }
)

_DROPPED = HOP_BY_HOP | _OURS
_DROPPED_RESIGNED = _DROPPED | _RESIGNED
_CONNECTION_LENGTH = len(b"connection")
_DROPPED_PREFIXES = (b"proxy-", b"x-forwarded-")

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_BREAKS_A_LINE = re.compile(rb"[\x00\r\n]")


def index(headers: Headers) -> dict[bytes, bytes]:
    """The last value of each header, by its lower-case name."""
    return {name.lower(): value for name, value in headers}


def occurrences(headers: Headers, name: bytes) -> int:
    """How many lines have this name."""
    wanted = name.lower()
    return [line_name.lower() for line_name, _ in headers].count(wanted)


def forwardable(headers: Headers, sender_secrets: frozenset[bytes] = frozenset(), *, resigned: bool = True) -> Headers:
    """The lines of a received request that go on to an endpoint, in their order and with their bytes.

    Left out: lines about the connection (with those that ``Connection`` names), about addresses and
    proxies, cookies, ``Authorization``, the lower-case names in ``sender_secrets`` (what authenticated
    the sender to us as a static secret) and lines that HTTP/1.1 could not carry. With ``resigned`` also
    the Standard Webhooks lines, because ours take their place. A provider's own signature stays.
    """
    if len(headers) == 1:  # as in every message
        return _forwardable_one(headers, sender_secrets, resigned)
    return _forwardable(headers, sender_secrets, resigned)


def _forwardable(headers: Headers, sender_secrets: frozenset[bytes], resigned: bool) -> Headers:
    kept = [line for line in headers if _may_go_on(line[0], resigned)]
    named = [value for name, value in headers if len(name) == _CONNECTION_LENGTH and name.lower() == b"connection"]
    if named or sender_secrets:
        dropped = _listed(named) | sender_secrets
        kept = [line for line in kept if line[0].lower() not in dropped]
    if _BREAKS_A_LINE.search(b"".join([value for _, value in kept])):
        kept = [line for line in kept if not _BREAKS_A_LINE.search(line[1])]
    return tuple(kept)


_forwardable_one = lru_cache(maxsize=256)(_forwardable)


@lru_cache(maxsize=4096)
def _may_go_on(name: bytes, resigned: bool) -> bool:
    """What can be said of a line by its name alone. Few names are in use, so nearly all are known."""
    lower = name.lower()
    dropped = _DROPPED_RESIGNED if resigned else _DROPPED
    return lower not in dropped and not lower.startswith(_DROPPED_PREFIXES) and _TOKEN.fullmatch(lower) is not None


def _listed(values: list[bytes]) -> frozenset[bytes]:
    """The names in lists as ``Connection`` holds them."""
    return frozenset(name.strip().lower() for name in b",".join(values).split(b","))
