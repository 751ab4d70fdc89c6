"""``make bench``: both doors and the whole pipeline, each beside its floor, in one run on one machine.

Absolute numbers are this machine's, at this moment; compare the shares of the floor. The server has one core, load
generator and sink have another. ``python -m bench compare`` measures other webhook servers beside this one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import backlog, compare, idle, steady, storm
from bench.process import cores, pinned
from bench.report import Report, add_json_option, write
from bench.scenario import Group, wanted
from bench.show import show_table
from bench.table import Settings, measure_table, steps
from bench.targets import Target, show

#: Where there is no terminal that has one.
WIDTH = 160


def main() -> int:
    """Measure and print; exit with 0 when everything was answered as it should be."""
    if sys.argv[1:2] == ["compare"]:
        return compare.main(sys.argv[2:])
    options = _options()
    console = Console(stderr=options.json is not None, width=None if sys.stdout.isatty() else WIDTH)
    try:
        groups = wanted(full=options.full, postgres=options.database == "postgres", only=options.only)
    except ValueError as error:
        sys.exit(str(error))
    settings = Settings(options.seconds, options.runs, options.connections, options.open_seconds, options.folder)
    with pinned(cores()[1]):
        found = _measure(groups, settings, console)
        show_table(found, console)
        reports = [found, *(_long(options.folder, console) if options.full and not options.only else [])]
    for each in reports:
        show([Target(**target) for target in each["targets"]], console)
    write(reports, options.json)
    return 1 if any(row["not_ok"] for group in found["groups"] for row in group) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="every scenario, then steady, storm, backlog and idle")
    parser.add_argument("--only", default="", help="keys of scenarios or their beginnings, with commas")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario; the median counts")
    parser.add_argument("--open-seconds", type=float, default=3.0, help="length of the run that latencies come from")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite", help="postgres: beside SQLite")
    parser.add_argument("--folder", type=Path, help="where the databases are made; the disk that matters")
    add_json_option(parser)
    return parser.parse_args()


def _measure(groups: Sequence[Group], settings: Settings, console: Console) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=steps(groups, settings))

        def say(title: str) -> None:
            progress.update(task, description=title, advance=1)

        return measure_table(groups, settings, say)


def _long(folder: Path | None, console: Console) -> list[Report]:
    """What takes minutes each, with the lengths that the programs have by themselves."""
    where = [f"--folder={folder}"] if folder else []
    return [
        steady.measure(steady.options(where), console),
        storm.measure(storm.options(where), console),
        backlog.measure(backlog.options(where), console),
        idle.measure(idle.options([]), console),
    ]


if __name__ == "__main__":
    sys.exit(main())
