"""Reading the answer to one request, RFC 9112: only as much of HTTP as a load generator needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class BadAnswer(Exception):
    """What came is not an answer that we can read the end of."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its status, its size on the wire, and whether the connection ends with it."""

    status: int
    size: int
    closes: bool


def read_answer(data: bytes) -> Answer | None:
    """The answer that ``data`` begins with; None while it is not whole. Raises BadAnswer."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end]
    found = _STATUS.match(head)
    if found is None:
        raise BadAnswer(f"not an HTTP answer: {data[:40]!r}")
    status = int(found[1])
    if 100 <= status < 200:  # an interim one; the answer itself comes behind it
        rest = read_answer(data[end + 4 :])
        return rest and Answer(rest.status, rest.size + end + 4, rest.closes)
    size = _size(data, head, status)
    return None if size is None or len(data) < size else Answer(status, size, _CLOSES.search(head) is not None)


def _size(data: bytes, head: bytes, status: int) -> int | None:
    body = len(head) + 4
    if status in (204, 304):
        return body
    if _CHUNKED.search(head):
        return chunks_end(data, body)
    length = _LENGTH.search(head)
    if length is None:
        raise BadAnswer("an answer with neither Content-Length nor chunks ends with its connection")
    return body + int(length[1])


def chunks_end(data: bytes | bytearray, at: int) -> int | None:
    """Where the chunked body that begins at ``at`` ends (trailers included); None while that has not come.

    Raises BadAnswer.
    """
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        try:
            size = int(bytes(data[at:line_end]).partition(b";")[0], 16)
        except ValueError:
            raise BadAnswer(f"not the size of a chunk: {bytes(data[at : at + 20])!r}") from None
        if size == 0:
            break
        at = line_end + 2 + size + 2
    if data[line_end + 2 : line_end + 4] == b"\r\n":
        return line_end + 4
    trailers_end = data.find(b"\r\n\r\n", line_end)
    return None if trailers_end < 0 else trailers_end + 4
