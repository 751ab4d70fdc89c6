"""Meta: the question ``hub.challenge`` is answered only to whoever knows the verify token."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest

from hookline.core.model import Request, Response
from hookline.core.providers.handshake import text_response
from hookline.core.providers.options import Option
from hookline.core.providers.signed import Options
from hookline.core.providers.where import as_bytes, query, request_reader

VERIFY_TOKEN = Option(
    "verify_token",
    "the verify token that you chose at Meta; without it, one of the source's secrets must be that",
    secret=True,
)

_read_token = request_reader(query("hub.verify_token"))


def answer_challenge(request: Request, question: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The challenge, as text; None when the verify token is not ours."""
    given = as_bytes(_read_token(request)) or b""
    chosen = options.get(VERIFY_TOKEN.name, "")
    known = False
    for token in [chosen] if chosen else secrets:
        known |= bool(token) and compare_digest(token.encode("utf-8", "surrogatepass"), given)
    return text_response(question) if known else None
