"""The whole server in this process, asked without a socket: on a store in memory, its clock in the test's hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from hookline.api.token import create_token
from hookline.app import Server, build
from hookline.config.settings import Settings
from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import Notice
from hookline.testing.clock import FakeClock
from tests.api.conftest import SERVER_SECRET

Lines = Iterable[tuple[bytes, bytes]]


class HungUp(Exception):
    """The server answered nothing."""


class Reply(msgspec.Struct, frozen=True):
    """What the server answered."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Office:
    """A server, and everybody who asks it."""

    def __init__(self, server: Server, clock: FakeClock, notices: list[Notice]) -> None:
        self.server, self.store, self.clock, self.notices = server, server.store, clock, notices

    def token(self, org_id: str = DEFAULT_ORG, lifetime_s: int | None = None) -> str:
        return create_token(SERVER_SECRET, org_id, self.clock.now_ms() // 1000, lifetime_s)

    def advance(self, seconds: float) -> None:
        self.clock.jump_to(self.clock.now_ms() + round(seconds * 1000))

    async def application(self, uid: str = "customer", **fields: Any) -> str:
        """The id of a new application."""
        wanted = json.dumps({"name": "A customer", "uid": uid, **fields}).encode()
        made = await self.ask("POST", "/api/v1/app", wanted)
        assert made.status == 201, made.body
        return str(made.json["id"])

    async def event_type(self, name: str, **fields: Any) -> None:
        wanted = json.dumps({"name": name, "description": name, **fields}).encode()
        made = await self.ask("POST", "/api/v1/event-type", wanted)
        assert made.status == 201, made.body

    async def publish(
        self, body: bytes | Iterable[bytes] = b'{"eventType":"invoice.paid","payload":{"n":1}}', **how: Any
    ) -> Reply:
        """Ask the door. ``app`` and ``query`` may be given, and all that `ask` takes."""
        path = f"/api/v1/app/{how.pop('app', 'customer')}/msg"
        return await self.ask("POST", path, body, **how)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        headers: Lines = (),
        token: str | None = None,
        query: bytes = b"",
        end: str = "complete",
    ) -> Reply:
        """One request. ``token`` empty: none. ``end``: the sender is done, goes (``gone``) or falls ``silent``."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        token = self.token() if token is None else token
        lines = [(b"content-type", b"application/json"), *headers]
        if token:
            lines.append((b"authorization", b"Bearer " + token.encode()))
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if chunks:
                part = chunks.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(chunks) or end != "complete"}
            if end == "silent":
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query,
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
            "server": ("127.0.0.1", 8400),
            "client": ("192.0.2.7", 4000),
            "headers": lines,
        }
        await self.server(scope, receive, send)
        if not sent:
            raise HungUp
        start, *parts = sent
        return Reply(start["status"], dict(start["headers"]), b"".join(part.get("body", b"") for part in parts))


@asynccontextmanager
async def office(**settings: Any) -> AsyncIterator[Office]:
    clock = FakeClock()
    notices: list[Notice] = []
    chosen = Settings(
        database="sqlite://:memory:",
        secret=SERVER_SECRET,
        allow_private_endpoints=True,
        graceful_stop_s=0,
        **settings,
    )
    server = build(chosen, clock=clock, sinks=(notices.append,))
    await server.start(services=False)
    try:
        yield Office(server, clock, notices)
    finally:
        await server.stop()
