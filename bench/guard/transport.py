"""A transport that only collects what is written, for protocols that are fed by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from bench.guard.steps import GROUP
from hookline.ingest.protocol import WireProtocol

_ABOUT = {"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8400)}

#: So that no timer rings, however slow the machine is that counts.
_LONG_S = 86_400


class Collecting(asyncio.Transport):
    """Keeps what is written in ``written``, which several may share."""

    def __init__(self, written: list[bytes]) -> None:
        super().__init__()
        self._written = written

    def write(self, data: Any) -> None:
        self._written.append(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _ABOUT.get(name, default)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise RuntimeError("a connection was closed that should stay open")

    abort = close

    def pause_reading(self) -> None:
        """Nobody reads."""

    def resume_reading(self) -> None:
        """Nobody reads."""

    def get_write_buffer_size(self) -> int:
        return 0


def connected(application: Any, written: list[bytes]) -> list[WireProtocol]:
    """Connections to a server, one for each event of a step, as ``hookline serve`` makes them."""
    config = uvicorn.Config(
        application,
        http=WireProtocol,
        interface="asgi3",
        limit_concurrency=GROUP,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_LONG_S,
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")]
    connections = []
    for _ in range(GROUP):
        connection = WireProtocol(config=config, server_state=state, app_state={})
        connection.connection_made(Collecting(written))
        connections.append(connection)
    return connections
