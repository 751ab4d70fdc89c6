"""``make bench-storm``: all endpoints of one customer fail, and the others must not notice.

Three applications on one server: *quiet* has no endpoint (how fast is accepted?), *healthy* has one that answers at
once (how long does a message take?), *failing* has ten that answer 500 at once. Both questions are asked before the
storm and in it. In two ways:

- *never held back*: no endpoint is ever left alone (``pause_after_failures: 0``) and everything is tried again after a
  few seconds, for ever. Thousands of retries are due at any time: the worst that can happen.
- *as it is*: with what an endpoint has by itself, so after 20 failures in a row one try at a time probes it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import program
from bench.arrival import Arrivals
from bench.figures import distribution
from bench.floors import measure_floor
from bench.hookline import Place, add_application
from bench.loading import Load, next_numbers
from bench.process import Process, cores
from bench.report import Report, add_json_option, report
from bench.requests import publishing
from bench.sink_client import SinkClient, sink
from bench.targets import Target, at_least, below, ms, percent
from hookline.storage.store import Store

KEEPS = 0.7
HEALTHY_P99_MS = 50.0
WARM_UP_S = 1.5
#: How many times a delivery is tried again when nobody holds it back.
TRIES = 100
_MOST_PER_S = 40_000


@dataclass(frozen=True, slots=True)
class Weather:
    """What was seen in one condition."""

    accept_rate: float  #: a second, of the quiet application, as fast as it is answered
    healthy: dict[str, float]  #: milliseconds from the intended moment to the arrival at the healthy endpoint
    valid: bool
    missing: int
    failing_rate: float  #: tries a second at the failing endpoints while that was asked
    failing_rate_beside: float  #: … and while as much was accepted as goes
    owed: int
    rss_mb: float
    load_cpu: float  #: the generator's share of its core, while as much was accepted as goes
    not_ok: dict[str, int]


def main() -> int:
    """Exit with 0 when the others do not notice."""
    return program.run(options(sys.argv[1:]), measure)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3, help="as fast as it is answered; the median counts")
    parser.add_argument("--messages", type=int, default=1_000, help="for the failing application")
    parser.add_argument("--endpoints", type=int, default=10, help="that fail")
    parser.add_argument("--wait", type=float, default=5.0, help="seconds until the next try, never held back")
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second for the healthy endpoint")
    parser.add_argument("--folder", type=Path, help="where the databases are made; the disk that matters")
    add_json_option(parser)
    return parser.parse_args(words)


def measure(options: argparse.Namespace, console: Console) -> Report:
    """Both ways, each on a server of its own."""
    # Spread over twice the wait, or the storm would come in gusts: everything was published at one moment.
    never = {"pause_after_failures": 0, "retry": {"schedule": [options.wait] * TRIES, "jitter": 1.0}}
    with (
        tempfile.TemporaryDirectory(prefix="hookline-bench-") as folder,
        sink(cores()[1], Path(folder) / "log") as bare,
    ):
        floor = measure_floor(bare, options.rate, options.seconds, options.folder)
    ways: list[dict[str, Any]] = []
    targets: list[Target] = []
    for name, settings in (("never held back", never), ("as it is", {})):
        before, storm = _measure_one(options, settings)
        keeps = storm.accept_rate / before.accept_rate
        ways.append({"name": name, "before": asdict(before), "storm": asdict(storm), "keeps": keeps})
        what = f"storm, {name}"
        targets.append(at_least(f"{what}: accepting keeps of its rate", keeps, KEEPS, percent))
        p99_ms = storm.healthy.get("p99_ms", float("inf"))
        late = not storm.valid
        targets.append(below(f"{what}: at the healthy endpoint, p99", p99_ms, HEALTHY_P99_MS, ms, late=late))
        said = "all" if not storm.missing and not storm.not_ok else f"{storm.missing} missing, {storm.not_ok}"
        targets.append(Target(f"{what}: accepted, and delivered to the healthy", "all", said, said == "all"))
    _print(ways, floor, console)
    given = {name: getattr(options, name) for name in ("seconds", "runs", "messages", "endpoints", "wait", "rate")}
    return report("storm", "bench.storm", targets, settings=given, floor=floor, ways=ways)


def _measure_one(options: argparse.Namespace, settings: dict[str, Any]) -> tuple[Weather, Weather]:
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder) as folder:
        place = Place(Path(folder))
        with sink(cores()[1], place.log) as receiver:
            place.configure(None)
            place.work_on_store(lambda server: _applications(server.store, receiver.address, options, settings))
            with place.serve(cores()[0], HOOKLINE_GRACEFUL_STOP="0s") as server:
                weather = _Weathers(options, place, server, receiver)
                weather.warm_up()
                before = weather.look()
                weather.begin_storm()
                return before, weather.look()


async def _applications(store: Store, sink: str, options: argparse.Namespace, settings: dict[str, Any]) -> None:
    await add_application(store, [], "quiet")
    await add_application(store, [sink], "healthy", 10)
    urls = [f"{sink}/fail/500/{number}" for number in range(options.endpoints)]
    await add_application(store, urls, "failing", 10, **settings)


class _Weathers:
    """The server, and how it is asked."""

    def __init__(self, options: argparse.Namespace, place: Place, server: Process, receiver: SinkClient) -> None:
        self._options, self._place, self._server, self._sink = options, place, server, receiver
        self._address = server.address()

    def warm_up(self) -> None:
        """A run that does not count."""
        self._accept(min(WARM_UP_S, self._options.seconds))

    def begin_storm(self) -> None:
        """Publish for those that fail, and wait until everything is due again."""
        options = self._options
        load = Load(self._address, publishing("failing"), 600.0, next_numbers(), most=options.messages)
        found = load.run(self._place.log)
        if found["answered"] != options.messages:
            raise RuntimeError(f"{found['answered']} of {options.messages} were accepted; not: {found['not_ok']}")
        time.sleep(options.wait)

    def look(self) -> Weather:
        """Ask both questions, one after the other."""
        options = self._options
        self._sink.forget()
        began = time.monotonic()
        runs = [self._accept(options.seconds) for _ in range(options.runs)]
        failing_rate_beside = self._sink.counts()["fail"] / (time.monotonic() - began)
        self._sink.forget()
        began = time.monotonic()
        first, arrivals = next_numbers(), Arrivals(options.rate, options.seconds)
        healthy = Load(
            self._address, publishing("healthy"), options.seconds, first, connections=16, rate=options.rate
        ).run(self._place.log)
        failing_rate = self._sink.counts()["fail"] / (time.monotonic() - began)
        self._sink.wait_for(healthy["answered"], 30.0)
        came = self._sink.take().latencies_ns(first, healthy["began_ns"], arrivals.schedule())
        return Weather(
            accept_rate=median(run["answered"] / run["seconds"] for run in runs),
            healthy=distribution(came),
            valid=healthy["valid"],
            missing=max(0, healthy["sent"] - len(came)),
            failing_rate=failing_rate,
            failing_rate_beside=failing_rate_beside,
            owed=self._place.owed(),
            rss_mb=self._server.rss_mb(),
            load_cpu=max(run["cpu_s"] / run["seconds"] for run in runs),
            not_ok=sum((Counter(run["not_ok"]) for run in (*runs, healthy)), Counter[str]()),
        )

    def _accept(self, seconds: float) -> dict[str, Any]:
        most = int(_MOST_PER_S * seconds)
        return Load(self._address, publishing("quiet"), seconds, next_numbers(), most=most).run(self._place.log)


def _print(ways: list[dict[str, Any]], floor: dict[str, Any], console: Console) -> None:
    table = Table(title="all endpoints of one application fail")
    for name in ("", "", "accept/s", "fail/s", "healthy p50", "p99", "max ms", "fail/s", "owed", "MB"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_row("floor", "", f"{floor['accept_rate']:,.0f}", "", *_milliseconds(floor["arrived"]))
    for way in ways:
        for when, name in (("before", way["name"]), ("storm", "")):
            seen = way[when]
            accepting = [f"{seen['accept_rate']:,.0f}", f"{seen['failing_rate_beside']:,.0f}"]
            waiting = [*_milliseconds(seen["healthy"]), f"{seen['failing_rate']:,.0f}"]
            table.add_row(name, when, *accepting, *waiting, f"{seen['owed']:,}", f"{seen['rss_mb']:.0f}")
    console.print(table)


def _milliseconds(found: dict[str, float]) -> list[str]:
    return [f"{found.get(key, float('inf')):.1f}" for key in ("p50_ms", "p99_ms", "max_ms")]


if __name__ == "__main__":
    sys.exit(main())
