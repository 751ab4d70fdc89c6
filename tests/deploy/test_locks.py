"""The lock files agree with each other and with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def locked(name: str) -> dict[str, str]:
    """The version of every package of a lock file."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements" / f"{name}.lock").read_text(), re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    """What these requirements ask for."""
    return {re.split(r"[\[><=~ ]", each)[0].lower() for each in requirements}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_package_of_a_lock_file_has_hashes(path: Path) -> None:
    entries = re.split(r"\n(?=\S)", path.read_text().partition("scripts/lock\n")[2].strip())
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("extra", ["postgres", "dev"])
def test_an_extra_has_the_same_versions_of_what_everybody_has(extra: str) -> None:
    assert locked("base").items() <= locked(extra).items(), "run scripts/lock"


@pytest.mark.parametrize("extra", ["postgres", "dev"])
def test_all_that_an_extra_asks_for_is_locked(extra: str) -> None:
    asked = names(PROJECT["project"]["optional-dependencies"][extra]) - {"hookline"}
    assert asked <= set(locked(extra)), "run scripts/lock"
    assert names(PROJECT["project"]["dependencies"]) <= set(locked("base")), "run scripts/lock"


def test_the_wheel_is_made_with_what_the_project_names() -> None:
    (wanted,) = PROJECT["build-system"]["requires"]
    name, _, version = wanted.partition("==")
    assert locked("build")[name] == version, "run scripts/lock"
