"""A real server on a real socket and a real file, its clock in the test's hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from hookline.api.token import create_token
from hookline.app import Server, build
from hookline.config.settings import Settings
from hookline.core.model import DEFAULT_ORG
from hookline.core.providers import registry
from hookline.core.providers.sign import sign
from hookline.ingest.protocol import WireProtocol
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Receiver

SERVER_SECRET = "not-a-real-server-secret-" + "s" * 20
SOURCE_SECRET = "not-a-real-webhook-secret-0123456789"
OTHER_ORG = "org_other"

Json = dict[str, Any]


class World:
    """A running server, somebody who manages it, somebody who sends to it, and somebody who receives."""

    def __init__(self, server: Server, clock: FakeClock, http: httpx.AsyncClient, receiver: Receiver) -> None:
        self.server, self.clock, self.http, self.receiver = server, clock, http, receiver
        self.answers: list[httpx.Response] = []

    def token(self, org_id: str = DEFAULT_ORG, lifetime_s: int | None = None) -> str:
        return create_token(SERVER_SECRET, org_id, self.clock.now_ms() // 1000, lifetime_s)

    async def ask(
        self, method: str, path: str, body: Any = None, *, org: str | None = DEFAULT_ORG, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if org is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(org)}")
        if body is not None:
            more["content"] = json.dumps(body)
            headers["Content-Type"] = "application/json"
        response = await self.http.request(method, path, headers=headers, **more)
        self.answers.append(response)
        return response

    async def got(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        """The JSON of an answer that has this status."""
        response = await self.ask(method, path, body, **more)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def refused(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Json:
        """The error of an answer that has this status."""
        error = await self.got(method, path, body, status=status, **more)
        assert set(error) <= {"code", "detail", "problems"} and error["code"] and error["detail"]
        assert isinstance(error, dict)
        return error

    async def source(self, name: str = "github", **more: Any) -> Json:
        wanted = {"name": name, "provider": "github", "secrets": [SOURCE_SECRET], **more}
        created = await self.got("POST", "/api/v1/sources", wanted, status=201)
        assert isinstance(created, dict)
        return created

    async def endpoint(self, source: str = "github", name: str = "build", **more: Any) -> Json:
        wanted = {"name": name, "url": f"{self.receiver.url}/{name}", "retry": {"schedule": ["1h"], "jitter": 0}}
        created = await self.got("POST", f"/api/v1/sources/{source}/endpoints", {**wanted, **more}, status=201)
        assert isinstance(created, dict)
        return created

    async def webhook(
        self, body: bytes = b'{"n":1}', *, source: str = "github", id: str = "d-1", type: str = "push", **more: Any
    ) -> httpx.Response:
        """What the provider sends."""
        lines = sign(
            registry.get("github"),
            body=body,
            secret=more.pop("secret", SOURCE_SECRET),
            now_s=self.clock.now_ms() / 1000,
            event_id=id,
            event_type=type,
        )
        headers = [(name.decode(), value.decode()) for name, value in lines]
        headers += more.pop("headers", [])
        return await self.http.post(f"/webhooks/{source}", content=body, headers=headers, **more)

    async def event(self, body: bytes = b'{"n":1}', **more: Any) -> str:
        """The id of a new event, whose deliveries were tried."""
        accepted = await self.webhook(body, **more)
        assert accepted.status_code == 200, accepted.text
        await self.server.dispatcher.quiet()
        return str(accepted.json()["id"])

    def advance(self, seconds: float) -> None:
        self.clock.jump_to(self.clock.now_ms() + int(seconds * 1000))


@asynccontextmanager
async def running(tmp_path: Path, **settings: Any) -> AsyncIterator[World]:
    clock = FakeClock()
    chosen = Settings(
        database=f"sqlite:///{tmp_path / 'hookline.db'}",
        secret=SERVER_SECRET,
        allow_private_endpoints=True,
        graceful_stop_s=1,
        **settings,
    )
    server = build(chosen, clock=clock)
    async with Receiver() as receiver, listening(server) as url:
        await server.start()
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10, verify=False) as http:
                yield World(server, clock, http, receiver)
        finally:
            await server.stop()


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[str]:
    """What `hookline serve` does with a socket, without the tenth of a second that uvicorn takes to end."""
    config = uvicorn.Config(
        server, http=WireProtocol, log_config=None, access_log=False, proxy_headers=False, lifespan="off"
    )
    config.load()
    state = ServerState()
    sockets = await asyncio.get_running_loop().create_server(
        lambda: WireProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with sockets:
        yield f"http://127.0.0.1:{sockets.sockets[0].getsockname()[1]}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as started:
        yield started
