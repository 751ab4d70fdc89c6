"""Adyen's standard webhooks: every item carries a signature of eight of its fields, in itself."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, TypeAlias

import msgspec

from hookline.core.body import BodyKind
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, with_body
from hookline.core.providers.encoding import is_written_in, key_decoder
from hookline.core.providers.scheme import Encoding, KeyEncoding
from hookline.core.providers.sign import put
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special, first_fitting
from hookline.core.providers.where import as_bytes, form, parsed

#: One notification: the member ``NotificationRequestItem`` of an item, or the fields of a form.
Item: TypeAlias = dict[str, Any]

_decode_key = key_decoder(KeyEncoding.HEX)
_FORM_SIGNATURE = "additionalData.hmacSignature"
_PATH = "/notificationItems/*/NotificationRequestItem/additionalData/hmacSignature"
_FIELDS = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def message_of(item: Item) -> bytes:
    """What is signed of an item: eight fields, joined by colons; one that is absent is empty.

    Raises VerificationError ``malformed_body`` when a field is not a plain value.
    """
    amount = item.get("amount")
    amount = item if amount is None else amount  # forms have `value` and `currency` beside the rest
    if not isinstance(amount, dict):
        raise _malformed("an amount that is not one")
    values = [item.get(name) for name in _FIELDS]
    values += [amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success")]
    return b":".join([_plain(value) for value in values])


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    items = _items(request)
    signatures = [_signature_of(item) for item in items]
    messages = [message_of(item) for item in items]

    def fits(secret: str) -> bool:
        key = _decode_key(secret)
        return all(compare_digest(_sign(key, message), one) for message, one in zip(messages, signatures, strict=True))

    no_secret = VerificationError(
        "no_secret",
        "this source has no secret of the form that this signature needs. Give it the HMAC key of the webhook, in "
        "hexadecimal, exactly as Adyen shows it. Check that it is not the password",
    )
    position = first_fitting(secrets, fits, no_secret)
    if position >= 0:
        return Proof(position)
    raise VerificationError(
        "bad_signature",
        "the signature of at least one item is not its own under any secret of this source. Check that the HMAC key is "
        "that of this webhook and this environment, and that the webhook was saved after the key was made",
    )


def _sign_request(request: Request, secret: str, now_s: float, options: Options) -> Request:
    key = _decode_key(secret)
    body = parsed(request)
    try:
        if body.kind is BodyKind.FORM:
            signature = _sign(key, message_of(_form_item(body.value())))
            return put(request, form(_FORM_SIGNATURE), signature)
        document = body.value()
        for item in _json_items(document):
            details = item.setdefault("additionalData", {})
            if not isinstance(details, dict):
                raise _malformed("`additionalData` that is not an object")
            details["hmacSignature"] = _sign(key, message_of(item)).decode()
    except VerificationError as error:
        raise InvalidInput(f"this cannot be signed: {error.message}") from None
    return with_body(request, msgspec.json.encode(document))


def _items(request: Request) -> list[Item]:
    body = parsed(request)
    document = body.value()
    if body.kind is BodyKind.FORM:
        return [_form_item(document)]
    return _json_items(document)


def _json_items(document: Any) -> list[Item]:
    entries = document.get("notificationItems") if isinstance(document, dict) else None
    if entries is None:
        raise _missing()
    items = [entry.get("NotificationRequestItem") for entry in _dicts(entries)]
    return list(_dicts(items))


def _form_item(document: Any) -> Item:
    if not isinstance(document, dict):
        raise _missing()
    return document


def _dicts(values: Any) -> list[dict[str, Any]]:
    if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
        raise _malformed("`notificationItems` that are not a list of notifications")
    return values


def _signature_of(item: Item) -> bytes:
    details = item.get("additionalData")
    given = details.get("hmacSignature") if isinstance(details, dict) else item.get(_FORM_SIGNATURE)
    if isinstance(given, list):
        raise VerificationError(
            "repeated_signature",
            f"`{_FORM_SIGNATURE}` occurs more than once in this request. Check whether a proxy adds it again",
        )
    text = as_bytes(given)
    if not text:
        raise _missing()
    if not is_written_in(Encoding.BASE64, text):
        raise VerificationError(
            "malformed_signature",
            "`hmacSignature` of an item is not written in base64. Check that the source names the right provider",
        )
    return text


def _sign(key: bytes, message: bytes) -> bytes:
    return b2a_base64(hmac_digest(key, message, "sha256"), newline=False)


def _plain(value: Any) -> bytes:
    text = b"" if value is None else as_bytes(value)
    if text is None:
        raise _malformed("a field that is not a plain value")
    return text


def _missing() -> VerificationError:
    return VerificationError(
        "missing_signature",
        f"Adyen proves itself in {_PATH} of the body, and an item of this request has nothing there. Check that an "
        "HMAC key was generated for the webhook and saved, and that its format is JSON or HTTP POST",
    )


def _malformed(problem: str) -> VerificationError:
    return VerificationError(
        "malformed_body", f"this notification has {problem}. Check that the source names the right provider"
    )


#: Proves each item of a batch; the body beside the eight fields is not covered.
SPECIAL = Special(
    words="a signature in each item, of eight of its fields",
    verify=_verify,
    sign=_sign_request,
    is_present=lambda request: b"hmacsignature" not in request.lookup,
    check_secret=_decode_key,
    covers_body=False,
)
