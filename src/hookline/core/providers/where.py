"""Where in a request a value is, as data, and reading it from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from hookline.core.body import BodyKind, ParsedBody, follow, kind_of, pointer_tokens
from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.model import Request

_MAX_QUERY_FIELDS = 1_000
_MAX_INTEGER_BITS = 256  #: writing longer integers in decimal takes ever more time


class Place(StrEnum):
    """The parts of a request that hold values."""

    HEADER = "header"
    QUERY = "query"  #: a parameter of the address, percent-decoded
    BODY = "body"  #: a JSON pointer into the structured body
    FORM = "form"  #: a field of a form body
    FIELD = "field"  #: a field of the signature itself, as ``t`` in ``t=…,v1=…``; only for timestamps
    KEY = "key"  #: the name of the body's first key, of a JSON object, that is not among those listed


@dataclass(frozen=True, slots=True)
class Where:
    """One place in a request. Written ``header:X-Request-Id``, ``body:/data/id``, ``query:token``, …"""

    place: Place
    name: str

    def __post_init__(self) -> None:
        if not self.name or not self.name.isascii():
            raise ConfigError(f"`{self.place}:` must be followed by an ASCII name, not {self.name!r}")
        if self.place is Place.BODY:
            _check_pointer(self.name)

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"

    @property
    def words(self) -> str:
        """The place as a sentence names it."""
        return {
            Place.HEADER: f"the {self.name} header",
            Place.QUERY: f"the `{self.name}` query parameter",
            Place.BODY: f"{self.name} of the body",
            Place.FORM: f"the form field `{self.name}`",
            Place.FIELD: f"the `{self.name}` field of the signature",
            Place.KEY: f"the first key of the body beside {self.name.replace(',', ', ')}",
        }[self.place]


#: Reads a value from a request; None when it is not there. The body is parsed only by those that need it.
Reader: TypeAlias = Callable[[Request, ParsedBody], Any]


def header(name: str) -> Where:
    """The last line of this name."""
    return Where(Place.HEADER, name)


class Items(tuple[Any, ...]):
    """The values that a pointer with ``*`` leads to, one for each item of a batch."""

    __slots__ = ()


def body(path: str) -> Where:
    """A JSON pointer (RFC 6901) into the body; a step ``*`` stands for every item of an array.

    A batch has an id only when it holds a single item: two batches can share one. It has the type that all its
    items share, else ``batch`` (identity.py).
    """
    return Where(Place.BODY, path)


def form(name: str) -> Where:
    """A field of a form."""
    return Where(Place.FORM, name)


def query(name: str) -> Where:
    """A parameter of the address."""
    return Where(Place.QUERY, name)


def field(name: str) -> Where:
    """A field of the signature."""
    return Where(Place.FIELD, name)


def key(*beside: str) -> Where:
    """The first key of the body that is not one of these."""
    return Where(Place.KEY, ",".join(beside))


def parse_where(text: object, where: str) -> Where:
    """Read ``place:name``. Raises ConfigError, naming ``where``, with the allowed places."""
    if not isinstance(text, str) or ":" not in text:
        raise ConfigError(f"write `place:name`, as in `header:X-Request-Id` or `body:/id`; got {text!r}", where=where)
    place, _, name = text.partition(":")
    if place not in set(Place):
        raise ConfigError(f"`{place}` is not one of {', '.join(Place)}", where=where)
    try:
        return Where(Place(place), name)
    except ConfigError as error:
        raise ConfigError(error.message, where=where) from None


def parsed(request: Request) -> ParsedBody:
    """The body of ``request``, to be parsed when somebody asks: as its content type says, as JSON without one."""
    return _parsed(request.lookup.get(b"content-type"), request.body)


@lru_cache(maxsize=1)  # the places of a proof are read one after another, and each would parse the body anew
def _parsed(content_type: bytes | None, body: bytes) -> ParsedBody:
    return ParsedBody(BodyKind.JSON if content_type is None else kind_of(content_type), body)


def reader(where: Where, json_field: str = "") -> Reader:
    """A function that reads ``where``. ``json_field`` is the form field in which a form carries JSON."""
    if where.place is Place.HEADER:
        name = where.name.lower().encode("ascii")
        return lambda request, _: request.lookup.get(name)
    if where.place is Place.QUERY:
        return lambda request, _: _query_value(request.query, where.name)
    if where.place is Place.FORM:
        return lambda _, parsed_body: _form_value(parsed_body, where.name)
    if where.place is Place.BODY:
        tokens = pointer_tokens(where.name)
        if "*" in tokens:
            return lambda _, parsed_body: _follow_all(parsed_body.document(json_field), tokens)
        if len(tokens) == 1 and not json_field:
            return _member_reader(tokens)
        return lambda _, parsed_body: follow(parsed_body.document(json_field), tokens)
    if where.place is Place.KEY:
        beside = frozenset(where.name.split(","))
        return lambda _, parsed_body: _first_key(parsed_body.document(json_field), beside)
    raise ConfigError(f"`{where}` can only be the place of a timestamp")


def _member_reader(tokens: tuple[str]) -> Reader:
    """A function that reads a member of the body itself, which is where most are."""
    (name,) = tokens

    def read(_: Request, parsed_body: ParsedBody) -> Any:
        value = parsed_body.value()
        return value.get(name) if type(value) is dict else follow(value, tokens)

    return read


def request_reader(where: Where) -> Callable[[Request], Any]:
    """A function that reads ``where`` and parses the body only when the value is in it."""
    read = reader(where)
    if where.place is Place.HEADER:
        name = where.name.lower().encode("ascii")
        return lambda request: request.lookup.get(name)
    return lambda request: read(request, parsed(request))


def as_bytes(value: Any) -> bytes | None:
    """A scalar as the bytes a sender would sign or send; None for anything else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int) and value.bit_length() <= _MAX_INTEGER_BITS:
        return b"%d" % value
    return None


def _check_pointer(path: str) -> None:
    try:
        pointer_tokens(path)
    except InvalidInput as error:
        raise ConfigError(error.message) from None


def _query_value(raw: bytes, name: str) -> str | list[str] | None:
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        return None
    values = [value for key, value in pairs if key == name]
    return values if len(values) > 1 else values[0] if values else None


def _follow_all(value: Any, tokens: tuple[str, ...]) -> Items:
    found = [value]
    for token in tokens:
        if token == "*":  # noqa: S105
            found = [item for one in found if isinstance(one, list) for item in one]
        else:
            found = [follow(one, (token,)) for one in found]
    return Items(found)


def _first_key(value: Any, beside: frozenset[str]) -> str | None:
    return next((name for name in value if name not in beside), None) if isinstance(value, dict) else None


def _form_value(parsed_body: ParsedBody, name: str) -> Any:
    value = parsed_body.value() if parsed_body.kind is BodyKind.FORM else None
    return value.get(name) if isinstance(value, dict) else None
