"""``docs/performance.md``, written from the reports that were kept: ``python -m bench.page bench/results/*.json``.

Nothing on that page is typed by hand, so nothing on it can be remembered wrongly. A test holds the two together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.capacity import ENOUGH
from bench.load import MOST_LATE_MS, MOST_LATE_SHARE
from bench.page_sections import SECTIONS, machine, table
from bench.report import Report, read

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"

_INTRODUCTION = """\
# Performance

What Hookline does in a second, how long somebody waits, and what it needs for that. Written by
`python -m bench.page` from the files in [bench/results](../bench/results), which the programs of [bench](../bench)
have written: to change this page, measure.

Absolute numbers belong to one machine. What can be compared between machines are the shares: every figure stands
beside a **floor** that was measured in the same run, in turns with it: the same HTTP server and the same sender,
moving the same bytes, without signature and without storage. Nothing that keeps its promise can reach 100 % of it.
"""

_METHOD = f"""\
## How it was measured

- **Load** comes from a generator of our own (`bench/generator.py`): one process, plain sockets, requests that were
  made before the run, one write and one read for each. It speaks plain HTTP and knows the server only by its address.
- **Throughput** is measured with a closed arrival: each of the keep-alive connections sends when it has its answer.
  Medians of the runs, ± half of their range.
- **Latencies** are measured with an open arrival only, at a given rate, at random moments (Poisson, always the same
  ones). A latency counts from the moment at which a request was *meant* to be sent until its answer (accepted), or
  until the sink has read the delivery (at the endpoint), also while it waits for a connection. A server that stalls
  cannot hide that by keeping its callers from asking (coordinated omission). The table's are at half of the rate that
  was just measured.
- **Deliveries** go to a sink of our own (`bench/sink.py`), which writes down which event came when, by the clock of
  the generator. A figure with endpoints counts until the last delivery is *recorded* in the database.
- **Durable** means durable: every 2xx was given after the commit, with `fsync`, on the disk of that machine.
- The server has one core, generator and sink share another. Two server processes, and PostgreSQL, use both.
- **They are not the bottleneck**: in the same run the generator sends to the sink, each on its own core. *Room* is
  how many times as much they could have made and swallowed as they had to, together on their one core; a figure with
  less than {ENOUGH:g} is marked **!**. Latencies are left out where the generator was late itself: by more than
  {MOST_LATE_MS:g} ms and {MOST_LATE_SHARE:.0%} of the p99, at its own 99th percentile.
"""

_AGAIN = """\
## Measure it yourself

```console
python -m bench                     # the table, four minutes
python -m bench --full              # every scenario, then all of the below: an hour
python -m bench --only send-1,door  # some of it
python -m bench.steady              # 1,000 messages a second for ten minutes
python -m bench.storm               # all endpoints of one customer fail
python -m bench.backlog             # a million deliveries are owed
python -m bench.idle                # nothing happens
python -m bench compare --system svix=http://127.0.0.1:8071,TOKEN   # another server beside this one
```

Each takes `--json FILE`, and says in its exit code whether its targets were reached. Give it a quiet machine.
"""

#: What is said first.
_ORDER = ("table", "steady", "storm", "backlog", "idle", "compare")


def page(reports: Sequence[Report]) -> str:
    """The whole page."""
    ordered = sorted(reports, key=lambda each: _ORDER.index(each["kind"]))
    machines = sorted({machine(each["about"]) for each in ordered})
    parts = [_INTRODUCTION, *_verdicts(ordered), _METHOD + "".join(f"- On: {words}.\n" for words in machines)]
    for each in ordered:
        parts += SECTIONS[each["kind"]](each)
    return "\n".join([*parts, _AGAIN])


def _verdicts(reports: Iterable[Report]) -> Iterator[str]:
    rows = [
        [target["what"], target["wanted"], target["measured"], "yes" if target["reached"] else "**no**"]
        for each in reports
        for target in each["targets"]
    ]
    if rows:
        yield "## What is asked of it\n"
        yield table(["", "wanted", "measured", "reached"], rows)


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("results", type=Path, nargs="*", help=f"default: {RESULTS.relative_to(ROOT)}/*.json")
    parser.add_argument("--to", type=Path, default=PAGE, help=f"default: {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    options.to.write_text(page(read(options.results or RESULTS.glob("*.json"))))
    print(f"wrote {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
