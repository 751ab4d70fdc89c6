"""Which event a request carries, in the sender's own words."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from hookline.core.body import ParsedBody
from hookline.core.model import Request
from hookline.core.providers.where import Items, Where, as_bytes, body, reader

#: The type of a batch whose items are of several.
BATCH = "batch"

#: The longest id or type that is kept, in characters.
MAX_LENGTH = 256


class Identity(msgspec.Struct, frozen=True, gc=False):
    """The sender's id and type of an event; empty where the request names none.

    At most MAX_LENGTH characters, without control characters.
    """

    event_id: str
    event_type: str


#: Reads one text from a request; empty when there is none. Never raises.
TextReader: TypeAlias = Callable[[Request, ParsedBody], str]


def first_text(
    places: tuple[Where, ...], json_field: str, of_batch: Callable[[list[str]], str] = lambda _: ""
) -> TextReader:
    """A function that gives the first text found at ``places``; ``of_batch`` says what several items have in common."""
    readers = tuple(reader(place, json_field) for place in places)

    def read(request: Request, parsed: ParsedBody) -> str:
        for one in readers:
            value = one(request, parsed)
            if value is None:
                continue
            if isinstance(value, Items):
                texts = [clean(item) for item in value]
                text = texts[0] if len(texts) == 1 else of_batch(texts) if texts else ""
            else:
                text = clean(value)
            if text:
                return text
        return ""

    return read


def shared_type(texts: list[str]) -> str:
    """The type of a batch: that of its items when they are all of one."""
    return texts[0] if len(set(texts)) == 1 else BATCH


def with_suffix(read: TextReader, pointer: str, json_field: str) -> TextReader:
    """The text of ``read`` with ``.`` and the text at ``pointer`` of the body behind it, where both are."""
    read_suffix = first_text((body(pointer),), json_field, lambda texts: texts[0] if len(set(texts)) == 1 else "")

    def read_both(request: Request, parsed: ParsedBody) -> str:
        text = read(request, parsed)
        suffix = read_suffix(request, parsed) if text else ""
        return shorten(f"{text}.{suffix}") if suffix else text

    return read_both


def within_scope(read: TextReader, scope: tuple[Where, ...], json_field: str) -> TextReader:
    """The text of ``read`` behind those at ``scope``, with ``/`` between; empty when it is."""
    readers = tuple(first_text((place,), json_field) for place in scope)

    def read_all(request: Request, parsed: ParsedBody) -> str:
        text = read(request, parsed)
        return shorten("/".join([*(one(request, parsed) for one in readers), text])) if text else ""

    return read_all


def clean(value: Any) -> str:
    """A scalar as a text that is safe to store and show. What is not a scalar gives an empty one."""
    if type(value) is str and value.isascii() and value.isprintable() and len(value) <= MAX_LENGTH:
        return value.strip()  # as nearly all are
    raw = as_bytes(value)
    if not raw:
        return ""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character)[0] != "C")
    return shorten(text.strip())


def shorten(text: str) -> str:
    """``text`` in at most MAX_LENGTH characters; long texts that differ stay different."""
    if len(text) <= MAX_LENGTH:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: MAX_LENGTH - len(digest) - 1]}~{digest}"
