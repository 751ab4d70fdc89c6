"""Microsoft Graph repeats the secret of a subscription, its client state, in every notification of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import Any

import msgspec

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, with_body
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.scheme import KeyEncoding
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special
from hookline.core.providers.where import parsed

_key = key_decoder(KeyEncoding.UTF8)


def _notifications(document: Any) -> list[Any]:
    items = document.get("value") if isinstance(document, dict) else None
    return items if isinstance(items, list) else []


def _state(item: Any) -> bytes:
    text = item.get("clientState") if isinstance(item, dict) else None
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    states = [_state(item) for item in _notifications(parsed(request).value())]
    if not states:
        raise VerificationError(
            "missing_signature",
            "Microsoft Graph proves itself in the clientState of every notification in /value of the body, and this "
            "request has no notifications. Check that the source names the right provider",
        )
    keys = [(position, _key(secret)) for position, secret in enumerate(secrets) if secret]
    if not keys:
        raise VerificationError("no_secret", "this source has no secret. Give it the clientState of the subscription")
    positions: set[int] = set()
    for state in set(states):
        found = [position for position, key in keys if compare_digest(key, state)]
        if not found:
            raise VerificationError(
                "bad_signature",
                "a notification of this batch has a clientState that is no secret of this source, or none at all. "
                "Check that the clientState of every subscription that calls this address is a secret of this source",
            )
        positions.add(found[0])
    return Proof(min(positions))


def _sign(request: Request, secret: str, _now_s: float, _options: Options) -> Request:
    document = parsed(request).value()
    items = _notifications(document)
    if not items or not all(isinstance(item, dict) for item in items):
        raise InvalidInput("this proof travels in every object of the list `value` of a JSON body")
    for item in items:
        item["clientState"] = secret
    return with_body(request, msgspec.json.encode(document))


CLIENT_STATE = Special(
    words="the clientState that every notification of the batch repeats",
    verify=_verify,
    sign=_sign,
    check_secret=_key,
    covers_body=False,
)
