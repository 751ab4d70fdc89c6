"""The measure of all things: a bare ASGI application that reads the body and answers as many bytes as door 1."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

import uvicorn
import uvloop

from hookline.ingest.protocol import WireProtocol

ANSWER = json.dumps({"id": "msg_" + "0" * 32, "status": "pending", "duplicate": False}, separators=(",", ":")).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """Read everything, answer something."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


class Server(uvicorn.Server):
    """Says its address when it listens."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"address": f"http://127.0.0.1:{port}"}), flush=True)


def serve(application: Any, protocol: str = "httptools") -> None:
    """Serve until a signal comes, as ``hookline serve`` does; on uvicorn's own HTTP protocol or on ours."""
    config = uvicorn.Config(
        application,
        port=0,
        http=WireProtocol if protocol == "hookline" else "httptools",
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=2048,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(config).serve())


def main() -> None:
    """By the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.echo", description=__doc__)
    parser.add_argument("--protocol", choices=["httptools", "hookline"], default="httptools")
    serve(echo, parser.parse_args().protocol)


if __name__ == "__main__":
    main()
