"""The comparison on a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.guard.comparison import MOST_NAMED, Change, Comparison, Verdict
from bench.guard.record import Record

_COLOURS = {Verdict.DEARER: "red", Verdict.CHEAPER: "green", Verdict.NEW: "yellow"}


def show(found: Comparison, console: Console) -> None:
    """A table, then what is to be known about the pieces that changed."""
    unit = "times the reference" if found.differs else "instructions per event"
    table = Table(title=unit, title_justify="left", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("piece", "recorded", "now", "change"):
        table.add_column(name, justify="left" if name == "piece" else "right", no_wrap=True)
    for change in found.changes:
        table.add_row(*_cells(change, ratios=bool(found.differs)), style=_COLOURS.get(change.verdict))
    console.print(table)
    for line in _words(found):
        console.print(line, highlight=False)


def show_record(record: Record, console: Console) -> None:
    """What was recorded, with the noise of each piece."""
    table = Table(title="recorded, per event", title_justify="left", box=None, header_style="bold")
    for name in ("piece", "instructions", "noise", "calls"):
        table.add_column(name, justify="left" if name == "piece" else "right")
    for name, cost in record.pieces.items():
        calls = sum(cost.calls.values())
        table.add_row(name, f"{cost.instructions:,}", f"{cost.noise:.2%}", f"{calls:,.1f}")
    console.print(table)


def as_json(found: Comparison, tolerance: float) -> str:
    """For machines."""
    said = {
        "compared": "ratios" if found.differs else "instructions",
        "differs": found.differs,
        "tolerance": tolerance,
        "pieces": [asdict(change) for change in found.changes],
    }
    return json.dumps(said, indent=1)


def _cells(change: Change, *, ratios: bool) -> tuple[str, ...]:
    form = "{:.3f}" if ratios else "{:,.0f}"
    if change.verdict is Verdict.NEW:
        return change.piece, "", form.format(change.now), "new"
    return change.piece, form.format(change.recorded), form.format(change.now), f"{change.share:+.1%}"


def _words(found: Comparison) -> Iterator[str]:
    if found.differs:
        yield (
            f"[yellow]Recorded with another {', '.join(found.differs)}: what is compared is how many times as much as "
            "the reference each piece costs, with twice the tolerance. What is said to be dearer may be so because of "
            "that. To be sure, undo your changes, `--record` here, and count again with them."
        )
    for change in found.of(Verdict.DEARER):
        yield f"[bold red]{change.piece}[/] got dearer by {change.share:.1%}"
        yield from _why(change)
    for change in found.of(Verdict.SAME):
        if change.calls:
            yield f"[bold]{change.piece}[/] is within the tolerance ({change.share:+.1%})"
            yield from _calls(change)
    if found.of(Verdict.CHEAPER):
        yield "[green]Some got cheaper: `--record` keeps it, so that it stays so."
    if found.of(Verdict.NEW):
        yield "[yellow]Some were never recorded: `--record` does."


def _why(change: Change) -> Iterator[str]:
    yield from _calls(change)
    for one in change.functions[:MOST_NAMED]:
        yield f"  {one.more:+,.0f} instructions in {one.name} ({one.recorded:,.0f} → {one.now:,.0f})"
    if not change.calls:
        yield "  no function of Hookline is called more often: one of them does more, or what it calls does"


def _calls(change: Change) -> Iterator[str]:
    for one in change.calls[:MOST_NAMED]:
        yield f"  called more often: {one.name} ({one.recorded:g} → {one.now:g} per event)"
