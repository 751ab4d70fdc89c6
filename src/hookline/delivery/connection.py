"""One HTTP/1.1 connection: a request goes out, its response comes back, again and again.

It is an ``asyncio.Protocol`` and makes no task, no lock and, in the common case, no timer per request:
one write, one read, one call. Whatever the server does, who asked is called with an ``Outcome``.

                    ┌──────────────── rest ───────────────┐
                    ▼                                     │
    (connected) ─► IDLE ──exchange──► WAITING ──response──┘
                    │                    │
                    └── lost, expired, ──┴──► CLOSED   (for good; ``end`` says why)
                        unasked data
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import cast

from hookline.delivery.outcome import Outcome, failure
from hookline.delivery.response import BadResponse, ResponseReader

#: Bodies up to this size are copied behind the head and leave in one write; larger ones go slice by slice.
_ONE_WRITE_BYTES = 65_536

#: Timers of uvloop count whole milliseconds; one that is this early is not set again.
_TIMER_SLACK_S = 0.002

_CLOSED_SILENTLY = ("connection_closed", "the server closed the connection without a response")


class Connection(asyncio.Protocol):
    """A connection to ``address``, shared by all requests to ``origin``, one at a time.

    ``on_lost`` is called when it is gone, for whatever reason; ``gone`` is then true.
    """

    def __init__(
        self, origin: str, address: str, response_cap_bytes: int, on_lost: Callable[[Connection], None]
    ) -> None:
        self.origin = origin
        self.address = address
        self.end: tuple[str, str] | None = None  #: error code and words, once it is closed
        self.gone = False
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self.born_s = self._loop.time()
        self._response = ResponseReader(response_cap_bytes)
        self._started = 0.0
        self._done: Callable[[Outcome], None] | None = None  #: who waits for the response
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unsent: memoryview | None = None
        self._uploading = False
        self._paused = False

    # For the sender and the pool.

    @property
    def usable(self) -> bool:
        """Open, and nothing is owed on it."""
        return self.end is None and self._done is None

    @property
    def went_stale(self) -> bool:
        """The server closed it without one byte of a response to the last request."""
        return self.end == _CLOSED_SILENTLY

    def exchange(
        self, head: bytes, body: bytes, deadline: float, started: float, done: Callable[[Outcome], None]
    ) -> None:
        """Send a request; ``done`` is called with its Outcome, at the latest at ``deadline`` (in the loop's time)."""
        self._done = done
        self._started = started
        self._response.restart()
        if self.end is not None:
            self._fail(*self.end)
            return
        self._ring_at(deadline)
        if len(body) <= _ONE_WRITE_BYTES:
            self._transport.write(head + body)
        else:
            self._upload(head, body)

    def rest(self, idle_timeout_s: float) -> float:
        """Nothing is being asked: close after ``idle_timeout_s``. Returns the loop's time."""
        now = self._loop.time()
        self._ring_at(now + idle_timeout_s)
        return now

    def close(self, code: str = "connection_closed", detail: str = "the connection was closed by us") -> None:
        """Close at once. Whoever waits for a response gets an Outcome with ``code``.

        Abrupt, also with TLS: the exchange is over or given up, and a polite goodbye would need a timeout.
        """
        self._abort(code, detail)
        self._fail(code, detail)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._done is None:
            # Nobody asked. Kept, these bytes would become the answer to the next request.
            self.close("malformed_response", "the server sent data before it was asked for any")
            return
        try:
            if self._response.feed(data):
                self._finish()
        except BadResponse as bad:
            self.close(bad.code, bad.detail)

    def eof_received(self) -> None:
        """The server said properly that nothing more comes; a reset that follows cannot harm a body that ends here."""
        if self._done is not None and self._response.ends_with_connection():
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.end is None:
            self.end = self._why_lost(exc)
        self._fail(*self.end)
        self._response.release()
        self.gone = True
        self._on_lost(self)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    # Sending a large body.

    def _upload(self, head: bytes, body: bytes) -> None:
        self._uploading = True
        self._unsent = memoryview(body)
        self._transport.write(head)
        self._pump()

    def _pump(self) -> None:
        """Hand over only what the transport wants, so that many large bodies are not all copied at once."""
        while self._unsent is not None and not self._paused and self.end is None:
            now, later = self._unsent[:_ONE_WRITE_BYTES], self._unsent[_ONE_WRITE_BYTES:]
            self._unsent = later if len(later) else None
            self._transport.write(now)

    def _all_sent(self) -> bool:
        return self._unsent is None and self._transport.get_write_buffer_size() == 0

    # The end of an exchange.

    def _finish(self) -> None:
        # A server may answer before it has read the whole request; what it has not read must not become
        # the beginning of the next one.
        if not self._response.keep_alive or (self._uploading and not self._all_sent()):
            self._abort("connection_closed", "the response ended the connection")
        self._uploading = False
        response = self._response
        self._answer(
            Outcome(
                status=response.status,
                headers=tuple(response.headers),
                body=response.body,
                duration_ms=(time.perf_counter() - self._started) * 1000,
                address=self.address,
            )
        )

    def _fail(self, code: str, detail: str) -> None:
        if self._done is not None:
            self._answer(failure(self._started, code, detail, self.address))

    def _answer(self, outcome: Outcome) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(outcome)

    def _abort(self, code: str, detail: str) -> None:
        if self.end is None:
            self.end = (code, detail)
            self._transport.abort()

    def _why_lost(self, exc: Exception | None) -> tuple[str, str]:
        if isinstance(exc, ssl.SSLError):
            return "tls_failed", f"TLS: {(exc.reason or str(exc)).replace('_', ' ').lower()}"
        if self._response.wire_bytes == 0:
            return _CLOSED_SILENTLY
        return "connection_closed", "the server closed the connection in the middle of its response"

    # Time.

    def _ring_at(self, deadline: float) -> None:
        """One timer serves many requests: it is only moved when it would ring too late."""
        self._deadline = deadline
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline - self._loop.time() > _TIMER_SLACK_S:
            self._ring_at(self._deadline)
        elif self._done is None:
            self.close(detail="the connection was idle for too long")
        else:
            self.close("timeout", self._what_was_missing())

    def _what_was_missing(self) -> str:
        if self._unsent is not None:
            return "the server did not read the request in time"
        if self._response.wire_bytes == 0:
            return "connected and sent, but no response came in time"
        return "the response began but was not complete in time"
