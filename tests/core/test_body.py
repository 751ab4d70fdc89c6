"""Bodies: their kind, and reading them whatever they hold."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline.core.body import (
    MAX_DEPTH,
    MAX_FORM_FIELDS,
    MAX_XML_ELEMENTS,
    BodyKind,
    MalformedBody,
    ParsedBody,
    kind_of,
    parse,
    pointer,
)
from hookline.core.errors import InvalidInput

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"application/json", BodyKind.JSON),
        (b"Application/JSON; charset=UTF-8", BodyKind.JSON),
        (b" application/json ;boundary=x", BodyKind.JSON),
        (b"application/cloudevents+json", BodyKind.JSON),
        (b"application/vnd.api+json; v=1", BodyKind.JSON),
        (b"text/json", BodyKind.JSON),
        (b"application/x-www-form-urlencoded", BodyKind.FORM),
        (b"application/xml", BodyKind.XML),
        (b"text/xml; charset=utf-8", BodyKind.XML),
        (b"application/soap+xml", BodyKind.XML),
        (b"text/plain", BodyKind.TEXT),
        (b"", BodyKind.OTHER),
        (b"multipart/form-data; boundary=x", BodyKind.OTHER),
        (b"application/octet-stream", BodyKind.OTHER),
        (b"json", BodyKind.OTHER),
        (b"\xff\x00;;;", BodyKind.OTHER),
    ],
)
def test_the_content_type_tells_the_kind(content_type: bytes, kind: BodyKind) -> None:
    assert kind_of(content_type) is kind


@given(st.binary(max_size=40))
def test_any_content_type_has_a_kind(content_type: bytes) -> None:
    assert kind_of(content_type) in BodyKind


@given(json_values)
def test_json_reads_as_it_was_written(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse(BodyKind.JSON, text.encode()) == value
        assert parse(BodyKind.JSON, b"\xef\xbb\xbf" + text.encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1}x',
        b"NaN",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '{"a":1}'.encode("utf-16"),
        '"é"'.encode("latin-1"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"1" * 5_000,
    ],
)
def test_what_is_not_sound_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody) as problem:
        parse(BodyKind.JSON, body)
    assert (problem.value.code, len(problem.value.message) < 200) == ("malformed_body", True)


def test_json_may_be_wide_and_moderately_deep() -> None:
    assert len(parse(BodyKind.JSON, b"[" + b"[]," * 5_000 + b"{}]")) == 5_001
    assert parse(BodyKind.JSON, b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text(), min_size=2, max_size=3), max_size=5))
def test_a_form_reads_as_it_was_written(form: dict[str, Any]) -> None:
    assert parse(BodyKind.FORM, urlencode(form, doseq=True).encode()) == form


def test_a_repeated_field_of_a_form_is_a_list() -> None:
    assert parse(BodyKind.FORM, b"a=1&b=2&a=1&a=&c") == {"a": ["1", "1", ""], "b": "2", "c": ""}


def test_a_form_with_too_many_fields_is_malformed() -> None:
    parse(BodyKind.FORM, b"a=1&" * (MAX_FORM_FIELDS - 1) + b"a=1")
    with pytest.raises(MalformedBody, match="more than"):
        parse(BodyKind.FORM, b"a=1&" * (MAX_FORM_FIELDS + 1))


def test_xml_reads_as_plain_values() -> None:
    body = b'<?xml version="1.0"?><o xmlns="urn:x" id="7"><i> a </i><i k="v">b</i><n/></o>'
    assert parse(BodyKind.XML, body) == {"o": {"@id": "7", "i": ["a", {"@k": "v", "#text": "b"}], "n": ""}}


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>"""
FILE = b"""<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>"""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"\xff<a/>",
        BOMB,
        FILE,
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        b"<a>&undefined;</a>",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * 50_000,
        b"<a>" + b"<b/>" * MAX_XML_ELEMENTS + b"</a>",
    ],
)
def test_what_is_not_sound_xml_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(BodyKind.XML, body)


def test_xml_may_be_moderately_deep() -> None:
    assert parse(BodyKind.XML, b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)


@given(st.sampled_from(list(BodyKind)), st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
@settings(max_examples=400)
@example(BodyKind.XML, b'<?xml version="1.0" encoding="utf-16"?><a/>')
@example(BodyKind.XML, b"<a \xc3\xa9='1'/>")
def test_any_bytes_are_read_or_malformed(kind: BodyKind, body: bytes) -> None:
    parsed = ParsedBody(kind, body)
    try:
        value = parse(kind, body)
    except MalformedBody as problem:
        assert (parsed.value(), parsed.malformed) == (None, problem.message)
    else:
        assert (parsed.value(), parsed.malformed) == (value, "")
    parsed.document("payload")


def test_text_and_unknown_bodies_are_never_malformed() -> None:
    assert parse(BodyKind.TEXT, b"a\xff") == "a\ufffd"
    assert parse(BodyKind.OTHER, b"a\xff") == b"a\xff"


def test_a_body_is_parsed_once() -> None:
    parsed = ParsedBody(BodyKind.JSON, b'{"a": [1]}')
    assert parsed.value() is parsed.value()
    form = ParsedBody(BodyKind.FORM, b"payload=%7B%22a%22%3A+1%7D&other=x")
    assert form.document("payload") == {"a": 1}
    assert form.document("payload") is form.document("payload")
    assert form.document("other") is None
    assert form.document() == {"payload": '{"a": 1}', "other": "x"}


# The examples of RFC 6901 §5.
RFC_DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", RFC_DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", None),
        ("/foo/-", None),
        ("/foo/01", None),
        ("/foo/-1", None),
        ("/foo/²", None),
        ("/foo/" + "9" * 5000, None),
        ("/foo/0/x", None),
        ("/missing/x", None),
    ],
)
def test_a_pointer_leads_where_the_specification_says(path: str, value: Any) -> None:
    assert pointer(RFC_DOCUMENT, path) == value


def test_what_is_no_pointer_is_refused() -> None:
    with pytest.raises(InvalidInput, match=re.escape("begin with `/`")):
        pointer({}, "a/b")


@given(json_values)
def test_every_value_can_be_pointed_at(value: Any) -> None:
    for path, part in walk("", value):
        assert pointer(value, path) == part


def walk(path: str, value: Any) -> list[tuple[str, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(path, value)]
    for key, child in children:
        found += walk(f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}", child)
    return found
