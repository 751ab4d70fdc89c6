"""uvicorn's HTTP protocol, with header lines as they came on the wire, bounds on a request's head, and one write
per response.

uvicorn lower-cases header names before an application sees them. We store requests exactly as received, so
the names are kept beside. And nothing in uvicorn bounds a head in size or in time.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: nginx accepts 32 KB of header lines (4 of 8 KB), Apache 100 of 8 KB, h11 16 KB in all.
MOST_HEAD_BYTES = 65_536
#: Apache's RequestReadTimeout allows 20 s for a head to begin, nginx 60 s.
HEAD_TIMEOUT_S = 20.0


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


class WireProtocol(HttpToolsProtocol):
    """Adds to the ASGI scope: ``hookline.wire_headers``, ``hookline.lookup`` (lower-case name to last value) and,
    once the body is whole, ``hookline.complete``."""

    _wire_headers: list[tuple[bytes, bytes]]
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _begun = False
    _progressed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limit = self.config.limit_concurrency
        if limit is not None and len(self.connections) > limit:
            transport.abort()  # what is left of the file descriptors belongs to deliveries and the store
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._progressed = False
        super().data_received(data)
        if not self._progressed:  # nothing was in it but a part of a head, of a chunk's frame or of trailers
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
        if self._begun:  # between two requests uvicorn's keep-alive waits, but not once the second has begun
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._wire_headers = []
        self.scope["hookline.wire_headers"] = self._wire_headers  # type: ignore[typeddict-unknown-key]

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers of a chunked body come here too: nobody asked for them, nobody keeps them
            self._wire_headers.append((name, value))  # all else is done once, when the head is complete

    def on_headers_complete(self) -> None:
        self._in_head = self._begun = False
        self._progressed = True
        self._head_bytes = 0
        self._head_came()
        self.headers.extend([(name.lower(), value) for name, value in self._wire_headers])
        lookup = self.scope["hookline.lookup"] = dict(self.headers)  # type: ignore[typeddict-unknown-key]
        self.expect_100_continue = lookup.get(b"expect", b"").lower() == b"100-continue"
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._hold_head(self.cycle)

    def _hold_head(self, cycle: RequestResponseCycle) -> None:
        head = _HeldHead(self.transport)
        cycle.transport = head  # type: ignore[assignment]
        complete = cycle.on_response

        def on_response() -> None:
            head.flush()  # of a response without a body
            complete()

        cycle.on_response = on_response

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._progressed = True
        self.scope["hookline.complete"] = True  # type: ignore[typeddict-unknown-key]
        super().on_message_complete()

    def _await_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
