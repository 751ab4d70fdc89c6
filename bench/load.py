"""The load: pre-rendered requests over keep-alive connections, as fast as they are answered. One process, one run.

Prints one line of JSON: how many requests, how long, the latencies, and how much of its core it used itself.
It does per request one write, one read and two looks at the clock, on uvloop, with the collector off, so that
it stays well ahead of what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import time
from collections import Counter
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from bench.requests import RENDERERS, stock

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 20"  # 200 at door 1, 202 at door 2


class Run:
    """All connections of one run."""

    def __init__(self, requests: list[bytes], seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.next = 0
        self.open = 0
        self.finished = asyncio.Event()

    async def run(self, host: str, port: int, connections: int) -> dict[str, Any]:
        """Send until the time is over or the stock is used up; what was measured."""
        loop = asyncio.get_running_loop()
        peers = [(await loop.create_connection(lambda: Peer(self), host, port))[1] for _ in range(connections)]
        began_ms, cpu_s = time.time_ns() // 1_000_000, time.process_time()
        began = time.perf_counter()
        self.until = began + self.seconds
        self.open = len(peers)
        for peer in peers:
            peer.send()
        await self.finished.wait()
        elapsed = time.perf_counter() - began
        self.latencies.sort()
        return {
            "began_ms": began_ms,
            "seconds": elapsed,
            "requests": len(self.latencies),
            "p50_ms": self._percentile(0.50),
            "p99_ms": self._percentile(0.99),
            "load_cpu": (time.process_time() - cpu_s) / elapsed,
            "not_ok": dict(self.statuses),
            "used_up": self.next >= len(self.requests),
        }

    def _percentile(self, share: float) -> float:
        return 1000 * self.latencies[int(share * (len(self.latencies) - 1))] if self.latencies else 0.0

    def done(self) -> None:
        """A connection has nothing more to do."""
        self.open -= 1
        if not self.open:
            self.finished.set()


class Peer(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._usual = 0  #: answers are all of one length; the first one is measured
        self._part = b""
        self._sent_at = 0.0
        self._finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write

    def send(self) -> None:
        """Send the next request, if there is one and time."""
        run = self._run
        now = time.perf_counter()
        if now >= run.until or run.next >= len(run.requests):
            self._finish()
            return
        request = run.requests[run.next]
        run.next += 1
        self._sent_at = now
        self._write(request)

    def data_received(self, data: bytes) -> None:
        if len(data) != self._usual or not data.startswith(_OK):
            data = self._part + data
            if not self._complete(data):
                self._part = data
                return
            self._part = b""
        self._run.latencies.append(time.perf_counter() - self._sent_at)
        self.send()

    def _complete(self, data: bytes) -> bool:
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            return False
        found = _LENGTH.search(head)
        if len(body) < (int(found[1]) if found else 0):
            return False
        if data.startswith(_OK):
            self._usual = len(data)
        else:
            self._run.statuses[head[9:12].decode("latin-1")] += 1
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished:
            self._run.statuses["connection lost"] += 1
            self._finish()

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._run.done()


def main() -> None:
    """One run, by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--provider", choices=list(RENDERERS), required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--most", type=int, required=True, help="how many requests are rendered")
    options = parser.parse_args()
    where = urlsplit(options.address)
    assert where.hostname is not None
    assert where.port is not None
    requests = stock(options.provider, where.netloc, options.most)
    gc.collect()
    gc.disable()

    async def run() -> dict[str, Any]:
        return await Run(requests, options.seconds).run(str(where.hostname), int(where.port or 0), options.connections)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run())), flush=True)


if __name__ == "__main__":
    main()
