"""What is measured, and how one run of it is made."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.postgres.cluster import Cluster

from bench.hookline import Place
from bench.process import Process, cores, pinned, python

#: How many requests are rendered for the warm-up, and at most for a run.
FIRST_STOCK = 20_000
MOST_STOCK = 400_000
DRAIN_LIMIT_S = 120.0
#: How often the database is asked whether everything was delivered.
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the table. ``kind`` is echo, door or whole (accepted → delivered → recorded)."""

    key: str
    title: str
    kind: str
    provider: str  #: whose requests are sent: see `bench.requests`
    protocol: str = "httptools"
    paused_endpoint: bool = False
    application: bool = False  #: door 2: published for an application
    endpoints: int = 1
    sdk: bool = False  #: published through the official SDK
    postgres: bool = False
    processes: int = 1

    def on_postgres(self) -> Iterator[Scenario]:
        """The same on PostgreSQL, by one process and by two; nothing for what stores nothing."""
        if self.kind != "echo":
            yield replace(self, key=f"{self.key}-pg", title=f"{self.title}, PG", postgres=True)
            yield replace(self, key=f"{self.key}-pg2", title=f"{self.title}, PG, 2 proc.", postgres=True, processes=2)


SCENARIOS = (
    Scenario("echo", "bare ASGI echo", "echo", "github"),
    Scenario("echo-wire", "echo, our HTTP protocol", "echo", "github", protocol="hookline"),
    Scenario("door-github", "door 1, GitHub", "door", "github"),
    Scenario("door-standard", "door 1, Std Webhooks", "door", "standard"),
    Scenario("door-paused", "door 1, GitHub, 1 paused", "door", "github", paused_endpoint=True),
    Scenario("whole-github", "whole, GitHub", "whole", "github"),
    Scenario("whole-standard", "whole, Std Webhooks", "whole", "standard"),
    Scenario("publish", "door 2", "door", "message", application=True),
    Scenario("publish-key", "door 2, key", "door", "keyed-message", application=True),
    Scenario("publish-sdk", "door 2, SDK", "door", "keyed-message", application=True, sdk=True),
    Scenario("send-1", "send to 1", "whole", "message", application=True),
    Scenario("send-1-key", "send to 1, key", "whole", "keyed-message", application=True),
    Scenario("send-1-sdk", "send to 1, SDK", "whole", "keyed-message", application=True, sdk=True),
    Scenario("send-10", "send to 10", "whole", "message", application=True, endpoints=10),
    Scenario("send-10-key", "send to 10, key", "whole", "keyed-message", application=True, endpoints=10),
    Scenario("send-10-sdk", "send to 10, SDK", "whole", "keyed-message", application=True, endpoints=10, sdk=True),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. Rates per second, times in milliseconds, CPU as a share of one core, memory in MiB."""

    requests: int
    seconds: float
    rate: float  #: requests; whole: until the last event was settled
    deliveries_rate: float | None  #: whole: deliveries until the last was settled
    p50_ms: float  #: from sending the request to having its answer
    p99_ms: float
    settled_p50_ms: float | None  #: whole: from acceptance to the settle
    settled_p99_ms: float | None
    drain_s: float | None  #: whole: how long after the last answer the last event was settled
    cpu_us: float  #: of the server, per event
    server_cpu: float
    database_cpu: float | None  #: of PostgreSQL, in cores
    load_cpu: float  #: of the generator alone
    rss_mb: float
    not_ok: dict[str, int]


class Bench:
    """A scenario being measured: its server is up."""

    def __init__(
        self, scenario: Scenario, place: Place, server: Process, connections: int, cluster: Cluster | None = None
    ) -> None:
        self.scenario, self._place, self._server, self._connections = scenario, place, server, connections
        self._cluster = cluster
        self._address = server.address()
        self._load_core = cores()[1]
        self._rate = 0.0

    def warm_up(self, seconds: float) -> None:
        """A run that does not count; it says how many requests have to be rendered for those that do."""
        self.sample(seconds)

    def sample(self, seconds: float) -> Sample:
        """One run."""
        most = min(MOST_STOCK, int(self._rate * seconds * 1.4)) or FIRST_STOCK
        cpu_s = self._server.cpu_s()
        database_cpu_s = self._cluster.cpu_s() if self._cluster is not None else 0.0
        found = self._load(seconds, most)
        answered = found["requests"] / found["seconds"]
        self._rate = max(self._rate, answered)
        settled = self._settled(found) if self.scenario.kind == "whole" else {}
        seconds = settled.get("seconds", found["seconds"])
        cpu_s = self._server.cpu_s() - cpu_s
        database_cpu_s = self._cluster.cpu_s() - database_cpu_s if self._cluster is not None else None
        return Sample(
            requests=found["requests"],
            seconds=seconds,
            rate=found["requests"] / seconds,
            deliveries_rate=found["requests"] * self.scenario.endpoints / seconds if settled else None,
            p50_ms=found["p50_ms"],
            p99_ms=found["p99_ms"],
            settled_p50_ms=settled.get("p50_ms"),
            settled_p99_ms=settled.get("p99_ms"),
            drain_s=settled.get("drain_s"),
            cpu_us=1e6 * cpu_s / max(1, found["requests"]),
            server_cpu=cpu_s / seconds,
            database_cpu=database_cpu_s / seconds if database_cpu_s is not None else None,
            load_cpu=found["load_cpu"],
            rss_mb=self._server.rss_mb(),
            not_ok=found["not_ok"],
        )

    def _load(self, seconds: float, most: int) -> dict[str, Any]:
        if self.scenario.sdk:
            command = python("bench.sdk_load", address=self._address, seconds=seconds)
        else:
            command = python(
                "bench.load",
                address=self._address,
                provider=self.scenario.provider,
                connections=self._connections,
                seconds=seconds,
                most=most,
            )
        with Process(command, core=self._load_core, log=self._place.log) as load:
            return load.line(seconds + 60)

    def _settled(self, found: dict[str, Any]) -> dict[str, float]:
        """Wait until nothing is owed, and read from the store when each event was settled."""
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while owed := self._place.owed():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{owed} deliveries are still owed after {DRAIN_LIMIT_S:g} s")
            time.sleep(LOOK_S)
        times = self._place.settled(found["began_ms"])
        expected = found["requests"] * self.scenario.endpoints
        if len(times) < expected:
            raise RuntimeError(f"{expected} deliveries were accepted and {len(times)} made")
        waits = sorted(finished - created for created, finished in times)
        seconds = (max(finished for _, finished in times) - found["began_ms"]) / 1000
        return {
            "seconds": seconds,
            "drain_s": max(0.0, seconds - found["seconds"]),
            "p50_ms": waits[len(waits) // 2],
            "p99_ms": waits[int(0.99 * (len(waits) - 1))],
        }


#: What anybody would set who runs PostgreSQL for this.
_POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}


@contextlib.contextmanager
def prepared(scenario: Scenario, folder: Path | None, connections: int) -> Iterator[Bench]:
    """The scenario with everything it needs started, in a new folder that is removed at the end.

    PostgreSQL has no core of its own, and so much memory that its disk sees what is committed and little more. Two
    server processes may use both cores.
    """
    server_core, load_core = cores()
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=folder)))
        with pinned(None):
            cluster = stack.enter_context(Cluster(**_POSTGRES)) if scenario.postgres else None
        place = Place(made, cluster.new_database() if cluster is not None else "")
        if scenario.kind == "echo":
            command = python("bench.echo", protocol=scenario.protocol)
            server = stack.enter_context(Process(command, core=server_core, log=place.log))
        else:
            sink = None
            if scenario.kind == "whole" or scenario.paused_endpoint:
                sink = stack.enter_context(Process(python("bench.sink"), core=load_core, log=place.log)).address()
            place.configure(sink)
            if scenario.application:
                place.add_application([f"{sink}/{number}" for number in range(scenario.endpoints)] if sink else [])
            if scenario.paused_endpoint:
                place.pause()
            core = server_core if scenario.processes == 1 else None
            server = stack.enter_context(place.serve(core, scenario.processes))
        yield Bench(scenario, place, server, connections, cluster)


def as_json(sample: Sample) -> dict[str, Any]:
    """A sample for machines."""
    return asdict(sample)
