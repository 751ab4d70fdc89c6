"""``make bench-idle``: what a server costs that has nothing to do."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.hookline import Place
from bench.process import cores

SETTLE_S = 3.0
LIMIT = 0.01


def main() -> int:
    """Measure, print, and exit with 0 when it stays under one percent of a core."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hookline-bench-") as folder:
        place = Place(Path(folder))
        place.configure("http://127.0.0.1:9")  # nobody is there, and nothing is owed
        with place.serve(cores()[0]) as server:
            server.address()
            time.sleep(SETTLE_S)  # what belongs to the start is not idleness
            before_s = server.cpu_s()
            time.sleep(options.seconds)
            share = (server.cpu_s() - before_s) / options.seconds
            print(f"idle for {options.seconds:g} s: {share:.2%} of a core, {server.rss_mb():.0f} MB resident")
    return 0 if share < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
