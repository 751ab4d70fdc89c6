"""``make bench-idle``: what a server costs that has nothing to do."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import program
from bench.hookline import Place
from bench.process import Process, cores, python
from bench.report import Report, add_json_option, report
from bench.targets import below, percent

SETTLE_S = 3.0
LIMIT = 0.01


def main() -> int:
    """Exit with 0 when it stays under one percent of a core."""
    return program.run(options(sys.argv[1:]), measure)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    add_json_option(parser)
    return parser.parse_args(words)


def measure(options: argparse.Namespace, console: Console) -> Report:
    """Start a server with one endpoint, wait, read what it used."""
    with tempfile.TemporaryDirectory(prefix="hookline-bench-") as folder:
        place = Place(Path(folder))
        place.configure("http://127.0.0.1:9")  # nobody is there, and nothing is owed
        with (
            place.serve(cores()[0]) as server,
            Process(python("bench.echo"), core=cores()[0], log=place.log) as echo,
        ):
            both = {"Hookline": server, "the floor, a bare echo": echo}
            for process in both.values():
                process.address()
            time.sleep(SETTLE_S)  # what belongs to the start is not idleness
            before_s = {name: process.cpu_s() for name, process in both.items()}
            time.sleep(options.seconds)
            found = [
                {
                    "name": name,
                    "cpu": (process.cpu_s() - before_s[name]) / options.seconds,
                    "rss_mb": process.rss_mb(),
                }
                for name, process in both.items()
            ]
    for one in found:
        said = f"{one['cpu']:.2%} of a core, {one['rss_mb']:.0f} MB resident"
        console.print(f"idle for {options.seconds:g} s: {said} {one['name']}", highlight=False)
    target = below("a server with nothing to do, of one core", float(found[0]["cpu"]), LIMIT, percent)
    return report("idle", "bench.idle", [target], seconds=options.seconds, servers=found)


if __name__ == "__main__":
    sys.exit(main())
