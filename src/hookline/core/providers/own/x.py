"""X (Twitter): the challenge-response check (CRC), an HMAC of a token that X sends.

The same secret signs bodies of events. So only short tokens of letters and digits are answered, nothing that could be
a JSON document: else anybody could have an event of their own signed here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hmac import digest as hmac_digest

from hookline.core.errors import VerificationError
from hookline.core.model import Request, Response
from hookline.core.providers.handshake import json_response
from hookline.core.providers.signed import Options, Signed

_TOKEN = re.compile(rb"[A-Za-z0-9_+/=.-]{1,256}")


def signed_body(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    """The body; VerificationError for one that anybody could have had signed as the token of a check."""
    if _TOKEN.fullmatch(request.body):
        raise VerificationError(
            "malformed_body",
            "this body could be the token of X's own check of the address, whose signature anybody is given. Check "
            "that the source names the right provider",
        )
    return (request.body,)


#: An event is a JSON object, so nothing genuine is lost.
BODY = Signed("the body", signed_body)


def answer_crc(_request: Request, question: bytes, secrets: Sequence[str], _options: Options) -> Response | None:
    """``response_token``: the HMAC-SHA256 of the token under the first secret; None when it must not be signed."""
    secret = next((one for one in secrets if one), "")
    if not secret or not _TOKEN.fullmatch(question):
        return None
    digest = hmac_digest(secret.encode("utf-8", "surrogatepass"), question, "sha256")
    return json_response({"response_token": f"sha256={b64encode(digest).decode()}"})
