"""Nothing in the files that people deploy with is invented: settings, commands, paths, ports and versions exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hookline.app import FOR_MACHINES
from hookline.cli.main import command
from hookline.config.settings import SETTINGS, Settings, load_settings
from tests.deploy import deployed
from tests.docs.pages import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PORT = Settings().port


@pytest.mark.parametrize("path", deployed.FILES, ids=lambda path: str(path.name))
def test_every_variable_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"\bHOOKLINE_[A-Z_]+", path.read_text()))
    assert named <= {setting.variable for setting in SETTINGS}


@pytest.mark.parametrize("place", deployed.settings())
def test_every_value_is_one_that_the_setting_may_have(place: str) -> None:
    assert load_settings({}, deployed.settings()[place]).warnings == ()


@pytest.mark.parametrize("words", deployed.commands(), ids=" ".join)
def test_every_command_exists_with_its_options(words: list[str]) -> None:
    one: Any = command()
    context = one.make_context("hookline", [], resilient_parsing=True)
    left = list(words)
    while hasattr(one, "load") or hasattr(one, "commands"):
        one = one.load() if hasattr(one, "load") else one.commands[left.pop(0)]
    assert one.make_context(one.name, left, parent=context) is not None


def test_the_pages_run_commands_of_every_kind() -> None:
    assert {words[0] for words in deployed.commands()} == {"serve", "migrate", "apply", "token", "events"}


@pytest.mark.parametrize("path", deployed.FILES, ids=lambda path: str(path.name))
def test_every_image_has_a_version_and_no_registry(path: Path) -> None:
    for image in re.findall(r"^(?:FROM|\s*image:|-? *image:) *(\S+)", path.read_text(), re.MULTILINE):
        assert re.fullmatch(r"[a-z]+:[\w.-]+", image)
    for version in re.findall(r"\bhookline:(\d[\w.-]*)", path.read_text()):
        assert version == VERSION


def test_the_port_is_the_same_everywhere() -> None:
    assert int(deployed.IMAGE.the("EXPOSE").text) == PORT
    assert int(deployed.IMAGE.environment["HOOKLINE_PORT"]) == PORT
    assert {port.rpartition(":")[2] for node in deployed.nodes().values() for port in node["ports"]} == {str(PORT)}
    for pod in deployed.servers().values():
        assert deployed.container(pod)["ports"] == [{"name": "http", "containerPort": PORT}]
    for path in deployed.FILES:
        asked = re.findall(r"(?:127\.0\.0\.1:|'127\.0\.0\.1', )(\d+)", path.read_text())
        assert set(asked) <= {str(PORT), str(PORT + 1)}


def test_every_path_that_is_asked_for_health_exists() -> None:
    asked = set()
    for path in deployed.FILES:
        asked |= set(re.findall(r"(/\w+z)\b", path.read_text()))
    assert asked == FOR_MACHINES - {"/metrics"}
