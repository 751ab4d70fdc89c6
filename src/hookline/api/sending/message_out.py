"""Messages as the sending API shows them. Payloads are embedded byte for byte as they were published."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from hookline.api import present
from hookline.api.sending.message import JSON_TYPE, Message
from hookline.storage.messages import Message as StoredMessage

Json: TypeAlias = dict[str, Any]

#: In place of a payload that was not asked for, and of one that is gone (as Svix shows it).
NOT_SHOWN: Json = {}
GONE: Json = {"expired": True}

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def message(one: StoredMessage, *, with_content: bool) -> Json:
    """A stored message; ``payload`` is what was published when that was a JSON object."""
    event = one.event
    shown = _shown(
        event.id, event.type, event.provider_event_id, event.channels, event.tags, present.time(event.received_at_ms)
    )
    if with_content:
        _add_content(shown, one.payload, one.content_type)
    return shown


def accepted(one: Message, id: str, at_ms: int, *, with_content: bool) -> Json:
    """The acknowledgement of a message that was published just now, or of the same request before."""
    shown = _shown(id, one.event_type, one.event_id, one.channels, one.tags, present.time(at_ms))
    if one.due_at_ms:
        shown["deliverAt"] = present.time(one.due_at_ms)
    if with_content:
        _add_content(shown, one.payload, one.content_type.decode())
    return shown


def _shown(
    id: str, event_type: str, event_id: str, channels: tuple[str, ...], tags: tuple[str, ...], timestamp: str | None
) -> Json:
    shown: Json = {
        "id": id,
        "eventType": event_type,
        "eventId": event_id or None,
        "channels": channels or None,
        "timestamp": timestamp,
        "payload": NOT_SHOWN,
    }
    if tags:
        shown["tags"] = tags
    return shown


def _add_content(shown: Json, payload: bytes | None, content_type: str) -> None:
    """SDKs know only objects: anything else is shown as text beside an empty one."""
    if payload is None:
        shown["payload"] = GONE
        return
    if _is_object(payload):
        shown["payload"] = msgspec.Raw(payload)
    else:
        shown["rawPayload"] = payload.decode("utf-8", "replace")
    if content_type.encode() != JSON_TYPE:
        shown["contentType"] = content_type


def _is_object(payload: bytes) -> bool:
    if not payload.startswith(b"{"):
        return False
    try:
        _members(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True
