"""Where deliveries go: the receiver that we ship, counting only."""

from __future__ import annotations

import asyncio
import json
import signal

import uvloop

from hookline.testing.receiver import Receiver


async def serve() -> None:
    """Answer 200 until a signal comes."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Receiver(keep=False) as receiver:
        print(json.dumps({"address": receiver.url}), flush=True)
        await stopped.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
