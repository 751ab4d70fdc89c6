"""Reading one HTTP/1.1 response after another from bytes. Pure: no socket, no clock.

Strangers write these bytes. Whatever they are, ``feed`` either goes on, says that the response is complete,
or raises ``BadResponse`` with a stable code.
"""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

#: Precedents: nginx 8 KB per line and 32 KB in all, Node.js 16 KB, Apache httpd 8 KB a line and 100 lines.
HEAD_CAP_BYTES = 65_536

#: Chunk framing and trailers cost bytes that are not body; a server may spend this many times the cap on it.
_FRAMING_FACTOR = 8


class BadResponse(Exception):
    """What came is no response that we can use."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class ResponseReader:
    """Collects a response: its final status, headers, and the first ``cap_bytes`` of its body (RFC 9112).

    Interim responses (1xx) are skipped, trailers are dropped. ``restart`` before each response.
    """

    def __init__(self, cap_bytes: int) -> None:
        self._cap = cap_bytes
        self._wire_cap = HEAD_CAP_BYTES + _FRAMING_FACTOR * cap_bytes
        self.status = 0  #: set when the head is complete
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.wire_bytes = 0
        self.complete = False
        self.keep_alive = False  #: once complete: whether the connection can serve another request
        self._problem: BadResponse | None = None
        self._parser = HttpResponseParser(self)
        # RFC 9112 §2.2 lets a recipient take a bare LF for a line end, and small receivers do send it.
        # Without this a webhook that was processed would count as failed and be sent again and again.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def restart(self) -> None:
        """Forget the last response."""
        self.status = 0
        self.headers = []
        self.body = b""
        self.wire_bytes = 0
        self.complete = False
        self.keep_alive = False

    def release(self) -> None:
        """Drop the parser: it holds our methods, and the cycle would wait for the garbage collector."""
        del self._parser

    def feed(self, data: bytes) -> bool:
        """Read ``data``; True when the response is complete (or as much of it as we keep). Raises BadResponse."""
        self.wire_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.complete:
                raise self._problem or BadResponse("malformed_response", f"not HTTP/1.1: {error}") from None
        if not self.complete:
            self._check_size()
        return self.complete

    def ends_with_connection(self) -> bool:
        """The head is there and announced neither length nor chunks: the end of the connection ends the body.

        RFC 9112 §6.3, rules 4 and 8.
        """
        framing = {name.lower(): value.lower() for name, value in self.headers}
        coding = framing.get(b"transfer-encoding")
        endless = not coding.endswith(b"chunked") if coding is not None else b"content-length" not in framing
        return self.status != 0 and endless

    def _check_size(self) -> None:
        if self.status == 0 and self.wire_bytes > HEAD_CAP_BYTES:
            raise _head_too_large()
        if self.wire_bytes > self._wire_cap:
            self.complete = True

    # Callbacks of the parser. After ``complete`` they may still be called with the rest of the same bytes.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False  # a second response to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status == 0:  # else a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 100 or self.status == 101:
            self._problem = BadResponse("malformed_response", f"status {self.status} does not answer a POST")
            raise self._problem
        if self.wire_bytes > HEAD_CAP_BYTES and _size(self.headers) > HEAD_CAP_BYTES:
            self._problem = _head_too_large()
            raise self._problem

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self.body += data
        if len(self.body) > self._cap:
            self.body = self.body[: self._cap]
            self.complete = True

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if self.status < 200:  # interim, RFC 9110 §15.2: the answer is still to come
            self.status = 0
            self.headers = []
            return
        self.complete = True
        self.keep_alive = self._parser.should_keep_alive()


def _size(headers: list[tuple[bytes, Any]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _head_too_large() -> BadResponse:
    return BadResponse(
        "response_headers_too_large", f"the head of the response is larger than {HEAD_CAP_BYTES // 1024} KB"
    )
