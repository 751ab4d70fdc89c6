"""Sources and endpoints on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

Ask = Callable[..., Any]


def test_sources_are_listed_by_name(run: Run, worked: Path, ask: Ask) -> None:
    assert [source["name"] for source in ask("sources", "list")] == ["github", "open"]
    rows = [line.split("\t") for line in run("sources", "list").out.splitlines()]
    assert rows[1] == ["github", "github", "active", "1", "/webhooks/github", "file", "platform-team"]


def test_a_source_is_shown_with_its_endpoints(run: Run, worked: Path, ask: Ask) -> None:
    page = run("sources", "show", "github").out
    for part in ("Source github  active\n", "Endpoint build  active\n", "push, pull_request.*\n", "platform-team\n"):
        assert part in page
    shown = ask("sources", "show", "github")
    assert shown["secrets"] == ["(hidden)"]
    assert [endpoint["name"] for endpoint in shown["endpoints"]] == ["build"]
    assert ask("sources", "show", shown["id"]) == shown


def test_endpoints_are_listed_with_what_they_are_owed(run: Run, worked: Path, ask: Ask) -> None:
    run("events", "replay", "--status", "failed", "--yes")
    (endpoint,) = ask("endpoints", "list", "--source", "github")
    assert (endpoint["name"], endpoint["state"], endpoint["owed"]) == ("build", "active", 1)
    assert ask("endpoints", "list", "--source", "open") == []
    assert run("endpoints", "list").out.splitlines()[1].split("\t")[:3] == ["github/build", "active", "1"]


def test_an_endpoint_is_paused_and_resumed(run: Run, worked: Path, ask: Ask) -> None:
    assert run("endpoints", "pause", "github/build").out == "build is paused.\n"
    (endpoint,) = ask("endpoints", "list")
    assert (endpoint["state"], endpoint["state_reason"]) == ("paused", "paused from the command line")
    assert ask("endpoints", "resume", endpoint["id"])["state"] == "active"


def test_an_endpoint_that_the_configuration_disables_cannot_be_resumed(run: Run, worked: Path) -> None:
    path = worked / "hookline.yaml"
    path.write_text(path.read_text().replace("- name: build", "- name: build\n        enabled: false"))
    assert run("apply").code == 0
    result = run("endpoints", "resume", "github/build")
    assert result.code == 1
    assert "set `enabled: true` there" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sources", "show", "nope"], 1, "there is no source 'nope'; there are github, open"),
        (["endpoints", "pause", "github/nope"], 1, "there is no endpoint 'nope' at github"),
        (["endpoints", "pause", "nope/build"], 1, "there is no source 'nope'"),
        (["endpoints", "pause", "ep_0"], 1, "there is no endpoint ep_0"),
        (["endpoints", "pause", "build"], 2, "write the endpoint with its source, as in github/build"),
    ],
)
def test_what_is_not_there_is_said(run: Run, worked: Path, arguments: list[str], code: int, said: str) -> None:
    result = run(*arguments)
    assert said in result.err
    assert result.code == code


def test_another_organisation_sees_nothing(worked: Path, ask: Ask, run: Run) -> None:
    assert ask("sources", "list", "--organisation", "org_other") == []
    assert ask("events", "list", "--organisation", "org_other") == []
    (event, *_) = ask("events", "list")
    assert run("events", "show", event["id"], "--organisation", "org_other").code == 1
