from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.delivery.response import HEAD_CAP_BYTES, BadResponse, ResponseReader

CAP = 1000


def read(*parts: bytes, cap: int = CAP) -> ResponseReader:
    reader = ResponseReader(cap)
    for part in parts:
        reader.feed(part)
    return reader


def test_a_response_with_a_length() -> None:
    reader = read(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")
    assert (reader.complete, reader.keep_alive) == (True, True)
    assert (reader.status, reader.body) == (201, b"ok")
    assert reader.headers == [(b"X-A", b"1"), (b"Content-Length", b"2")]


def test_chunks_are_joined_and_trailers_dropped() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader = read(head, b"3\r\nabc\r\n", b"2;ext=1\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
    assert (reader.complete, reader.body, reader.keep_alive) == (True, b"abcde", True)
    assert reader.headers == [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_statuses_have_no_body_whatever_they_announce(status: bytes) -> None:
    reader = read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 10\r\n\r\n")
    assert (reader.complete, reader.body) == (True, b"")


def test_interim_responses_are_skipped() -> None:
    reader = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    assert not reader.complete
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (reader.status, reader.headers) == (200, [(b"Content-Length", b"0")])


def test_without_length_or_chunks_the_connection_ends_the_body() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\n\r\nsome")
    assert (reader.complete, reader.ends_with_connection()) == (False, True)
    assert not read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome").ends_with_connection()
    assert not read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome").ends_with_connection()
    assert not read(b"HTTP/1.1 200 OK\r\nX: 1\r\n").ends_with_connection()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nH",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\0",
    ],
)
def test_a_connection_that_cannot_be_trusted_with_another_request(data: bytes) -> None:
    reader = read(data)
    assert (reader.status, reader.complete, reader.keep_alive) == (200, True, False)


def test_a_body_beyond_the_cap_is_cut_and_the_response_is_complete() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x" * 999, b"yz")
    assert (reader.complete, reader.keep_alive, reader.body) == (True, False, b"x" * 999 + b"y")


def test_a_body_of_exactly_the_cap_is_not_cut() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
    assert (reader.complete, reader.keep_alive, len(reader.body)) == (True, True, 1000)


def test_endless_framing_around_a_small_body_ends_the_response() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * 30_000 + b"\r\nx\r\n")
    assert not reader.complete
    assert reader.feed(b"1;" + b"e" * 60_000)
    assert (reader.status, reader.body, reader.keep_alive) == (200, b"x", False)


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\n"] + [b"X-Pad: " + b"x" * 1000 + b"\r\n"] * 66,
        [b"HTTP/1.1 200 OK\r\nX: " + b"x" * (HEAD_CAP_BYTES + 10) + b"\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 3000,
    ],
)
def test_a_head_beyond_the_limit_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(BadResponse) as refused:
        read(*parts)
    assert refused.value.code == "response_headers_too_large"


def test_a_small_head_with_a_large_body_in_the_same_bytes_is_fine() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000).complete


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>",
        b"HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_a_response_is_malformed(data: bytes) -> None:
    with pytest.raises(BadResponse) as refused:
        read(data)
    assert refused.value.code == "malformed_response"


def test_a_change_of_protocol_is_named_as_what_it_is() -> None:
    with pytest.raises(BadResponse, match="status 101"):
        read(b"HTTP/1.1 101 Switching\r\n\r\n")


def test_lines_may_end_in_a_bare_line_feed() -> None:
    assert read(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok").body == b"ok"


def test_restart_forgets_everything() -> None:
    reader = read(b"HTTP/1.1 500 No\r\nX: 1\r\nContent-Length: 1\r\n\r\nx")
    reader.restart()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (reader.status, reader.body, reader.headers) == (200, b"", [(b"Content-Length", b"0")])


@given(st.lists(st.integers(min_value=1, max_value=40)))
def test_how_the_bytes_are_split_does_not_matter(sizes: list[int]) -> None:
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nEmpty:\r\nX: y\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    )
    reader = ResponseReader(CAP)
    for size in sizes:
        reader.feed(data[:size])
        data = data[size:]
    reader.feed(data)
    assert (reader.status, reader.body, reader.complete) == (202, b"hello!", True)
    assert reader.headers[:2] == [(b"Empty", b""), (b"X", b"y")]
