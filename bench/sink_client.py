"""The sink as a scenario sees it: its address, how much has come, and which event came when."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.process import Process, python

LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Arrived:
    """Requests in the order in which they came: the numbers of their events, and when (``time.monotonic_ns()``)."""

    events: array[int]
    moments: array[int]

    def __len__(self) -> int:
        return len(self.events)

    def latencies_ns(self, first: int, began_ns: int, schedule: Sequence[int]) -> list[int]:
        """From the intended moment of publishing to every arrival of the events ``first`` and following.

        What came twice counts once for each time; events of others do not count.
        """
        last = first + len(schedule)
        return [
            moment - began_ns - schedule[event - first]
            for event, moment in zip(self.events, self.moments, strict=True)
            if first <= event < last
        ]

    def of(self, first: int, count: int) -> list[int]:
        """The moments at which the events ``first`` and following came."""
        pairs = zip(self.events, self.moments, strict=True)
        return [moment for event, moment in pairs if first <= event < first + count]


class SinkClient:
    """Asks a sink."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.address = process.address()
        self._before: Counter[str] = Counter()

    def counts(self) -> dict[str, int]:
        """How many requests of each kind have come, since the last `forget`."""
        return {kind: count - self._before[kind] for kind, count in self._counts().items()}

    def take(self, kind: str = "ok") -> Arrived:
        """What came and has not been taken yet."""
        data = self._ask(f"/_bench/arrivals/{kind}")
        half = len(data) // 2
        return Arrived(array("q", data[:half]), array("q", data[half:]))

    def forget(self) -> None:
        """Begin anew."""
        self._before = Counter(self._counts())
        for kind in self._before:
            self.take(kind)

    def wait_for(self, count: int, limit_s: float, kind: str = "ok") -> None:
        """Wait until so many requests of a kind have come. Raises RuntimeError when none has for ``limit_s``."""
        came, since = -1, time.monotonic()
        while (now := self.counts()[kind]) < count:
            if now != came:
                came, since = now, time.monotonic()
            elif time.monotonic() - since > limit_s:
                raise RuntimeError(f"{count} were to be delivered and {now} came; none has for {limit_s:g} s")
            time.sleep(LOOK_S)

    def _counts(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._ask("/_bench/counts"))
        return found

    def _ask(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


@contextlib.contextmanager
def sink(core: int | None, log: Path) -> Iterator[SinkClient]:
    """A sink in a process of its own, on this core."""
    with Process(python("bench.sink"), core=core, log=log) as process:
        yield SinkClient(process)
