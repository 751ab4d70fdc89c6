"""Refused requests: looked at, and accepted once the configuration is mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

Ask = Callable[..., Any]


def _id(ask: Ask, cause: str) -> str:
    (rejection,) = ask("rejections", "list", "--cause", cause)
    return str(rejection["id"])


def test_the_list_has_all_rejections_with_their_cause(run: Run, worked: Path, ask: Ask) -> None:
    assert [one["cause"] for one in ask("rejections", "list")] == ["unknown_source", "bad_signature"]
    assert [one["cause"] for one in ask("rejections", "list", "--source", "github")] == ["bad_signature"]
    assert len(ask("rejections", "list", "--limit", "1")) == 1
    assert run("rejections", "list").out.splitlines()[0].split("\t")[4] == "CAUSE"


def test_a_page_says_why_it_was_refused(run: Run, worked: Path, ask: Ask) -> None:
    page = run("rejections", "show", _id(ask, "bad_signature")).out
    for part in ("  bad_signature\n", "answered        401\n", "x-github-event: push", '"n": 3'):
        assert part in page
    assert "sha256=" not in page


def test_a_request_that_is_still_wrong_stays_refused(run: Run, worked: Path, ask: Ask) -> None:
    result = run("rejections", "accept", _id(ask, "bad_signature"))
    assert result.code == 1
    assert "signature" in result.err
    assert len(ask("events", "list")) == 3


def test_a_mended_configuration_lets_a_request_in(run: Run, worked: Path, ask: Ask) -> None:
    path = worked / "hookline.yaml"
    path.write_text(path.read_text().replace('["env:GITHUB_WEBHOOK_SECRET"]', '["not-the-secret-of-github-0123"]'))
    assert run("apply").code == 0
    rejection_id = _id(ask, "bad_signature")
    accepted = ask("rejections", "accept", rejection_id)
    assert (accepted["status"], accepted["duplicate"], accepted["deliveries"]) == ("pending", False, 1)
    assert ask("rejections", "show", rejection_id)["event_id"] == accepted["event_id"]
    assert ask("events", "show", accepted["event_id"])["request"]["body_text"] == '{"n":3}'


def test_what_is_not_there_is_said(run: Run, worked: Path) -> None:
    for command in ("show", "accept"):
        result = run("rejections", command, "rej_0")
        assert (result.code, result.err) == (1, "Error: there is no rejection rej_0\n")
