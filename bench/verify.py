"""What one verification costs, for every provider and scheme: ``make bench-verify``.

Pure CPU, in this process: no server, no store. The request is one of the provider's own, filled up to 1 KB where that
can be; the secret is in use already, as in a server. The best of several rounds counts: everything else on the machine
only adds to it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hookline.core.errors import HooklineError
from hookline.core.model import Request
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.sign import sign_request
from hookline.guides import Sample, guide_of
from hookline.testing.secrets import Pair, new_pair

BODY_BYTES = 1_024
ROUNDS = 7
ROUND_S = 0.02
#: What an HMAC webhook of 1 KB may cost.
LIMIT_US = 15.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of one verification; ``refused_us`` of one that ends with a wrong signature."""

    provider: str
    scheme: str
    kind: str
    body_bytes: int
    verified_us: float
    refused_us: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify", description=__doc__)
    parser.add_argument("--only", default="", help="beginnings of slugs, with commas")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    wanted = tuple(options.only.split(",")) if options.only else ("",)
    costs = measure(wanted, Console(stderr=True))
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
    else:
        show(costs, Console(width=None if sys.stdout.isatty() else 110))
    return 0


def measure(wanted: tuple[str, ...], console: Console) -> list[Cost]:
    """The cost of every scheme of the providers whose slugs begin so."""
    ways = [(row, scheme) for row in all_providers() if row.slug.startswith(wanted) for scheme in row.schemes]
    shown = track(ways, "verify", console=console, transient=True, disable=not console.is_terminal)
    return [cost for row, scheme in shown if scheme.kind is not Kind.NONE for cost in _cost(row, scheme)]


def too_dear(costs: list[Cost]) -> list[Cost]:
    """The HMACs that cost more than they may."""
    return [cost for cost in costs if cost.kind == Kind.HMAC and cost.verified_us > LIMIT_US]


def show(costs: list[Cost], console: Console) -> None:
    """A table, the dearest first, and what it says in a line."""
    table = Table(title="verification of one webhook, µs", title_justify="left", box=None, header_style="bold")
    for name in ("provider", "scheme", "kind", "body", "verified", "refused"):
        table.add_column(name, justify="left" if name in ("provider", "scheme", "kind") else "right")
    for cost in sorted(costs, key=lambda cost: -cost.verified_us):
        figures = (f"{cost.body_bytes:,}", f"{cost.verified_us:.1f}", f"{cost.refused_us:.1f}")
        table.add_row(cost.provider, cost.scheme, cost.kind.replace("_", " "), *figures)
    console.print(table)
    hmacs = sorted(cost.verified_us for cost in costs if cost.kind == Kind.HMAC)
    if hmacs:
        middle, dear = hmacs[len(hmacs) // 2], too_dear(costs)
        names = ", ".join(f"{cost.provider}/{cost.scheme}" for cost in dear)
        verdict = f"all under {LIMIT_US:g}" if not dear else f"{len(dear)} above {LIMIT_US:g}: {names}"
        console.print(f"{len(hmacs)} HMAC schemes: median {middle:.1f} µs, dearest {hmacs[-1]:.1f} µs, {verdict}.")


def _cost(row: Provider, scheme: Scheme) -> Iterator[Cost]:
    row = replace(row, schemes=(scheme,), signs_with=())
    keys, now_s = new_pair(row, scheme), time.time()
    request = _request(row, scheme, keys, now_s)
    if request is None:
        return
    another = new_pair(row, scheme).verifying

    def verified() -> None:
        row.verify(request, [keys.verifying], now_s)

    def refused() -> None:
        try:
            row.verify(request, [another], now_s)
        except HooklineError:
            return

    yield Cost(row.slug, scheme.id, str(scheme.kind), len(request.body), _best_us(verified), _best_us(refused))


def _request(row: Provider, scheme: Scheme, keys: Pair, now_s: float) -> Request | None:
    sample = guide_of(row.slug).sample() or Sample("", "{}")
    for body in (_filled(sample), sample.body.encode(), b"{}"):
        try:
            request = sign_request(
                row,
                body=body,
                secret=keys.signing,
                now_s=now_s,
                event_id="evt_0123456789abcdef",
                event_type=sample.type,
                content_type=sample.content_type,
                scheme=scheme.id,
                headers=tuple((name.lower().encode(), value.encode()) for name, value in sample.headers.items()),
            )
            row.verify(request, [keys.verifying], now_s)
        except HooklineError:
            continue
        return request
    return None


def _filled(sample: Sample) -> bytes:
    """The sample with so much more in it that it has 1 KB."""
    try:
        document: Any = msgspec.json.decode(sample.body)
    except msgspec.DecodeError:
        return sample.body.encode()
    place = document[0] if isinstance(document, list) and document else document
    if not isinstance(place, dict):
        return sample.body.encode()
    place["filler"] = ""
    missing = BODY_BYTES - len(msgspec.json.encode(document))
    place["filler"] = "x" * max(0, missing)
    return msgspec.json.encode(document)


def _best_us(work: Any) -> float:
    work()
    times = []
    for _ in range(ROUNDS):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < ROUND_S:
            for _ in range(20):
                work()
            count += 20
        times.append((time.perf_counter() - started) / count)
    return min(times) * 1e6


if __name__ == "__main__":
    sys.exit(main())
