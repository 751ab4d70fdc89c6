"""Signed requests, rendered to the last byte before anything is measured.

The signatures are made here from the providers' documentation, not by Hookline: GitHub's
(https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries) and Standard Webhooks'
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from __future__ import annotations

import hmac
import json
import os
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable

BODY_BYTES = 1024

#: Obviously fake; the same for whoever signs and whoever verifies.
GITHUB_SECRET = "not-a-real-secret-for-benchmarks"
STANDARD_SECRET = "whsec_" + b64encode(b"not a real secret, for benchmarks").decode()


def github(host: str, number: str) -> bytes:
    """A push as GitHub sends it; ``number`` makes it unique."""
    body = _body(number, "push")
    key = GITHUB_SECRET.encode()
    return _render(
        host,
        "/webhooks/github",
        body,
        "User-Agent: GitHub-Hookshot/044aadd",
        "Accept: */*",
        "Content-Type: application/json",
        f"X-GitHub-Delivery: {number}",
        "X-GitHub-Event: push",
        "X-GitHub-Hook-ID: 292430182",
        "X-GitHub-Hook-Installation-Target-ID: 79929171",
        "X-GitHub-Hook-Installation-Target-Type: repository",
        f"X-Hub-Signature: sha1={hmac.digest(key, body, 'sha1').hex()}",
        f"X-Hub-Signature-256: sha256={hmac.digest(key, body, 'sha256').hex()}",
    )


def standard(host: str, number: str) -> bytes:
    """An event as a Standard Webhooks sender sends it."""
    body = _body(number, "order.paid")
    now = int(time.time())
    signed = b"%s.%d.%s" % (number.encode(), now, body)
    signature = b64encode(hmac.digest(b64decode(STANDARD_SECRET.removeprefix("whsec_")), signed, "sha256")).decode()
    return _render(
        host,
        "/webhooks/orders",
        body,
        "User-Agent: Example-Shop/1.0",
        "Accept: */*",
        "Content-Type: application/json",
        f"webhook-id: {number}",
        f"webhook-timestamp: {now}",
        f"webhook-signature: v1,{signature}",
    )


RENDERERS: dict[str, Callable[[str, str], bytes]] = {"github": github, "standard": standard}


def stock(provider: str, host: str, count: int) -> list[bytes]:
    """``count`` requests, no two alike, and unlike those of every other stock.

    The ids are as the senders make them: GitHub's are UUIDs, in no order; those of Standard Webhooks senders
    sort by time. To an index that is a difference.
    """
    render, run = RENDERERS[provider], os.urandom(6).hex()
    if provider == "github":
        return [render(host, str(uuid.uuid4())) for _ in range(count)]
    return [render(host, f"msg_{run}_{number:08d}") for number in range(count)]


def _body(number: str, event_type: str) -> bytes:
    content = {"id": number, "type": event_type, "timestamp": "2026-01-01T00:00:00Z", "data": {"lines": []}}
    bare = json.dumps(content, separators=(",", ":"))
    filling = '"Anna Beispiel ordered 3 umbrellas"'
    room = BODY_BYTES - len(bare)
    lines = [filling] * ((room - 40) // (len(filling) + 1))
    lines.append('"' + "x" * (room - len(",".join(lines)) - 3) + '"')
    return bare.replace("[]", f"[{','.join(lines)}]").encode()


def _render(host: str, path: str, body: bytes, *lines: str) -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", *lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body
