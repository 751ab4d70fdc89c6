"""A way to the database that can be cut: a TCP proxy of ours, one for each server, that fails as networks do.

What a network loses for a while, TCP sends again. So there are two kinds of silence: ``DROPPING`` ends with the
connections broken, as behind a firewall that forgot them; ``STALLING`` ends with everything delivered late, as after
a cable was plugged in again. The second is the worse one: a COMMIT can arrive that nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Collection
from enum import StrEnum


class Fault(StrEnum):
    """What a way to the database does instead of carrying bytes, until it is healed."""

    NONE = "healed"
    DROPPING = "dropping"  #: bytes are swallowed while the connection stays up; in the end it is reset
    STALLING = "stalling"  #: bytes are held back while the connection stays up; in the end they are delivered
    DELAYING = "delaying"  #: bytes come late
    HALF_CLOSING = "half-closing"  #: now and then a connection is ended in one direction
    RESETTING = "resetting"  #: now and then a connection is reset in the middle
    REFUSING = "refusing"  #: connections are reset, and there are no new ones


class Way(StrEnum):
    """A direction."""

    TO_DATABASE = "to the database"
    TO_SERVER = "to the server"


BOTH = frozenset(Way)

#: How many pieces of what is sent meet their end while connections are reset or half-closed.
UNLUCKY = 0.1
PIECE_BYTES = 65_536
#: A connection that is just being made when all are reset is reset so much later.
RESET_EVERY_S = 0.1


class Proxy:
    """One way to the database that listens on ``target_port`` of this machine. ``dice`` choose who is unlucky."""

    def __init__(self, target_port: int, dice: random.Random) -> None:
        self._target_port, self._dice = target_port, dice
        self._server: asyncio.Server | None = None
        self._port = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._healed = asyncio.Event()
        self._healed.set()
        self._fault, self._ways, self._delay_s = Fault.NONE, BOTH, 0.0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    async def start(self) -> None:
        """Listen: the first time on any free port, then on the same one again."""
        self._server = await asyncio.start_server(self._link, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self, fault: Fault, ways: Collection[Way] = BOTH, delay_s: float = 0.0) -> None:
        """Fail from now on, in these directions."""
        self._fault, self._ways, self._delay_s = fault, frozenset(ways), delay_s
        self._healed.clear()
        if fault is Fault.REFUSING:
            assert self._server is not None
            self._server.close()
            self.reset()

    async def heal(self) -> None:
        """Carry everything again."""
        was, self._fault = self._fault, Fault.NONE
        if was is Fault.DROPPING:
            self.reset()
        self._healed.set()
        if was is Fault.REFUSING:
            await self.start()

    def reset(self) -> None:
        """Reset all connections."""
        for link in tuple(self._links):
            link.reset()

    async def close(self) -> None:
        """Be gone, with all connections."""
        if self._server is not None:
            self._server.close()
        self._fault = Fault.NONE
        self._healed.set()
        while self._tasks:
            self.reset()
            await asyncio.wait(self._tasks, timeout=RESET_EVERY_S)

    # -- what becomes of bytes -------------------------------------------------------------------------

    async def pass_on(self, link: _Link, way: Way, data: bytes) -> None:
        """Carry ``data`` (nothing: the end of the connection in this direction), or what the fault wants."""
        if way in self._ways:
            if self._fault is Fault.DROPPING:
                await self._swallow(data)
                return
            if self._fault is Fault.STALLING:
                await self._healed.wait()
            elif self._fault is Fault.DELAYING:
                await asyncio.sleep(self._delay_s)
            elif self._fault is Fault.RESETTING and self._dice.random() < UNLUCKY:
                link.reset()
                return
            elif self._fault is Fault.HALF_CLOSING and self._dice.random() < UNLUCKY:
                link.end(way)
                return
        await link.send(way, data)

    async def _swallow(self, data: bytes) -> None:
        if not data:
            await self._healed.wait()  # nobody is told of the end of the connection either

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            to_database = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            _reset(writer)  # it is down
        else:
            link = _Link(self, (reader, writer), to_database)
            self._links.add(link)
            await link.carry()
            self._links.discard(link)
        finally:
            self._tasks.discard(task)


class _Link:
    """One connection: two streams, and what is carried between them."""

    def __init__(
        self,
        proxy: Proxy,
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        database: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._readers = {Way.TO_DATABASE: server[0], Way.TO_SERVER: database[0]}
        self._writers = {Way.TO_DATABASE: database[1], Way.TO_SERVER: server[1]}
        self._ended: set[Way] = set()

    async def carry(self) -> None:
        """Carry until both directions have ended."""
        await asyncio.gather(*(self._carry(way) for way in Way))
        for writer in self._writers.values():
            writer.close()

    async def _carry(self, way: Way) -> None:
        data = b"all"
        while data:
            try:
                data = await self._readers[way].read(PIECE_BYTES)
            except OSError:
                data = b""
            await self._proxy.pass_on(self, way, data)

    async def send(self, way: Way, data: bytes) -> None:
        """Send on, or end the connection in this direction."""
        if way in self._ended:
            return
        if not data:
            self.end(way)
            return
        with contextlib.suppress(OSError):
            self._writers[way].write(data)
            await self._writers[way].drain()

    def end(self, way: Way) -> None:
        """Nothing more comes this way, which the receiving side is told."""
        self._ended.add(way)
        with contextlib.suppress(OSError):
            self._writers[way].write_eof()

    def reset(self) -> None:
        """End it at once, both sides, with RST instead of FIN."""
        self._ended.update(Way)
        for writer in self._writers.values():
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closing a socket that lingers for zero seconds sends RST instead of FIN.
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
