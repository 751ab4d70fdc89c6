"""Both official Python clients behind one face, so that every test is told to both.

Nothing of them is changed: the synchronous one only runs in a thread, and what it answers is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from svix.api import Svix, SvixAsync, SvixOptions


class _InThread:
    """The synchronous client, or a part of it, whose calls are awaited."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found):
            return _InThread(found)

        async def call(*args: Any, **more: Any) -> Any:
            return await asyncio.to_thread(found, *args, **more)

        return call


@asynccontextmanager
async def connected(kind: str, token: str, url: str, **options: Any) -> AsyncIterator[SvixAsync]:
    """The client of this ``kind`` (``sync`` or ``async``), which speaks with this token."""
    chosen = SvixOptions(server_url=url, **options)
    if kind == "async":
        client = SvixAsync(token, chosen)
        try:
            yield client
        finally:
            await client._httpx_client.aclose()
        return
    synchronous = Svix(token, chosen)
    try:
        yield cast(SvixAsync, _InThread(synchronous))
    finally:
        synchronous._httpx_client.close()
