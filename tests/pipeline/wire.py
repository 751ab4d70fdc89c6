"""An HTTP client that sends exactly the bytes it is given, and is quick enough to be a crowd of senders."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any

import msgspec

from hookline.core.model import Headers

LIMIT_S = 30.0


class Answer(msgspec.Struct, frozen=True):
    """What the server answered."""

    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def event_id(self) -> str:
        """The event that an acknowledgement names. Fails when it is none."""
        assert self.status == 200, f"{self.status} {self.body!r}"
        event_id: str = self.json()["id"]
        return event_id


class Client:
    """Keep-alive connections to one port, as many as there are requests at once; an async context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._idle:
            writer.close()
        for _, writer in self._idle:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def send(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        """One request; ``Host`` and ``Content-Length`` are added. Raises TimeoutError, OSError, EOFError."""
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        lines = b"".join(b"%b: %b\r\n" % line for line in headers)
        try:
            writer.write(
                b"%b %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%bContent-Length: %d\r\n\r\n%b"
                % (method.encode(), path.encode(), self._port, lines, len(body), body)
            )
            async with asyncio.timeout(LIMIT_S):
                await writer.drain()
                answer = await _read(reader)
        except BaseException:
            writer.close()
            raise
        if b"\r\nconnection: close\r\n" in answer.head.lower():
            writer.close()
        else:
            self._idle.append((reader, writer))
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return Answer(int(head[9:12]), head, await reader.readexactly(int(length)))
