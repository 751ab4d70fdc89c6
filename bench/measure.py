"""One run of a scenario: load on, everything delivered and recorded, and what that took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bench.arrival import Arrivals
from bench.figures import distribution
from bench.hookline import Place
from bench.loading import BESIDES_S, Load, next_numbers
from bench.process import Process, cores, python
from bench.requests import APPLICATION
from bench.sink_client import Arrived
from bench.subject import Subject

#: How many requests are made for the warm-up, and at most for a run. Large ones take long to sign.
FIRST_STOCK = 20_000
FIRST_STOCK_BYTES = 400_000_000
MOST_STOCK = 400_000
#: How long nothing may be delivered before what is missing counts as lost.
STANDSTILL_S = 30.0
#: How often the database is asked whether everything was delivered.
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Closed:
    """One run as fast as it is answered. Rates are per second, CPU is a share of one core, memory is in MiB."""

    events: int
    seconds: float  #: until the last answer; whole: until the last settle
    rate: float
    deliveries_rate: float | None
    accept_rate: float  #: answers, while requests were sent
    cpu_us: float  #: of the server, per event
    server_cpu: float
    database_cpu: float | None
    load_cpu: float
    sink_cpu: float
    rss_mb: float
    not_ok: dict[str, int]


@dataclass(frozen=True, slots=True)
class Open:
    """One run at a given rate. Latencies are in milliseconds from the intended moment: see `bench.figures`."""

    rate: float
    seconds: float
    accept: dict[str, float]  #: to the answer
    arrived: dict[str, float]  #: to each arrival at an endpoint
    late: dict[str, float]  #: of the generator itself
    valid: bool
    missing: int  #: deliveries that did not come
    server_cpu: float
    load_cpu: float
    sink_cpu: float
    rss_mb: float
    not_ok: dict[str, int]


class Bench:
    """A subject being measured."""

    def __init__(self, subject: Subject, connections: int) -> None:
        self.subject, self._connections = subject, connections
        self._fastest = 0.0

    def warm_up(self, seconds: float) -> None:
        """A run that does not count; it says how many requests have to be made for those that do."""
        self.closed(seconds)

    def closed(self, seconds: float) -> Closed:
        """One run as fast as it is answered."""
        first = min(FIRST_STOCK, FIRST_STOCK_BYTES // self.subject.scenario.body_bytes)
        most = min(MOST_STOCK, int(self._fastest * seconds * 1.4)) or first
        found, used, _ = self._run(seconds, most=most)
        accept_rate = found["answered"] / found["seconds"]
        self._fastest = max(self._fastest, accept_rate)
        counted = self.subject.scenario.counted
        return Closed(
            events=found["answered"],
            seconds=used.seconds,
            rate=found["answered"] / used.seconds,
            deliveries_rate=found["answered"] * counted / used.seconds if counted else None,
            accept_rate=accept_rate,
            cpu_us=1e6 * used.server_s / max(1, found["answered"]),
            server_cpu=used.share(used.server_s),
            database_cpu=None if used.database_s is None else used.share(used.database_s),
            load_cpu=used.share(found["cpu_s"]),
            sink_cpu=used.share(used.sink_s),
            rss_mb=self.subject.server.rss_mb(),
            not_ok=found["not_ok"],
        )

    def open(self, rate: float, seconds: float) -> Open:
        """One run at ``rate``."""
        found, used, arrived = self._run(seconds, rate=rate)
        schedule = Arrivals(rate, seconds).schedule()
        came = arrived.latencies_ns(found["first"], found["began_ns"], schedule)
        return Open(
            rate=rate,
            seconds=seconds,
            accept=found["latency"],
            arrived=distribution(came),
            late=found["late"],
            valid=found["valid"],
            missing=max(0, found["answered"] * self.subject.scenario.counted - len(came)),
            server_cpu=used.share(used.server_s),
            load_cpu=used.share(found["cpu_s"]),
            sink_cpu=used.share(used.sink_s),
            rss_mb=self.subject.server.rss_mb(),
            not_ok=found["not_ok"],
        )

    def _run(self, seconds: float, *, most: int = 0, rate: float = 0.0) -> tuple[dict[str, Any], Used, Arrived]:
        """What the load says, what was used until everything was delivered and recorded, and what the sink heard."""
        self.subject.sink.forget()
        before = Used.until_now(self.subject)
        found = self._load(seconds, most=most, rate=rate)
        took_s, arrived = self._finish(found)
        return found, Used.until_now(self.subject).since(before, took_s), arrived

    def _load(self, seconds: float, *, most: int, rate: float) -> dict[str, Any]:
        subject, first = self.subject, next_numbers()
        if subject.scenario.sdk:
            command = python("bench.sdk_load", address=subject.address, seconds=seconds)
            with Process(command, core=cores()[1], log=subject.log) as process:
                return process.line(seconds + BESIDES_S)
        load = Load(subject.address, subject.scenario.recipe, seconds, first, self._connections, most, rate)
        return {**load.run(subject.log), "first": first}

    def _finish(self, found: dict[str, Any]) -> tuple[float, Arrived]:
        """Wait until everything has been delivered and recorded; the seconds from the beginning until then."""
        scenario, place, sink = self.subject.scenario, self.subject.place, self.subject.sink
        expected = found["answered"] * scenario.counted
        if not expected:
            return found["seconds"], sink.take()
        if place is not None:
            besides = f"{APPLICATION}-{scenario.endpoints - 1}" if scenario.slow else ""
            return recorded(place, found["began_ms"], expected, besides), sink.take()
        sink.wait_for(expected, STANDSTILL_S)
        arrived = sink.take()
        return (max(arrived.moments) - found["began_ns"]) / 1e9, arrived


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds in so many seconds."""

    seconds: float
    server_s: float
    database_s: float | None
    sink_s: float

    @classmethod
    def until_now(cls, subject: Subject) -> Used:
        """Since each of them was started."""
        cluster = subject.cluster
        database_s = cluster.cpu_s() if cluster is not None else None
        return cls(0.0, subject.server.cpu_s(), database_s, subject.sink.process.cpu_s())

    def since(self, before: Used, seconds: float) -> Used:
        """Only what was used in the last ``seconds``."""
        database_s = None
        if self.database_s is not None and before.database_s is not None:
            database_s = self.database_s - before.database_s
        return Used(seconds, self.server_s - before.server_s, database_s, self.sink_s - before.sink_s)

    def share(self, cpu_s: float) -> float:
        """Of one core."""
        return cpu_s / self.seconds


def recorded(place: Place, began_ms: int, expected: int, besides: str = "") -> float:
    """Wait until nothing is owed; the seconds until the last settle. Raises RuntimeError when some are missing.

    ``besides``: the uid of an endpoint that does not count.
    """
    owed, since = -1, time.monotonic()
    while now := place.owed(besides):
        if now != owed:
            owed, since = now, time.monotonic()
        elif time.monotonic() - since > STANDSTILL_S:
            raise RuntimeError(f"{owed} deliveries are still owed, and none was made for {STANDSTILL_S:g} s")
        time.sleep(LOOK_S)
    count, last_ms = place.settled(began_ms, besides)
    if count < expected:
        raise RuntimeError(f"{expected} deliveries were accepted and {count} made")
    return max(1, last_ms - began_ms) / 1000
