"""Where deliveries go: the receiver that we ship, counting only."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

import uvloop

from hookline.testing.receiver import Answer, Receiver

#: Whoever sends here is heard and never answered.
SILENT = "/silent"


async def serve(silent: bool) -> None:
    """Answer 200 until a signal comes."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Receiver(keep=False) as receiver:
        if silent:
            receiver.answers(Answer.hang(), path=SILENT)
        print(json.dumps({"address": receiver.url}), flush=True)
        await stopped.wait()


def main() -> None:
    """Serve, by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--silent", action="store_true", help=f"never answer what comes to {SILENT}")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.silent))


if __name__ == "__main__":
    main()
