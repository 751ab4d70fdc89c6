"""The floor beside what is not in the table: how fast a bare server accepts, how long a bare sender takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.measure import Bench
from bench.scenario import FLOOR, PLAIN_ECHO
from bench.sink_client import SinkClient
from bench.subject import started

#: Long enough for a median; what it is held against takes minutes.
LONGEST_S = 10.0


def measure_floor(receiver: SinkClient, rate: float, seconds: float, folder: Path | None) -> dict[str, Any]:
    """Echo as fast as it answers, then echo and sender at ``rate`` for one endpoint."""
    seconds = min(LONGEST_S, seconds)
    with started(PLAIN_ECHO, receiver, folder) as subject:
        bench = Bench(subject, 64)
        bench.warm_up(min(1.0, seconds))
        accepted = bench.closed(min(2.0, seconds))
    with started(FLOOR, receiver, folder) as subject:
        bench = Bench(subject, 64)
        bench.warm_up(min(1.0, seconds))
        sent = bench.open(rate, seconds)
    return {"accept_rate": accepted.rate, "accept": sent.accept, "arrived": sent.arrived, "valid": sent.valid}
