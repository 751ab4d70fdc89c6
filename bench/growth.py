"""``make bench-growth``: what an event costs with ten thousand, with a million and with ten million events stored.

What is measured, per event, in CPU (of this process and of PostgreSQL together) and in time:

- *accept*: events with keys of their own are stored, each owed to one endpoint, a group in a commit. A random key, as
  most senders make them, falls anywhere among all that are known: a page of its own, to be read and written.
  ``--keys rising`` shows what is left without that.
- *claim, settle*: they are claimed, a group at a time, and settled as delivered, with the attempt.
- *in all*: both, and the checkpoint that brings what they left in the log into the files of the tables.

The rounds go from size to size, so that what else happens on the machine happens to all of them. The ratio is the
median of the rounds' ratios of the largest to the smallest.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.grounds import GROUNDS, SECRET, Ground
from hookline.core import ids
from hookline.core.model import Endpoint, Event, Request
from hookline.core.state import Move
from hookline.storage.base import Claim, Draft, Settled
from hookline.storage.store import Store, open_store
from hookline.testing.store_suite.world import settlement

#: With the most stored an event may cost so much more than with the least.
LIMIT = 1.20
#: Events that do not count, at the beginning of a round: connections, statements, memory.
WARM_UP = 500
LEASE_MS = 60_000
#: Where there is no terminal that has one.
WIDTH = 120
#: How a sender may name its events.
KEYS: dict[str, Callable[[], str]] = {
    "random": lambda: os.urandom(16).hex(),
    "rising": lambda: ids.make("z", _now_ms(), os.urandom(10)),  # behind all that are known, as time goes on
}

ACCEPT, DELIVER, ALL = "accept", "claim, settle", "in all"
PHASES = (ACCEPT, DELIVER, ALL)


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost, per event, in microseconds."""

    cpu_us: float
    time_us: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_us + other.cpu_us, self.time_us + other.time_us)


class Meter:
    """Reads what something costs."""

    def __init__(self, ground: Ground, events: int) -> None:
        self._ground, self._events = ground, events
        self.costs: dict[str, Cost] = {}

    @contextlib.contextmanager
    def reading(self, phase: str) -> Iterator[None]:
        """What is done meanwhile is the phase."""
        gc.collect()
        cpu_s, began = self._ground.cpu_s(), time.perf_counter()
        yield
        seconds, cpu_s = time.perf_counter() - began, self._ground.cpu_s() - cpu_s
        self.costs[phase] = Cost(1e6 * cpu_s / self._events, 1e6 * seconds / self._events)


class Shop:
    """A store, and the endpoint that has half of everything."""

    def __init__(self, store: Store, group: int, key: Callable[[], str]) -> None:
        self._store, self._group, self._key = store, group, key
        self._endpoint = min(store.routing.endpoints.values(), key=lambda one: one.id)
        self._leases = 0

    def drafts(self, count: int) -> list[list[Draft]]:
        """New events in groups."""
        made = [_draft(self._endpoint, self._key()) for _ in range(count)]
        return [made[first : first + self._group] for first in range(0, count, self._group)]

    async def accept(self, groups: list[list[Draft]]) -> None:
        """Store them."""
        for group in groups:
            await asyncio.gather(*(self._store.events.accept(draft) for draft in group))

    async def deliver(self, count: int) -> None:
        """Claim and settle so many. Raises RuntimeError when there are not so many."""
        done = 0
        while done < count:
            claimed = await self._claim()
            if not claimed:
                raise RuntimeError(f"only {done} of {count} could be claimed")
            done += claimed

    async def _claim(self) -> int:
        self._leases += 1
        now_ms = _now_ms()
        claim = Claim(self._endpoint.id, self._group, 1 << 30, now_ms, f"bench-{self._leases}", now_ms + LEASE_MS)
        works = (await self._store.deliveries.claim(claim)).works
        settled = [_Settled() for _ in works]
        for work, heard in zip(works, settled, strict=True):
            self._store.deliveries.settle(settlement(work, Move.DELIVER, now_ms), heard.hear)
        await asyncio.gather(*(heard.held for heard in settled))
        return len(works)


class _Settled:
    """The answer to one settlement."""

    def __init__(self) -> None:
        self.held: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(self, settled: Settled | None, error: BaseException | None) -> None:
        if settled is not None and settled.held:
            self.held.set_result(None)
        else:
            self.held.set_exception(error or RuntimeError("a lease was lost"))


def _draft(endpoint: Endpoint, key: str) -> Draft:
    now_ms = _now_ms()
    body = b'{"order":"%s","note":"%s"}' % (key.encode(), b"x" * 140)
    headers = ((b"Content-Type", b"application/json"), (b"User-Agent", b"Shop/1.0"))
    event_id = ids.make(ids.EVENT, now_ms, os.urandom(10))
    request = Request("POST", "/webhooks/shop", b"", headers, {}, body, "192.0.2.7", "https")
    event = Event(event_id, endpoint.org_id, endpoint.source_id, "order.paid", now_ms, "", request, key, "verified")
    return Draft(event, key, body_hash=sha256(body).digest()[:16])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def measure(ground: Ground, url: str, events: int, group: int, key: Callable[[], str]) -> dict[str, Cost]:
    """One round on one database."""
    store = open_store(url, SECRET)
    try:
        shop = Shop(store, group, key)
        await shop.accept(shop.drafts(WARM_UP))
        await shop.deliver(WARM_UP)
        drafts = shop.drafts(events)
        ground.write_back(url)
        meter = Meter(ground, events)
        with meter.reading(ACCEPT):
            await shop.accept(drafts)
        with meter.reading(DELIVER):
            await shop.deliver(events)
        with meter.reading("checkpoint"):
            ground.write_back(url)
        accepted, delivered, written = meter.costs.values()
        return {ACCEPT: accepted, DELIVER: delivered, ALL: accepted + delivered + written}
    finally:
        await store.close()


@dataclass(frozen=True, slots=True)
class Growth:
    """The costs of one phase on one kind of database: round by round, for every size."""

    database: str
    phase: str
    costs: dict[int, list[Cost]]

    def values(self, size: int, field: str) -> list[float]:
        """What the rounds cost."""
        return [getattr(cost, field) for cost in self.costs[size]]

    def ratio(self, field: str) -> float:
        """What the largest costs beside the smallest."""
        first, last = self.values(min(self.costs), field), self.values(max(self.costs), field)
        return median(much / little for little, much in zip(first, last, strict=True))


def main() -> int:
    """Fill, measure, print; exit with 0 when an event costs as much with the most stored as with the least."""
    options = _options()
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else WIDTH)
    found: list[Growth] = []
    for database in options.databases:
        found += _measured(database, options, console)
    flat = all(_is_flat(growth) for growth in found)
    if options.json:
        print(json.dumps(_report(found, options, flat), indent=2))
    else:
        _print(found, options, console)
    return 0 if flat else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=_sizes, default=_sizes("10k,1m,10m"), help="events stored: 10k,1m,10m")
    parser.add_argument("--databases", type=_databases, default=list(GROUNDS), help=f"of {','.join(GROUNDS)}")
    parser.add_argument("--rounds", type=int, default=7, help="rounds on each size, in turns; the median counts")
    parser.add_argument("--events", type=int, default=5_000, help="events of a round")
    parser.add_argument("--group", type=int, default=100, help="events that share a commit")
    parser.add_argument("--keys", choices=list(KEYS), default="random", help="what senders call their events")
    parser.add_argument("--folder", type=Path, help="where the databases are made; ten million events take 15 GB")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    units = {"k": 1_000, "m": 1_000_000}
    found = []
    for part in text.lower().split(","):
        digits, unit = (part[:-1], units[part[-1]]) if part[-1:] in units else (part, 1)
        if not digits.isdecimal() or not int(digits):
            raise argparse.ArgumentTypeError(f"{part!r} is not a number of events; write 10k, 1m or 500000")
        found.append(int(digits) * unit)
    return sorted(set(found))


def _databases(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := set(wanted) - GROUNDS.keys():
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(GROUNDS)}")
    return wanted


def _measured(database: str, options: argparse.Namespace, console: Console) -> list[Growth]:
    with tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=options.folder) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as somebody else
        with GROUNDS[database](Path(folder)) as ground:
            for size in options.sizes:
                _fill(ground, size, console)
            growths = {phase: Growth(ground.name, phase, {size: [] for size in options.sizes}) for phase in PHASES}
            for number in range(options.rounds):
                for size in options.sizes:
                    with ground.fresh(size) as url:
                        costs = asyncio.run(measure(ground, url, options.events, options.group, KEYS[options.keys]))
                    for phase, cost in costs.items():
                        growths[phase].costs[size].append(cost)
                    said = ", ".join(f"{phase} {cost.cpu_us:.0f}/{cost.time_us:.0f}" for phase, cost in costs.items())
                    console.print(f"{ground.name} {_short(size)} {number + 1}/{options.rounds}: {said} µs of CPU/time")
            return list(growths.values())


def _fill(ground: Ground, size: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{ground.name}, {_short(size)} events", total=size)
        ground.fill(size, lambda count: progress.advance(task, count))
    took_s = time.monotonic() - began
    console.print(f"{ground.name} {_short(size)}: filled in {took_s:.0f} s, {ground.bytes(size) / 1e9:.2f} GB")


def _short(size: int) -> str:
    for unit, digits in (("m", 1_000_000), ("k", 1_000)):
        if size % digits == 0:
            return f"{size // digits}{unit}"
    return str(size)


def _is_flat(growth: Growth) -> bool:
    return max(growth.ratio("cpu_us"), growth.ratio("time_us")) <= LIMIT


def _print(found: list[Growth], options: argparse.Namespace, console: Console) -> None:
    table = Table(title="µs an event, with so many stored", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for size in options.sizes:
        table.add_column(f"{_short(size)} CPU", justify="right", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
    for name in ("ratio CPU", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for growth in found:
        table.add_row(f"{growth.database}: {growth.phase}", *_cells(growth))
    console.print(table)
    console.print(
        f"Medians of {options.rounds} rounds in turns, ± half of their range; {options.events:,} events a round, "
        f"{options.group} in a commit. The ratio is of the last to the first, round by round; the limit is {LIMIT:.2f}."
    )


def _cells(growth: Growth) -> Iterator[str]:
    for size in growth.costs:
        for field in ("cpu_us", "time_us"):
            values = growth.values(size, field)
            yield f"{median(values):.0f} ±{(max(values) - min(values)) / 2 / median(values):.0%}"
    for field in ("cpu_us", "time_us"):
        ratio = growth.ratio(field)
        yield f"[red]{ratio:.2f}[/red]" if ratio > LIMIT else f"{ratio:.2f}"


def _report(found: list[Growth], options: argparse.Namespace, flat: bool) -> dict[str, Any]:
    return {
        "flat": flat,
        "limit": LIMIT,
        "rounds": options.rounds,
        "events": options.events,
        "group": options.group,
        "keys": options.keys,
        "growth": [
            {
                "database": growth.database,
                "phase": growth.phase,
                "ratio_cpu": growth.ratio("cpu_us"),
                "ratio_time": growth.ratio("time_us"),
                "costs": {str(size): [asdict(cost) for cost in costs] for size, costs in growth.costs.items()},
            }
            for growth in found
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
