"""What is signed, as a template: ``v0:{timestamp}:{raw_body}``.

| field | stands for |
|---|---|
| ``{raw_body}`` | the body, byte for byte |
| ``{timestamp}`` | the timestamp as it is written in the request |
| ``{header:NAME}`` | the value of a header, byte for byte |
| ``{method}`` | the method, in capitals |
| ``{query:NAME}``, ``{form:NAME}`` | one decoded value |
| ``{json:/POINTER}`` | a string, integer or boolean of the body |
| ``{url}`` | the address that the sender called, query included |
| ``{option:NAME}`` | an option of the source, as the address that was given to the sender |

Anything else in braces is refused when the template is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from hookline.core.errors import ConfigError, VerificationError
from hookline.core.model import Request, full_url
from hookline.core.providers.where import Place, Where, as_bytes, request_reader

#: Makes the signed bytes of a request with this timestamp.
Message: TypeAlias = Callable[[Request, bytes], bytes]

_FIELD = re.compile(r"\{([^{}]*)\}")
_BARE = ("raw_body", "timestamp", "method", "url")
_OPTION = "option:"
_PLACES = {"header": Place.HEADER, "query": Place.QUERY, "form": Place.FORM, "json": Place.BODY}
_ALLOWED = "{raw_body}, {timestamp}, {method}, {url}, {header:NAME}, {query:NAME}, {form:NAME}, {json:/POINTER}"


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read: literal bytes, names of bare fields, and places, in their order."""

    parts: tuple[bytes | str | Where, ...]

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str) -> Template:
        """Read a template. Raises ConfigError with the allowed fields."""
        pieces = _FIELD.split(text)
        literals, names = pieces[::2], pieces[1::2]
        if any("{" in literal or "}" in literal for literal in literals):
            raise ConfigError(f"a brace in {text!r} has no partner; fields are written {_ALLOWED}")
        parts: list[bytes | str | Where] = []
        for position, literal in enumerate(literals):
            if literal:
                parts.append(literal.encode())
            if position < len(names):
                parts.append(_read_field(names[position]))
        return Template(tuple(parts))

    @property
    def fields(self) -> tuple[str | Where, ...]:
        """The parts that come from the request."""
        return tuple(part for part in self.parts if not isinstance(part, bytes))

    def has(self, bare_field: str) -> bool:
        """Whether ``{bare_field}`` is part of what is signed."""
        return bare_field in self.fields

    def covers(self, where: Where) -> bool:
        """Whether the value at ``where`` is part of what is signed."""
        wanted = (where.place, where.name.lower())
        return any(isinstance(part, Where) and (part.place, part.name.lower()) == wanted for part in self.parts)

    def headers(self) -> tuple[bytes, ...]:
        """The lower-case names of the headers that are signed."""
        places = (part for part in self.parts if isinstance(part, Where) and part.place is Place.HEADER)
        return tuple(part.name.lower().encode("ascii") for part in places)

    def compile(self, options: Mapping[str, str] | None = None) -> Message:
        """A function that fills the template. It raises VerificationError when a value is not there."""
        if self.parts == ("raw_body",):
            return lambda request, _: request.body
        getters = tuple(_getter(part, options or {}) for part in self.parts)
        return lambda request, timestamp: b"".join([get(request, timestamp) for get in getters])


def _read_field(name: str) -> str | Where:
    if name in _BARE or name.startswith(_OPTION):
        return name
    prefix, colon, rest = name.partition(":")
    if not colon or prefix not in _PLACES:
        raise ConfigError(f"`{{{name}}}` is not a field of a signed template; there are {_ALLOWED}")
    return Where(_PLACES[prefix], rest)


def _getter(part: bytes | str | Where, options: Mapping[str, str]) -> Message:
    if isinstance(part, bytes):
        return lambda _request, _timestamp: part
    if isinstance(part, Where):
        return _place_getter(part)
    if part.startswith(_OPTION):
        return _option_getter(part.removeprefix(_OPTION), options)
    return {
        "raw_body": lambda request, _: request.body,
        "timestamp": lambda _, timestamp: timestamp,
        "method": lambda request, _: request.method.upper().encode("utf-8", "replace"),
        "url": lambda request, _: full_url(request).encode("utf-8", "replace"),
    }[part]


def _option_getter(name: str, options: Mapping[str, str]) -> Message:
    value = options.get(name, "").encode()

    def get(_request: Request, _timestamp: bytes) -> bytes:
        if not value:
            raise VerificationError(
                "missing_option",
                f"the signature covers `{name}`, which this source does not say. Add `{name}` to the `signature` "
                "block of the source",
            )
        return value

    return get


def _place_getter(where: Where) -> Message:
    read = request_reader(where)

    def get(request: Request, _: bytes) -> bytes:
        value = as_bytes(read(request))
        if value is None:
            raise VerificationError(
                "missing_header",
                f"the signature covers {where.words}, and this request has no single value there. "
                "Check that nothing on the way removes it",
            )
        return value

    return get
