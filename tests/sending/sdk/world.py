"""A whole server on a real socket and a real file, for the official SDKs; its clock is in the test's hand.

The clock begins at the real time, because the SDKs refuse a webhook whose timestamp is older than five minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from uvicorn.server import ServerState

from hookline.api.token import create_token
from hookline.app import Server, build
from hookline.config.settings import Settings
from hookline.core.model import DEFAULT_ORG
from hookline.ingest.protocol import WireProtocol
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Received, Receiver

from .witness import Witness

SERVER_SECRET = "not-a-real-server-secret-" + "s" * 20


class World:
    """A running server and somebody who receives what it sends."""

    def __init__(self, server: Server, clock: FakeClock, witness: Witness, http: httpx.AsyncClient) -> None:
        self.server, self.clock, self.witness, self.http = server, clock, witness, http
        self.receiver = Receiver()

    @property
    def url(self) -> str:
        """Where the server is, without a path."""
        return str(self.http.base_url).rstrip("/")

    def token(self, org_id: str = DEFAULT_ORG, lifetime_s: int | None = None) -> str:
        """A token of an organisation."""
        return create_token(SERVER_SECRET, org_id, self.clock.now_ms() // 1000, lifetime_s)

    async def publish_many(self, app_id: str, count: int, event_type: str = "order.paid") -> list[str]:
        """The ids of new messages in the order of their making, after everything was tried that could be."""
        ids: list[str] = []
        for number in range(count):
            answer = await self.http.post(
                f"/api/v1/app/{app_id}/msg",
                json={"eventType": event_type, "payload": {"n": number}},
                headers={"Authorization": f"Bearer {self.token()}"},
            )
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
        await self.delivered()
        return ids

    async def received(self, path: str, count: int) -> list[Received]:
        """All that came at this path, once there is so much of it and nothing more is under way."""
        while sum(one.path == path for one in self.receiver.requests) < count:
            await self.receiver.wait_for(self.receiver.count + 1)
        await self.delivered()
        return [one for one in self.receiver.requests if one.path == path]

    async def delivered(self) -> None:
        """Return when everything that could be tried was tried, and is on disk."""
        await self.server.dispatcher.quiet()

    async def later(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due by then."""
        self.clock.jump_to(self.clock.now_ms() + int(seconds * 1000))
        await asyncio.sleep(0)
        await self.delivered()


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[World]:
    """A server in this folder. Every answer of its API is compared with the contract."""
    clock = FakeClock(int(time.time() * 1000))
    chosen = Settings(
        database=f"sqlite:///{folder / 'hookline.db'}",
        secret=SERVER_SECRET,
        allow_private_endpoints=True,
        graceful_stop_s=1,
        **settings,
    )
    server = build(chosen, clock=clock)
    witness = Witness(cast(Any, server))
    async with _listening(witness) as url, httpx.AsyncClient(base_url=url, timeout=10, verify=False) as http:
        world = World(server, clock, witness, http)
        async with world.receiver:
            await server.start()
            try:
                yield world
            finally:
                await server.stop()
    witness.judge()


@asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[str]:
    config = uvicorn.Config(app, http=WireProtocol, log_config=None, access_log=False, lifespan="off")
    config.load()
    state = ServerState()
    sockets = await asyncio.get_running_loop().create_server(
        lambda: WireProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with sockets:
        yield f"http://127.0.0.1:{sockets.sockets[0].getsockname()[1]}"
