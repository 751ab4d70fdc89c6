"""Signed requests and published messages, rendered to the last byte before anything is measured.

The signatures are made here from the providers' documentation, not by Hookline: GitHub's
(https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries) and Standard Webhooks'
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from __future__ import annotations

import functools
import hmac
import json
import os
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable

from hookline.api.token import create_token
from hookline.core.model import DEFAULT_ORG

BODY_BYTES = 1024
#: The uid of the application that is published for.
APPLICATION = "bench"

#: Obviously fake; the same for whoever signs and whoever verifies.
SERVER_SECRET = "not-a-real-secret-only-for-benchmarks"
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


def message(host: str, number: str) -> bytes:
    """A message as one publishes it without an SDK, without a key."""
    return publish(host, number)


def keyed_message(host: str, number: str) -> bytes:
    """The same with an `Idempotency-Key`, which is a UUID as the SDKs make it."""
    return publish(host, number, f"Idempotency-Key: auto_{number}")


def publish(host: str, number: str, *lines: str, application: str = APPLICATION) -> bytes:
    """A message for an application; ``lines`` are further headers."""
    body = b'{"eventType":"order.paid","payload":%b}' % payload(number)
    return _render(
        host,
        f"/api/v1/app/{application}/msg?with_content=false",
        body,
        "User-Agent: Example-Product/1.0",
        "Accept: */*",
        f"Authorization: Bearer {token()}",
        "Content-Type: application/json",
        *lines,
    )


def payload(number: str) -> bytes:
    """The payload of a message, as large as the other bodies."""
    return _body(number, "order.paid")


@functools.cache
def token() -> str:
    """As `hookline token create` prints it."""
    return create_token(SERVER_SECRET, DEFAULT_ORG, int(time.time()))


RENDERERS: dict[str, Callable[[str, str], bytes]] = {
    "github": github,
    "standard": standard,
    "message": message,
    "keyed-message": keyed_message,
}

#: Whose ids are UUIDs, in no order. Those of Standard Webhooks senders sort by time. To an index that is a difference.
_BY_UUID = ("github", "keyed-message")


def stock(provider: str, host: str, count: int) -> list[bytes]:
    """``count`` requests, no two alike, and unlike those of every other stock, with ids as their senders make them."""
    render, run = RENDERERS[provider], os.urandom(6).hex()
    if provider in _BY_UUID:
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
