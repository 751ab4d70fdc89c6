"""The load generator: sockets, epoll, one write and one read per request. One process, one run.

Two arrivals. *Closed*: each connection sends when it has its answer. That finds the largest throughput, and says
nothing about latency: while the server stalls nobody sends, so nobody is seen waiting (coordinated omission).
*Open*: requests have moments at which they are meant to be sent, whatever the server does, and a latency counts from
that moment to the last byte of the answer, also while the request waits for a free connection. When all are busy
more are opened, up to a limit.

A generator that is late itself would be measured as if the server were slow; so it keeps account of that too: of how
long after its moment a request was sent although a connection was free.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.answer import BadAnswer, read_answer
from bench.requests import Stock

#: How long the answers may take after the last request was sent.
PATIENCE_S = 30.0
_READ_BYTES = 65_536
_OK = b"HTTP/1.1 20"  # 200, 201 and 202
_READ, _BOTH = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT
_NEVER = -1


@dataclass(slots=True)
class Taken:
    """What one run took. Moments are ``time.monotonic_ns()``; requests are meant by their place in the stock."""

    began_ns: int = 0
    ended_ns: int = 0
    sent: int = 0
    answered: int = 0  #: with 2xx
    not_ok: Counter[str] = field(default_factory=Counter)
    answered_ns: array[int] = field(default_factory=lambda: array("q"))  #: open: when, or -1; one for each moment
    late_ns: array[int] = field(default_factory=lambda: array("q"))  #: open: how late the generator itself was
    connections: int = 0  #: the most that were open

    @property
    def seconds(self) -> float:
        """From the beginning to the last answer."""
        return (self.ended_ns - self.began_ns) / 1e9

    def latencies_ns(self, schedule: Sequence[int]) -> list[int]:
        """Open: from the intended moment to the answer, of everything that was answered 2xx."""
        began = self.began_ns
        return [at - began - due for at, due in zip(self.answered_ns, schedule, strict=True) if at != _NEVER]


class _Connection:
    """A socket and what happens on it."""

    __slots__ = ("fd", "open", "part", "receive", "request", "send", "socket", "unsent")

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.fd = connected.fileno()
        self.send, self.receive = connected.send, connected.recv
        self.open = False
        self.request = _NEVER  #: which request waits for its answer
        self.part = b""  #: the beginning of an answer
        self.unsent: memoryview | None = None  #: the rest of a request that did not fit


class Generator:
    """Sends a stock to one address."""

    def __init__(self, host: str, port: int, stock: Stock, *, connections: int, most_connections: int = 0) -> None:
        self._address = (host, port)
        self._starts, self._tail = stock.starts, stock.tail
        self._wanted = connections
        self._most = max(connections, most_connections)
        self._poll = select.epoll()
        self._all: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._usual = 0  #: answers are nearly all of one length
        self._waiting = 0
        self._taken = Taken()
        self._open_loop = False

    def closed(self, seconds: float) -> Taken:
        """As fast as it is answered, until the time is over or the stock is used up."""
        self._begin()
        until = self._taken.began_ns + round(seconds * 1e9)
        next_, last = 0, len(self._starts)
        while True:
            if time.monotonic_ns() < until:
                while self._idle and next_ < last:
                    self._send(self._idle.pop(), next_)
                    next_ += 1
            else:
                last = next_
            if not self._waiting and next_ >= last:
                break
            self._hear(1.0)
            self._replace_lost()
            self._give_up_after(until)
        return self._end()

    def open(self, schedule: Sequence[int]) -> Taken:
        """At the moments of ``schedule`` (nanoseconds since the beginning). Raises ValueError: a stock too small."""
        if len(schedule) > len(self._starts):
            raise ValueError(f"{len(schedule)} requests are meant to be sent and {len(self._starts)} were made")
        self._open_loop = True
        taken = self._taken
        taken.answered_ns = array("q", [_NEVER]) * len(schedule)
        self._begin()
        began = taken.began_ns
        next_, last = 0, len(schedule)
        free_since = began  # since when a request that is due could have been sent
        until = began + (schedule[-1] if last else 0)
        while next_ < last or self._waiting:
            now = time.monotonic_ns()
            while next_ < last and began + schedule[next_] <= now and self._idle:
                due = began + schedule[next_]
                taken.late_ns.append(now - max(due, free_since))
                self._send(self._idle.pop(), next_)
                next_ += 1
                now = time.monotonic_ns()
            starved = next_ < last and began + schedule[next_] <= now
            if starved:
                self._open_more()
            wait_s = 1.0 if starved or next_ >= last else (began + schedule[next_] - now) / 1e9
            self._hear(wait_s)
            if starved:
                free_since = time.monotonic_ns()
            self._give_up_after(until)
        return self._end()

    # -- a run -----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        for _ in range(self._wanted):
            self._connect()
        deadline = time.monotonic() + PATIENCE_S
        while len(self._idle) < self._wanted:
            self._hear(1.0)
            self._replace_lost()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._address} accepted {len(self._idle)} of {self._wanted} connections")
        self._taken.not_ok.clear()
        self._taken.began_ns = self._taken.ended_ns = time.monotonic_ns()

    def _end(self) -> Taken:
        for connection in tuple(self._all.values()):
            self._drop(connection)
        self._poll.close()
        return self._taken

    def _give_up_after(self, until_ns: int) -> None:
        """Answers that do not come at all are counted, and not waited for for ever."""
        if self._waiting and time.monotonic_ns() - max(until_ns, self._taken.ended_ns) > PATIENCE_S * 1e9:
            for connection in tuple(self._all.values()):
                if connection.request != _NEVER:
                    self._lost(connection, "no answer")

    # -- sending ---------------------------------------------------------------------------------------

    def _send(self, connection: _Connection, number: int) -> None:
        connection.request = number
        self._waiting += 1
        self._taken.sent += 1
        start, tail = self._starts[number], self._tail
        try:
            if not tail:
                done = connection.send(start)
            else:
                done = connection.socket.sendmsg((start, tail))
        except BlockingIOError:
            done = 0
        except OSError as error:
            self._lost(connection, type(error).__name__)
            return
        if done < len(start) + len(tail):
            connection.unsent = memoryview(start + tail)[done:]
            self._poll.modify(connection.fd, _BOTH)

    def _send_rest(self, connection: _Connection) -> None:
        assert connection.unsent is not None
        try:
            connection.unsent = connection.unsent[connection.send(connection.unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(connection, type(error).__name__)
            return
        if not connection.unsent:
            connection.unsent = None
            self._poll.modify(connection.fd, _READ)

    # -- answers ---------------------------------------------------------------------------------------

    def _hear(self, wait_s: float) -> None:
        """Read what has come, after at most ``wait_s``."""
        if self._open_loop and wait_s > 0:
            # epoll's own timeout is rounded up to whole milliseconds, which would make every request late.
            select.select([self._poll], [], [], wait_s)
            wait_s = 0
        for fd, what in self._poll.poll(max(0.0, wait_s)):
            connection = self._all.get(fd)
            if connection is None:
                continue
            if not connection.open:
                self._connected(connection)
            elif connection.unsent is not None and what & select.EPOLLOUT:
                self._send_rest(connection)
            elif what & ~select.EPOLLOUT:
                self._read(connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.receive(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(connection, type(error).__name__)
            return
        if not data or connection.request == _NEVER:
            self._lost(connection, "connection closed")
        elif len(data) == self._usual and not connection.part and data.startswith(_OK):
            self._answered(connection, ok=True)
        else:
            self._read_slowly(connection, connection.part + data)

    def _read_slowly(self, connection: _Connection, data: bytes) -> None:
        try:
            answer = read_answer(data)
        except BadAnswer:
            self._lost(connection, "not HTTP")
            return
        if answer is None:
            connection.part = data
            return
        connection.part = b""
        ok = 200 <= answer.status < 300
        if ok:
            self._usual = answer.size
        else:
            self._taken.not_ok[str(answer.status)] += 1
        if answer.closes or connection.unsent is not None or answer.size != len(data):
            self._count(connection, ok=ok)
            self._drop(connection)
        else:
            self._answered(connection, ok=ok)

    def _answered(self, connection: _Connection, *, ok: bool) -> None:
        self._count(connection, ok=ok)
        self._idle.append(connection)

    def _count(self, connection: _Connection, *, ok: bool) -> None:
        taken = self._taken
        if ok:
            taken.answered += 1
        if self._open_loop:
            taken.ended_ns = now = time.monotonic_ns()
            if ok:
                taken.answered_ns[connection.request] = now
        elif self._waiting == 1:
            taken.ended_ns = time.monotonic_ns()
        connection.request = _NEVER
        self._waiting -= 1

    # -- connections -----------------------------------------------------------------------------------

    def _connect(self) -> None:
        new = socket.socket()
        new.setblocking(False)
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._all[new.fileno()] = _Connection(new)
        self._taken.connections = max(self._taken.connections, len(self._all))
        failed = new.connect_ex(self._address)
        if failed not in (0, errno.EINPROGRESS):
            self._drop(connection)
            raise ConnectionRefusedError(failed, f"nobody listens at {self._address}")
        self._poll.register(new.fileno(), _BOTH)

    def _connected(self, connection: _Connection) -> None:
        failed = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._lost(connection, "connection refused")
            return
        connection.open = True
        self._poll.modify(connection.fd, _READ)
        self._idle.append(connection)

    def _open_more(self) -> None:
        opening = sum(not connection.open for connection in self._all.values())
        if not opening and len(self._all) < self._most:
            self._connect()

    def _replace_lost(self) -> None:
        while len(self._all) < self._wanted:
            self._connect()

    def _lost(self, connection: _Connection, why: str) -> None:
        """It is gone; that matters when something was asked on it, or when it could not even be opened."""
        if connection.request != _NEVER or not connection.open:
            self._taken.not_ok[why] += 1
        if connection.request != _NEVER:
            self._count(connection, ok=False)
        self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        del self._all[connection.fd]
        connection.socket.close()  # which takes it out of the epoll, too
