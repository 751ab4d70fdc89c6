"""Bodies as other libraries write them: held against those libraries where they are at hand."""

from __future__ import annotations

import gzip
import json
import zlib
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.doctor import compression, form_text, json_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
fields = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    min_size=1,
    max_size=5,
)


@given(values, st.sampled_from([None, 2, 4, "\t"]), st.booleans(), st.booleans())
def test_json_is_found_again_however_python_wrote_it(
    value: object, indent: int | None, ascii: bool, ordered: bool
) -> None:
    before = json.dumps(value, indent=indent, ensure_ascii=ascii, sort_keys=ordered)
    after = json.dumps(json.loads(before), separators=(",", ":"), ensure_ascii=not ascii)
    assert before.encode() in set(json_text.rewritten(after.encode()))


@given(values)
def test_what_json_says_never_changes(value: object) -> None:
    body = json.dumps(value).encode()
    assert all(json.loads(form) == value for form in json_text.rewritten(body))


def test_numbers_and_repeated_names_keep_how_they_were_written() -> None:
    forms = set(json_text.rewritten(b'{"b": 1.10, "b": 1E5, "a": -0}'))
    assert b'{"b":1.10,"b":1E5,"a":-0}' in forms
    assert b'{"a":-0,"b":1.10,"b":1E5}' in forms


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"a=b", b"[" * 5_000, b'"' + b"x" * 300_000 + b'"', b'{"a":' * 250 + b"1" + b"}" * 250]
)
def test_what_is_no_json_or_too_much_of_it_is_left_alone(body: bytes) -> None:
    assert list(json_text.rewritten(body)) == []


@given(fields)
def test_a_form_is_found_again_however_it_was_quoted(pairs: list[tuple[str, str]]) -> None:
    before = urlencode(pairs)
    after = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    assert before.encode() in set(form_text.rewritten(after.encode()))


@given(fields)
def test_what_a_form_says_never_changes(pairs: list[tuple[str, str]]) -> None:
    for form in form_text.rewritten(urlencode(pairs).encode()):
        assert sorted(parse_qsl(form.decode(), keep_blank_values=True)) == sorted(pairs)


@pytest.mark.parametrize("body", [b"", b"no form", b"a=b&" * 3_000, b"a=" + b"x" * 300_000])
def test_what_is_no_form_or_too_much_of_it_is_left_alone(body: bytes) -> None:
    assert list(form_text.rewritten(body)) == []


@given(st.binary(min_size=1, max_size=500))
def test_compressed_bodies_are_found_again(body: bytes) -> None:
    forms = list(compression.compressed(body))
    assert gzip.compress(body, 9, mtime=0) in forms and zlib.compress(body) in forms
    assert all(body in list(compression.expanded(form)) for form in forms)


def test_a_bomb_does_not_go_off() -> None:
    bomb = zlib.compress(b"\0" * 50_000_000)
    assert list(compression.expanded(bomb)) == []
    assert list(compression.compressed(b"x" * 2_000_000)) == []
    assert list(compression.expanded(b"\x1f\x8b nonsense")) == []
