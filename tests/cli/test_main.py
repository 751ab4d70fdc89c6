"""The command as a whole: it is quick, it teaches, and it never shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hookline.cli.main import COMMANDS, Lazy, command
from tests.cli.conftest import Run
from tests.cli.running import COMMAND, environment


def test_help_loads_no_command() -> None:
    script = (
        "import sys; from hookline.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*[name for name in sys.modules if name.startswith('hookline.')], sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert loaded <= {
        "hookline.cli",
        "hookline.cli.main",
        "hookline.cli.exits",
        "hookline.cli.group",
        "hookline.core",
        "hookline.core.errors",
    }
    assert all(name in done.stdout for name, _, _ in COMMANDS)


def test_the_summary_of_every_command_is_what_the_command_says() -> None:
    for one in command().commands.values():
        assert isinstance(one, Lazy)
        assert one.help == one.load().help.partition("\n")[0], one.name


def test_python_dash_m_is_the_same_command(home: Path) -> None:
    done = subprocess.run([*COMMAND, "version"], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == "hookline 0.1.0\n"


def test_a_slip_in_a_command_is_recognised(run: Run) -> None:
    result = run("rejectons", "list")
    assert result.code == 2
    assert result.err == "Error: No such command 'rejectons'. Did you mean 'rejections'?; see `hookline --help`\n"
    assert result.out == ""


def test_without_a_command_the_help_is_shown_as_wrong_usage(run: Run) -> None:
    for arguments in ([], ["events"]):
        result = run(*arguments)
        assert result.code == 2
        assert "Commands:" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["events", "show"], "Missing argument 'ID'; see `hookline events show --help`"),
        (["events", "list", "--limt", "3"], "No such option: --limt (Possible options: --limit)"),
        (["events", "list", "--limit", "0"], "--limit"),
        (["events", "list", "--status", "great"], "--status"),
    ],
)
def test_what_cannot_be_understood_ends_with_2_and_says_why(run: Run, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert said in result.err


def test_errors_are_json_when_json_is_asked_for(run: Run) -> None:
    usage = run("events", "show", "--json")
    assert json.loads(usage.err)["code"] == "usage"
    absent = run("events", "list", "--json")
    assert absent.code == 5
    told: dict[str, Any] = json.loads(absent.err)
    assert told["code"] == "store_unavailable"
    assert "there is no database at sqlite:///hookline-data/hookline.db" in told["detail"]


def test_a_command_that_only_looks_makes_nothing(run: Run, home: Path) -> None:
    for arguments in (["events", "list"], ["sources", "list"], ["export"], ["rejections", "list"]):
        assert run(*arguments).code == 5
    assert list(home.iterdir()) == []


def test_a_reader_that_has_had_enough_is_no_error(worked: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "events", "list", "--json"], stdout=writing, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_version_says_the_version(run: Run) -> None:
    assert run("version").out == "hookline 0.1.0\n"
    assert json.loads(run("version", "--json").out)["version"] == "0.1.0"


@pytest.mark.parametrize(
    "module", ["applications", "application_endpoints", "endpoints", "event_types", "messages", "source_endpoints"]
)
def test_a_command_that_only_looks_loads_no_web_framework(module: str) -> None:
    script = f"import sys, hookline.cli.{module}; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
