"""What the programs of this folder have in common: measure, print whether the targets were reached, write the JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from rich.console import Console

from bench.process import cores, pinned
from bench.report import Report, reached_all, write
from bench.targets import Target, show

#: Where there is no terminal that has one.
WIDTH = 120


def run(options: argparse.Namespace, measure: Callable[[argparse.Namespace, Console], Report]) -> int:
    """The exit code: 0 when every target was reached. This process keeps away from the server's core."""
    console = Console(stderr=options.json is not None, width=None if sys.stdout.isatty() else WIDTH)
    with pinned(cores()[1]):
        found = measure(options, console)
    show([Target(**target) for target in found["targets"]], console)
    write([found], options.json)
    return 0 if reached_all([found]) else 1
