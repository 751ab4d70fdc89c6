"""What is asked of the product, and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

DOOR_SHARE = 0.45
WHOLE_SHARE = 0.45
POSTGRES_SHARE = 0.5
TWO_PROCESSES = 1.6


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is asked, with what was measured in words."""

    what: str
    wanted: str
    measured: str
    reached: bool

    def verdict(self) -> str:
        """In words."""
        return "reached" if self.reached else "not reached"


def at_least(what: str, measured: float, limit: float, form: Callable[[float], str]) -> Target:
    """``form`` writes both."""
    return Target(what, f"at least {form(limit)}", form(measured), measured >= limit)


def below(what: str, measured: float, limit: float, form: Callable[[float], str], *, late: bool = False) -> Target:
    """``form`` writes both. ``late``: the generator was, so that a latency is longer than it should be."""
    said = form(measured) + (", the generator was late" if late else "")
    return Target(what, f"below {form(limit)}", said, measured < limit)


def percent(value: float) -> str:
    """A share."""
    return f"{value:.0%}" if value >= 0.1 else f"{value:.2%}"


def times(value: float) -> str:
    """A ratio."""
    return f"{value:.2f} times"


def ms(value: float) -> str:
    """A latency."""
    return f"{value:.1f} ms"


def mb(value: float) -> str:
    """Memory."""
    return f"{value:.0f} MB"


def of_table(figures: Mapping[str, Mapping[str, Any]]) -> list[Target]:
    """What is asked of the figures of the table, by their keys; of those that were measured."""
    found = []
    for key, words in (("door-standard", "Standard Webhooks"), ("door-github", "GitHub")):
        if key in figures:
            what = f"door 1, {words}, durable on SQLite, of the bare echo"
            found.append(at_least(what, figures[key]["share"]["median"], DOOR_SHARE, percent))
    if "send-1" in figures:
        what = "published, delivered, recorded, SQLite, one process, of echo and sender"
        found.append(at_least(what, figures["send-1"]["share"]["median"], WHOLE_SHARE, percent))
    for key, words in (("door-standard", "door 1"), ("send-1", "published, delivered, recorded")):
        one, two = f"{key}-pg", f"{key}-pg2"
        if key in figures and one in figures:
            ratio = _rate(figures, one) / _rate(figures, key)
            found.append(at_least(f"{words}: PostgreSQL, one process, of SQLite", ratio, POSTGRES_SHARE, percent))
        if one in figures and two in figures:
            ratio = _rate(figures, two) / _rate(figures, one)
            found.append(at_least(f"{words}: two processes, of one", ratio, TWO_PROCESSES, times))
    return found


def show(targets: list[Target], console: Console) -> None:
    """A line each."""
    for target in targets:
        colour = "green" if target.reached else "red"
        console.print(
            f"[{colour}]{target.verdict()}[/{colour}]: {target.what}: {target.measured} (wanted {target.wanted})",
            highlight=False,
        )


def _rate(figures: Mapping[str, Mapping[str, Any]], key: str) -> float:
    return float(figures[key]["rate"]["median"])
