"""The table on a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from bench.capacity import ENOUGH
from bench.report import Report

COLUMNS = (
    "",
    "per s",
    "of floor",
    "deliv./s",
    "accept p50/p99",
    "arrived p50/p99",
    "CPU µs",
    "CPU",
    "PG",
    "load",
    "sink",
    "room",
    "RSS MB",
)

_EXPLANATION = """\
The first line of each group is its floor: the same HTTP server, and the same sender, moving the same bytes without
storage. [b]door 1[/b]: verified, committed with fsync, answered. [b]door 2[/b]: a message published through the API,
committed, answered. With endpoints: also delivered and recorded; [b]per s[/b] is until the last settle.
[b]per s[/b]: medians of all runs as fast as they are answered, ± half of their range. [b]accept[/b] and [b]arrived[/b]:
milliseconds from the moment at which a request was meant to be sent until its answer, and until its arrival at the
endpoint, in an open run at half of that rate. [b]CPU µs[/b] is the server's per event, [b]CPU[/b] its share of its
core, [b]load[/b] and [b]sink[/b] those of generator and sink, [b]PG[/b] PostgreSQL's, [b]room[/b] how many times as
much generator and sink could do."""


def show_table(found: Report, console: Console) -> None:
    """Print it, with what is wrong with it."""
    about = found["about"]
    title = f"{about['cpu']}, {about['cores']} cores, Python {about['python']}, SQLite {about['sqlite']}"
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for group in found["groups"]:
        for row in group:
            table.add_row(titled(row), *_cells(row))
        table.add_section()
    console.print(table)
    console.print(_EXPLANATION)
    for each in found["capacities"]:
        console.print(
            f"Generator against sink, each on its own core, {each['body_bytes']:,} bytes: {each['rate']:,.0f}/s "
            f"({each['load_us']:.1f} and {each['sink_us']:.1f} µs of CPU)."
        )
    for words in doubts(found):
        console.print(f"[yellow]{words}", highlight=False)


def titled(row: dict[str, Any]) -> str:
    """With the size of its bodies when that is not the usual one."""
    size = row["body_bytes"] // 1024
    return row["title"] if size == 1 else f"{row['title']}, {size} KB"


def doubts(found: Report) -> list[str]:
    """What a reader has to know before trusting a figure."""
    said = []
    for row in (row for group in found["groups"] for row in group):
        name, opened = titled(row), row["open"]
        if row["headroom"] is not None and row["headroom"] < ENOUGH:
            said.append(f"{name}: generator and sink could do only {row['headroom']:.1f} times as much")
        if row["not_ok"]:
            said.append(f"{name}: not answered 2xx: {row['not_ok']}")
        if opened and not opened["valid"]:
            said.append(f"{name}: the generator was late itself (p99 {opened['late']['p99_ms']:.1f} ms): no latencies")
        if opened and opened["missing"]:
            said.append(f"{name}: {opened['missing']} deliveries did not come")
    return said


def _cells(row: dict[str, Any]) -> list[str]:
    opened = row["open"] or {}
    return [
        f"{row['rate']['median']:,.0f} ±{row['rate']['spread']:.0%}",
        "100%" if row["key"] == row["floor"] else f"{row['share']['median']:.0%} ±{row['share']['spread']:.0%}",
        _cell(row["deliveries_rate"], "{:,.0f}"),
        latencies(opened, "accept"),
        latencies(opened, "arrived"),
        _cell(row["cpu_us"], "{:.0f}"),
        _cell(row["server_cpu"], "{:.0%}"),
        _cell(row["database_cpu"], "{:.0%}"),
        _cell(row["load_cpu"], "{:.0%}"),
        _cell(row["sink_cpu"], "{:.0%}"),
        _cell(row["headroom"], "{:.1f}" if (row["headroom"] or 0) >= ENOUGH else "{:.1f}!"),
        _cell(row["rss_mb"], "{:.0f}"),
    ]


def latencies(opened: dict[str, Any], name: str) -> str:
    """p50 and p99 of one distribution of an open run; nothing when the run is not valid."""
    found = opened.get(name)
    return f"{found['p50_ms']:.1f} / {found['p99_ms']:.1f}" if found and opened["valid"] else ""


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
