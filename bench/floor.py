"""The floor of the whole: the same server answers, and the same sender sends the same bytes on. Nothing is stored.

An event is answered when it may be sent: `IN_FLIGHT` events are on their way at a time, so that the floor's memory
stays bounded and its rate is the rate of both halves. Each goes to its endpoints one after the other, which needs no
task and no more connections than the sender keeps open: with 10 endpoints that is twice as fast as all at once.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from bench.echo import ANSWER, HEADERS, serve
from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy
from hookline.delivery.sender import HttpSender

#: As many as the connections that load is made on, and that the sender keeps open.
IN_FLIGHT = 64
#: As long as those of a signed message, and always the same.
MESSAGE_HEADERS = (
    (b"webhook-id", b"msg_" + b"0" * 26),
    (b"webhook-timestamp", b"1767225600"),
    (b"webhook-signature", b"v1," + b"A" * 43 + b"="),
    (b"svix-id", b"msg_" + b"0" * 26),
    (b"svix-timestamp", b"1767225600"),
    (b"svix-signature", b"v1," + b"A" * 43 + b"="),
    (b"content-type", b"application/json"),
)


class Floor:
    """Echo and sender."""

    def __init__(self, urls: list[str]) -> None:
        self._targets = [Target.parse(url) for url in urls]
        self._sender: HttpSender | None = None
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        """Read everything, answer something, send everything on."""
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(parts)
        async with self._room:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": ANSWER})
            for target in self._targets:
                await self._send(target, body)

    async def _send(self, target: Target, body: bytes) -> None:
        if self._sender is None:  # which belongs to the loop that runs
            self._sender = HttpSender(AddressPolicy(allow_private=True))
        outcome = await self._sender.send(target, MESSAGE_HEADERS, body, connect_timeout_s=5.0, timeout_s=15.0)
        if outcome.status != 200:
            raise RuntimeError(f"the sink answered {outcome.status} {outcome.error} {outcome.detail}")


def main() -> None:
    """By the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__)
    parser.add_argument("--sink", required=True, help="where everything is sent")
    parser.add_argument("--endpoints", type=int, default=1, help="how many addresses of the sink it is sent to")
    options = parser.parse_args()
    serve(Floor([f"{options.sink}/{number}" for number in range(options.endpoints)]))


if __name__ == "__main__":
    main()
