"""When the requests of an open-loop run are meant to be sent: decided before the run, whatever the server does.

A schedule is an array of nanoseconds since the beginning. It follows from its few numbers alone, so the process
that waits for deliveries knows the same moments as the one that sends.
"""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

POISSON, CONSTANT = "poisson", "constant"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """``rate`` a second for ``seconds``: independent of each other (Poisson, by a fixed ``seed``), or evenly spaced."""

    rate: float
    seconds: float
    kind: str = POISSON
    seed: int = 1

    def schedule(self) -> array[int]:
        """Nanoseconds since the beginning, ascending."""
        if self.kind == CONSTANT:
            return array("q", [round(1e9 * number / self.rate) for number in range(round(self.rate * self.seconds))])
        wait = random.Random(self.seed).expovariate
        found, at, end = array("q"), wait(self.rate), self.seconds
        while at < end:
            found.append(int(1e9 * at))
            at += wait(self.rate)
        return found
