"""monday.com asks for its challenge back before it sends events to an address."""

from __future__ import annotations

from collections.abc import Sequence

from hookline.core.model import Request, Response
from hookline.core.providers.handshake import json_response
from hookline.core.providers.signed import Options
from hookline.core.providers.where import parsed


def respond(request: Request, question: bytes, _secrets: Sequence[str], _options: Options) -> Response | None:
    """The challenge as it came; None for a body that says anything beside it, which is an event."""
    document = parsed(request).value()
    if not isinstance(document, dict) or set(document) != {"challenge"}:
        return None
    return json_response({"challenge": question.decode("utf-8", "replace")})
