"""Braintree: a form with a signed payload, and a question that only the owner of the private key can answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hmac import digest as hmac_digest

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, Response
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.handshake import text_response
from hookline.core.providers.scheme import KeyEncoding
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.where import as_bytes, form, request_reader

_decode_key = key_decoder(KeyEncoding.SHA1_OF_UTF8)
_read_payload = request_reader(form("bt_payload"))
_PAYLOAD = re.compile(rb"[A-Za-z0-9+=/\n]+")
_CHALLENGE = re.compile(rb"[a-f0-9]{20,32}")


def _messages(request: Request, timestamp: bytes, options: Options) -> tuple[bytes, ...]:
    payload = as_bytes(_read_payload(request))
    if not payload:
        raise VerificationError(
            "malformed_body",
            "Braintree signs the form field `bt_payload`, and this request has no single one. Check that nothing on "
            "the way changes the body",
        )
    # An answer to a challenge is a signature too, so what could have been one proves nothing.
    if not _PAYLOAD.fullmatch(payload) or _CHALLENGE.fullmatch(payload.rstrip(b"\n")):
        raise VerificationError(
            "malformed_body",
            "`bt_payload` of this form is not a notification in base64. Check that nothing on the way changes the body",
        )
    return payload, payload + b"\n"


def answer_challenge(request: Request, challenge: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The public key, a bar, and the challenge signed under the first usable private key.

    None for what is not 20 to 32 hexadecimal digits, without an option ``public_key``, and without a secret.
    """
    public_key = options.get("public_key", "")
    if not public_key or not _CHALLENGE.fullmatch(challenge):
        return None
    for secret in secrets:
        try:
            signature = hmac_digest(_decode_key(secret), challenge, "sha1").hex()
        except InvalidInput:
            continue
        return text_response(f"{public_key}|{signature}".encode())
    return None


#: The decoded field, as it is and with the line end that is lost on some ways.
SIGNED = Signed(words="the decoded form field `bt_payload`", make=_messages)
