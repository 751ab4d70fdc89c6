"""``hookline messages send``: publish one message from the command line, as the API would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hookline.api.present import time
from hookline.api.sending.message import read
from hookline.api.sending.once import make_once
from hookline.api.sending.publish import OPERATION
from hookline.api.sending.publisher import Publisher
from hookline.api.when import parse_moment
from hookline.cli.files import read_bytes
from hookline.cli.names import find_application
from hookline.cli.place import Place
from hookline.cli.refusals import by_flags
from hookline.config.units import parse_duration
from hookline.core.errors import InvalidInput

#: The flags by the fields of the API's message.
_FLAGS = {
    "eventType": "--type",
    "payload": "--data",
    "eventId": "--event-id",
    "channels": "--channel",
    "tags": "--tag",
    "contentType": "--content-type",
    "deliverAt": "--deliver-at",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be published, as it was written."""

    application: str
    type: str
    data: str | None = None
    file: str | None = None
    content_type: str | None = None
    event_id: str | None = None
    channels: Sequence[str] = ()
    tags: Sequence[str] = ()
    idempotency_key: str | None = None
    deliver_at: str | None = None


async def send(place: Place, wish: Wish) -> str:
    """Publish; the id of the message, which is on disk. Raises what the API would answer with."""
    now_ms = place.clock.now_ms()
    body = _body(wish, now_ms)
    with by_flags(_FLAGS):
        message = read(body, now_ms)
    application = await find_application(place, wish.application)
    source = place.store.routing.application(place.org_id, application.id)
    assert source is not None  # it was read from the same store a moment ago
    key = wish.idempotency_key
    once = make_once(source.id, OPERATION, key, body, now_ms) if key else None
    publisher = Publisher(place.store, place.clock, lambda notice: None, place.settings)
    with by_flags(_FLAGS):
        return (await publisher.take(source, message, now_ms, once=once)).id


def _body(wish: Wish, now_ms: int) -> bytes:
    """The message as the API reads it, the payload byte for byte as it was given."""
    body: dict[str, Any] = {"eventType": wish.type, **_payload(wish)}
    if wish.event_id is not None:
        body["eventId"] = wish.event_id
    if wish.channels:
        body["channels"] = list(wish.channels)
    if wish.tags:
        body["tags"] = list(wish.tags)
    if wish.deliver_at is not None:
        body["deliverAt"] = _moment(wish.deliver_at, now_ms)
    return msgspec.json.encode(body)


def _payload(wish: Wish) -> dict[str, Any]:
    payload = _given(wish)
    if wish.content_type is None:
        _check_object(payload)
        return {"payload": msgspec.Raw(payload)}
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise InvalidInput("--file: is not UTF-8 text; messages are text") from None
    return {"transformationsParams": {"rawPayload": text}, "contentType": wish.content_type}


def _check_object(payload: bytes) -> None:
    otherwise = "send any other text with its --content-type"
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"--data: is not JSON: {error}; {otherwise}") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"--data: must be a JSON object; {otherwise}")


def _given(wish: Wish) -> bytes:
    if (wish.data is None) == (wish.file is None):
        raise InvalidInput("say what to send, by --data or by --file")
    return wish.data.encode() if wish.data is not None else read_bytes("--file", wish.file or "")


def _moment(text: str, now_ms: int) -> str:
    """A time as the API writes it; ``+2h`` is two hours from now."""
    try:
        if text.startswith("+"):
            at_ms = now_ms + int(parse_duration(text[1:]) * 1000)
        else:
            at_ms = parse_moment(text, now_ms)
    except InvalidInput as error:
        raise InvalidInput(f"--deliver-at {error.message}") from None
    return time(at_ms) or ""
