"""The page says what the reports say, and nothing else."""

from __future__ import annotations

import pytest
from bench.page import PAGE, RESULTS, page
from bench.page_sections import SECTIONS
from bench.report import Report

from bench import report, targets


def kept() -> list[Report]:
    return report.read(RESULTS.glob("*.json"))


def test_the_page_is_what_the_kept_reports_make() -> None:
    assert PAGE.read_text() == page(kept()), "run python -m bench.page"


def test_every_kind_that_is_kept_has_its_section_with_the_command_that_made_it() -> None:
    text = page(kept())
    for each in kept():
        assert f"`{each['about']['command']}`, {each['about']['date']}" in text
    assert {each["kind"] for each in kept()} <= set(SECTIONS)


def test_every_target_stands_on_the_page_with_its_verdict() -> None:
    text = page(kept())
    found = [target for each in kept() for target in each["targets"]]
    assert found
    for target in found:
        said = "yes" if target["reached"] else "**no**"
        assert f"| {target['what']} | {target['wanted']} | {target['measured']} | {said} |" in text


def test_what_cannot_be_trusted_is_marked_and_latencies_of_a_late_generator_are_left_out() -> None:
    (table, *_) = [each for each in kept() if each["kind"] == "table"]
    row = table["groups"][0][1]
    row["headroom"], row["open"]["valid"] = 2.0, False
    row["open"]["accept"]["p50_ms"] = 123.4
    text = page([table])
    assert f"{row['title']}: generator and sink could do only 2.0 times as much" in text
    assert f"{row['title']}: the generator was late itself" in text
    assert "2.0 **!** |" in text
    assert "123.4" not in text


def test_what_a_server_said_cannot_break_a_table() -> None:
    (table, *_) = [each for each in kept() if each["kind"] == "table"]
    settings = dict.fromkeys(("endpoints", "body_bytes", "rate", "open_seconds", "seconds", "runs", "connections"), 1)
    compare = {
        "kind": "compare",
        "about": table["about"],
        "targets": [],
        "settings": settings,
        "rows": [{"name": "x", "error": "no | yes"}],
    }
    assert r"| x | not measured | no \| yes |" in page([compare])


@pytest.mark.parametrize(
    ("shares", "reached"),
    [((0.45, 0.45), [True, True]), ((0.449, 0.5), [False, True]), ((0.5, 0.44), [True, False])],
)
def test_the_table_is_judged_by_its_shares(shares: tuple[float, float], reached: list[bool]) -> None:
    figures = {
        key: {"share": {"median": share}, "rate": {"median": 1_000.0}}
        for key, share in zip(("door-standard", "send-1"), shares, strict=True)
    }
    assert [each.reached for each in targets.of_table(figures)] == reached


def test_databases_and_processes_are_judged_by_their_rates() -> None:
    figures = {
        key: {"share": {"median": 1.0}, "rate": {"median": rate}}
        for key, rate in {"send-1": 4_000.0, "send-1-pg": 1_999.0, "send-1-pg2": 3_300.0}.items()
    }
    judged = {each.what: each for each in targets.of_table(figures)}
    words = "published, delivered, recorded"
    assert not judged[f"{words}: PostgreSQL, one process, of SQLite"].reached
    assert judged[f"{words}: two processes, of one"].reached
    assert judged[f"{words}: two processes, of one"].measured == "1.65 times"
