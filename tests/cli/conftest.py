"""``hookline`` in this process, in a folder of its own; where a server has worked before when a test asks for it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hookline.cli.main import main
from tests.cli import sending
from tests.cli.making import make
from tests.cli.running import Result, environment

Run: TypeAlias = Callable[..., Result]
Ask: TypeAlias = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no variables but those of these tests."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    asyncio.run(make(folder))
    return folder


@pytest.fixture
def worked(home: Path, made: Path) -> Path:
    """The working folder of a server that has worked and is stopped."""
    shutil.copytree(made, home, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="session")
def made_sending(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sending")
    asyncio.run(sending.make(folder))
    return folder


@pytest.fixture
def sent(home: Path, made_sending: Path) -> Path:
    """The working folder of a server that has sent messages and is stopped."""
    shutil.copytree(made_sending, home, dirs_exist_ok=True)
    return home


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("events", "list")``: the exit code and what was printed. No error may end in a traceback."""

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Result(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """``ask("events", "list")``: what the command prints with ``--json``."""

    def ask(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.code == 0, result.err
        return json.loads(result.out)

    return ask
