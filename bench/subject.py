"""What runs while a scenario is measured: the server, with what it needs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.postgres.cluster import NEWEST, Cluster

from bench.hookline import Place
from bench.process import Process, cores, pinned, python
from bench.scenario import SLOW_MS, Kind, Scenario
from bench.sink_client import SinkClient

#: What anybody would set who runs PostgreSQL for this.
_POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that is up. ``place`` is a Hookline's, None for what stores nothing."""

    scenario: Scenario
    server: Process
    address: str
    sink: SinkClient
    log: Path
    place: Place | None = None
    cluster: Cluster | None = None


@contextlib.contextmanager
def started(scenario: Scenario, sink: SinkClient, folder: Path | None) -> Iterator[Subject]:
    """The scenario's server on its core, in a new folder that is removed at the end.

    PostgreSQL has no core of its own, and so much memory that its disk sees what is committed and little more. Two
    server processes may use both cores.
    """
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-bench-", dir=folder)))
        if scenario.kind in (Kind.ECHO, Kind.FLOOR):
            log = made / "server.log"
            server = stack.enter_context(Process(_bare(scenario, sink.address), core=cores()[0], log=log))
            yield Subject(scenario, server, server.address(), sink, log)
            return
        with pinned(None):
            cluster = stack.enter_context(Cluster(NEWEST, None, **_POSTGRES)) if scenario.postgres else None
        place = Place(made, cluster.new_database() if cluster is not None else "")
        _prepare(place, scenario, sink.address)
        server = stack.enter_context(place.serve(cores()[0] if scenario.processes == 1 else None, scenario.processes))
        yield Subject(scenario, server, server.address(), sink, place.log, place, cluster)


def _bare(scenario: Scenario, sink: str) -> list[str]:
    if scenario.kind == Kind.ECHO:
        return python("bench.echo", protocol="hookline" if scenario.own_protocol else "httptools")
    return python("bench.floor", sink=sink, endpoints=scenario.endpoints)


def _prepare(place: Place, scenario: Scenario, sink: str) -> None:
    """Sources or an application, with its endpoints."""
    from_door_1 = scenario.paused or (scenario.endpoints and not scenario.application)
    place.configure(sink if from_door_1 else None)
    if scenario.application:
        urls = [f"{sink}/{number}" for number in range(scenario.endpoints)]
        if scenario.slow:
            urls[-1] = f"{sink}/slow/{SLOW_MS}/last"
        place.add_application(urls)
    if scenario.paused:
        place.pause()
