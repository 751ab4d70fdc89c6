"""Discord: the PING of interactions, which is answered with a PONG.

Its ``type`` is 1, and so is that of every webhook event; those have an ``event`` besides.
"""

from __future__ import annotations

from collections.abc import Sequence

from hookline.core.model import Request, Response
from hookline.core.providers.handshake import json_response
from hookline.core.providers.signed import Options
from hookline.core.providers.where import parsed


def answer_ping(request: Request, _question: bytes, _secrets: Sequence[str], _options: Options) -> Response | None:
    """The PONG; None for a webhook event."""
    document = parsed(request).value()
    return None if not isinstance(document, dict) or "event" in document else json_response({"type": 1})
