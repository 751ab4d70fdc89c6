"""``world``: a server; ``svix``: each of the two official Python clients; ``shop``: a customer with an endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from svix.api import SvixAsync

from .client import connected
from .customer import Customer
from .world import World, running

Connect: TypeAlias = Callable[..., Awaitable[SvixAsync]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as started:
        yield started


@pytest.fixture(params=["sync", "async"])
async def connect(
    world: World, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Connect]:
    """``await connect(token, option=…)``: a client of the kind that this test is for."""
    # There is no TLS here, and reading all root certificates for each client would take longer than most tests.
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    async with AsyncExitStack() as stack:

        async def start(token: str = "", **options: Any) -> SvixAsync:
            return await stack.enter_async_context(
                connected(request.param, token or world.token(), world.url, **options)
            )

        yield start


@pytest.fixture
async def svix(connect: Connect) -> SvixAsync:
    return await connect()


@pytest.fixture
async def shop(world: World, svix: SvixAsync) -> Customer:
    """A customer with one endpoint, who receives at ``/shop``."""
    return await Customer.create(world, svix, "shop")
