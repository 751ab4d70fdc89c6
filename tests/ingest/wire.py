"""The door on a real socket, as ``hookline serve`` opens it, and senders who write bytes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from hookline.app import Server, build
from hookline.config.settings import Settings
from hookline.config.spec import SourceSpec
from hookline.core.model import DEFAULT_ORG, Event
from hookline.ingest.protocol import WireProtocol
from hookline.storage.base import EventFilter
from hookline.storage.catalogue import PutSource
from tests.ingest.asking import ALL_SECRETS, SERVER_SECRET

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

#: How long a connection that the server keeps open is listened to.
PATIENCE_S = 0.3


class Listener:
    """A server that listens on ``port``."""

    def __init__(self, server: Server, state: ServerState) -> None:
        self.server, self.state = server, state
        self.port = 0
        self._connected: asyncio.Queue[WireProtocol] = asyncio.Queue()

    def connected(self, connection: WireProtocol) -> None:
        self._connected.put_nowait(connection)

    async def source(self, name: str = "shop", provider: str = "none", **spec: Any) -> None:
        secrets = (ALL_SECRETS[provider],) if provider in ALL_SECRETS else ()
        wanted = SourceSpec.model_validate({"name": name, "provider": provider, **spec})
        await self.server.store.catalogue.put_source(PutSource(DEFAULT_ORG, wanted, secrets, 0))

    async def talk(self, *parts: bytes, patience_s: float = PATIENCE_S) -> bytes:
        """Write ``parts`` one after the other; all that comes back until the server closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        try:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            return await _all_of(reader, patience_s)
        finally:
            writer.transport.abort()

    async def feed(self, parts: Iterable[bytes]) -> bytes:
        """Like talk, with every part cut exactly so: given by hand to the connection, as the socket may cut it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            connection = await self._connected.get()
            for part in parts:
                connection.data_received(part)
            return await _all_of(reader, PATIENCE_S)
        finally:
            writer.transport.abort()

    async def post(self, body: bytes = b'{"n":1}', *lines: bytes, path: bytes = b"/webhooks/shop") -> bytes:
        """A request after which the connection ends."""
        head = [b"POST %b HTTP/1.1" % path, b"Host: hookline.example", b"Connection: close", *lines]
        if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines):
            head.append(b"Content-Length: %d" % len(body))
        return await self.talk(b"\r\n".join(head) + b"\r\n\r\n" + body, patience_s=5)

    async def events(self) -> list[Event]:
        """All events with their requests, newest first."""
        store = self.server.store
        found = await store.events.find(DEFAULT_ORG, EventFilter(), limit=1000)
        return [event for one in found if (event := await store.events.get(DEFAULT_ORG, one.id)) is not None]

    async def idle(self) -> None:
        """Return when no request is being answered."""
        while self.state.tasks:
            await asyncio.wait(self.state.tasks, timeout=5)


async def _all_of(reader: asyncio.StreamReader, patience_s: float) -> bytes:
    received = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while True:
            async with asyncio.timeout(patience_s):
                part = await reader.read(65_536)
            if not part:
                break
            received += part
    return received


def statuses(received: bytes) -> list[int]:
    """The status of each answer; bodies of ours never look like one."""
    return [int(status) for status in STATUS.findall(received)]


@asynccontextmanager
async def listening(tmp_path: Path, **settings: Any) -> AsyncIterator[Listener]:
    """A whole server without its services, its protocol made exactly as in ``hookline serve``."""
    chosen = Settings(
        database=f"sqlite:///{tmp_path / 'hookline.db'}",
        secret=SERVER_SECRET,
        sync="normal",  # type: ignore[arg-type]
        graceful_stop_s=1,
        **settings,
    )
    server = build(chosen)
    await server.start(services=False)
    config = uvicorn.Config(
        server, http=WireProtocol, ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False
    )
    config.load()
    state = ServerState()
    listener = Listener(server, state)

    class Announced(WireProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            listener.connected(self)

    sockets = await asyncio.get_running_loop().create_server(
        lambda: Announced(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        async with sockets:
            listener.port = sockets.sockets[0].getsockname()[1]
            yield listener
            for connection in list(state.connections):
                connection.transport.abort()
            await listener.idle()
    finally:
        await server.stop()
