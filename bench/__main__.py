"""``make bench``: echo, both doors and the whole pipeline, in one run on one machine.

Absolute numbers are this machine's, at this moment; compare the shares of the echo. The server has one core,
load generator and sink have another.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.process import cores, pinned
from bench.scenario import SCENARIOS, Sample, Scenario, as_json, prepared

WARM_UP_S = 1.5
#: Where there is no terminal that has one.
WIDTH = 136
COLUMNS = (
    "",
    "per s",
    "of echo",
    "deliv./s",
    "p50 ms",
    "p99 ms",
    "settled ms",
    "CPU µs",
    "CPU",
    "PG",
    "load",
    "RSS MB",
)
#: Above this share of its core the generator might be what is measured.
BUSY = 0.7

_EXPLANATION = """\
[b]door 1[/b]: verified, committed with fsync, answered; no endpoint wants it, or one that is paused.
[b]door 2[/b]: a message published through the API, committed with fsync, answered; the application has no endpoint.
[b]whole[/b] (from door 1), [b]send to n[/b] (from door 2): accepted, delivered to one or n endpoints and recorded;
per second until the last settle, [b]settled[/b] is the time from acceptance to the settle at saturation.
[b]key[/b]: every message with an Idempotency-Key of its own. [b]SDK[/b]: published through the official Python SDK
(svix.SvixAsync, 20 tasks), which always sends such a key. The SDK is slower than the server and has a core of its own,
so those lines are the SDK's speed, not the server's. Medians of all runs, ± half of their range. [b]CPU µs[/b] is the
server's per event, [b]CPU[/b] its share of its core, [b]load[/b] the generator's share of the other core.
[b]PG[/b]: on PostgreSQL, which runs on the same two cores and takes so much of them; [b]2 proc.[/b]: two processes
of the server on both cores."""

Results = dict[str, list[Sample]]


def main() -> int:
    """Measure and print."""
    options = _options()
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else WIDTH)
    wanted = _wanted(options.only, postgres=options.database == "postgres")
    with pinned(cores()[1]):
        results = _measure(wanted, options, console)
    if options.json:
        print(json.dumps(_report(wanted, results, options), indent=2))
    else:
        _print(wanted, results, console)
    return 1 if any(sample.not_ok for samples in results.values() for sample in samples) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario; the median counts")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections")
    parser.add_argument("--only", default="", help=f"beginnings of names, with commas: {_names()}")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite", help="postgres: beside SQLite")
    parser.add_argument("--folder", type=Path, help="where the databases are made; the disk that matters")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    return parser.parse_args()


def _names() -> str:
    return ", ".join(scenario.key for scenario in SCENARIOS)


def _wanted(only: str, *, postgres: bool) -> list[Scenario]:
    beginnings = tuple(part.strip() for part in only.split(",") if part.strip()) or ("",)
    wanted = [scenario for scenario in SCENARIOS if scenario.key.startswith(beginnings)]
    if not wanted:
        sys.exit(f"--only names none of {_names()}")
    return [each for one in wanted for each in (one, *(one.on_postgres() if postgres else ()))]


def _measure(wanted: list[Scenario], options: argparse.Namespace, console: Console) -> Results:
    results: Results = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(wanted) * (options.runs + 1))
        for scenario in wanted:
            progress.update(task, description=scenario.title)
            with prepared(scenario, options.folder, options.connections) as bench:
                bench.warm_up(WARM_UP_S)
                progress.advance(task)
                results[scenario.key] = []
                for _ in range(options.runs):
                    results[scenario.key].append(bench.sample(options.seconds))
                    progress.advance(task)
    return results


def _middle(samples: list[Sample], field: str) -> float | None:
    values = [getattr(sample, field) for sample in samples]
    return None if None in values else median(values)


def _shares(results: Results) -> dict[str, float]:
    """The median rate of each scenario as a share of the bare echo's, when that was measured."""
    if "echo" not in results:
        return {}
    echo = median(sample.rate for sample in results["echo"])
    return {key: median(sample.rate for sample in samples) / echo for key, samples in results.items()}


def _print(wanted: list[Scenario], results: Results, console: Console) -> None:
    about = _machine()
    title = f"{about['cpu']}, Python {about['python']}, SQLite {about['sqlite']}"
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    shares = _shares(results)
    for scenario in wanted:
        table.add_row(scenario.title, *_cells(results[scenario.key], shares.get(scenario.key)))
    console.print(table)
    console.print(_EXPLANATION)
    for scenario in wanted:
        for sample in results[scenario.key]:
            if sample.load_cpu > BUSY and not scenario.sdk:
                console.print(f"[yellow]{scenario.title}: the generator used {sample.load_cpu:.0%} of its core")
            if sample.not_ok:
                console.print(f"[red]{scenario.title}: not answered 2xx: {sample.not_ok}")


def _cells(samples: list[Sample], share: float | None) -> list[str]:
    rates = [sample.rate for sample in samples]
    return [
        f"{median(rates):,.0f} ±{(max(rates) - min(rates)) / 2 / median(rates):.0%}",
        _cell(share, "{:.0%}"),
        _cell(_middle(samples, "deliveries_rate"), "{:,.0f}"),
        _cell(_middle(samples, "p50_ms"), "{:.1f}"),
        _cell(_middle(samples, "p99_ms"), "{:.1f}"),
        _cell(_middle(samples, "settled_p50_ms"), "{:,.0f}") + _cell(_middle(samples, "settled_p99_ms"), " / {:,.0f}"),
        _cell(_middle(samples, "cpu_us"), "{:.0f}"),
        _cell(_middle(samples, "server_cpu"), "{:.0%}"),
        _cell(_middle(samples, "database_cpu"), "{:.0%}"),
        _cell(_middle(samples, "load_cpu"), "{:.0%}"),
        _cell(_middle(samples, "rss_mb"), "{:.0f}"),
    ]


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _report(wanted: list[Scenario], results: Results, options: argparse.Namespace) -> dict[str, Any]:
    shares = _shares(results)
    return {
        "machine": _machine(),
        "connections": options.connections,
        "scenarios": [
            {
                "name": scenario.key,
                "title": scenario.title,
                "rate": _middle(results[scenario.key], "rate"),
                "share_of_echo": shares.get(scenario.key),
                "runs": [as_json(sample) for sample in results[scenario.key]],
            }
            for scenario in wanted
        ],
    }


def _machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = models[0] if models else cpu
    server, load = cores()
    return {
        "cpu": cpu,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "server_core": server,
        "load_core": load,
    }


if __name__ == "__main__":
    sys.exit(main())
