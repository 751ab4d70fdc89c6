"""The page docs/reference/cli.md says what ``--help`` says: every command, every option, every exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hookline.cli.exits import Exit
from hookline.cli.reference import commands, page
from tests.cli.conftest import Run

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
PATHS = [path for path, _, _ in commands()]


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == page(), "run `python -m hookline.cli.reference > docs/reference/cli.md`"


@pytest.mark.parametrize("path", PATHS)
def test_every_command_and_option_is_documented(run: Run, path: str) -> None:
    help = run(*path.split()[1:], "--help").out
    section = re.search(rf"^##+ {path}\n(.*?)(?=^##+ |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    documented = set(re.findall(r"--[a-z][a-z-]*", section[1]))
    offered = set(re.findall(r"^\s+(?:-\w, )?(--[a-z][a-z-]*)", help, re.MULTILINE))
    assert offered - {"--help"} <= documented
    for word in re.findall(r"^\| `[^`]+` \| (.+) \|$", section[1], re.MULTILINE):
        assert word.replace("\\|", "|")[:40].replace(" ", "") in re.sub(r"\s", "", help).replace("│", "")


def test_every_exit_code_is_documented() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [int(code) for code, _ in rows] == [int(code) for code in Exit]
