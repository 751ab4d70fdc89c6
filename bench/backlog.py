"""``make bench-backlog``: a server that owes a million deliveries goes on accepting while it drains them.

The million is owed to one endpoint that is paused. Asked before it is resumed, and again and again while it drains:
how fast is accepted (an application without endpoint), and how long does a message take to an endpoint that has no
backlog? The memory is the largest that the server ever had.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from bench import program
from bench.arrival import Arrivals
from bench.figures import distribution
from bench.floors import measure_floor
from bench.hookline import Place, add_application, set_states
from bench.loading import Load, next_numbers
from bench.process import Process, cores
from bench.report import Report, add_json_option, report
from bench.requests import BODY_BYTES, publishing
from bench.sink_client import LOOK_S, SinkClient, sink
from bench.targets import Target, at_least, below, mb, ms, percent
from hookline.app import Server
from hookline.core import ids
from hookline.core.model import EndpointState, Event, Request
from hookline.storage.base import Draft

LIMIT_MB = 200.0
KEEPS = 0.7
HEALTHY_P99_MS = 50.0
CHUNK = 2_000
WARM_UP_S = 1.5
_MOST_PER_S = 40_000


def main() -> int:
    """Exit with 0 when memory, accepting and the healthy endpoint stay within their limits."""
    return program.run(options(sys.argv[1:]), measure)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long it may drain; 0: until nothing is owed")
    parser.add_argument("--run", type=float, default=5.0, help="length of one look, in seconds")
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second for the healthy endpoint")
    parser.add_argument("--body-bytes", type=int, default=BODY_BYTES)
    parser.add_argument("--folder", type=Path, help="where the database is made; a million take 2.5 GB")
    add_json_option(parser)
    return parser.parse_args(words)


@dataclass(slots=True)
class Seen:
    """What was seen while the backlog waited, or while it drained."""

    accept_rates: list[float] = field(default_factory=list)
    latencies_ns: list[int] = field(default_factory=list)
    drained: list[float] = field(default_factory=list)  #: deliveries a second, while nothing else was asked
    drained_beside: list[float] = field(default_factory=list)  #: … while as much was accepted as goes
    load_cpu: list[float] = field(default_factory=list)  #: the generator's share of its core, while accepting
    missing: int = 0
    valid: bool = True
    not_ok: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a report: no single latency."""
        return {
            "accept_rate": median(self.accept_rates) if self.accept_rates else None,
            "looks": len(self.accept_rates),
            "healthy": distribution(self.latencies_ns),
            "drain_rate": median(self.drained) if self.drained else None,
            "drain_rate_beside": median(self.drained_beside) if self.drained_beside else None,
            "load_cpu": max(self.load_cpu, default=0.0),
            "missing": self.missing,
            "valid": self.valid,
            "not_ok": self.not_ok,
        }


def measure(options: argparse.Namespace, console: Console) -> Report:
    """Fill, serve, ask, resume, ask until nothing is owed."""
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder) as folder:
        place = Place(Path(folder))
        with sink(cores()[1], place.log) as receiver:
            floor = measure_floor(receiver, options.rate, options.run, options.folder)
            place.configure(f"{receiver.address}/backlog", concurrency=10)
            _fill(place, options, f"{receiver.address}/healthy", console)
            with place.serve(cores()[0], HOOKLINE_GRACEFUL_STOP="0s") as server:
                watch = _Watch(options, place, server, receiver)
                watch.warm_up()
                waiting = Seen()
                for _ in range(3):
                    watch.look(waiting)
                waiting_mb = server.peak_rss_mb()
                place.resume()
                draining, owed, took_s = watch.drain(console)
                peak_mb = max(waiting_mb, server.peak_rss_mb())
    found = {
        "floor": floor,
        "deliveries": options.deliveries,
        "left": owed,
        "seconds": took_s,
        "waiting_mb": waiting_mb,
        "peak_mb": peak_mb,
        "waiting": waiting.as_json(),
        "draining": draining.as_json(),
    }
    _print(found, console)
    return report("backlog", "bench.backlog", _targets(found), **found)


class _Watch:
    """The server, and how it is asked."""

    def __init__(self, options: argparse.Namespace, place: Place, server: Process, receiver: SinkClient) -> None:
        self._options, self._place, self._sink = options, place, receiver
        self._address = server.address()

    def warm_up(self) -> None:
        """A run that does not count."""
        self._accept(min(WARM_UP_S, self._options.run))

    def look(self, seen: Seen) -> None:
        """How fast is accepted, how long the healthy endpoint waits, how fast is drained meanwhile and otherwise."""
        options = self._options
        before, began = self._place.owed(), time.monotonic()
        accepted = self._accept(options.run)
        seen.accept_rates.append(accepted["answered"] / accepted["seconds"])
        seen.load_cpu.append(accepted["cpu_s"] / accepted["seconds"])
        seen.drained_beside.append((before - self._place.owed()) / (time.monotonic() - began))
        self._ask_healthy(seen)
        before, began = self._place.owed(), time.monotonic()
        time.sleep(options.run / 2)
        seen.drained.append((before - self._place.owed()) / (time.monotonic() - began))
        seen.not_ok |= accepted["not_ok"]

    def drain(self, console: Console) -> tuple[Seen, int, float]:
        """Look until nothing is owed, or the time is over: what was seen, what is left, how long it took."""
        seen, began = Seen(), time.monotonic()
        end = began + self._options.seconds if self._options.seconds else float("inf")
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            owed = self._place.owed()
            task = progress.add_task("", total=owed)
            while owed > self._options.rate and time.monotonic() < end:
                self.look(seen)
                owed = self._place.owed()
                progress.update(task, completed=(progress.tasks[0].total or 0) - owed)
        return seen, owed, time.monotonic() - began

    def _accept(self, seconds: float) -> dict[str, Any]:
        most = int(_MOST_PER_S * seconds)
        return Load(self._address, publishing("quiet"), seconds, next_numbers(), most=most).run(self._place.log)

    def _ask_healthy(self, seen: Seen) -> None:
        options = self._options
        first, arrivals = next_numbers(), Arrivals(options.rate, options.run)
        load = Load(self._address, publishing("healthy"), options.run, first, connections=16, rate=options.rate)
        self._sink.take()
        found = load.run(self._place.log)
        came, schedule, began = list[int](), arrivals.schedule(), time.monotonic()
        # What has not come after a second waits behind the backlog, and counts as missing.
        while len(came) < found["answered"] and time.monotonic() - began < 1.0:
            time.sleep(LOOK_S)
            came += self._sink.take().latencies_ns(first, found["began_ns"], schedule)
        seen.latencies_ns += came
        seen.missing += max(0, found["sent"] - len(came))
        seen.valid = seen.valid and found["valid"]
        seen.not_ok |= found["not_ok"]


def _targets(found: dict[str, Any]) -> list[Target]:
    what = f"backlog of {found['deliveries']:,}"
    waiting, draining = found["waiting"], found["draining"]
    said = "all" if not draining["missing"] and not draining["not_ok"] else f"{draining['missing']} missing"
    targets = [
        below(f"{what}: memory at the most", found["peak_mb"], LIMIT_MB, mb),
        Target(f"{what}, draining: accepted, and delivered to the healthy within a second", "all", said, said == "all"),
    ]
    if draining["accept_rate"] is not None:
        keeps = draining["accept_rate"] / waiting["accept_rate"]
        p99_ms = draining["healthy"].get("p99_ms", float("inf"))
        targets.append(at_least(f"{what}, draining: accepting keeps of its rate", keeps, KEEPS, percent))
        late = not draining["valid"]
        targets.append(below(f"{what}, draining: at the healthy endpoint, p99", p99_ms, HEALTHY_P99_MS, ms, late=late))
    return targets


def _print(found: dict[str, Any], console: Console) -> None:
    floor = found["floor"]
    console.print(
        f"floor: {floor['accept_rate']:,.0f} accepted/s, at the endpoint p50 {floor['arrived']['p50_ms']:.1f} ms, "
        f"p99 {floor['arrived']['p99_ms']:.1f}",
        highlight=False,
    )
    for name, memory_mb in (("waiting", found["waiting_mb"]), ("draining", found["peak_mb"])):
        seen = found[name]
        healthy = seen["healthy"] or {"p50_ms": float("inf"), "p99_ms": float("inf")}
        console.print(
            f"{name}: at most {memory_mb:.0f} MB, {seen['accept_rate'] or 0:,.0f} accepted/s, at the healthy endpoint "
            f"p50 {healthy['p50_ms']:.1f} ms, p99 {healthy['p99_ms']:.1f}; {seen['drain_rate'] or 0:,.0f} drained/s, "
            f"{seen['drain_rate_beside'] or 0:,.0f} while accepting",
            highlight=False,
        )
    console.print(f"{found['left']:,} were left after {found['seconds']:.0f} s", highlight=False)


def _fill(place: Place, options: argparse.Namespace, healthy: str, console: Console) -> None:
    """Store events for one paused endpoint, through the storage room and without HTTP; and make the applications."""
    count = options.deliveries
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=count)

        async def fill(server: Server) -> None:
            await set_states(server.store, EndpointState.PAUSED)
            await add_application(server.store, [], "quiet")
            await add_application(server.store, [healthy], "healthy", 10)
            source = server.store.routing.at_door("github")
            assert source is not None
            make = _maker(source.org_id, source.id, options.body_bytes)
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
