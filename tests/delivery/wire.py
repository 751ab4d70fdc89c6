"""What the sender's tests share: a resolver that answers from a table, and a server that plays a part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from hookline.core.model import Headers
from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import HttpSender

OPEN = AddressPolicy(allow_private=True)

Part = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class TableResolver:
    """A Resolver; names that are not in the table raise OSError."""

    table: dict[str, list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.table:
            raise OSError("no such name")
        return self.table[host]


class SilentResolver:
    """A Resolver whose name server never answers."""

    async def resolve(self, host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError


async def post(
    sender: HttpSender,
    url: str,
    body: bytes = b"{}",
    headers: Headers = (),
    connect_timeout_s: float = 5.0,
    timeout_s: float = 5.0,
) -> Outcome:
    return await sender.send(Target.parse(url), headers, body, connect_timeout_s=connect_timeout_s, timeout_s=timeout_s)


@asynccontextmanager
async def sending(sender: HttpSender) -> AsyncIterator[HttpSender]:
    try:
        yield sender
    finally:
        await sender.close()


@asynccontextmanager
async def server_playing(part: Part, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """A server that runs ``part`` on each connection; gives its URL."""

    playing: set[asyncio.Task[None]] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        playing.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await part(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(play, host, port)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}/"
        await asyncio.gather(*playing)
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One request as it came, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
    return head + await reader.readexactly(int(length.split()[1]))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
