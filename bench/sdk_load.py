"""The load as a Python product makes it: the official SDK, unmodified, publishing from many tasks. One run.

Prints one line of JSON, as `bench.load` does. The SDK costs far more per message than the server does, so what is
measured is the SDK; that it is, the share of its core that it used says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from collections import Counter
from typing import Any

import uvloop
from svix.api import MessageIn, SvixAsync, SvixOptions

from bench.requests import APPLICATION, payload, token

#: The HTTP library of the SDK keeps so many connections open.
TASKS = 20


class Run:
    """All tasks of one run."""

    def __init__(self, address: str) -> None:
        self._sdk = SvixAsync(token(), SvixOptions(server_url=address))
        self._payload: dict[str, Any] = json.loads(payload(0))
        self._answered = 0
        self._not_ok: Counter[str] = Counter()

    async def run(self, seconds: float) -> dict[str, Any]:
        """Publish until the time is over; what was measured."""
        await self._publish()  # the connection, and what the SDK imports late
        self._answered = 0
        began_ms, began_ns = time.time_ns() // 1_000_000, time.monotonic_ns()
        cpu_s, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(self._publish_until(began + seconds) for _ in range(TASKS)))
        elapsed = time.perf_counter() - began
        return {
            "began_ns": began_ns,
            "began_ms": began_ms,
            "seconds": elapsed,
            "answered": self._answered,
            "cpu_s": time.process_time() - cpu_s,
            "not_ok": dict(self._not_ok),
        }

    async def _publish_until(self, until: float) -> None:
        while time.perf_counter() < until:
            await self._publish()

    async def _publish(self) -> None:
        message = MessageIn(event_type="order.paid", payload={**self._payload, "id": str(uuid.uuid4())})
        try:
            await self._sdk.message.create(APPLICATION, message)
        except Exception as error:
            self._not_ok[type(error).__name__] += 1
        else:
            self._answered += 1


def main() -> None:
    """One run, by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(Run(options.address).run(options.seconds))), flush=True)


if __name__ == "__main__":
    main()
