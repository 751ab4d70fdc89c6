"""Putting load on an address, from a process of its own on the load's core."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.arrival import POISSON
from bench.process import Process, cores, python
from bench.requests import Recipe

#: What rendering the requests and waiting for the last answers may take beside the run itself.
BESIDES_S = 120.0

_numbers = itertools.count(0, 10_000_000)


def next_numbers() -> int:
    """The number of the first event of a run; no other run of this process has one of its events."""
    return next(_numbers)


@dataclass(frozen=True, slots=True)
class Load:
    """One run of `bench.load`. With a ``rate`` the arrival is open, without it closed; see there."""

    address: str
    recipe: Recipe
    seconds: float
    first: int
    connections: int = 64
    most: int = 0
    rate: float = 0.0
    arrival: str = POISSON

    def start(self, log: Path) -> Process:
        """The process, which says one line when it is done."""
        command = python(
            "bench.load",
            address=self.address,
            recipe=self.recipe.as_json(),
            seconds=self.seconds,
            first=self.first,
            connections=self.connections,
            most=self.most,
            rate=self.rate,
            arrival=self.arrival,
        )
        return Process(command, core=cores()[1], log=log)

    def run(self, log: Path) -> dict[str, Any]:
        """What it says."""
        with self.start(log) as process:
            return process.line(self.seconds + BESIDES_S)
