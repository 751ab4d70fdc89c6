"""Captured requests are read as tools write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.doctor import read_capture
from hookline.core.errors import InvalidInput


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_of_both_kinds_are_read(end: bytes) -> None:
    text = end.join(
        [b"post /a?b=1 HTTP/1.1".replace(b"post", b"POST"), b"X-Sig:  v ", b"Host: h", b"", b"line\r\nbody\n"]
    )
    request = read_capture(text)
    assert (request.method, request.path, request.query, request.url) == ("POST", "/a", b"b=1", "")
    assert request.headers == ((b"X-Sig", b"v"), (b"Host", b"h"))
    assert request.lookup[b"x-sig"] == b"v"
    assert request.body == b"line\r\nbody\n"


def test_a_line_end_that_an_editor_added_is_no_part_of_the_body() -> None:
    head = b"POST / HTTP/1.1\nContent-Length: 2\n\n"
    assert read_capture(head + b"{}\n").body == b"{}"
    assert read_capture(head + b"{}\n\n").body == b"{}\n\n"
    assert read_capture(head + b"{").body == b"{"


def test_the_address_may_be_whole_or_told_apart() -> None:
    whole = read_capture(b"GET https://x.example/a?b=1\n\n")
    assert (whole.scheme, whole.path, whole.query, whole.url) == ("https", "/a", b"b=1", "https://x.example/a?b=1")
    told = read_capture(b"POST /in HTTP/1.1\n\n", "http://out.example/a?c=2")
    assert (told.path, told.query, told.url) == ("/a", b"c=2", "http://out.example/a?c=2")


def test_headers_without_a_body_are_enough() -> None:
    assert read_capture(b"\xef\xbb\xbf\nPOST / HTTP/2\nA: b\n").lookup == {b"a": b"b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"", "no captured request"), (b"{}", "no captured request"), (b"POST / HTTP/1.1\nnonsense\n\n", "line 2"),
     (b"POST http://[ HTTP/1.1\n\n", "address")],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_what_to_write(text: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_capture(text)


@given(
    st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: b"POST / HTTP/1.1\n" + tail), st.text(max_size=20)
)
def test_any_bytes_are_a_request_or_refused(text: bytes, url: str) -> None:
    with contextlib.suppress(InvalidInput):
        read_capture(text, url)
