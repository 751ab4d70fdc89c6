"""The load: one process, one run, one line of JSON.

    python -m bench.load --address http://127.0.0.1:8400 --recipe JSON --seconds 5 --connections 64 --most 100000
    python -m bench.load --address http://127.0.0.1:8400 --recipe JSON --seconds 5 --rate 1000

Without ``--rate`` the arrival is closed: the line has the rate, and no latencies. With it the arrival is open: the line
has the latencies from the intended moments, and how late the generator itself was. See `bench.generator`.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from typing import Any
from urllib.parse import urlsplit

from bench.arrival import CONSTANT, POISSON, Arrivals
from bench.figures import distribution
from bench.generator import Generator, Taken
from bench.requests import Recipe, stock

#: A run is invalid when its generator was later than this at the 99th percentile, and that is more than …
MOST_LATE_MS = 1.0
#: … this share of the p99 that it measured.
MOST_LATE_SHARE = 0.1
#: With an open arrival so many connections at most.
MOST_CONNECTIONS = 2_000


def main() -> None:
    """One run, by the command line."""
    options = _options()
    where = urlsplit(options.address)
    arrivals = Arrivals(options.rate, options.seconds, options.arrival, options.seed) if options.rate else None
    schedule = arrivals.schedule() if arrivals else None
    count = options.most if schedule is None else len(schedule)
    requests = stock(Recipe.from_json(options.recipe), where.netloc, options.first, count)
    generator = Generator(
        str(where.hostname),
        int(where.port or 80),
        requests,
        connections=options.connections,
        most_connections=MOST_CONNECTIONS if schedule is not None else 0,
    )
    gc.collect()
    gc.freeze()
    gc.disable()
    cpu_s = time.process_time()
    if schedule is None:
        taken = generator.closed(options.seconds)
        found: dict[str, Any] = {}
    else:
        taken = generator.open(schedule)
        found = _latencies(taken, taken.latencies_ns(schedule))
    cpu_s = time.process_time() - cpu_s
    print(json.dumps(_common(taken, cpu_s) | found), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--address", required=True, help="where to send to: http://HOST:PORT")
    parser.add_argument("--recipe", required=True, help="how requests are made: see bench.requests.Recipe")
    parser.add_argument("--seconds", type=float, required=True, help="for how long requests are sent")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections, at the beginning")
    parser.add_argument("--most", type=int, default=0, help="closed: how many requests are made")
    parser.add_argument("--first", type=int, default=0, help="the number of the first event")
    parser.add_argument("--rate", type=float, default=0.0, help="open: requests a second")
    parser.add_argument("--arrival", choices=[POISSON, CONSTANT], default=POISSON, help="open: how they are spread")
    parser.add_argument("--seed", type=int, default=1, help="open: of the Poisson arrival")
    return parser.parse_args()


def _common(taken: Taken, cpu_s: float) -> dict[str, Any]:
    return {
        "began_ns": taken.began_ns,
        # By the clock that people read, which is the one that a database has.
        "began_ms": (time.time_ns() - time.monotonic_ns() + taken.began_ns) // 1_000_000,
        "seconds": taken.seconds,
        "sent": taken.sent,
        "answered": taken.answered,
        "not_ok": dict(taken.not_ok),
        "connections": taken.connections,
        "cpu_s": cpu_s,
    }


def _latencies(taken: Taken, latencies_ns: list[int]) -> dict[str, Any]:
    latency, late = distribution(latencies_ns), distribution(taken.late_ns)
    return {"latency": latency, "late": late, "valid": not too_late(late, latency)}


def too_late(late: dict[str, float], latency: dict[str, float]) -> bool:
    """Whether the generator was so late that its own lateness is part of what it reports."""
    if not late or not latency:
        return False
    return late["p99_ms"] > max(MOST_LATE_MS, MOST_LATE_SHARE * latency["p99_ms"])


if __name__ == "__main__":
    main()
