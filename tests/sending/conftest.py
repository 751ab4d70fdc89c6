"""A real server on a real socket and a real file, seen by somebody who sends webhooks to customers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hookline.core.model import DEFAULT_ORG
from tests.api.conftest import OTHER_ORG, Json, World, running

__all__ = ["DEFAULT_ORG", "OTHER_ORG", "Json", "Sending", "sending"]


class Sending:
    """A product that publishes to its customers. The rest of the ``world`` is the same server, seen otherwise.

    Every method takes ``token=``; without it the product's own token of the default organisation is sent.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.server, self.clock, self.receiver = world.server, world.clock, world.receiver
        self.url = str(world.http.base_url)

    def token(self, org_id: str = DEFAULT_ORG) -> str:
        """A token of a whole organisation."""
        return self.world.token(org_id)

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """Any answer. ``path`` is below ``/api/v1``."""
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}", **more.pop("headers", {})}
        return await self.world.ask(method, f"/api/v1{path}", body, org=None, headers=headers, **more)

    async def got(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        """The JSON of an answer that has this status."""
        response = await self.ask(method, path, body, **more)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def refused(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Json:
        """The error of an answer that has this status, in the shape that SDKs read."""
        error = await self.got(method, path, body, status=status, **more)
        assert set(error) == {"code", "detail"} and error["code"] and error["detail"], error
        if status == 422:
            for each in error["detail"]:
                assert set(each) == {"loc", "msg", "type"} and all(isinstance(part, str) for part in each["loc"]), each
        else:
            assert isinstance(error["detail"], str)
        assert isinstance(error, dict)
        return error

    async def wrong(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, str]:
        """What is wrong with a request that is refused with 422: words by place, as in ``body.url``."""
        error = await self.refused(422, method, path, body, **more)
        return {".".join(each["loc"]): each["msg"] for each in error["detail"]}

    # -- one of each -------------------------------------------------------------------------------------

    async def app(self, uid: str | None = "customer", **more: Any) -> str:
        """The id of a new application."""
        wanted = {"name": "A customer", **({} if uid is None else {"uid": uid}), **more.pop("fields", {})}
        return str((await self.got("POST", "/app", wanted, status=201, **more))["id"])

    async def endpoint(self, app: str = "customer", path: str = "/hook", **more: Any) -> Json:
        """A new endpoint at the receiver; ``more`` are fields of it."""
        token = more.pop("token", None)
        wanted = {"url": f"{self.receiver.url}{path}", **more}
        created = await self.got("POST", f"/app/{app}/endpoint", wanted, status=201, token=token)
        assert isinstance(created, dict)
        return created

    async def event_type(self, name: str = "invoice.paid", **more: Any) -> Json:
        """A new event type."""
        created = await self.got("POST", "/event-type", {"name": name, "description": name, **more}, status=201)
        assert isinstance(created, dict)
        return created

    async def portal(self, app: str = "customer", **more: Any) -> str:
        """A token for one application; ``more`` are fields of the request for it."""
        return str((await self.got("POST", f"/auth/app-portal-access/{app}", more))["token"])

    async def publish(
        self, app: str = "customer", type: str = "invoice.paid", payload: Any = None, **more: Any
    ) -> Json:
        """A message that was accepted, and whose deliveries were tried."""
        wanted = {"eventType": type, "payload": {"n": 1} if payload is None else payload, **more}
        accepted = await self.got("POST", f"/app/{app}/msg", wanted, status=202)
        await self.server.dispatcher.quiet()
        assert isinstance(accepted, dict)
        return accepted

    def advance(self, seconds: float) -> None:
        """Let time pass; nothing is woken."""
        self.world.advance(seconds)


@asynccontextmanager
async def sending_in(folder: Path, **settings: Any) -> AsyncIterator[Sending]:
    """A server whose database is in ``folder``."""
    async with running(folder, **settings) as world:
        yield Sending(world)


@pytest.fixture
async def sending(tmp_path: Path) -> AsyncIterator[Sending]:
    async with sending_in(tmp_path) as started:
        yield started
