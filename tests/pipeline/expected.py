"""What a receiver must have been sent."""

from __future__ import annotations

import base64
import hmac
import json

import standardwebhooks

from hookline.core.model import Headers
from hookline.testing.receiver import Received

OURS = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")


def arrived_as_sent(received: Received, headers: Headers, body: bytes, secret: str) -> None:
    """The very bytes, the very lines in their order and case, and a signature that the official library accepts."""
    assert received.body == body
    added = [line for line in received.headers if line[0] in (b"Host", b"Content-Length", *OURS)]
    assert [line for line in received.headers if line not in added] == list(headers)
    assert received.header("content-length") == str(len(body))
    verified(received, secret)


def verified(received: Received, secret: str) -> None:
    """The official library accepts the signature under this secret. Raises WebhookVerificationError.

    It wants a body that is JSON; the signature of any other is computed here as the specification says.
    """
    lines = {name.lower().decode(): value.decode("latin-1") for name, value in received.headers}
    assert [name.lower() for name, _ in received.headers if name.lower() in OURS] == list(OURS)
    try:
        json.loads(received.body.decode())
    except ValueError:
        signed = f"{lines['webhook-id']}.{lines['webhook-timestamp']}.".encode() + received.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        assert f"v1,{digest}" in lines["webhook-signature"].split()
    else:
        standardwebhooks.Webhook(secret).verify(received.body, lines)
