"""``make bench-steady``: a thousand messages a second for ten minutes, each delivered to one endpoint.

The load is what a server of that size has on a working day, not as much as it can take: what counts is how long
somebody waits, and that nothing grows that should not. Latencies count from the moment at which a message was meant to
be published: until its answer, and until its arrival at the endpoint.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track

from bench import program
from bench.arrival import CONSTANT, POISSON, Arrivals
from bench.figures import distribution
from bench.floors import measure_floor
from bench.hookline import Place
from bench.loading import BESIDES_S, Load, next_numbers
from bench.measure import recorded
from bench.process import Process, cores
from bench.report import Report, add_json_option, report
from bench.requests import publishing
from bench.sink_client import sink
from bench.targets import Target, below, mb, ms

ACCEPT_P99_MS = 10.0
ARRIVED_P50_MS = 10.0
ARRIVED_P99_MS = 50.0
#: Memory is flat when it grows by less than this from the second tenth of the time to the last.
FLAT_MB = 5.0
WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of the server at one moment."""

    rss_mb: float
    file_mb: float  #: the database with its log
    cpu_s: float


def main() -> int:
    """Exit with 0 when all latencies and the memory are within their limits."""
    return program.run(options(sys.argv[1:]), measure)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.steady", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=1_000.0, help="messages a second")
    parser.add_argument("--arrival", choices=[POISSON, CONSTANT], default=POISSON, help="how they are spread")
    parser.add_argument("--folder", type=Path, help="where the database is made; ten minutes take 2 GB")
    add_json_option(parser)
    return parser.parse_args(words)


def measure(options: argparse.Namespace, console: Console) -> Report:
    """Publish, watch, and read from the sink when everything came."""
    arrivals = Arrivals(options.rate, options.seconds, options.arrival)
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder) as folder:
        place = Place(Path(folder))
        with sink(cores()[1], place.log) as receiver:
            floor = measure_floor(receiver, options.rate, options.seconds, options.folder)
            place.configure(None)
            place.add_application([receiver.address])
            with place.serve(cores()[0]) as server:
                address = server.address()
                warm_up_s = min(WARM_UP_S, options.seconds)
                Load(address, publishing(), warm_up_s, next_numbers(), rate=options.rate).run(place.log)
                receiver.forget()
                load = Load(
                    address, publishing(), options.seconds, next_numbers(), rate=options.rate, arrival=options.arrival
                )
                before = receiver.process.cpu_s()
                with load.start(place.log) as process:
                    looks = _watch(place, server, options.seconds, console)
                    found = process.line(BESIDES_S)
                sink_cpu = (receiver.process.cpu_s() - before) / options.seconds
                recorded(place, found["began_ms"], found["answered"])
                came = receiver.take()
    arrived = distribution(came.latencies_ns(load.first, found["began_ns"], arrivals.schedule()))
    result = _result(options, found, arrived, looks)
    result |= {"floor": floor, "sink_cpu": sink_cpu, "missing": found["sent"] - len(came)}
    _print(result, console)
    return report("steady", "bench.steady", _targets(result), **result)


def _watch(place: Place, server: Process, seconds: float, console: Console) -> list[Look]:
    """A look a second."""
    looks, began = [_look(place, server)], time.monotonic()
    shown = track(
        range(max(1, round(seconds))), "steady", console=console, transient=True, disable=not console.is_terminal
    )
    for second in shown:
        time.sleep(max(0.0, began + second + 1 - time.monotonic()))
        looks.append(_look(place, server))
    return looks


def _look(place: Place, server: Process) -> Look:
    files = place.folder.glob(f"{place.database.name}*")
    return Look(server.rss_mb(), sum(file.stat().st_size for file in files) / 2**20, server.cpu_s())


def _result(
    options: argparse.Namespace, found: dict[str, Any], arrived: dict[str, float], looks: list[Look]
) -> dict[str, Any]:
    tenth = max(1, len(looks) // 10)
    early, late = looks[tenth : 2 * tenth] or looks, looks[-tenth:]
    return {
        "rate": options.rate,
        "seconds": options.seconds,
        "arrival": options.arrival,
        "sent": found["sent"],
        "not_ok": found["not_ok"],
        "accept": found["latency"],
        "arrived": arrived,
        "late": found["late"],
        "valid": found["valid"],
        "early_rss_mb": median(look.rss_mb for look in early),
        "late_rss_mb": median(look.rss_mb for look in late),
        "peak_rss_mb": max(look.rss_mb for look in looks),
        "file_mb": looks[-1].file_mb,
        "file_bytes_per_event": (looks[-1].file_mb - looks[0].file_mb) * 2**20 / max(1, found["sent"]),
        "server_cpu": (looks[-1].cpu_s - looks[0].cpu_s) / options.seconds,
        "load_cpu": found["cpu_s"] / options.seconds,
        #: So many points of a curve, for whoever wants to see it.
        "curve": [asdict(look) for look in looks[:: max(1, len(looks) // 20)]],
    }


def _targets(result: dict[str, Any]) -> list[Target]:
    at = f"at {result['rate']:,.0f} messages a second"
    growth = result["late_rss_mb"] - result["early_rss_mb"]
    late = not result["valid"]
    found = [
        below(f"{at}: accepted, p99", result["accept"]["p99_ms"], ACCEPT_P99_MS, ms, late=late),
        below(f"{at}: at the endpoint, p50", result["arrived"]["p50_ms"], ARRIVED_P50_MS, ms, late=late),
        below(f"{at}: at the endpoint, p99", result["arrived"]["p99_ms"], ARRIVED_P99_MS, ms, late=late),
        below(f"{at}: growth of memory from the second tenth of the time to the last", growth, FLAT_MB, mb),
    ]
    whole = not result["not_ok"] and not result["missing"]
    said = "all" if whole else f"{result['missing']} missing, {result['not_ok']}"
    return [*found, Target(f"{at}: accepted and delivered", "all", said, whole)]


def _print(result: dict[str, Any], console: Console) -> None:
    console.print(f"{result['sent']:,} messages in {result['seconds']:g} s; milliseconds:", highlight=False)
    for name, seen in (("", result), (" by the floor", result["floor"])):
        for words, key in (("accepted", "accept"), ("at the endpoint", "arrived")):
            said = ", ".join(f"{each} {seen[key][f'{each}_ms']:.1f}" for each in ("p50", "p99", "p999", "max"))
            console.print(f"  {words}{name}: {said}", highlight=False)
    console.print(
        f"Memory: {result['early_rss_mb']:.0f} MB, at the end {result['late_rss_mb']:.0f}. Database: "
        f"{result['file_mb']:,.0f} MB, {result['file_bytes_per_event']:,.0f} bytes an event. "
        f"Server: {result['server_cpu']:.0%} of its core; generator {result['load_cpu']:.0%} and sink "
        f"{result['sink_cpu']:.0%} of theirs.",
        highlight=False,
    )
    if not result["valid"]:
        console.print(f"[yellow]The generator was late itself: p99 {result['late']['p99_ms']:.1f} ms.")


if __name__ == "__main__":
    sys.exit(main())
