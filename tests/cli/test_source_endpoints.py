"""The endpoints of a source are created, changed and deleted from the command line, unless the file has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask, Run

URL = "https://ci.example.com/hooks"
CREATE = ("endpoints", "create", "--source", "github", "--name", "deploy", "--url", URL)


def test_an_endpoint_of_a_source_is_created_changed_and_deleted(run: Run, worked: Path, ask: Ask) -> None:
    endpoint_id, secret = run(*CREATE, "--event-type", "push", "--header", "X-Team: blue").out.splitlines()
    assert run("endpoints", "secret", "github/deploy").out == f"{secret}\n"
    assert run("endpoints", "update", "github/deploy", "--rate", "5/s", "--header", "X-Team:").code == 0
    shown = ask("endpoints", "show", endpoint_id)
    assert (shown["events"], shown["rate_limit"], shown["headers"]) == (["push"], "5/s", {})
    assert run("endpoints", "delete", "github/deploy", "--yes").out == "github/deploy is deleted.\n"
    assert [one["name"] for one in ask("endpoints", "list")] == ["build"]


def test_what_the_file_says_is_changed_in_the_file(run: Run, worked: Path) -> None:
    for words in (["update", "github/build", "--rate", "5/s"], ["delete", "github/build", "--yes"]):
        result = run("endpoints", *words, "--json")
        assert (result.code, '"code": "managed_by_file"' in result.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([*CREATE, "--uid", "x"], 2, "--uid: only endpoints of applications have it"),
        ([*CREATE, "--channel", "x"], 2, "--channel: only endpoints of applications have it"),
        (["endpoints", "create", "--source", "github", "--url", URL], 2, "--name: give the endpoint a name"),
        (["endpoints", "create", "--source", "nope", "--name", "x", "--url", URL], 1, "there is no source 'nope'"),
        (["endpoints", "create", "--source", "github", "--name", "x"], 2, "--url: this key is required"),
        (["endpoints", "rotate", "github/build"], 1, "are rotated by naming two of them in `secrets`"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, worked: Path, arguments: list[str], code: int, said: str) -> None:
    result = run(*arguments)
    assert said in result.err
    assert result.code == code
