"""Zoom: proving an endpoint by an HMAC of a token that Zoom sends.

The same secret signs events, as ``v0:time:body``. So only what looks like one of Zoom's tokens is answered, and nothing
with a colon: else anybody could have an event of their own signed here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hmac import digest as hmac_digest

from hookline.core.model import Request, Response
from hookline.core.providers.handshake import json_response
from hookline.core.providers.signed import Options

_TOKEN = re.compile(rb"[A-Za-z0-9_+/=.-]{1,128}")


def answer_validation(_request: Request, question: bytes, secrets: Sequence[str], _options: Options) -> Response | None:
    """The token and its HMAC-SHA256 under the first secret, in hexadecimal; None when it must not be signed."""
    secret = next((one for one in secrets if one), "")
    if not secret or not _TOKEN.fullmatch(question):
        return None
    digest = hmac_digest(secret.encode("utf-8", "surrogatepass"), question, "sha256").hex()
    return json_response({"plainToken": question.decode("ascii"), "encryptedToken": digest})
