"""The end of an answer is found, wherever the packets were cut."""

from __future__ import annotations

import pytest
from bench.answer import Answer, BadAnswer, read_answer

LENGTH = b"HTTP/1.1 202 Accepted\r\nDate: today\r\ncontent-length: 11\r\n\r\nhello world"
CHUNKS = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
TRAILERS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("data", "status", "closes"),
    [(LENGTH, 202, False), (CHUNKS, 201, False), (TRAILERS, 200, False), (EMPTY, 204, True), (INTERIM, 200, False)],
    ids=["length", "chunks", "trailers", "empty", "interim"],
)
def test_an_answer_is_whole_with_its_last_byte_and_not_before(data: bytes, status: int, closes: bool) -> None:
    assert [read_answer(data[:size]) for size in range(len(data))] == [None] * len(data)
    assert read_answer(data) == Answer(status, len(data), closes)
    assert read_answer(data + b"HTTP/1.1") == Answer(status, len(data), closes)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil it closes",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["another protocol", "no length", "no chunk"],
)
def test_what_has_no_end_that_we_know_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_answer(data)
