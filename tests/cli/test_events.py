"""Events on the command line: found, shown whole, and harmless to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.running import GITHUB_SECRET

Ask = Callable[..., Any]


def _id(ask: Ask, status: str) -> str:
    (event,) = ask("events", "list", "--status", status)
    return str(event["id"])


def test_the_list_has_all_events_newest_first(worked: Path, ask: Ask) -> None:
    events = ask("events", "list")
    assert [event["status"] for event in events] == ["ignored", "failed", "processed"]
    assert [event["duplicates"] for event in events] == [0, 0, 1]
    assert {event["source"] for event in events} == {"github"}


def test_in_a_pipe_the_list_is_lines_with_tabs(run: Run, worked: Path) -> None:
    head, *rows = run("events", "list").out.splitlines()
    assert head.split("\t") == ["EVENT", "RECEIVED", "SOURCE", "TYPE", "STATUS", "DUPLICATES"]
    assert [row.split("\t")[3:] for row in rows] == [
        ["star.created", "ignored", "0"],
        ["push", "failed", "0"],
        ["push", "processed", "1"],
    ]


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        (["--status", "failed"], 1),
        (["--source", "github"], 3),
        (["--source", "open"], 0),
        (["--type", "push"], 2),
        (["--type", "star.*"], 1),
        (["--since", "1h"], 3),
        (["--since", "2020-01-01", "--until", "2020-01-02"], 0),
        (["--until", "1h"], 0),
        (["--limit", "2"], 2),
    ],
)
def test_filters_restrict_the_list(worked: Path, ask: Ask, filter: list[str], count: int) -> None:
    assert len(ask("events", "list", *filter)) == count


def test_the_next_page_begins_below_the_last_event(worked: Path, ask: Ask) -> None:
    all_ids = [event["id"] for event in ask("events", "list")]
    (first,) = ask("events", "list", "--limit", "1")
    rest = ask("events", "list", "--before", first["id"])
    assert [first["id"], *(event["id"] for event in rest)] == all_ids


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list", "--source", "nope"], 1, "there is no source 'nope'; there are github, open"),
        (["list", "--since", "yesterday"], 2, "--since is not a time; write"),
        (["list", "--type", "a*b"], 2, "pattern"),
        (["show", "msg_0"], 1, "there is no event msg_0"),
        (["replay", "msg_0"], 1, "there is no event msg_0"),
    ],
)
def test_what_is_not_there_is_said(run: Run, worked: Path, arguments: list[str], code: int, said: str) -> None:
    result = run("events", *arguments)
    assert said in result.err
    assert result.code == code


def test_a_page_tells_the_whole_story(run: Run, worked: Path, ask: Ask) -> None:
    page = run("events", "show", _id(ask, "failed")).out
    for part in (
        "  failed\n",
        "verified: the signature over the body matched",
        "POST /webhooks/github\n",
        "x-github-event: push\n",
        '{\n    "n": 1\n  }',
        "Delivery 1 of 1 to build  dead\n",
        "reason          exhausted\n",
        "Attempt 1  500 Internal Server Error in ",
    ):
        assert part in page
    assert "came again" not in page
    again = run("events", "show", _id(ask, "processed")).out
    assert "came again      1 times\n" in again
    assert '{\n      "ok": true\n    }' in again


def test_a_page_shows_what_a_stranger_sent_without_obeying_it(run: Run, worked: Path, ask: Ask) -> None:
    page = run("events", "show", _id(ask, "processed")).out
    assert not any(ord(character) < 0x20 and character != "\n" for character in page)
    assert not set(page) & set("\x7f\x9b\u202e")
    for shown in ("\\x9b31mred", "\\u001b[31mred", "\\u202ereversed", '"n": 1.10'):
        assert shown in page


def test_no_signature_and_no_secret_is_shown(run: Run, worked: Path, ask: Ask) -> None:
    event_id = _id(ask, "processed")
    page, told = run("events", "show", event_id).out, run("events", "show", event_id, "--json").out
    assert "x-hub-signature-256: [redacted]" in page
    for shown in (page, told):
        assert "sha256=" not in shown
        assert GITHUB_SECRET not in shown
        assert "not-a-real-api-key" not in shown


def test_json_has_the_same_story(run: Run, worked: Path, ask: Ask) -> None:
    story = ask("events", "show", _id(ask, "failed"))
    assert json.loads(story["request"]["body_text"]) == {"n": 1}
    (delivery,) = story["deliveries"]
    (attempt,) = delivery["attempts"]
    assert (delivery["state"], delivery["endpoint"], attempt["status"]) == ("dead", "build", 500)
