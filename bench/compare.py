"""``python -m bench compare``: other webhook servers beside this one, in one run, over plain HTTP.

    python -m bench compare --system svix=http://127.0.0.1:8071,TOKEN \\
                            --system convoy=http://127.0.0.1:5005/PROJECT,KEY

Hookline and the floor (echo and sender, nothing stored) are started here; the others run already, set up as their own
documentation says. Each gets the same payloads, for as many endpoints, which are all at one sink. First latencies, in
an open run at ``--rate``: from the moment at which an event was meant to be published to its arrival at the sink. Then
as fast as it is answered: how much is accepted, and how much has been delivered until everything has come.

A 2xx does not mean the same everywhere: Hookline gives it when the event and its deliveries are on disk, the floor
without storing anything. Of a server that has not delivered everything after ``--patience`` seconds the rate is that of
what had come by then.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from tests.postgres.cluster import Cluster

from bench import program
from bench.arrival import Arrivals
from bench.capacity import ENOUGH, Capacity, measure_capacity
from bench.figures import Spread, distribution
from bench.hookline import Place
from bench.loading import Load, next_numbers
from bench.machine import busy_s
from bench.process import Process, cores, pinned, python
from bench.report import Report, add_json_option, report
from bench.requests import BODY_BYTES, Recipe, publishing, token
from bench.sink_client import SinkClient, sink
from bench.systems.api import Refused
from bench.systems.hookline import Hookline
from bench.systems.registry import ADAPTERS, parse_system
from bench.systems.system import System

WARM_UP_S = 2.0
#: More than can be answered.
_MOST_PER_S = 40_000
#: What somebody gave on the command line is nobody's business.
_TOKEN = re.compile(r"(=http://[^,\s]+),[^\s']+")


class Bare(System):
    """The floor has no API: it knows its endpoints since it was started."""

    name, token = "floor (echo and sender)", ""

    def __init__(self, address: str) -> None:
        self.address = address

    def prepare(self, urls: Sequence[str]) -> None:
        """Nothing."""

    def recipe(self) -> Recipe:
        return publishing()


@dataclass(slots=True)
class Result:
    """What was measured of one system; rates are per second, latencies in milliseconds."""

    name: str
    error: str = ""  #: why there is nothing else
    accept_rates: list[float] = field(default_factory=list)
    delivered_rates: list[float] = field(default_factory=list)
    accept: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)
    cores: list[float] = field(default_factory=list)  #: that everything but generator and sink used, as fast as it goes
    valid: bool = True
    missing: int = 0
    not_ok: dict[str, int] = field(default_factory=dict)


def main(words: Sequence[str]) -> int:
    """Exit with 0 when every system could be measured."""
    options = _options(words)
    return program.run(options, measure)


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words_of = f"{'|'.join(ADAPTERS)}=http://HOST:PORT,TOKEN; NAME:svix=… to call it by another name; repeatable"
    parser.add_argument("--system", type=_system, action="append", default=[], metavar="SYSTEM", help=words_of)
    parser.add_argument("--endpoints", type=int, default=1, help="that every event goes to")
    parser.add_argument("--body-bytes", type=int, default=BODY_BYTES, help="size of a payload")
    parser.add_argument("--rate", type=float, default=100.0, help="events a second of the run with latencies")
    parser.add_argument("--open-seconds", type=float, default=10.0, help="its length")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a run as fast as it is answered")
    parser.add_argument("--runs", type=int, default=3, help="of those; the median counts")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections")
    parser.add_argument("--patience", type=float, default=30.0, help="how long nothing may be delivered")
    parser.add_argument("--postgres", action="store_true", help="Hookline also on PostgreSQL")
    parser.add_argument("--note", action="append", default=[], help="of the others, for the page")
    parser.add_argument("--pin", action="store_true", help="ours on the server's core only; pin the others yourself")
    parser.add_argument("--folder", type=Path, help="where our databases are made; the disk that matters")
    add_json_option(parser)
    return parser.parse_args(words)


def _system(text: str) -> System:
    try:
        return parse_system(text)
    except (ValueError, Refused) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def measure(options: argparse.Namespace, console: Console) -> Report:
    """One after the other, the floor first."""
    capacity = measure_capacity(options.body_bytes, min(2.0, options.seconds), options.connections)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder)))
        receiver = stack.enter_context(sink(cores()[1], folder / "sink.log"))
        systems = [*stack.enter_context(_ours(options, receiver, folder)), *options.system]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        results = []
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=len(systems))
            for system in systems:
                progress.update(task, description=system.name)
                results.append(_measure_one(system, options, receiver, folder / "load.log"))
                progress.advance(task)
    rows = [_row(result, results[0], capacity, options) for result in results]
    _print(rows, console)
    given = ("endpoints", "body_bytes", "rate", "open_seconds", "seconds", "runs", "connections", "pin")
    settings = {name: getattr(options, name) for name in (*given, "note")}
    found = report("compare", "bench", [], settings=settings, capacity=asdict(capacity), rows=rows)
    found["about"]["command"] = _TOKEN.sub(r"\1,TOKEN", found["about"]["command"])
    return found


@contextlib.contextmanager
def _ours(options: argparse.Namespace, receiver: SinkClient, folder: Path) -> Iterator[list[System]]:
    """The floor, and Hookline on each database."""
    core = cores()[0] if options.pin else None
    with contextlib.ExitStack() as stack:
        command = python("bench.floor", sink=receiver.address, endpoints=options.endpoints)
        floor = stack.enter_context(Process(command, core=core, log=folder / "floor.log"))
        places = {"hookline": Place(_made(folder / "sqlite"))}
        if options.postgres:
            with pinned(None):
                cluster = stack.enter_context(Cluster())
            places["hookline, PostgreSQL"] = Place(_made(folder / "postgres"), cluster.new_database())
        systems: list[System] = [Bare(floor.address())]
        for name, place in places.items():
            place.configure(None)
            server = stack.enter_context(place.serve(core))
            systems.append(Hookline(server.address(), token(), name))
        yield systems


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _measure_one(system: System, options: argparse.Namespace, receiver: SinkClient, log: Path) -> Result:
    result = Result(system.name)
    try:
        system.prepare([f"{receiver.address}/{number}" for number in range(options.endpoints)])
        trial = _Trial(system, options, receiver, log)
        trial.open(Result(""), min(WARM_UP_S, options.open_seconds))
        trial.open(result, options.open_seconds)
        for _ in range(options.runs):
            trial.closed(result)
    except (Refused, RuntimeError) as error:
        result.error = str(error).partition("\n")[0]
    return result


class _Trial:
    """One system being measured."""

    def __init__(self, system: System, options: argparse.Namespace, receiver: SinkClient, log: Path) -> None:
        self._system, self._options, self._sink, self._log = system, options, receiver, log
        self._recipe = system.recipe().of_size(options.body_bytes)

    def open(self, result: Result, seconds: float) -> None:
        """At the rate that was given: latencies."""
        self._sink.forget()
        arrivals, first = Arrivals(self._options.rate, seconds), next_numbers()
        found = self._run(Load(self._system.address, self._recipe, seconds, first, rate=self._options.rate))
        self._wait(found)
        came = self._sink.take().latencies_ns(first, found["began_ns"], arrivals.schedule())
        result.accept, result.arrived, result.valid = found["latency"], distribution(came), found["valid"]
        result.missing += max(0, found["answered"] * self._options.endpoints - len(came))
        result.not_ok |= found["not_ok"]

    def closed(self, result: Result) -> None:
        """As fast as it is answered: rates."""
        options = self._options
        self._sink.forget()
        busy, used = busy_s(), self._sink.process.cpu_s()
        most, first = int(_MOST_PER_S * options.seconds), next_numbers()
        load = Load(self._system.address, self._recipe, options.seconds, first, options.connections, most)
        found = self._run(load)
        self._wait(found)
        moments = self._sink.take().of(first, most)
        if not moments:
            raise RuntimeError(f"nothing was delivered of {found['answered']} events; refused: {found['not_ok']}")
        took_s = (max(moments) - found["began_ns"]) / 1e9
        others_s = busy_s() - busy - found["cpu_s"] - (self._sink.process.cpu_s() - used)
        result.accept_rates.append(found["answered"] / found["seconds"])
        result.delivered_rates.append(len(moments) / took_s)
        result.cores.append(others_s / took_s)
        result.missing += max(0, found["answered"] * options.endpoints - len(moments))
        result.not_ok |= found["not_ok"]

    def _run(self, load: Load) -> dict[str, Any]:
        found = load.run(self._log)
        if not found["answered"]:
            raise RuntimeError(f"nothing was accepted: {found['not_ok']}")
        return found

    def _wait(self, found: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # what is missing is counted
            self._sink.wait_for(found["answered"] * self._options.endpoints, self._options.patience)


def _row(result: Result, floor: Result, capacity: Capacity, options: argparse.Namespace) -> dict[str, Any]:
    if result.error:
        return {"name": result.name, "error": result.error}
    accepted, delivered = Spread.of(result.accept_rates), Spread.of(result.delivered_rates)
    bare = None if floor.error else median(floor.delivered_rates)
    return {
        "name": result.name,
        "error": "",
        "accept_rate": accepted.as_json(),
        "delivered_rate": delivered.as_json(),
        "share": delivered.median / bare if bare else None,
        "headroom": capacity.headroom(accepted.median, delivered.median),
        "accept": result.accept,
        "arrived": result.arrived,
        "cores": median(result.cores),
        "valid": result.valid,
        "missing": result.missing,
        "not_ok": result.not_ok,
    }


def _print(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in ("", "accepted/s", "delivered/s", "of floor", "arrived p50/p99 ms", "cores", "room", "missing"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in rows:
        if row["error"]:
            table.add_row(row["name"], "[red]not measured")
            continue
        arrived = row["arrived"] or {"p50_ms": float("nan"), "p99_ms": float("nan")}
        table.add_row(
            row["name"],
            *(f"{row[key]['median']:,.0f} ±{row[key]['spread']:.0%}" for key in ("accept_rate", "delivered_rate")),
            "" if row["share"] is None else f"{row['share']:.0%}",
            f"{arrived['p50_ms']:.1f} / {arrived['p99_ms']:.1f}" if row["valid"] else "generator late",
            f"{row['cores']:.2f}",
            f"{row['headroom']:.1f}" + ("" if row["headroom"] >= ENOUGH else "!"),
            f"{row['missing']:,}",
        )
    console.print(table)
    for row in rows:
        if row["error"]:
            console.print(f"[red]{row['name']}[/red]: {row['error']}", highlight=False)
        elif row["not_ok"]:
            console.print(f"[red]{row['name']}[/red]: not answered 2xx: {row['not_ok']}", highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
