"""How we know that generator and sink are not what is measured: one against the other, each on a core of its own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.loading import Load, next_numbers
from bench.process import Process, cores, python
from bench.requests import publishing

#: They must be able to make and to swallow so many times what they measure.
ENOUGH = 3.0
#: More requests than can be made in a run.
_STOCK_PER_S = 300_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """With bodies of one size: requests a second, and what one costs the generator and the sink (µs of CPU)."""

    body_bytes: int
    rate: float
    load_us: float
    sink_us: float

    def headroom(self, made: float, swallowed: float) -> float:
        """How many times as many requests could be made and swallowed.

        The smaller of two: what was measured with a core for each, and what the one core can do that they share when
        something else is measured.
        """
        apart = self.rate / max(made, swallowed)
        together = 1e6 / (made * self.load_us + swallowed * self.sink_us)
        return min(apart, together)


def measure_capacity(body_bytes: int, seconds: float, connections: int = 64) -> Capacity:
    """One run, after a short one that does not count."""
    with tempfile.TemporaryDirectory(prefix="hookline-bench-") as folder:
        log = Path(folder) / "log"
        with Process(python("bench.sink"), core=cores()[0], log=log) as sink:
            recipe, address = publishing().of_size(body_bytes), sink.address()
            for length in (min(0.5, seconds), seconds):
                most = int(length * _STOCK_PER_S)
                cpu_s = sink.cpu_s()
                found = Load(address, recipe, length, next_numbers(), connections, most).run(log)
            cpu_s = sink.cpu_s() - cpu_s
    answered = found["answered"]
    return Capacity(body_bytes, answered / found["seconds"], 1e6 * found["cpu_s"] / answered, 1e6 * cpu_s / answered)
