"""A real HTTP server for tests: it keeps what it was sent and answers as the script says.

    async with Receiver() as receiver:
        receiver.script([500, Answer(429, headers=(("Retry-After", "3"),)), 200])
        ...  # let something send webhooks to receiver.url
        await receiver.wait_for(3)
        assert receiver.requests[0].header("webhook-id") == receiver.requests[2].header("webhook-id")

Besides statuses it can do what real receivers do on bad days: hang, close, reset, drip, talk nonsense.
With ``keep=False`` it only counts, and is fast enough to be the sink of a load test.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from hookline.core.model import Headers

_BLOCK = b"x" * 65_536


class Fault(StrEnum):
    """What a receiver does instead of giving a proper answer."""

    NONE = "none"
    HANG = "hang"  #: never answers, keeps the connection open
    CLOSE = "close"  #: closes the connection without a byte
    RESET = "reset"  #: resets the connection (TCP RST)
    RAW = "raw"  #: sends the bytes of ``body`` as they are, then closes
    HUGE = "huge"  #: sends ``size_bytes`` of body
    DRIP = "drip"  #: sends the answer one byte every ``interval_s``


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver does with one request. ``delay_s`` passes before anything else happens.

    ``Content-Length`` is added unless given; a ``Connection: close`` among ``headers`` is honoured.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_s: float = 0.0
    fault: Fault = Fault.NONE
    size_bytes: int = 0
    interval_s: float = 0.0
    rendered: bytes = field(init=False, repr=False, compare=False)
    closes: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {name.lower(): value.lower() for name, value in self.headers}
        object.__setattr__(self, "closes", self.fault is Fault.RAW or names.get("connection") == "close")
        object.__setattr__(self, "rendered", self._render("content-length" not in names))

    def _render(self, add_length: bool) -> bytes:
        if self.fault is Fault.RAW:
            return self.body
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers)]
        if add_length and self.status >= 200 and self.status != 204:
            lines.append(f"Content-Length: {self.size_bytes or len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    @classmethod
    def hang(cls) -> Answer:
        """Never answer; the connection stays open until the sender or the receiver closes it."""
        return cls(fault=Fault.HANG)

    @classmethod
    def close(cls, *, delay_s: float = 0.0) -> Answer:
        """Close the connection without answering."""
        return cls(fault=Fault.CLOSE, delay_s=delay_s)

    @classmethod
    def reset(cls) -> Answer:
        """Reset the connection without answering, as a crashed process behind a load balancer does."""
        return cls(fault=Fault.RESET)

    @classmethod
    def raw(cls, data: bytes) -> Answer:
        """Send ``data`` as it is, then close: half an answer, two answers, another protocol."""
        return cls(fault=Fault.RAW, body=data)

    @classmethod
    def garbage(cls) -> Answer:
        """Send bytes that are not HTTP, then close."""
        return cls.raw(b"\x15\x03\x01\x00\x02\x02\x46 this is not HTTP\r\n\r\n")

    @classmethod
    def huge(cls, size_bytes: int = 64 * 1024 * 1024, *, status: int = 200) -> Answer:
        """Answer with a body of ``size_bytes``, sent no faster than it is read."""
        return cls(status, fault=Fault.HUGE, size_bytes=size_bytes)

    @classmethod
    def drip(cls, interval_s: float = 0.05, *, status: int = 200, body: bytes = b"slow") -> Answer:
        """Send the answer one byte at a time, ``interval_s`` apart."""
        return cls(status, body=body, fault=Fault.DRIP, interval_s=interval_s)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came. ``path`` includes the query; ``at`` is ``time.monotonic()`` in seconds."""

    method: str
    path: str
    headers: Headers
    body: bytes
    at: float

    def header(self, name: str) -> str | None:
        """The first header called ``name`` (in any case), or None."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return json.loads(self.body)


@dataclass(slots=True)
class _Plan:
    """Answers for a path, or for all: first those of the script, then ``then`` for ever."""

    script: deque[Answer] = field(default_factory=deque)
    then: Answer | None = None

    def next(self) -> Answer | None:
        return self.script.popleft() if self.script else self.then


class Receiver:
    """A scriptable HTTP/1.1 server on a free port of 127.0.0.1; an async context manager.

    ``keep=False`` only counts requests. With ``ssl_context`` (a server's) it speaks TLS. Without a script
    every request is answered 200.
    """

    def __init__(
        self,
        *,
        keep: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Received] = []  #: in the order in which they were complete
        self.count = 0  #: how many requests came, also with ``keep=False``
        self.connections = 0  #: how many connections were opened to it
        self.keep = keep
        self._host, self._port, self._ssl_context = host, port, ssl_context
        self._plan = _Plan(then=Answer())
        self._plans: dict[bytes, _Plan] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._open: set[_Peer] = set()
        self._server: asyncio.Server | None = None
        self._closing = False

    async def __aenter__(self) -> Receiver:
        protocol = _KeepingPeer if self.keep else _Peer
        self._server = await asyncio.get_running_loop().create_server(
            lambda: protocol(self), self._host, self._port, ssl=self._ssl_context, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._closing = True
        self.hang_up()
        # Python 3.11 does not wait for the connections. One that was just being accepted is made in the
        # second round of the loop, aborted there, and gone in the third.
        for _ in range(4):
            await asyncio.sleep(0)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Its address without a path, as in ``http://127.0.0.1:40001``; append the path you like."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl_context else 'http'}://{host}:{self._port}"

    def answers(self, answer: int | Answer, *, path: str | None = None) -> None:
        """From now on answer like this, once the script is used up; with ``path`` only there."""
        self._plan_for(path).then = _as_answer(answer)

    def script(self, answers: Iterable[int | Answer], *, path: str | None = None) -> None:
        """The next requests get these answers, one each, in order; with ``path`` only requests there.

        Called again, it appends. A path's own script goes before the common one.
        """
        self._plan_for(path).script.extend(_as_answer(answer) for answer in answers)

    async def wait_for(self, count: int, *, timeout_s: float = 15.0) -> None:
        """Return when ``count`` requests have come since the start. Raises TimeoutError that says how many did."""
        if self.count >= count:
            return
        signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, signal))
        try:
            async with asyncio.timeout(timeout_s):
                await signal
        except TimeoutError:
            raise TimeoutError(f"{self.count} of {count} requests came within {timeout_s:g} s") from None

    def hang_up(self) -> None:
        """Close all connections that are open now, answered or not."""
        for peer in tuple(self._open):
            peer.abort()

    def _plan_for(self, path: str | None) -> _Plan:
        return self._plan if path is None else self._plans.setdefault(path.encode(), _Plan())

    def _answer_for(self, path: bytes) -> Answer:
        if self._plans:
            plan = self._plans.get(path.partition(b"?")[0])
            if plan is not None and (answer := plan.next()) is not None:
                return answer
        return self._plan.next() or _DEFAULT

    def _counted(self) -> None:
        self.count += 1
        if self._waiting:
            for count, signal in self._waiting:
                if self.count >= count and not signal.done():
                    signal.set_result(None)
            self._waiting = [(count, signal) for count, signal in self._waiting if not signal.done()]


_DEFAULT = Answer()


def _as_answer(answer: int | Answer) -> Answer:
    return Answer(answer) if isinstance(answer, int) else answer


class _Peer(asyncio.Protocol):
    """One connection to the receiver; counts. The parser only calls what is defined, so this one is fast."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._path = b"/"
        self._unsent = 0
        self._paused = False
        self._dripping = b""
        self._timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._receiver.connections += 1
        self._receiver._open.add(self)
        if self._receiver._closing:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver._open.discard(self)
        self._unsent = 0
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            pass  # the offer of another protocol is declined by answering in this one
        except HttpParserError:
            self._transport.write(Answer(400, (("Connection", "close"),)).rendered)
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_message_complete(self) -> None:
        self._reply(self._receiver._answer_for(self._path))
        self._receiver._counted()

    # Answering. Everything is a timer or a write: no tasks that a test would have to wait for.

    def _reply(self, answer: Answer) -> None:
        if answer.delay_s:
            self._timer = self._loop.call_later(answer.delay_s, self._reply_now, answer)
        else:
            self._reply_now(answer)

    def _reply_now(self, answer: Answer) -> None:
        if answer.fault is Fault.NONE or answer.fault is Fault.RAW:
            self._transport.write(answer.rendered)
            if answer.closes or not self._parser.should_keep_alive():
                self._transport.close()
        elif answer.fault is Fault.CLOSE:
            self._transport.close()
        elif answer.fault is Fault.RESET:
            self._reset()
        elif answer.fault is Fault.HUGE:
            self._unsent = answer.size_bytes
            self._transport.write(answer.rendered)
            self._pump()
        elif answer.fault is Fault.DRIP:
            self._dripping = answer.rendered
            self._drip(answer.interval_s)

    def _reset(self) -> None:
        # Closing a socket that lingers for zero seconds sends RST instead of FIN.
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _drip(self, interval_s: float) -> None:
        self._transport.write(self._dripping[:1])
        self._dripping = self._dripping[1:]
        if self._dripping:
            self._timer = self._loop.call_later(interval_s, self._drip, interval_s)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def _pump(self) -> None:
        while self._unsent and not self._paused:
            block = _BLOCK[: self._unsent]
            self._unsent -= len(block)
            self._transport.write(block)


class _KeepingPeer(_Peer):
    """The same, and it keeps the requests."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", [], []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if any(name.lower() == b"expect" for name, _ in self._headers):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._receiver.requests.append(
            Received(
                method=self._parser.get_method().decode("ascii"),
                path=self._path.decode("latin-1"),
                headers=tuple(self._headers),
                body=b"".join(self._body),
                at=time.monotonic(),
            )
        )
        super().on_message_complete()
