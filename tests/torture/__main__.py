"""``python -m tests.torture --rounds 100``: the torture test with a progress bar and a summary.

With ``--database postgres`` it is not one server on a file that is killed, but several on one PostgreSQL that are
killed, paused and cut off.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from tests.torture.findings import Verdict
from tests.torture.siege import Siege
from tests.torture.stage import Progress
from tests.torture.torture import Torture

MOST_PROBLEMS_SHOWN = 20

TORTURES: dict[str, type[Torture] | type[Siege]] = {"sqlite": Torture, "postgres": Siege}


def main() -> int:
    """Run, print, and exit with 0 only if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--database", choices=TORTURES, default="sqlite")
    parser.add_argument("--rounds", "--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--senders", type=int, default=8, help="concurrent keep-alive connections")
    parser.add_argument("--folder", type=Path, help="where database and log are kept; a temporary one when absent")
    options = parser.parse_args()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(options.folder.resolve(), options))
    with tempfile.TemporaryDirectory(prefix="hookline-torture-") as folder:
        return asyncio.run(_run(Path(folder), options))


async def _run(folder: Path, options: argparse.Namespace) -> int:
    console = Console()
    console.print(f"{options.rounds} rounds on {options.database}, seed {options.seed}")
    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    started = time.monotonic()
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("starting", total=options.rounds)

        def report(now: Progress) -> None:
            bar.update(task, completed=now.rounds, description=f"{now.arrived:,} delivered; {now.doing}")

        make = TORTURES[options.database]
        torture = make(folder, rounds=options.rounds, seed=options.seed, senders=options.senders, report=report)
        verdict = await torture.run()
    _print_summary(console, torture, verdict, time.monotonic() - started)
    return 1 if verdict.problems else 0


def _print_summary(console: Console, torture: Torture | Siege, verdict: Verdict, seconds: float) -> None:
    table = Table(title=f"{torture.rounds} rounds in {seconds:.0f} s, seed {torture.seed}", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in [*sorted(torture.happened.items()), *verdict.counts.items()]:
        table.add_row(name, f"{count:,}")
    console.print(table)
    for problem in verdict.problems[:MOST_PROBLEMS_SHOWN]:
        console.print(f"[red]{problem}")
    if len(verdict.problems) > MOST_PROBLEMS_SHOWN:
        console.print(f"[red]and {len(verdict.problems) - MOST_PROBLEMS_SHOWN} more")
    if not verdict.problems:
        console.print("[green]Every acknowledged event is in the store once and reached its endpoints,")
        console.print("[green]in order where that is promised.")


if __name__ == "__main__":
    sys.exit(main())
