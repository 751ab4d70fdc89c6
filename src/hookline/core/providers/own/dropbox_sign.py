"""Dropbox Sign: an event holds the HMAC of its own time and type. It is JSON in the field ``json`` of a form."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any
from urllib.parse import quote_plus

import msgspec

from hookline.core.body import BodyKind
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, with_body
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.scheme import KeyEncoding
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special, first_fitting
from hookline.core.providers.where import as_bytes, parsed

#: The field of the form, plain or multipart, that holds the JSON.
FIELD = "json"

_key = key_decoder(KeyEncoding.UTF8)


def _event(document: Any) -> dict[str, Any]:
    event = document.get("event") if isinstance(document, dict) else None
    return event if isinstance(event, dict) else {}


def _message(event: dict[str, Any]) -> bytes | None:
    parts = [as_bytes(event.get(name)) for name in ("event_time", "event_type")]
    return b"".join(part for part in parts if part) if all(parts) else None


def _hash(secret: str, message: bytes) -> bytes:
    return hmac_digest(_key(secret), message, "sha256").hex().encode()


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    event = _event(parsed(request).document(FIELD))
    given, message = as_bytes(event.get("event_hash")), _message(event)
    if not given:
        raise VerificationError(
            "missing_signature",
            "Dropbox Sign proves itself in /event/event_hash of the JSON in the form field `json`, and this request "
            "has nothing there. Check that the source names the right provider",
        )
    if message is None:
        raise VerificationError(
            "malformed_body",
            "the hash covers /event/event_time and /event/event_type, and this event does not have both. Check that "
            "nothing on the way changes the body",
        )
    no_secret = VerificationError("no_secret", "this source has no secret. Give it the API key of the account")
    position = first_fitting(secrets, lambda secret: compare_digest(_hash(secret, message), given), no_secret)
    if position >= 0:
        return Proof(position)
    raise VerificationError(
        "bad_signature",
        "the hash in /event/event_hash is not that of this event's time and type under any secret of this source. "
        "Check that the API key is the same on both sides",
    )


def _sign(request: Request, secret: str, _now_s: float, _options: Options) -> Request:
    body = parsed(request)
    document = body.document(FIELD)
    message = _message(_event(document))
    if message is None or body.kind not in (BodyKind.JSON, BodyKind.FORM):
        raise InvalidInput("this proof needs JSON with event.event_time and event.event_type, or a form that holds it")
    document["event"]["event_hash"] = _hash(secret, message).decode()
    text = msgspec.json.encode(document)
    is_form = body.kind is BodyKind.FORM
    return with_body(request, FIELD.encode() + b"=" + quote_plus(text).encode() if is_form else text)


SPECIAL = Special(
    words="the HMAC of the event's time and type, which stands in the event",
    verify=_verify,
    sign=_sign,
    check_secret=_key,
    covers_body=False,
)
