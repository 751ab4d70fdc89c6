"""A message as it is published: read from the body of a request, checked, and made ready for the store.

The payload is kept byte for byte as it came. It is decoded a second time only when it could be nested deeply,
or when a schema is enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from hookline.api.answer import InvalidBody
from hookline.api.sending.refusal import Unprocessable, Wrong
from hookline.config.application_spec import LONGEST_CHANNEL, LONGEST_UID, NAME
from hookline.config.problems import Path
from hookline.core import ids
from hookline.core.body import MAX_DEPTH, BodyKind, MalformedBody, parse
from hookline.core.errors import InvalidInput

#: The numbers are those of the contract (research on Svix's server and its SDKs).
MOST_CHANNELS = 5
MOST_TAGS = 5
RETENTION_DAYS = (5, 90)
RETENTION_HOURS = (1, 2160)
#: Sending the default is the same as sending nothing: the message lives as long as its application says.
DEFAULT_RETENTION_DAYS = 90
LONGEST_DELAY_MS = 24 * 3_600_000

JSON_TYPE = b"application/json"

_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
_TAG = re.compile(r"[a-zA-Z0-9\-_./\\#]+")
#: What a header's value may hold (RFC 9110 §5.5), in the form of a media type (§8.3.1).
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+( *;[ -~]*)?")
_LONGEST_MEDIA_TYPE = 256
_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
#: The type of what is wrong where a required field is not there.
MISSING = "missing"

_NULL = b"null"
_NOTHING_MORE = (None,) * 8
_BRACE = ord("{")


class TransformationsParams(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The part of it that means something here: a body that is not a JSON object, and its type."""

    raw_payload: str | None = None
    headers: dict[str, Any] | None = None


class MessageIn(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What a caller sends. Fields that are not known here are passed over, as newer SDKs have more of them."""

    event_type: str
    payload: msgspec.Raw = msgspec.Raw(b"")
    event_id: str | None = None
    channels: list[str] | None = None
    tags: list[str] | None = None
    application: msgspec.Raw = msgspec.Raw(b"")
    transformations_params: TransformationsParams | None = None
    content_type: str | None = None
    payload_retention_period: int | None = None
    payload_retention_hours: int | None = None
    deliver_at: datetime | None = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """What is published: everything was checked. Times are UTC milliseconds; None and 0 where none was said."""

    event_type: str
    payload: bytes
    content_type: bytes
    event_id: str
    channels: tuple[str, ...]
    tags: tuple[str, ...]
    due_at_ms: int
    payload_expires_at_ms: int | None
    #: The application to make when there is none: JSON, not looked at yet; empty when none was sent.
    application: bytes


_decode = msgspec.json.Decoder(MessageIn).decode


def read(body: bytes, now_ms: int) -> Message:
    """The message that ``body`` holds.

    Raises InvalidBody for what is no JSON, Unprocessable with the place of everything else.
    """
    try:
        if not body.isascii():
            body.decode()  # what is kept raw is not looked at by the decoder
        wanted = _decode(body)
    except UnicodeDecodeError:
        raise InvalidBody(400, "invalid_json", "the body is not JSON: it is not UTF-8 text") from None
    except msgspec.ValidationError as error:
        raise Unprocessable([_misplaced(str(error))]) from None
    except msgspec.DecodeError as error:
        raise InvalidBody(400, "invalid_json", f"the body is not JSON: {_malformed(body, error)}") from None
    except RecursionError:
        raise InvalidBody(400, "invalid_json", "the body is nested too deeply") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_deep(bytes(wanted.payload))
    return _checked(wanted, now_ms)


def _refuse_deep(payload: bytes) -> None:
    """Receivers and schemas read JSON recursively: what they could not read is not taken."""
    try:
        parse(BodyKind.JSON, payload or _NULL)
    except MalformedBody as error:
        raise Unprocessable([Wrong(("body", "payload"), error.message)]) from None


def _checked(wanted: MessageIn, now_ms: int) -> Message:
    if not _is_plain(wanted) and (found := list(_all_wrong(wanted, now_ms))):
        raise Unprocessable(found)
    params = wanted.transformations_params
    raw = params.raw_payload if params is not None else None
    application = bytes(wanted.application)
    return Message(
        event_type=wanted.event_type,
        payload=bytes(wanted.payload) if raw is None else raw.encode(),
        content_type=_content_type(wanted).encode() or JSON_TYPE,
        event_id=wanted.event_id or "",
        channels=tuple(dict.fromkeys(wanted.channels)) if wanted.channels else (),
        tags=tuple(dict.fromkeys(wanted.tags)) if wanted.tags else (),
        due_at_ms=0 if wanted.deliver_at is None else max(0, _at_ms(wanted.deliver_at)),
        payload_expires_at_ms=_expires_at_ms(wanted, now_ms),
        application=b"" if application == _NULL else application,
    )


def _is_plain(wanted: MessageIn) -> bool:
    """Whether there is nothing but a right type and a right payload, as in most messages. False says nothing."""
    more = (
        wanted.event_id,
        wanted.channels,
        wanted.tags,
        wanted.transformations_params,
        wanted.content_type,
        wanted.payload_retention_period,
        wanted.payload_retention_hours,
        wanted.deliver_at,
    )
    is_object = bool(wanted.payload) and memoryview(wanted.payload)[0] == _BRACE
    return more == _NOTHING_MORE and is_object and _is_name(wanted.event_type)


def _all_wrong(wanted: MessageIn, now_ms: int) -> Iterator[Wrong]:
    """Everything that is wrong with a message whose types are right."""
    if not _is_name(wanted.event_type):
        yield _wrong_name("eventType")
    params = wanted.transformations_params
    if params is None or params.raw_payload is None:
        if not wanted.payload:
            yield Wrong(("body", "payload"), "this key is required", MISSING)
        elif memoryview(wanted.payload)[0] != _BRACE:
            yield Wrong(
                ("body", "payload"),
                "must be an object; send other bodies as text in `transformationsParams.rawPayload`",
            )
    if wanted.event_id is not None:
        if not _is_name(wanted.event_id):
            yield _wrong_name("eventId")
        elif wanted.event_id.startswith(ids.EVENT):
            yield Wrong(("body", "eventId"), f"must not begin with `{ids.EVENT}`, as the ids of messages do")
    if wanted.channels is not None:
        yield from _wrong_channels(wanted.channels)
    if wanted.tags is not None:
        yield from _wrong_tags(wanted.tags)
    if params is not None or wanted.content_type is not None:
        yield from _wrong_content_type(wanted)
    if wanted.deliver_at is not None and _at_ms(wanted.deliver_at) > now_ms + LONGEST_DELAY_MS:
        yield Wrong(("body", "deliverAt"), "must be at most 24 hours ahead")
    yield from _wrong_retention(wanted)


def _is_name(text: str, longest: int = LONGEST_UID) -> bool:
    return len(text) <= longest and NAME.fullmatch(text) is not None


def _wrong_name(*path: str | int, longest: int = LONGEST_UID) -> Wrong:
    return Wrong(("body", *path), f"must be 1 to {longest} letters, digits, `-`, `_` and `.`")


def _wrong_channels(channels: list[str]) -> Iterator[Wrong]:
    if not 1 <= len(channels) <= MOST_CHANNELS:
        yield Wrong(("body", "channels"), f"must have 1 to {MOST_CHANNELS} channels, or be left out")
    for place, channel in enumerate(channels[:MOST_CHANNELS]):
        if not _is_name(channel, LONGEST_CHANNEL):
            yield _wrong_name("channels", place, longest=LONGEST_CHANNEL)


def check_tag(tag: str) -> str:
    """Return ``tag`` when it is one. Raises InvalidInput."""
    if len(tag) > LONGEST_CHANNEL or not _TAG.fullmatch(tag):
        allowed = "letters, digits, `-`, `_`, `.`, `/`, `\\` and `#`"
        raise InvalidInput(f"must be 1 to {LONGEST_CHANNEL} {allowed}")
    return tag


def _wrong_tags(tags: list[str]) -> Iterator[Wrong]:
    if len(tags) > MOST_TAGS:
        yield Wrong(("body", "tags"), f"must have at most {MOST_TAGS} tags")
    for place, tag in enumerate(tags[:MOST_TAGS]):
        try:
            check_tag(tag)
        except InvalidInput as error:
            yield Wrong(("body", "tags", place), error.message)


def _content_type(wanted: MessageIn) -> str:
    """What the sender says, in our own field or where Svix's SDKs put it; empty when nothing is said."""
    if wanted.content_type is not None:
        return wanted.content_type
    params = wanted.transformations_params
    for name, value in (params.headers or {}).items() if params is not None else ():
        if name.lower() == "content-type":
            return value if isinstance(value, str) else "?"
    return ""


def _wrong_content_type(wanted: MessageIn) -> Iterator[Wrong]:
    said = _content_type(wanted)
    if said and (len(said) > _LONGEST_MEDIA_TYPE or not _MEDIA_TYPE.fullmatch(said)):
        own: Path = ("body", "contentType")
        place: Path = ("body", "transformationsParams", "headers", "content-type")
        yield Wrong(own if wanted.content_type is not None else place, "must be a media type, as in `text/xml`")


def _wrong_retention(wanted: MessageIn) -> Iterator[Wrong]:
    days, hours = wanted.payload_retention_period, wanted.payload_retention_hours
    if days is not None and hours is not None:
        yield Wrong(("body", "payloadRetentionHours"), "say either this or `payloadRetentionPeriod`")
    for field, value, (least, most) in (
        ("payloadRetentionPeriod", days, RETENTION_DAYS),
        ("payloadRetentionHours", hours, RETENTION_HOURS),
    ):
        if value is not None and not least <= value <= most:
            yield Wrong(("body", field), f"must be {least} to {most}")


def _expires_at_ms(wanted: MessageIn, now_ms: int) -> int | None:
    if wanted.payload_retention_hours is not None:
        return now_ms + wanted.payload_retention_hours * _HOUR_MS
    days = wanted.payload_retention_period
    return None if days is None or days == DEFAULT_RETENTION_DAYS else now_ms + days * _DAY_MS


def _at_ms(moment: datetime) -> int:
    """UTC milliseconds; a time without a zone is UTC."""
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


# -- what msgspec says, in our words -------------------------------------------------------------------

_SAID = re.compile(r"(?P<what>.*?)(?: - at `\$?(?P<where>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED = re.compile(r"Expected `([a-z]+)(?: \| null)?`, got `\w+`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")
_KINDS = {
    "str": "must be text",
    "int": "must be a whole number",
    "array": "must be a list, as in [a, b]",
    "object": "must be an object",
    "datetime": "must be a time, as in `2026-01-31T09:30:00Z`",
}


def _misplaced(said: str) -> Wrong:
    """A value of the wrong type, with its place."""
    found = _SAID.fullmatch(said)
    what, where = (found["what"], found["where"] or "") if found is not None else (said, "")
    path: list[str | int] = ["body"]
    for name, index in _STEP.findall(where):
        if name or index:
            path.append(name or int(index))
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return Wrong((*path, missing[1]), "this key is required", MISSING)
    expected = _EXPECTED.fullmatch(what)
    if expected is not None and expected[1] in _KINDS:
        return Wrong(tuple(path), _KINDS[expected[1]])
    return Wrong(tuple(path), _KINDS["datetime"] if "RFC3339" in what else what)


def _malformed(body: bytes, error: msgspec.DecodeError) -> str:
    if _HALF_A_PAIR.search(body) and ("truncated" in str(error) or "surrogate" in str(error)):
        return "a text in it has half of a UTF-16 surrogate pair (RFC 8259 §8.2)"
    return str(error)
