"""Nothing that a stranger sent reaches a terminal as anything but text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.text import age, body_lines, visible, visible_lines

NOW_MS = 1_767_225_600_000


@given(st.text())
def test_visible_text_is_one_printable_line(text: str) -> None:
    shown = visible(text)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert not set(shown) & set("\u202a\u202e\u2066\u2069\u200b\u2028\u2029\ufeff")
    shown.encode()  # a lone surrogate would break the terminal's encoding


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\rb\nc\0", "a\\x0db\\x0ac\\x00"),
        ("\u202egpj", "\\u202egpj"),
        ("\U000e0001", "\\U000e0001"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
    ],
)
def test_escapes_say_which_character_it_was(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_stay_lines() -> None:
    assert visible_lines("a\r\n\tb\x1b") == ["a", "    b\\x1b"]


@given(st.binary(max_size=2000))
def test_any_body_can_be_shown(body: bytes) -> None:
    for line in body_lines(body):
        assert visible(line) == line


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_json_is_laid_out_without_a_change(value: object) -> None:
    lines = body_lines(json.dumps(value).encode())
    assert json.loads("\n".join(lines)) == value


def test_json_keeps_what_parsing_would_lose() -> None:
    body = b'{"n":1.10,"big":123456789012345678901234567890,"a":1,"a":2,"e":"\\u0041"}'
    assert "".join(line.strip() for line in body_lines(body)) == body.decode().replace('":', '": ')


def test_a_body_that_is_no_text_is_shown_as_bytes() -> None:
    assert body_lines(b"\x00\x01PK") == ["00 01 50 4b"]
    assert body_lines(b"\x00" * 300)[0].endswith(" … and 44 more bytes")
    assert body_lines(b"caf\xe9") == ["caf\\xe9"]
    assert body_lines(b"") == []


@pytest.mark.parametrize(
    ("passed_ms", "said"),
    [(0, "now"), (999, "now"), (1_000, "1s ago"), (119_999, "1m ago"), (7_200_000, "2h ago"), (-90_000, "in 1m")],
)
def test_ages_are_in_the_largest_unit_that_fits(passed_ms: int, said: str) -> None:
    assert age(NOW_MS - passed_ms, NOW_MS) == said


@given(st.integers(-(10**13), 10**13))
def test_every_age_can_be_said(passed_ms: int) -> None:
    assert age(NOW_MS - passed_ms, NOW_MS)
