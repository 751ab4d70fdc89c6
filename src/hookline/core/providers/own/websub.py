"""WebSub: the question of a hub whether a subscription, or its end, is meant (W3C WebSub §5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest

from hookline.core.model import Request, Response
from hookline.core.providers.handshake import text_response
from hookline.core.providers.signed import Options
from hookline.core.providers.where import as_bytes, query, request_reader

_read_mode = request_reader(query("hub.mode"))
_read_topic = request_reader(query("hub.topic"))


def intend(request: Request, question: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The challenge of the hub where the question is what the source wants, else None.

    The option ``topic`` names the topics that it wants, separated by spaces: to subscribe to them is meant, to end
    their subscription is not. Without it every question is answered.
    """
    mode, topic = as_bytes(_read_mode(request)), as_bytes(_read_topic(request))
    if mode not in (b"subscribe", b"unsubscribe") or not topic:
        return None
    wanted = [name.encode() for name in options.get("topic", "").split()]
    if wanted and any(compare_digest(name, topic) for name in wanted) != (mode == b"subscribe"):
        return None
    return text_response(question)
