"""Requests as the door hands them to the core."""

from __future__ import annotations

from collections.abc import Iterable

from hookline.core.headers import index
from hookline.core.model import Headers, Request

#: 2023-11-14 22:13:20 UTC.
NOW = 1_700_000_000.0

#: A secret that the provider can use; obviously fake.
SECRETS = {
    "anthropic": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "clerk": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "openai": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "resend": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
    "github": "not-a-real-secret",
    "stripe": "whsec_not_a_real_secret",
    "shopify": "not-a-real-client-secret",
    "slack": "00000000000000000000000000000000",
    "standard_webhooks": "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG5vdCBhdCBhbGw=",
}


def request_of(
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes = b"",
    *,
    method: str = "POST",
    query: bytes = b"",
) -> Request:
    """A request with these lines and this body."""
    lines: Headers = tuple(headers)
    return Request(method=method, path="/webhooks/x", query=query, headers=lines, lookup=index(lines), body=body)


def secret_of(slug: str) -> str:
    """A secret for this provider: most take any text."""
    return SECRETS.get(slug, "not-a-real-secret")
