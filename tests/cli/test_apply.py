"""plan, apply and drift tell the truth about hookline.yaml and the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run
from tests.cli.making import write_file


def test_a_plan_changes_nothing_and_makes_nothing(run: Run, home: Path) -> None:
    write_file(home)
    result = run("plan")
    assert result.out == (
        "+ create source github\n+ create endpoint github/build\n+ create source open\nTo do: 3 create.\n"
    )
    assert result.code == 0
    assert [path.name for path in home.iterdir()] == ["hookline.yaml"]


def test_what_was_applied_is_there_and_applying_it_again_changes_nothing(run: Run, home: Path) -> None:
    write_file(home)
    assert run("apply").out == (
        "+ created source github\n+ created endpoint github/build\n+ created source open\nDone: 3 created.\n"
    )
    again = run("apply")
    assert again.out.splitlines()[-1] == "Nothing to do."
    assert (again.code, run("drift").code, run("plan").code) == (0, 0, 0)


def test_a_change_is_told_by_its_fields_but_never_by_its_values(run: Run, home: Path, ask: Callable[..., Any]) -> None:
    path = write_file(home)
    run("apply")
    path.write_text(path.read_text().replace("127.0.0.1:9", "127.0.0.1:10").replace("not-a-real-api-key", "other"))
    result = run("drift")
    assert result.code == 1
    assert "~ update endpoint github/build (url, headers)\n" in result.out
    (change,) = [change for change in ask("apply") if change["action"] != "unchanged"]
    assert change == {
        "action": "updated",
        "kind": "endpoint",
        "name": "github/build",
        "fields": ["url", "headers"],
    }


def test_a_dry_run_is_a_plan(run: Run, home: Path) -> None:
    write_file(home)
    assert run("apply", "--dry-run").out == run("plan").out
    assert run("events", "list").code == 5  # there is no database yet


def test_what_the_file_does_not_name_stays_until_it_is_pruned(run: Run, home: Path) -> None:
    path = write_file(home)
    run("apply")
    path.write_text("version: 1\nsources:\n  - name: open\n    provider: none\n")
    assert run("drift").code == 1
    assert "! extra source github (not in the file; --prune removes it)\n" in run("apply").out
    assert "- delete source github\n" in run("plan", "--prune").out
    assert "- deleted source github\n" in run("apply", "--prune").out
    assert run("drift").code == 0


def test_the_file_may_have_any_name(run: Run, home: Path) -> None:
    write_file(home).rename(home / "other.yaml")
    absent = run("apply")
    assert absent.code == 3
    assert "write one with `hookline init`, or name it with --file" in absent.err
    assert run("apply", "-f", "other.yaml").code == 0


def test_a_file_that_is_wrong_makes_nothing(run: Run, home: Path) -> None:
    (home / "hookline.yaml").write_text("version: 1\nsources:\n  - name: x\n    provider: githb\n")
    result = run("apply")
    assert result.code == 3
    assert "hookline.yaml:4 sources[0].provider" in result.err
    assert not (home / "hookline-data").exists()
