"""The table: every scenario beside its floor, in turns, so that what else happens on the machine happens to both."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.capacity import Capacity, measure_capacity
from bench.figures import Spread
from bench.measure import Bench, Closed, Open
from bench.process import cores
from bench.report import Report, report
from bench.scenario import Group, Scenario
from bench.sink_client import sink
from bench.subject import started
from bench.targets import of_table

WARM_UP_S = 1.5
#: Latencies are measured at this share of the largest rate: the p50 and p99 of a server that is busy and not full.
OPEN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """How long, how often."""

    seconds: float
    runs: int
    connections: int
    open_seconds: float
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A scenario with its runs."""

    scenario: Scenario
    closed: list[Closed]
    open: Open | None

    @property
    def rates(self) -> list[float]:
        """Of all runs."""
        return [run.rate for run in self.closed]


def measure_table(groups: Sequence[Group], settings: Settings, say: Callable[[str], None]) -> Report:
    """Measure all groups. ``say`` is called with the title of what is measured next: see `steps`."""
    sizes = sorted({group.floor.body_bytes for group in groups})
    capacities = {}
    for size in sizes:
        say(f"generator against sink, {size:,} bytes")
        capacities[size] = measure_capacity(size, min(2.0, settings.seconds), settings.connections)
    found = [(group, _measure_group(group, settings, say)) for group in groups]
    rows = [
        [_row(one, measured[0], capacities[group.floor.body_bytes]) for one in measured] for group, measured in found
    ]
    return report(
        "table",
        "bench",
        of_table({row["key"]: row for group in rows for row in group}),
        settings={
            "seconds": settings.seconds,
            "runs": settings.runs,
            "connections": settings.connections,
            "open_seconds": settings.open_seconds,
            "open_share": OPEN_SHARE,
        },
        capacities=[asdict(each) for each in capacities.values()],
        groups=rows,
    )


def steps(groups: Sequence[Group], settings: Settings) -> int:
    """How often `measure_table` says something."""
    scenarios = [scenario for group in groups for scenario in group.all]
    opens = sum(not scenario.sdk for scenario in scenarios)
    return len({group.floor.body_bytes for group in groups}) + len(scenarios) * (settings.runs + 1) + opens


def _measure_group(group: Group, settings: Settings, say: Callable[[str], None]) -> list[Measured]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-bench-")))
        receiver = stack.enter_context(sink(cores()[1], folder / "sink.log"))
        benches = []
        for scenario in group.all:
            say(f"{scenario.title}: warm-up")
            subject = stack.enter_context(started(scenario, receiver, settings.folder))
            benches.append(Bench(subject, settings.connections))
            benches[-1].warm_up(min(WARM_UP_S, settings.seconds))
        runs: list[list[Closed]] = [[] for _ in benches]
        for number in range(settings.runs):
            for bench, closed in zip(benches, runs, strict=True):
                say(f"{bench.subject.scenario.title}: run {number + 1}")
                closed.append(bench.closed(settings.seconds))
        found = []
        for bench, closed in zip(benches, runs, strict=True):
            scenario = bench.subject.scenario
            opened = None
            if not scenario.sdk:
                say(f"{scenario.title}: latency")
                opened = bench.open(OPEN_SHARE * median(run.rate for run in closed), settings.open_seconds)
            found.append(Measured(scenario, closed, opened))
        return found


def _row(measured: Measured, floor: Measured, capacity: Capacity) -> dict[str, Any]:
    """One line, for machines."""
    scenario, closed = measured.scenario, measured.closed
    rate = Spread.of(measured.rates)
    shares = [own / bare for own, bare in zip(measured.rates, floor.rates, strict=True)]
    not_ok: Counter[str] = Counter()
    for refused in (*(run.not_ok for run in closed), measured.open.not_ok if measured.open else {}):
        not_ok.update(refused)
    return {
        "key": scenario.key,
        "title": scenario.title,
        "kind": str(scenario.kind),
        "body_bytes": scenario.body_bytes,
        "endpoints": scenario.endpoints,
        "postgres": scenario.postgres,
        "processes": scenario.processes,
        "sdk": scenario.sdk,
        "floor": floor.scenario.key,
        "floor_rate": Spread.of(floor.rates).median,
        "rate": rate.as_json(),
        "share": Spread.of(shares).as_json(),
        "runs": measured.rates,
        **{name: _middle(closed, name) for name in _MIDDLES},
        "headroom": None if scenario.sdk else capacity.headroom(rate.median, rate.median * scenario.endpoints),
        "not_ok": dict(not_ok),
        "open": asdict(measured.open) if measured.open else None,
    }


_MIDDLES = (
    "deliveries_rate",
    "accept_rate",
    "cpu_us",
    "server_cpu",
    "database_cpu",
    "load_cpu",
    "sink_cpu",
    "rss_mb",
)


def _middle(runs: Sequence[Closed], field: str) -> float | None:
    values = [getattr(run, field) for run in runs]
    return None if None in values else median(values)
