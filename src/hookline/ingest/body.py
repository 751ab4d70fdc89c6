"""Reading the body of a request, within bounds: of each in size and time, of all together in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

#: Bytes of bodies that are coming in and not complete yet, of all connections together.
MOST_BYTES_UNDER_WAY = 128 * 1024 * 1024


class ClientGone(Exception):
    """The sender hung up before its body was complete: there is nobody to answer."""


class TooMuchUnderWay(Exception):
    """More bodies are coming in than there is memory for; the sender may try again in a moment."""


class BodyReader:
    """Reads bodies for all connections of a server. ``timeout_s`` is what a sender may take for one."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._under_way = 0

    async def read(self, scope: Scope, receive: Receive, limit: int) -> bytes | None:
        """The whole body, or None when it is larger than ``limit``.

        Raises TimeoutError, ClientGone, TooMuchUnderWay.
        """
        if scope.get("hookline.complete"):  # it came with the head, as most do: there is nothing to wait for
            return await self._collect(receive, limit)
        async with asyncio.timeout(self._timeout_s):
            return await self._collect(receive, limit)

    async def _collect(self, receive: Receive, limit: int) -> bytes | None:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            return body if len(body) <= limit else None
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                size += len(part)
                self._under_way += len(part)
                if size > limit:
                    return None
                if self._under_way > MOST_BYTES_UNDER_WAY:
                    raise TooMuchUnderWay
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
        finally:
            self._under_way -= size
