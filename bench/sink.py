"""Where deliveries go: reads requests, answers by their path, and writes down which event came when. One process.

===================  ============================================================
``/fail/…``          500; ``/fail/410/…`` that status
``/slow/250/…``      200 after 250 ms
``/silent…``         nothing, ever
all else             200 at once
===================  ============================================================

``GET /_bench/counts`` answers with how many requests of each kind have come (JSON), ``GET /_bench/arrivals/KIND`` with
their events and moments (see `bench.sink_client`), and forgets them. Moments are ``time.monotonic_ns()``: of one clock
with the generator's on the same machine.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import json
import re
import select
import socket
import time
from array import array
from http import HTTPStatus

from bench.answer import BadAnswer, chunks_end
from bench.requests import MARKER, MARKER_DIGITS

#: Whoever sends here is heard and never answered.
SILENT = "/silent"
KINDS = ("ok", "fail", "slow", "silent")

_BUFFER_BYTES = 1 << 20
#: The event's number stands in the beginning of a body, however a server orders its keys.
_MARKED_BYTES = 4096
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect: *100-continue\r", re.IGNORECASE)
#: What the paths of the other kinds begin with, in "POST /fail/…".
_OTHER_PATHS = (b"fail", b"slow", b"sile")
_PATH = re.compile(rb"\w+ /(fail|slow|silent)(?:/(\d+))?[/? ]")


class Heard:
    """The requests of one kind."""

    __slots__ = ("count", "events", "moments")

    def __init__(self) -> None:
        self.count = 0
        self.events = array("q")  #: their numbers; -1 when a body carries none
        self.moments = array("q")

    def forget(self) -> bytes:
        """All that was written down since the last time: first the events, then the moments."""
        given = self.events.tobytes() + self.moments.tobytes()
        self.events, self.moments = array("q"), array("q")
        return given


class _Peer:
    """One connection: nothing, the beginning of a request (``part``), or a body of which ``missing`` bytes come."""

    __slots__ = ("answer", "fd", "missing", "part", "receive_into", "send", "socket")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.fd = accepted.fileno()
        self.receive_into, self.send = accepted.recv_into, accepted.send
        self.part = b""
        self.missing = 0
        self.answer: tuple[str, int] | None = None  #: of a large body: kind of its path, and its number


class Sink:
    """Listens on a free port of the loopback as soon as it is made."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._peers: dict[int, _Peer] = {}
        self._heard = {kind: Heard() for kind in KINDS}
        self._ok = self._heard["ok"]
        self._late: list[tuple[int, int, _Peer]] = []  #: answers that are not due yet
        self._lates = 0
        self._buffer = bytearray(_BUFFER_BYTES)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Until the process ends."""
        listener, peers, poll = self._listener.fileno(), self._peers, self._poll.poll
        while True:
            for fd, _ in poll(self._until_next()):
                if fd == listener:
                    self._accept()
                elif (peer := peers.get(fd)) is not None:
                    self._read(peer)
            if self._late:
                self._answer_late()

    # -- requests --------------------------------------------------------------------------------------

    def _read(self, peer: _Peer) -> None:
        buffer = self._buffer
        try:
            size = peer.receive_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._forget(peer)
        elif peer.missing:
            self._read_body(peer, size)
        elif peer.part:
            self._read_slowly(peer, peer.part + buffer[:size])
        elif not self._read_usual(peer, size):
            self._read_slowly(peer, bytes(buffer[:size]))

    def _read_usual(self, peer: _Peer, size: int) -> bool:
        """A whole POST with Content-Length to a path of no kind, in one piece: nearly all are."""
        buffer = self._buffer
        head = buffer.find(b"\r\n\r\n", 0, size)
        at = buffer.find(b"\r\nContent-Length: ", 0, head)
        if at < 0:
            at = buffer.find(b"\r\ncontent-length: ", 0, head)
        if head < 0 or at < 0 or bytes(buffer[6:10]) in _OTHER_PATHS:
            return False
        length = int(buffer[at + 18 : buffer.find(b"\r", at + 18)])
        if head + 4 + length != size:
            return False
        heard = self._ok
        heard.count += 1
        marked = buffer.find(MARKER, head, head + _MARKED_BYTES) + len(MARKER)
        heard.events.append(int(buffer[marked : marked + MARKER_DIGITS]) if marked >= len(MARKER) else -1)
        heard.moments.append(time.monotonic_ns())
        self._say(peer, _OK)
        return True

    def _read_slowly(self, peer: _Peer, data: bytes) -> None:
        """Anything else: in parts, in chunks, large, of another kind, a question."""
        peer.part = b""
        while data:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                peer.part = data
                return
            lines = data[: head + 2]
            body = head + 4
            if _EXPECTS.search(lines) and len(data) == body:
                self._say(peer, b"HTTP/1.1 100 Continue\r\n\r\n")
            if _CHUNKED.search(lines):
                try:
                    end = chunks_end(data, body)
                except BadAnswer:
                    self._forget(peer)
                    return
                if end is None:
                    peer.part = data
                    return
            else:
                found = _LENGTH.search(lines)
                end = body + (int(found[1]) if found else 0)
            if len(data) < min(end, body + _MARKED_BYTES):
                peer.part = data
                return
            if lines.startswith(b"GET /_bench/"):
                self._tell(peer, lines)
            else:
                number = _number(data, head)
                if len(data) < end:
                    peer.missing, peer.answer = end - len(data), (lines[:200].decode("latin-1"), number)
                    return
                self._heard_all(peer, lines, number)
            data = data[end:]

    def _read_body(self, peer: _Peer, size: int) -> None:
        if size < peer.missing:
            peer.missing -= size
            return
        rest = bytes(self._buffer[peer.missing : size])
        assert peer.answer is not None
        lines, number = peer.answer
        peer.missing, peer.answer = 0, None
        self._heard_all(peer, lines.encode("latin-1"), number)
        if rest:
            self._read_slowly(peer, rest)

    # -- answers ---------------------------------------------------------------------------------------

    def _heard_all(self, peer: _Peer, lines: bytes, number: int) -> None:
        found = _PATH.match(lines)
        kind = found[1].decode() if found else "ok"
        given = int(found[2]) if found and found[2] else 0
        now = time.monotonic_ns()
        heard = self._heard[kind]
        heard.count += 1
        heard.events.append(number)
        heard.moments.append(now)
        if kind == "ok":
            self._say(peer, _OK)
        elif kind == "fail":
            self._say(peer, _status(given or 500))
        elif kind == "slow":
            self._lates += 1
            heapq.heappush(self._late, (now + given * 1_000_000, self._lates, peer))

    def _tell(self, peer: _Peer, lines: bytes) -> None:
        asked = lines.split(b" ")[1].decode("latin-1")
        if asked == "/_bench/counts":
            body = json.dumps({kind: heard.count for kind, heard in self._heard.items()}).encode()
        else:
            body = self._heard[asked.rpartition("/")[2]].forget()
        peer.socket.settimeout(60)  # the run is over: nobody minds that this one question holds up everything
        peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        peer.socket.setblocking(False)

    def _say(self, peer: _Peer, answer: bytes) -> None:
        try:
            peer.send(answer)
        except OSError:
            self._forget(peer)

    def _until_next(self) -> float | None:
        """Seconds until an answer is due; None: none is."""
        return max(0.0, (self._late[0][0] - time.monotonic_ns()) / 1e9) if self._late else None

    def _answer_late(self) -> None:
        now = time.monotonic_ns()
        while self._late and self._late[0][0] <= now:
            peer = heapq.heappop(self._late)[2]
            if self._peers.get(peer.fd) is peer:
                self._say(peer, _OK)

    # -- connections -----------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[accepted.fileno()] = _Peer(accepted)
            self._poll.register(accepted, select.EPOLLIN)

    def _forget(self, peer: _Peer) -> None:
        if self._peers.get(peer.fd) is peer:
            del self._peers[peer.fd]
            peer.socket.close()


def _number(data: bytes, head: int) -> int:
    at = data.find(MARKER, head, head + _MARKED_BYTES)
    digits = data[at + len(MARKER) : at + len(MARKER) + MARKER_DIGITS]
    return int(digits) if at >= 0 and digits.isdigit() else -1


def _status(status: int) -> bytes:
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    return f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\n\r\n".encode()


def main() -> None:
    """Serve, by the command line, until a signal comes."""
    argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__).parse_args()
    sink = Sink()
    print(json.dumps({"address": sink.address}), flush=True)
    gc.freeze()
    gc.disable()
    sink.serve()


if __name__ == "__main__":
    main()
