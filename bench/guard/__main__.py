"""``make bench-guard``: count the pieces of the hot path and hold them against what was recorded.

Exits with 1 when a piece got dearer, with 2 when it cannot be counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.guard import callgrind, record
from bench.guard.basis import basis
from bench.guard.comparison import Comparison, Verdict, compare, differing
from bench.guard.pieces import PIECES, REFERENCE
from bench.guard.record import Cost, Record
from bench.guard.show import as_json, show, show_record
from bench.program import WIDTH

#: Pieces that are counted at a time. How busy the machine is changes no count.
AT_ONCE = 2


class CannotCompare(Exception):
    """The message says what to do instead."""


def main() -> int:
    """The exit code."""
    asked = options(sys.argv[1:])
    console = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)
    if not callgrind.is_there():
        console.print(callgrind.MISSING)
        return 2
    try:
        return _record(asked, console) if asked.record else _guard(asked, console)
    except (CannotCompare, callgrind.PieceFailed) as problem:
        console.print(str(problem), style="red", markup=False, highlight=False)
        return 2


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--only", default="", help="beginnings of the names of pieces, with commas")
    parser.add_argument("--tolerance", type=float, default=5.0, help="how many percent more are still the same")
    parser.add_argument("--record", action="store_true", help="record what is counted now, twice, with its noise")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(words)


def wanted(only: str) -> list[str]:
    """The pieces whose names begin so. Raises CannotCompare when there is none."""
    beginnings = tuple(part.strip() for part in only.split(",")) if only else ("",)
    names = [name for name in PIECES if name.startswith(beginnings)]
    if not names:
        raise CannotCompare(f"no piece is called {only!r}; there are {', '.join(PIECES)}")
    return names


def _guard(asked: argparse.Namespace, console: Console) -> int:
    recorded = record.read()
    if recorded is None:
        raise CannotCompare("nothing was recorded yet: --record does")
    here = basis()
    names = wanted(asked.only)
    if differing(recorded.basis, here) and REFERENCE not in names:
        names.insert(0, REFERENCE)
    now = Record(here, _count(names, console))
    found = compare(recorded, now, asked.tolerance / 100)
    _say(found, asked, console)
    return 1 if found.of(Verdict.DEARER) else 0


def _say(found: Comparison, asked: argparse.Namespace, console: Console) -> None:
    if asked.json:
        print(as_json(found, asked.tolerance / 100))
    show(found, console if asked.json else Console(width=None if sys.stdout.isatty() else WIDTH))


def _record(asked: argparse.Namespace, console: Console) -> int:
    before, here, names = record.read(), basis(), wanted(asked.only)
    kept: dict[str, Cost] = {}
    if asked.only and before is not None:
        if differs := differing(before.basis, here):
            raise CannotCompare(f"the rest was recorded with another {', '.join(differs)}: record all of it")
        kept = before.pieces
    first, second = _count(names, console), _count(names, console)
    counted = kept | {name: record.merged(first[name], second[name]) for name in names}
    made = Record(here, {name: counted[name] for name in PIECES if name in counted})
    record.write(made)
    show_record(Record(here, {name: made.pieces[name] for name in names}), console)
    console.print(f"Written to {record.FILE}", highlight=False)
    return 0


def _count(names: Sequence[str], console: Console) -> dict[str, Cost]:
    """What the pieces cost, in the order of the names."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: dict[str, Cost] = {}
    with Progress(*shown, console=console, transient=True) as progress, ThreadPoolExecutor(AT_ONCE) as pool:
        task = progress.add_task("count", total=len(names))
        running = {pool.submit(callgrind.count, name): name for name in names}
        try:
            for done in as_completed(running):
                found[running[done]] = done.result()
                progress.update(task, advance=1, description=running[done].ljust(24))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: found[name] for name in names}


if __name__ == "__main__":
    sys.exit(main())
