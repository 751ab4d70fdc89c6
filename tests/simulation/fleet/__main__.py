"""``make simulate-fleet``: what 1, 4, 16 and 64 servers do on one database, at work, at rest and in trouble."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from rich.console import Console

from hookline.cli.output import print_json, print_line, print_table
from tests.simulation.fleet.measure import Rest, Work, rest, work
from tests.simulation.fleet.moment import simulate
from tests.simulation.fleet.trouble import Trouble, trouble

T = TypeVar("T")

#: The default of an endpoint, which more servers than that cannot share; and one that all of them can.
CONCURRENCIES = (10, 128)


def main() -> int:
    """Simulate, print, and exit with 0 only if nothing was lost and nothing done twice without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a fleet at work is measured")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=True)

    def played(doing: str, play: Callable[[random.Random], Coroutine[Any, Any, T]]) -> T:
        with console.status(doing):
            return simulate(options.seed, play)

    at_work = [
        played(f"{nodes} at work", partial(work, nodes=nodes, concurrency=concurrency, seconds=options.seconds))
        for concurrency in CONCURRENCIES
        for nodes in options.nodes
    ]
    at_rest = [played(f"{nodes} at rest", partial(rest, nodes=nodes)) for nodes in options.nodes]
    several = [nodes for nodes in options.nodes if nodes > 1]
    in_trouble = [played(f"{nodes} in trouble", partial(trouble, nodes=nodes)) for nodes in several]
    if options.json:
        print_json(
            {
                "seed": options.seed,
                "work": [asdict(one) for one in at_work],
                "rest": [asdict(one) for one in at_rest],
                "trouble": [asdict(one) for one in in_trouble],
            }
        )
    else:
        _print(options.seed, at_work, at_rest, in_trouble)
    return 1 if any(one.faults for one in in_trouble) or any(one.twice for one in at_work) else 0


def _print(seed: int, at_work: list[Work], at_rest: list[Rest], in_trouble: list[Trouble]) -> None:
    print_line(f"seed {seed}")
    print_line("At work: each server's publishers wait for their messages to arrive.", "bold")
    columns = ["servers", "at once", "delivered/s", "times", "database", "transactions/s", "claims", "empty", "busiest"]
    print_table([*columns, "p50", "p99"], [_work_row(one, at_work) for one in at_work])
    print_line()
    print_line("At rest: nothing is owed to anybody.", "bold")
    columns = ["servers", "statements/s", "of each", "transactions/s", "announcements/s", "database"]
    print_table(columns, [_rest_row(one) for one in at_rest])
    print_line()
    print_line("In trouble: servers crash, sleep, lose the database, come and go.", "bold")
    columns = ["servers", "troubles", "messages", "attempts", "twice", "for no reason", "declared dead", "taken over"]
    print_table(columns, [_trouble_row(one) for one in in_trouble])
    for one in in_trouble:
        for fault in one.faults:
            print_line(f"{one.nodes} servers: {fault}", "red")


def _work_row(one: Work, all: list[Work]) -> list[str]:
    least = min((other for other in all if other.concurrency == one.concurrency), key=lambda other: other.nodes)
    return [
        str(one.nodes),
        str(one.concurrency),
        f"{one.delivered:,.0f}",
        f"{least.nodes * one.delivered / least.delivered:.1f}",
        f"{one.database:.0%}",
        f"{one.transactions:,.0f}",
        f"{one.claims:.2f}",
        f"{one.empty_claims:.0%}",
        f"{one.busiest:.2f}",
        f"{one.p50_ms} ms",
        f"{one.p99_ms} ms",
    ]


def _rest_row(one: Rest) -> list[str]:
    return [
        str(one.nodes),
        f"{one.statements:.1f}",
        f"{one.statements / one.nodes:.1f}",
        f"{one.transactions:.1f}",
        f"{one.announcements:.1f}",
        f"{one.database:.2%}",
    ]


def _trouble_row(one: Trouble) -> list[str]:
    return [
        str(one.nodes),
        ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(one.troubles.items())),
        str(one.messages),
        str(one.attempts),
        str(one.twice),
        str(len(one.faults)),
        str(one.declared_dead),
        f"{one.worst_takeover_s:.1f} s",
    ]


if __name__ == "__main__":
    sys.exit(main())
