"""What the pieces are fed with: always the same events, no two alike."""

from __future__ import annotations

import random
import uuid

from bench.requests import GITHUB_SECRET, STANDARD_SECRET, payload
from hookline.core import ids
from hookline.core.headers import index
from hookline.core.model import DEFAULT_ORG, Headers, Request, Source
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign_request
from hookline.testing.clock import START_MS

#: When everything happens, in seconds and milliseconds of UTC.
NOW_MS = START_MS
NOW_S = START_MS // 1000

HOST = b"hooks.example.com"
SECRETS = {"github": GITHUB_SECRET, "standard_webhooks": STANDARD_SECRET}

#: What GitHub and a shop send beside what identifies and proves the event.
_USUAL: dict[str, Headers] = {
    "github": (
        (b"User-Agent", b"GitHub-Hookshot/044aadd"),
        (b"Accept", b"*/*"),
        (b"X-GitHub-Hook-ID", b"292430182"),
        (b"X-GitHub-Hook-Installation-Target-ID", b"79929171"),
        (b"X-GitHub-Hook-Installation-Target-Type", b"repository"),
    ),
    "standard_webhooks": ((b"User-Agent", b"Example-Shop/1.0"), (b"Accept", b"*/*")),
}


def provider(slug: str) -> Provider:
    """A provider of the catalogue."""
    return get(slug)


def source(slug: str) -> Source:
    """A source of this provider, of the same name, as the routing knows it."""
    return Source(ids.make(ids.SOURCE, NOW_MS, bytes(10)), DEFAULT_ORG, slug, slug, secrets=(SECRETS[slug],))


def requests(slug: str, count: int) -> list[Request]:
    """Requests of a provider with 1 KB bodies, signed as it signs, as they arrive at its source's door."""
    return [_request(slug, number) for number in range(count)]


def _request(slug: str, number: int) -> Request:
    body = payload(number)
    signed = sign_request(
        get(slug),
        body=body,
        secret=SECRETS[slug],
        now_s=NOW_S,
        event_id=_event_id(slug, number),
        event_type="push" if slug == "github" else "",
        headers=_USUAL[slug],
    )
    lines = ((b"Host", HOST), *signed.headers, (b"Content-Length", b"%d" % len(body)))
    return Request("POST", f"/webhooks/{slug}", b"", lines, index(lines), body, "127.0.0.1")


def _event_id(slug: str, number: int) -> str:
    """Without order in time, as GitHub's are, or with."""
    if slug == "github":
        return str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))
    return f"msg_{number:024d}"


def wire(request: Request) -> bytes:
    """The request as it comes in, byte for byte."""
    query = b"?" + request.query if request.query else b""
    head = b"%b %b%b HTTP/1.1\r\n" % (request.method.encode(), request.path.encode(), query)
    return head + b"".join([b"%b: %b\r\n" % line for line in request.headers]) + b"\r\n" + request.body
