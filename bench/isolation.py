"""``make bench-isolation``: what one endpoint that never answers costs a hundred that answer at once.

Two ways, each with the silent endpoint and without it, in turns:

- *fan-out*: one application, every message goes to all 101 endpoints. Without: the 101st is paused, so that the
  same deliveries are stored (above 100 endpoints they are written by a worker) and only the silence is missing.
- *apart*: 101 applications with one endpoint each, every one of them gets 1,000 messages of its own, in turns.
  Without: 100 applications.

What counts is the time from the first request until the hundred have everything and that is recorded. It must be
within a tenth of the time without.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from bench.generator import Generator
from bench.hookline import Place, add_application
from bench.process import Process, cores, pinned, python
from bench.requests import Stock, publishing, stock
from bench.sink import SILENT
from hookline.app import Server
from hookline.core.model import EndpointState

#: The hundred may need so much more time beside a silent one.
LIMIT = 1.10
WAYS = ("fan-out", "apart")
LONGEST_S = 900.0
LOOK_S = 0.2
CONNECTIONS = 64
#: Where there is no terminal that has one.
WIDTH = 120
CONCURRENCY = 10

_OWED = """
SELECT (SELECT COUNT(*) FROM fanout)
     + (SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'leased') AND endpoint_id <> ?)
"""
_DONE = "SELECT COUNT(*), MAX(finished_at_ms) FROM delivery WHERE state = 'delivered' AND endpoint_id <> ?"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: the seconds in which the hundred had everything."""

    seconds: float
    deliveries: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to publish, with the silent endpoint or without it."""

    way: str
    silent: bool
    endpoints: int
    messages: int

    @property
    def applications(self) -> list[str]:
        """Who is published for."""
        if self.way == "fan-out":
            return ["all"]
        return [f"customer-{number}" for number in range(self.endpoints)] + ["silent"] * self.silent

    @property
    def silent_uid(self) -> str:
        """The uid of the endpoint that never answers."""
        return f"all-{self.endpoints}" if self.way == "fan-out" else "silent-0"

    async def prepare(self, server: Server, sink: str) -> None:
        """Make the applications and endpoints. The last endpoint of all is the silent one."""
        urls = [f"{sink}/{number}" for number in range(self.endpoints)]
        if self.way == "fan-out":
            await add_application(server.store, [*urls, sink + SILENT], "all", CONCURRENCY)
            if not self.silent:
                await self._pause_last(server)
            return
        for uid, url in zip(self.applications, [*urls, sink + SILENT], strict=False):
            await add_application(server.store, [url], uid, CONCURRENCY)

    def requests(self, host: str) -> list[bytes]:
        """Every application's n-th message, before anybody's next."""
        each = [stock(publishing(uid), host, 0, self.messages).whole() for uid in self.applications]
        return [request for turn in zip(*each, strict=True) for request in turn]

    async def _pause_last(self, server: Server) -> None:
        last = next(e for e in server.store.routing.endpoints.values() if e.uid == self.silent_uid)
        await server.store.catalogue.set_endpoint_state(
            last.id, EndpointState.PAUSED, "not now", time.time_ns() // 1_000_000
        )


def measure(trial: Trial, folder: Path | None) -> Measured:
    """One run of a trial, on a database and a server of its own."""
    server_core, load_core = cores()
    with _place(folder) as place, Process(python("bench.sink"), core=load_core, log=place.log) as sink:
        place.configure(None)
        address = sink.address()
        place.work_on_store(lambda server: trial.prepare(server, address))
        with place.serve(server_core, HOOKLINE_GRACEFUL_STOP="0s") as server:
            began_ms = _publish(trial, server.address())
            return _finished(trial, place, began_ms)


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=folder) as made:
        yield Place(Path(made))


def _publish(trial: Trial, address: str) -> int:
    """Publish everything as fast as it is acknowledged; when that began (ms)."""
    where = urlsplit(address)
    requests = trial.requests(where.netloc)
    gc.collect()
    generator = Generator(str(where.hostname), int(where.port or 0), Stock(requests, b""), connections=CONNECTIONS)
    began_ms = time.time_ns() // 1_000_000
    taken = generator.closed(LONGEST_S)
    if taken.not_ok or taken.answered != len(requests):
        raise RuntimeError(f"{taken.answered} of {len(requests)} were acknowledged; the others: {taken.not_ok}")
    return began_ms


def _finished(trial: Trial, place: Place, began_ms: int) -> Measured:
    """Wait until the hundred have everything."""
    found = place.ask("SELECT id FROM endpoint WHERE uid = ?", trial.silent_uid)
    silent = found[0][0] if found else ""
    deadline = time.monotonic() + LONGEST_S
    while owed := place.ask(_OWED, silent)[0][0]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{owed} deliveries are still owed after {LONGEST_S:g} s")
        time.sleep(LOOK_S)
    count, last_ms = place.ask(_DONE, silent)[0]
    if count != trial.endpoints * trial.messages:
        raise RuntimeError(f"{count} of {trial.endpoints * trial.messages} were delivered")
    return Measured((last_ms - began_ms) / 1000, count)


def main() -> int:
    """Measure, print, and exit with 0 when the hundred are within the limit."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    table = Table(title=f"{options.endpoints} endpoints answer at once, 1 never; {options.messages:,} messages each")
    for name in ("", "without s", "deliv./s", "with s", "deliv./s", "ratio"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    worst = 0.0
    with pinned(cores()[1]):
        for way in options.way.split(","):
            without, beside = _measure_in_turns(way, options, console)
            ratio = median(run.seconds for run in beside) / median(run.seconds for run in without)
            table.add_row(way, *_cells(without), *_cells(beside), f"{ratio:.3f}")
            worst = max(worst, ratio)
    console.print(table)
    console.print(f"Medians of {options.runs} runs each, in turns, ± half of their range. The limit is {LIMIT:.2f}.")
    return 0 if worst <= LIMIT else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=100, help="how many answer at once")
    parser.add_argument("--messages", type=int, default=1_000, help="for each endpoint")
    parser.add_argument("--runs", type=int, default=3, help="runs with and as many without; the median counts")
    parser.add_argument("--way", default=",".join(WAYS), help="fan-out, apart or both, with a comma")
    parser.add_argument("--folder", type=Path, help="where the databases are made; the disk that matters")
    return parser.parse_args()


def _measure_in_turns(way: str, options: argparse.Namespace, console: Console) -> tuple[list[Measured], list[Measured]]:
    found: dict[bool, list[Measured]] = {False: [], True: []}
    for number in range(options.runs):
        for silent in (False, True):
            trial = Trial(way, silent, options.endpoints, options.messages)
            run = measure(trial, options.folder)
            found[silent].append(run)
            what = "with   " if silent else "without"
            console.print(f"{way} {what} {number + 1}/{options.runs}: {run.seconds:.1f} s")
    return found[False], found[True]


def _cells(runs: list[Measured]) -> list[str]:
    times = [run.seconds for run in runs]
    middle = median(times)
    return [f"{middle:.1f} ±{(max(times) - min(times)) / 2 / middle:.0%}", f"{runs[0].deliveries / middle:,.0f}"]


if __name__ == "__main__":
    sys.exit(main())
