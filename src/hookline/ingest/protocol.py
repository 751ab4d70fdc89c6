"""uvicorn's HTTP protocol, with header lines as they came on the wire, bounds on a request's head, one write per
response, and a short way for the doors.

uvicorn lower-cases header names before an application sees them. We store requests exactly as received, so
the names are kept beside. And nothing in uvicorn bounds a head in size or in time.

**The short way.** Nearly all that comes to a door comes whole: head and body in one piece. For such a request ASGI's
scope, task and messages cost more than verifying it and preparing its commit, so it is handed to the application's
``take`` as it is. What ``take`` does not want, and everything that comes in parts, goes the usual way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from hookline.core.model import Request

#: The path of a request target in origin form (RFC 9112 §3.2.1), when there is nothing to decode in it.
_PLAIN_PATH = re.compile(rb"/[\w./~!$&'()*+,;=:@-]*", re.ASCII)

#: How a request that came the short way is answered, once: status, header lines and body. On the event loop.
Answer: TypeAlias = Callable[[int, Iterable[tuple[bytes, bytes]], bytes], None]

#: What an application may have beside its ASGI: takes a whole request and answers it later, or says False at once.
Take: TypeAlias = Callable[[Request, Answer], bool]

#: nginx accepts 32 KB of header lines (4 of 8 KB), Apache 100 of 8 KB, h11 16 KB in all.
MOST_HEAD_BYTES = 65_536
#: Apache's RequestReadTimeout allows 20 s for a head to begin, nginx 60 s.
HEAD_TIMEOUT_S = 20.0
#: Timers of uvloop count whole milliseconds; one that is this early is not set again.
_TIMER_SLACK_S = 0.002


class _HeldHead:
    """What a response is written to: its head waits for its body, so that both are one write and one packet.

    ASGI asks for nothing else: a server should not send the head before it has something of the body.
    """

    __slots__ = ("_head", "_sent", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._sent = False

    def write(self, data: bytes) -> None:
        if self._sent or data.startswith(b"HTTP/1.1 100 "):
            self._transport.write(data)
        elif not self._head:
            self._head = data
        else:
            self._sent = True
            self._transport.write(self._head + data)

    def flush(self) -> None:
        if self._head and not self._sent:
            self._sent = True
            self._transport.write(self._head)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


@lru_cache(maxsize=1)
def _rendered_once(lines: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join([b"%b: %b\r\n" % line for line in lines])


def _rendered(lines: list[tuple[bytes, bytes]]) -> bytes:
    """The headers of every answer. They change once a second, with the time in them."""
    return _rendered_once(tuple(lines))


_CLOSE = (b"connection", b"close")


class _Settled:
    """Nobody waits for what happens on the connection."""

    def set(self) -> None:
        """Nothing."""


class _ShortCycle:
    """What uvicorn sees of a request that went the short way: that it is not answered yet, or is."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    message_event = _Settled()

    def __init__(self) -> None:
        self.response_complete = self.disconnected = False
        self.keep_alive = True


class WireProtocol(HttpToolsProtocol):
    """Adds to the ASGI scope: ``hookline.wire_headers``, ``hookline.lookup`` (lower-case name to last value) and,
    once the body is whole, ``hookline.complete``."""

    _wire_headers: list[tuple[bytes, bytes]]
    _lookup: dict[bytes, bytes]
    _take: Take | None
    _short: _ShortCycle | None = None  #: the request that went the short way and is not answered yet
    _rest_timer: asyncio.TimerHandle | None = None
    _rests_until_s = 0.0
    _rests = False  #: nothing is being answered, and nothing of a request has come
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _begun = False
    _progressed = False
    _held = False  #: the head is complete, and uvicorn has not been told: the rest may be in the same piece
    _held_body = b""
    _path = _query = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._take = getattr(self.app, "take", None)
        limit = self.config.limit_concurrency
        if limit is not None and len(self.connections) > limit:
            transport.abort()  # what is left of the file descriptors belongs to deliveries and the store
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._progressed = False
        super().data_received(data)
        if self._held:
            self._go_another_way()
        if not self._progressed:  # nothing was in it but a part of a head, of a chunk's frame or of trailers
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
        if self._begun:  # between two requests the keep-alive waits, but not once the second has begun
            self._await_head()

    # -- what the parser finds -------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._begun = True
        self._wire_headers = []
        self.url = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers of a chunked body come here too: nobody asked for them, nobody keeps them
            self._wire_headers.append((name, value))  # all else is done once, when the head is complete

    def on_headers_complete(self) -> None:
        self._in_head = self._begun = False
        self._progressed = True
        self._head_bytes = 0
        self._head_came()
        self._rests = False
        self._lookup = {name.lower(): value for name, value in self._wire_headers}
        self._held_body = b""
        self._path, _, self._query = self.url.partition(b"?")
        self._held = True
        if self._take is None or not self._is_alone() or not self._is_plain():
            self._go_the_usual_way()  # at once: what is wrong with the target has to be found while the parser runs

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        self._head_bytes = 0
        if self._held:
            self._held_body = self._held_body + body if self._held_body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._progressed = True
        if self._held:
            if self._goes_the_short_way():
                self._held = False
                return
            if not self._go_another_way():
                return
        self.scope["hookline.complete"] = True  # type: ignore[typeddict-unknown-key]
        super().on_message_complete()

    # -- the short way ---------------------------------------------------------------------------------

    def _is_alone(self) -> bool:
        """No earlier request of this connection is still being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _is_plain(self) -> bool:
        """There is nothing in the target of the request that would have to be understood or decoded."""
        return _PLAIN_PATH.fullmatch(self._path) is not None and b"#" not in self._query

    def _goes_the_short_way(self) -> bool:
        parser, lookup, method = self.parser, self._lookup, self.parser.get_method()
        if (
            method == b"HEAD"
            or b"expect" in lookup
            or b"upgrade" in lookup
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        request = Request(
            method.decode("ascii"),
            self._path.decode("ascii"),
            self._query,
            tuple(self._wire_headers),
            lookup,
            self._held_body,
            self.client[0] if self.client else "",
            self.scheme or "http",
        )
        assert self._take is not None
        short = self._short = _ShortCycle()
        before, self.cycle = self.cycle, short  # type: ignore[assignment]
        try:
            if self._take(request, self._answer):
                return True
        except Exception:
            if short.response_complete:
                raise
            # The usual way meets it again, and says what it was.
        self._short, self.cycle = None, before
        return False

    def _answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer the request that went the short way."""
        short, self._short = self._short, None
        assert short is not None
        short.response_complete = True
        if short.disconnected or self.transport.is_closing():
            return
        lines = [STATUS_LINE[status], _rendered(self.server_state.default_headers)]
        for line in headers:
            if line == _CLOSE:
                short.keep_alive = False
            else:
                lines.append(b"%b: %b\r\n" % line)
        if not short.keep_alive:
            lines.append(b"%b: %b\r\n" % _CLOSE)
        lines += (b"\r\n",) if status == 204 else (b"content-length: %d\r\n\r\n" % len(body), body)  # RFC 9110 §8.6
        self.transport.write(b"".join(lines))
        if not short.keep_alive:
            self.transport.close()
        self.on_response_complete()

    # -- the usual way ---------------------------------------------------------------------------------

    def _go_another_way(self) -> bool:
        """The usual one; or none, when the connection closes and nobody would be told what came of it."""
        if self.transport.is_closing():
            self._held = False
            return False
        self._go_the_usual_way()
        return True

    def _go_the_usual_way(self) -> None:
        """Tell uvicorn what it was not told yet."""
        self._held = False
        wire_headers, url = self._wire_headers, self.url
        super().on_message_begin()
        self.url = url
        self.scope["hookline.wire_headers"] = wire_headers  # type: ignore[typeddict-unknown-key]
        self.scope["hookline.lookup"] = self._lookup  # type: ignore[typeddict-unknown-key]
        self.headers.extend([(name.lower(), value) for name, value in wire_headers])
        self.expect_100_continue = self._lookup.get(b"expect", b"").lower() == b"100-continue"
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._hold_head(self.cycle)
        if self._held_body:
            body, self._held_body = self._held_body, b""
            super().on_body(body)

    def _hold_head(self, cycle: RequestResponseCycle) -> None:
        head = _HeldHead(self.transport)
        cycle.transport = head  # type: ignore[assignment]
        complete = cycle.on_response

        def on_response() -> None:
            head.flush()  # of a response without a body
            complete()

        cycle.on_response = on_response

    # -- time ------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """As in uvicorn, but that the connection rests under one timer for many requests."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._rest()

    def _rest(self) -> None:
        self._rests = True
        self._rests_until_s = self.loop.time() + self.timeout_keep_alive
        if self._rest_timer is None:
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._rested)

    def _unset_keepalive_if_required(self) -> None:
        """Called by uvicorn with whatever comes: the rest is over."""
        self._rests = False

    def _rested(self) -> None:
        self._rest_timer = None
        left_s = self._rests_until_s - self.loop.time()
        if self._rests and left_s <= _TIMER_SLACK_S:
            self.transport.close()
        elif self._rests:
            self._rest_timer = self.loop.call_later(left_s, self._rested)

    def _await_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
