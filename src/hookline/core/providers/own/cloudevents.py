"""CloudEvents: the question of a sender whether it may send here at all (HTTP 1.1 Web Hooks, §4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hookline.core.model import Request, Response
from hookline.core.providers.signed import Options

_ORIGIN = re.compile(rb"[A-Za-z0-9._:/*\[\]-]{1,253}")
_RATE = re.compile(rb"[0-9]{1,9}")


def allow(request: Request, question: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The permission for the sender that asks, at the rate it asks for. None for a question that is not one."""
    if not _ORIGIN.fullmatch(question):
        return None
    headers = [(b"allow", b"POST"), (b"webhook-allowed-origin", question)]
    rate = request.lookup.get(b"webhook-request-rate")
    if rate is not None:
        headers.append((b"webhook-allowed-rate", rate if _RATE.fullmatch(rate) else b"*"))
    return Response(200, b"", "text/plain", tuple(headers))
