"""``serve``: whole servers on real sockets and a real file; ``receiver``: what they deliver to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import uvloop

from hookline.core.clock import Clock
from hookline.testing.receiver import Receiver
from tests.pipeline.service import Service

Serve: TypeAlias = Callable[..., Awaitable[Service]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """``await serve(source, …, clock=…, setting=…)``: a running server with these sources.

    All servers of a test share one file; stop one before the next is started.
    """
    async with AsyncExitStack() as stack:

        async def start(*sources: dict[str, Any], clock: Clock | None = None, **settings: Any) -> Service:
            service = await stack.enter_async_context(Service(tmp_path, clock, **settings))
            if sources:
                await service.apply(*sources)
            return service

        yield start


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
def closed_port() -> Iterator[str]:
    """The address of a port that is taken and not listened to: nobody else can get it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
