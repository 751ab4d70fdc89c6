"""``make bench-backlog``: the memory of a server that owes a million deliveries, while it waits and while it drains."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from bench.hookline import Place, set_states
from bench.process import Process, cores, pinned, python
from bench.requests import BODY_BYTES
from hookline.app import Server
from hookline.core import ids
from hookline.core.model import EndpointState, Event, Request
from hookline.storage.base import Draft

LIMIT_MB = 150
CHUNK = 2_000


def main() -> int:
    """Fill, serve, drain for a while, print; exit with 0 when the memory stays under the limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long it waits, and how long it drains")
    parser.add_argument("--body-bytes", type=int, default=BODY_BYTES)
    parser.add_argument("--folder", type=Path, help="where the database is made; a million take 2.5 GB")
    options = parser.parse_args()
    console = Console()
    server_core, load_core = cores()
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder) as folder:
        place = Place(Path(folder))
        with pinned(load_core), Process(python("bench.sink"), core=load_core, log=place.log) as sink:
            place.configure(sink.address(), concurrency=10)
            _fill(place, options.deliveries, options.body_bytes, console)
            with place.serve(server_core) as server:
                server.address()
                _watch(place, server, options.seconds, console)
                peak_mb = server.peak_rss_mb()
    console.print(f"peak {peak_mb:.0f} MB with {options.deliveries:,} deliveries owed (the limit is {LIMIT_MB} MB)")
    return 0 if peak_mb < LIMIT_MB else 1


def _watch(place: Place, server: Process, seconds: float, console: Console) -> None:
    before = place.owed()
    waiting_mb = _largest(server, seconds)
    console.print(f"endpoint paused: {waiting_mb:.0f} MB, {before:,} owed")
    place.resume()
    began = time.monotonic()
    draining_mb = _largest(server, seconds)
    drained = before - place.owed()
    rate = drained / (time.monotonic() - began)
    console.print(f"draining:        {draining_mb:.0f} MB, {drained:,} delivered, {rate:,.0f} a second")


def _largest(server: Process, seconds: float) -> float:
    """The largest resident memory that is seen in this time."""
    largest = 0.0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        largest = max(largest, server.rss_mb())
        time.sleep(0.1)
    return largest


def _fill(place: Place, count: int, body_bytes: int, console: Console) -> None:
    """Store events for one paused endpoint, through the storage room and without HTTP."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=count)

        async def fill(server: Server) -> None:
            await set_states(server.store, EndpointState.PAUSED)
            source = server.store.routing.at_door("github")
            assert source is not None
            make = _maker(source.org_id, source.id, body_bytes)
            for first in range(0, count, CHUNK):
                drafts = [Draft(make()) for _ in range(min(CHUNK, count - first))]
                await asyncio.gather(*(server.store.events.accept(draft) for draft in drafts))
                progress.advance(task, len(drafts))

        place.work_on_store(fill)


def _maker(org_id: str, source_id: str, body_bytes: int) -> Callable[[], Event]:
    headers = ((b"Content-Type", b"application/json"), (b"X-GitHub-Event", b"push"))
    body = b'"' + b"x" * (body_bytes - 2) + b'"'
    request = Request("POST", "/webhooks/github", b"", headers, {}, body, "127.0.0.1")

    def make() -> Event:
        now_ms = time.time_ns() // 1_000_000
        return Event(ids.make(ids.EVENT, now_ms, os.urandom(10)), org_id, source_id, "push", now_ms, "", request)

    return make


if __name__ == "__main__":
    sys.exit(main())
