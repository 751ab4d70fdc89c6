"""Bodies: what kind they are, and reading them without trusting them.

Nothing here runs before a signature was checked, and nothing here changes the bytes that are kept.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import msgspec
from defusedxml.ElementTree import XMLParser

from hookline.core.errors import InvalidInput

#: Deeper JSON than any provider sends; far below what makes recursive readers fail.
MAX_DEPTH = 200
MAX_FORM_FIELDS = 2_000
MAX_XML_ELEMENTS = 100_000
MAX_MULTIPART_FIELDS = 100

_BOM = b"\xef\xbb\xbf"
_TOKEN = b"eyJ"  #: how `{"` begins in base64, which is no JSON
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_LONGEST_BOUNDARY = 72  #: two hyphens, then at most 70 characters (RFC 2046 §5.1.1)
_FIELD_NAME = re.compile(rb'^content-disposition:[ \t]*form-data\b[^\r\n]*?;[ \t]*name="([^"\r\n]*)"', re.I | re.M)
_JSON_TYPES = frozenset(
    {b"application/json", b"application/jwt", b"text/json", b"application/x-json", b"application/csp-report"}
)
_XML_TYPES = frozenset({b"application/xml", b"text/xml"})


class MalformedBody(InvalidInput):
    """The body is not what its content type says."""

    code = "malformed_body"


class BodyKind(StrEnum):
    """What a body claims to be."""

    JSON = "json"
    FORM = "form"
    XML = "xml"
    TEXT = "text"
    OTHER = "other"


@lru_cache(maxsize=128)  # a sender has one or two
def kind_of(content_type: bytes) -> BodyKind:
    """The kind that a ``Content-Type`` value names; OTHER for none, unknown and unreadable ones."""
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type in _JSON_TYPES or media_type.endswith(b"+json"):
        return BodyKind.JSON
    if media_type == b"application/x-www-form-urlencoded":
        return BodyKind.FORM
    if media_type in _XML_TYPES or media_type.endswith(b"+xml"):
        return BodyKind.XML
    if media_type.startswith(b"text/"):
        return BodyKind.TEXT
    return BodyKind.OTHER


def parse(kind: BodyKind, body: bytes) -> Any:
    """What ``body`` says. Raises MalformedBody, and nothing else, for bytes that are not of ``kind``.

    JSON (RFC 8259, UTF-8 only, a byte order mark is tolerated) gives its value; a signed token (JWS, RFC 7515) gives
    its claims, which are JSON. A form gives a dict of strings, with a list where a name is repeated. XML gives a dict
    of the root element; see `_plain`. TEXT gives a string (bytes that are not UTF-8 become U+FFFD), OTHER the bytes.
    """
    if kind is BodyKind.JSON:
        return _parse_json(body)
    if kind is BodyKind.FORM:
        return _parse_form(body)
    if kind is BodyKind.XML:
        return _parse_xml(body)
    if kind is BodyKind.TEXT:
        return body.decode("utf-8", "replace")
    return body


class ParsedBody:
    """A body that is parsed when somebody first asks, and at most once."""

    __slots__ = ("_document", "_malformed", "_parsed", "_value", "body", "kind")

    def __init__(self, kind: BodyKind, body: bytes) -> None:
        self.kind = kind
        self.body = body
        self._parsed = False
        self._value: Any = None
        self._malformed = ""
        self._document: tuple[str, Any] | None = None

    def value(self) -> Any:
        """What the body says, as `parse` gives it; None when it is malformed. Never raises."""
        if not self._parsed:
            self._parsed = True
            try:
                self._value = parse(self.kind, self.body)
            except MalformedBody as error:
                self._malformed = error.message
        return self._value

    @property
    def malformed(self) -> str:
        """Why the body could not be parsed; empty when it could."""
        self.value()
        return self._malformed

    def document(self, json_field: str = "") -> Any:
        """The structured value: that of the body, or of what form field ``json_field`` of a form carries.

        That is JSON, or XML in base64. The form may be a multipart one.
        """
        if self.kind not in (BodyKind.FORM, BodyKind.OTHER) or not json_field:
            return self.value()
        if self._document is None or self._document[0] != json_field:
            self._document = (json_field, self._json_in_field(json_field))
        return self._document[1]

    def _json_in_field(self, name: str) -> Any:
        if self.kind is BodyKind.OTHER:
            text = _multipart_field(self.body, name)
        else:
            form = self.value()
            text = form.get(name) if isinstance(form, dict) else None
        if not isinstance(text, str):
            return None
        try:
            return _parse_xml(a2b_base64(text.encode())) if text.startswith("P") else _parse_json(text.encode())
        except (MalformedBody, UnicodeEncodeError, Base64Error):
            return None


def _multipart_field(body: bytes, name: str) -> str | None:
    """A field of a multipart form (RFC 7578) that begins with its boundary; None unless it is there once, in UTF-8."""
    boundary, line_end, _ = body.partition(b"\r\n")
    if not boundary.startswith(b"--") or len(boundary) > _LONGEST_BOUNDARY:
        return None
    found: list[bytes] = []
    for part in (line_end + body).split(line_end + boundary, MAX_MULTIPART_FIELDS) if line_end else ():
        head, blank_line, content = part.partition(b"\r\n\r\n")
        said = _FIELD_NAME.search(head) if blank_line else None
        if said and said[1] == name.encode():
            found.append(content)
    try:
        return found[0].decode() if len(found) == 1 else None
    except UnicodeDecodeError:
        return None


def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """The steps of a JSON pointer (RFC 6901 §3, §4). Raises InvalidInput when it is not one."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise InvalidInput(f"JSON pointer {pointer!r} must be empty or begin with `/`, as in `/data/id`")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def follow(value: Any, tokens: Iterable[str]) -> Any:
    """What the steps of a JSON pointer lead to in ``value``; None when there is nothing."""
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list):
            value = _item(value, token)
        else:
            return None
    return value


def pointer(value: Any, path: str) -> Any:
    """What the JSON pointer ``path`` (RFC 6901) leads to in ``value``; None when there is nothing.

    Raises InvalidInput when ``path`` is not a JSON pointer.
    """
    return follow(value, pointer_tokens(path))


def _item(items: list[Any], step: str) -> Any:
    if not (step.isascii() and step.isdigit()) or len(step) > 9 or (step[0] == "0" and step != "0"):
        return None
    position = int(step)
    return items[position] if position < len(items) else None


def _parse_json(body: bytes) -> Any:
    if body.startswith(_TOKEN) and body.count(b".") == 2:
        body = _claims(body)
    try:
        value = msgspec.json.decode(body.removeprefix(_BOM))
    except RecursionError:
        raise MalformedBody(f"the JSON is nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedBody(f"the body is not JSON in UTF-8: {error}") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _refuse_deep(value)
    return value


def _claims(token: bytes) -> bytes:
    """The JSON in the middle of a signed token."""
    part = token.split(b".")[1].translate(_FROM_URL)
    try:
        return a2b_base64(part + b"=" * (-len(part) % 4), strict_mode=True)
    except Base64Error:
        raise MalformedBody("the body is a signed token whose claims cannot be read") from None


def _refuse_deep(value: Any) -> None:
    """Raise when containers are nested deeper than MAX_DEPTH; goes level by level, so nothing recurses."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    raise MalformedBody(f"the JSON is nested deeper than {MAX_DEPTH} levels")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _parse_form(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise MalformedBody(f"the form has more than {MAX_FORM_FIELDS} fields") from None
    form: dict[str, Any] = {}
    for name, value in fields:
        _add(form, name, value)
    return form


def _add(values: dict[str, Any], name: str, value: Any) -> None:
    """Set ``name``, or make its value a list when it occurs again."""
    if name not in values:
        values[name] = value
    elif isinstance(values[name], list):
        values[name].append(value)
    else:
        values[name] = [values[name], value]


class _BoundedBuilder(TreeBuilder):
    """Builds the tree and stops when it grows deeper or larger than anybody sends."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_XML_ELEMENTS:
            raise MalformedBody(
                f"the XML is nested deeper than {MAX_DEPTH} levels or has more than {MAX_XML_ELEMENTS} elements"
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parse_xml(body: bytes) -> dict[str, Any]:
    parser = XMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise MalformedBody(f"the body is not XML that may be read here: {error}") from None
    return {_local_name(root.tag): _plain(root)}


def _plain(element: Element) -> Any:
    """An element as plain values: its text, or a dict of children, ``@attribute`` and ``#text``.

    Namespaces are left out; a name that is repeated gives a list.
    """
    text = (element.text or "").strip()
    if not element.attrib and not len(element):
        return text
    plain: dict[str, Any] = {f"@{_local_name(name)}": value for name, value in element.attrib.items()}
    if text:
        plain["#text"] = text
    for child in element:
        _add(plain, _local_name(child.tag), _plain(child))
    return plain


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]
