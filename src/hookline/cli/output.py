"""What commands print: JSON for programs, tables and colours on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hookline.cli.text import visible

#: The colours of the words that say how something is.
STYLES = {
    "processed": "green",
    "delivered": "green",
    "active": "green",
    "verified": "green",
    "pending": "cyan",
    "processing": "cyan",
    "waiting": "cyan",
    "leased": "cyan",
    "failed": "bold red",
    "dead": "bold red",
    "disabled": "red",
    "failing": "yellow",
    "paused": "yellow",
    "needs_review": "bold yellow",
    "ignored": "dim",
    "cancelled": "dim",
}


def print_json(value: Any) -> None:
    """One JSON document; ASCII only, so that it is the same in every locale."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_line(text: str = "", style: str = "") -> None:
    """One line, never wrapped; the style is for terminals."""
    console().print(Text(text, style=style), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; in a pipe a line of names and a line for each row, with tabs between."""
    shown = [[visible(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in ([column.upper() for column in columns], *shown):
            sys.stdout.write("\t".join(line) + "\n")
        return
    if not shown:
        print_line("None.", "dim")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column.upper(), no_wrap=number == 0, overflow="fold")
    for row in shown:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console().print(table)


def console() -> Console:
    """Standard output. Nothing is read as markup: what strangers sent is only ever text."""
    return Console(markup=False, highlight=False, emoji=False)


class Page:
    """A page about one thing: headings, facts below each other, and blocks of text."""

    def __init__(self, label_width: int = 14) -> None:
        self._label_width = label_width
        self._console = console()

    def heading(self, text: str, state: str = "") -> None:
        """A title, with the word that says how the thing is."""
        title = Text(visible(text), style="bold")
        if state:
            title.append("  ").append(visible(state), style=STYLES.get(state, "bold"))
        self._line(title)

    def fact(self, label: str, value: str, indent: int = 2) -> None:
        """``label  value``; nothing when there is no value."""
        if value:
            self._line(
                Text(" " * indent)
                .append(f"{label:<{self._label_width}}  ", style="dim")
                .append(visible(value), style=STYLES.get(value, ""))
            )

    def facts(self, facts: Mapping[str, Any]) -> None:
        """A line for every fact that has a value."""
        for label, value in facts.items():
            self.fact(label, _written(value))

    def lines(self, lines: Iterable[str], indent: int = 2, style: str = "") -> None:
        """Lines that are visible already."""
        for line in lines:
            self._line(Text(" " * indent).append(line, style=style))

    def gap(self) -> None:
        """An empty line."""
        self._line(Text())

    def _line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _written(value: Any) -> str:
    """A value on one line; nothing for what is empty."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
