"""The sections of ``docs/performance.md``, one for each kind of report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from bench.capacity import ENOUGH
from bench.report import Report
from bench.show import doubts, latencies, titled

#: Below this nothing else ran on the machine.
QUIET = 0.5


def machine(about: dict[str, Any]) -> str:
    """What it was measured on, in a sentence."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}, SQLite {about['sqlite']}, {packages}"
    )


def _measured_by(about: dict[str, Any]) -> str:
    average = about["load_average"]
    busy = "" if average < QUIET else f" The machine was not quiet before (load average {average:.1f})."
    return f"`{about['command']}`, {about['date']}.{busy}\n"


# -- the table ---------------------------------------------------------------------------------------------


def _of_table(found: Report) -> Iterator[str]:
    settings = found["settings"]
    yield "## Throughput and latency\n"
    yield _measured_by(found["about"])
    yield (
        f"{settings['connections']} connections, {settings['runs']} runs of {settings['seconds']:g} s in turns; "
        f"latencies: one run of {settings['open_seconds']:g} s at {settings['open_share']:.0%} of the rate. The first "
        "line of each table is its floor. *CPU* is the server's for one event, with PostgreSQL's beside it in cores.\n"
    )
    for group in found["groups"]:
        yield table(_COLUMNS, [_cells(row) for row in group])
    yield "Generator against sink, each on a core of its own:\n"
    yield table(
        ["bodies", "requests/s", "generator µs", "sink µs"],
        [
            [f"{each['body_bytes']:,} B", f"{each['rate']:,.0f}", f"{each['load_us']:.1f}", f"{each['sink_us']:.1f}"]
            for each in found["capacities"]
        ],
    )
    if said := doubts(found):
        yield "To know about this run:\n"
        yield "".join(f"- {words}\n" for words in said)


_COLUMNS = [
    "",
    "events/s",
    "of floor",
    "deliveries/s",
    "accepted p50 / p99 ms",
    "at the endpoint p50 / p99 ms",
    "CPU µs",
    "PG cores",
    "memory MB",
    "room",
]


def _cells(row: dict[str, Any]) -> list[str]:
    opened = row["open"] or {}
    is_floor = row["key"] == row["floor"]
    share = "floor" if is_floor else f"**{row['share']['median']:.0%}** ±{row['share']['spread']:.0%}"
    return [
        titled(row),
        f"{row['rate']['median']:,.0f} ±{row['rate']['spread']:.0%}",
        share,
        _cell(row["deliveries_rate"], "{:,.0f}"),
        latencies(opened, "accept"),
        latencies(opened, "arrived"),
        _cell(row["cpu_us"], "{:,.0f}"),
        _cell(row["database_cpu"], "{:.2f}"),
        _cell(row["rss_mb"], "{:.0f}"),
        "" if row["headroom"] is None else _room(row["headroom"]),
    ]


def _room(headroom: float) -> str:
    return f"{headroom:.1f}" + ("" if headroom >= ENOUGH else " **!**")


# -- the long ones -----------------------------------------------------------------------------------------


def _of_steady(found: Report) -> Iterator[str]:
    yield f"## A steady {found['rate']:,.0f} messages a second\n"
    yield _measured_by(found["about"])
    yield (
        f"{found['sent']:,} messages in {found['seconds']:,.0f} s, published, delivered to one endpoint and recorded. "
        f"The server used {found['server_cpu']:.0%} of its core, the generator {found['load_cpu']:.0%} and the sink "
        f"{found['sink_cpu']:.0%} of theirs.{_late(found)}\n"
    )
    yield table(
        ["ms", "p50", "p90", "p99", "p99.9", "largest"],
        [
            [f"{words}{by}", *_percentiles(seen[key])]
            for by, seen in (("", found), (", floor", found["floor"]))
            for words, key in (("accepted", "accept"), ("at the endpoint", "arrived"))
        ],
    )
    yield (
        f"Memory: {found['early_rss_mb']:.0f} MB in the second tenth of the time, {found['late_rss_mb']:.0f} MB in the "
        f"last, {found['peak_rss_mb']:.0f} MB at the most. The database grew by {found['file_bytes_per_event']:,.0f} "
        f"bytes an event, to {found['file_mb']:,.0f} MB with its log.\n"
    )


def _of_storm(found: Report) -> Iterator[str]:
    given = found["settings"]
    yield "## All endpoints of one customer fail\n"
    yield _measured_by(found["about"])
    yield (
        f"{given['messages']:,} messages were published for {given['endpoints']} endpoints that answer 500. Before and "
        f"in the storm: how fast is accepted for another application, and how long do {given['rate']:g} messages a "
        f"second take to a third one's healthy endpoint? *Never held back*: everything is tried again after about "
        f"{given['wait']:g} s, as if there were no breaker. *As it is*: after 20 failures in a row one try at a time "
        "probes an endpoint.\n"
    )
    rows = [
        ["floor", "", f"{found['floor']['accept_rate']:,.0f}", "", *_healthy(found["floor"], "arrived"), "", "", ""]
    ]
    for way in found["ways"]:
        for when, name in (("before", way["name"]), ("storm", "")):
            seen = way[when]
            rows.append(
                [
                    name,
                    when,
                    f"{seen['accept_rate']:,.0f}",
                    f"{seen['failing_rate_beside']:,.0f}",
                    *_healthy(seen, "healthy"),
                    f"{seen['failing_rate']:,.0f}",
                    f"{seen['owed']:,}",
                    f"{seen['rss_mb']:.0f}",
                ]
            )
    yield table(
        [
            "",
            "",
            "accepted/s",
            "failed tries/s",
            "healthy p50 ms",
            "p99",
            "largest",
            "failed tries/s",
            "owed",
            "memory MB",
        ],
        rows,
    )


def _of_backlog(found: Report) -> Iterator[str]:
    yield f"## {found['deliveries']:,} deliveries are owed\n"
    yield _measured_by(found["about"])
    end = "everything was delivered" if found["left"] < 1_000 else f"{found['left']:,} were still owed"
    yield (
        "All to one endpoint, which is paused at first. Looked at in turns: how fast is accepted, how long a message "
        f"takes to another, healthy endpoint, and how fast the backlog is drained. After {found['seconds']:,.0f} s of "
        f"that {end}.\n"
    )
    floor = found["floor"]
    rows = [["floor", f"{floor['accept_rate']:,.0f}", " / ".join(_healthy(floor, "arrived")[:2]), "", "", ""]]
    for name, memory_mb in (("waiting", found["waiting_mb"]), ("draining", found["peak_mb"])):
        seen = found[name]
        rows.append(
            [
                name,
                _cell(seen["accept_rate"], "{:,.0f}"),
                " / ".join(_healthy(seen, "healthy")[:2]),
                _cell(seen["drain_rate"], "{:,.0f}"),
                _cell(seen["drain_rate_beside"], "{:,.0f}"),
                f"{memory_mb:.0f}",
            ]
        )
    yield table(
        ["", "accepted/s", "healthy p50 / p99 ms", "drained/s", "drained/s while accepting", "memory at the most MB"],
        rows,
    )


def _of_idle(found: Report) -> Iterator[str]:
    yield "## Nothing to do\n"
    yield _measured_by(found["about"])
    yield f"With one endpoint and nothing owed, for {found['seconds']:g} s:\n"
    yield table(
        ["", "of a core", "memory MB"],
        [[one["name"], f"{one['cpu']:.2%}", f"{one['rss_mb']:.0f}"] for one in found["servers"]],
    )


def _of_compare(found: Report) -> Iterator[str]:
    given = found["settings"]
    yield "## Beside other servers\n"
    yield _measured_by(found["about"])
    yield (
        f"The same payloads of {given['body_bytes']:,} bytes, each for {given['endpoints']} addresses of one sink. "
        f"Latencies at {given['rate']:g} events a second; rates as fast as they are answered, {given['runs']} runs of "
        f"{given['seconds']:g} s. *Cores*: what everything but generator and sink used meanwhile, with databases and "
        "queues. A 2xx of Hookline means that the event and its deliveries are on disk; what it means elsewhere their "
        "documentation says.\n"
    )
    rows = []
    for row in found["rows"]:
        if row["error"]:
            rows.append([row["name"], "not measured", row["error"], "", "", "", "", "", ""])
            continue
        rows.append(
            [
                row["name"],
                *(f"{row[key]['median']:,.0f} ±{row[key]['spread']:.0%}" for key in ("accept_rate", "delivered_rate")),
                _cell(row["share"], "{:.0%}"),
                latencies(row, "accept"),
                latencies(row, "arrived"),
                f"{row['cores']:.2f}",
                f"{row['missing']:,}",
                _room(row["headroom"]),
            ]
        )
    yield table(
        [
            "",
            "accepted/s",
            "delivered/s",
            "of floor",
            "accepted p50 / p99 ms",
            "at the endpoint p50 / p99 ms",
            "cores",
            "missing",
            "room",
        ],
        rows,
    )
    for note in given.get("note", ()):
        yield f"- {note}\n"


SECTIONS: dict[str, Callable[[Report], Iterator[str]]] = {
    "table": _of_table,
    "steady": _of_steady,
    "storm": _of_storm,
    "backlog": _of_backlog,
    "idle": _of_idle,
    "compare": _of_compare,
}


def _late(found: Report) -> str:
    if found["valid"]:
        return ""
    return f" **The generator was late itself (p99 {found['late']['p99_ms']:.1f} ms): these latencies are too long.**"


def _healthy(seen: dict[str, Any], name: str) -> list[str]:
    """p50, p99 and largest, marked when the generator was late."""
    late = "" if seen["valid"] else " **!**"
    return [f"{seen[name].get(key, float('nan')):.1f}{late}" for key in ("p50_ms", "p99_ms", "max_ms")]


def _percentiles(found: dict[str, float]) -> list[str]:
    return [f"{found[name]:.1f}" for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")]


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, the numbers to the right."""
    kept = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *kept]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
