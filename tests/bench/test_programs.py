"""The programs run from end to end, for an instant, and say what they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.report import Report
from bench.requests import token
from bench.sink_client import SinkClient
from rich.console import Console

from bench import backlog, report, scenario, steady, storm
from tests.bench.conftest import Running


def run(tmp_path: Path, *words: str) -> Report:
    """The one report that a program writes. Whether its targets were reached is another question."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", *words, f"--json={file}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert file.exists(), done.stdout + done.stderr
    (found,) = report.read([file])
    assert found["about"]["command"] == " ".join(["python", "-m", *words])
    return found


def test_the_table_has_a_floor_beside_every_figure(tmp_path: Path) -> None:
    words = ("--seconds", "0.5", "--runs", "1", "--open-seconds", "0.3")
    found = run(tmp_path, "bench", "--only", "send-1-16k", *words)
    ((floor, send),) = found["groups"]
    assert (floor["key"], send["key"]) == ("floor-1-16k", "send-1-16k")
    assert floor["share"]["median"] == 1
    assert send["share"]["median"] == pytest.approx(send["rate"]["median"] / floor["rate"]["median"], rel=0.01)
    for row in (floor, send):
        assert (row["not_ok"], row["open"]["missing"]) == ({}, 0)
        assert row["open"]["arrived"]["count"] == row["open"]["accept"]["count"] > 0
        assert 0 < row["open"]["arrived"]["p50_ms"] <= row["open"]["arrived"]["p99_ms"]
        assert row["headroom"] > 0
    assert send["rate"]["median"] < send["accept_rate"]  # the last one is recorded after the last answer
    (capacity,) = found["capacities"]
    assert capacity["body_bytes"] == 16_384
    assert capacity["rate"] > floor["rate"]["median"]


def test_another_server_is_measured_beside_ours(tmp_path: Path, hookline: Running, receiver: SinkClient) -> None:
    system = f"svix={hookline.address},{token()}"
    words = ("--seconds", "0.5", "--runs", "1", "--open-seconds", "0.3", "--endpoints", "2", "--patience", "3")
    file = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "bench",
        "compare",
        "--system",
        system,
        "--system",
        "gone:svix=http://127.0.0.1:9,x",
    ]
    done = subprocess.run(
        [*command, *words, f"--json={file}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = report.read([file])
    floor, ours, other, gone = found["rows"]
    assert [row["name"] for row in (floor, ours, other)] == ["floor (echo and sender)", "hookline", "svix"]
    for row in (floor, ours, other):
        assert (row["error"], row["missing"], row["not_ok"]) == ("", 0, {})
        assert row["arrived"]["count"] == 2 * row["accept"]["count"] > 0
    assert 0 < other["share"] < floor["share"] == 1
    assert "refused" in gone["error"]
    assert token() not in file.read_text()
    assert "svix=http://" in found["about"]["command"]
    assert ",TOKEN" in found["about"]["command"]


def test_in_a_storm_both_questions_are_asked_before_and_in_it() -> None:
    words = ("--seconds", "0.5", "--runs", "1", "--messages", "20", "--wait", "0.2", "--endpoints", "3")
    found = storm.measure(storm.options(words), Console(quiet=True))
    never, as_it_is = found["ways"]
    assert never["before"]["failing_rate"] == 0 < never["storm"]["failing_rate"]
    assert never["storm"]["owed"] == as_it_is["storm"]["owed"] == 60
    for way in (never, as_it_is):
        for seen in (way["before"], way["storm"]):
            assert (seen["missing"], seen["not_ok"]) == (0, {})
            assert seen["healthy"]["count"] > 3
            assert seen["accept_rate"] > 0
        assert way["keeps"] == pytest.approx(way["storm"]["accept_rate"] / way["before"]["accept_rate"], rel=0.01)
    assert len(found["targets"]) == 6


def test_a_backlog_is_drained_while_more_is_accepted() -> None:
    found = backlog.measure(backlog.options(["--deliveries=3000", "--run=0.3"]), Console(quiet=True))
    assert found["left"] <= 100
    for name in ("waiting", "draining"):
        assert found[name]["accept_rate"] > 0
        assert found[name]["healthy"]["count"] > 10
        assert (found[name]["missing"], found[name]["not_ok"]) == (0, {})
    assert found["waiting"]["drain_rate"] == 0
    assert found["draining"]["looks"] >= 1
    assert 0 < found["waiting_mb"] <= found["peak_mb"]


def test_a_steady_load_is_watched() -> None:
    found = steady.measure(steady.options(["--seconds=0.5", "--rate=800", "--arrival=constant"]), Console(quiet=True))
    assert found["sent"] == found["accept"]["count"] == found["arrived"]["count"] == 400
    assert found["missing"] == 0
    assert found["file_mb"] > 0.4
    assert len(found["curve"]) >= 2
    assert [target["reached"] for target in found["targets"] if target["wanted"] == "all"] == [True]


def test_only_names_keys_or_their_beginnings() -> None:
    def keys(**options: Any) -> list[str]:
        return [one.key for group in scenario.wanted(**options) for one in group.all]

    assert keys(full=False, postgres=False, only="send-1") == ["floor-1", "send-1"]
    assert keys(full=False, postgres=False, only="send-10,floor-1-16k") == ["floor-10", "send-10", "floor-1-16k"]
    assert "door-sdk" in keys(full=False, postgres=False, only="door-s")
    quick = keys(full=False, postgres=False, only="")
    assert set(quick) >= {"echo", "door-github", "door-standard", "floor-100", "send-100"}
    assert not [key for key in quick if key.endswith(("-pg", "-16k"))]
    assert set(keys(full=False, postgres=True, only="")) - set(quick) == {
        "door-standard-pg",
        "door-standard-pg2",
        "send-1-pg",
        "send-1-pg2",
    }
    assert len(keys(full=True, postgres=False, only="")) == len(set(keys(full=True, postgres=False, only="")))
    with pytest.raises(ValueError, match="names none of echo"):
        scenario.wanted(full=False, postgres=False, only="nothing")


def test_figures_are_kept_with_four_digits(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    report.write([{"kind": "idle", "small": 0.123456, "large": 123456.7, "list": [1.00001]}], file)
    assert json.loads(file.read_text()) == {
        "reports": [{"kind": "idle", "small": 0.1235, "large": 123457, "list": [1.0]}]
    }


def test_a_program_that_was_given_no_words_has_none_to_report() -> None:
    assert report._without_json([]) == []
    assert report._without_json(["--json", "x.json", "--runs=2", "--json=y"]) == ["--runs=2"]
