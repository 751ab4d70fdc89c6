"""A server that gives one answer, in one thread: whole or in pieces, with a stall, or hanging up now and then."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class OneAnswer:
    """Answers every request (a head that ends in an empty line, no body) with ``pieces``, one write each.

    After ``stall_after`` requests it stands still for ``stall_s``, once. Every ``hang_up_every``-th request gets a
    closed connection instead of an answer.
    """

    def __init__(
        self,
        pieces: Sequence[bytes] = (OK,),
        *,
        stall_after: int = 0,
        stall_s: float = 0.0,
        hang_up_every: int = 0,
    ) -> None:
        self._pieces, self._stall_after, self._stall_s = pieces, stall_after, stall_s
        self._hang_up_every = hang_up_every
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._stopped = threading.Event()
        self.requests = 0

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Until `stop`."""
        with selectors.DefaultSelector() as ready, self._listener:
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._stopped.is_set():
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._listener:
                        accepted, _ = self._listener.accept()
                        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        ready.register(accepted, selectors.EVENT_READ)
                    else:
                        self._answer(ready, key.fileobj)
            for key in tuple(ready.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()

    def stop(self) -> None:
        """No request is answered any more."""
        self._stopped.set()

    def _answer(self, ready: selectors.BaseSelector, peer: object) -> None:
        assert isinstance(peer, socket.socket)
        heard = peer.recv(65_536).count(b"\r\n\r\n")
        self.requests += heard
        if heard and self.requests == self._stall_after:
            self._stopped.wait(self._stall_s)
        if not heard or (self._hang_up_every and self.requests % self._hang_up_every == 0):
            ready.unregister(peer)
            peer.close()
            return
        for piece in self._pieces:
            peer.sendall(piece)


@contextmanager
def answering(server: OneAnswer) -> Iterator[OneAnswer]:
    """The server in a thread."""
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
