"""Sending again: one event or many, never by mistake."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hookline.cli.place import Place
from hookline.cli.replay import push
from hookline.config.settings import load_settings
from hookline.core import ids
from hookline.core.model import DEFAULT_ORG, Event, Request
from hookline.storage.base import Draft, EventFilter
from hookline.storage.replays import EVENTS_PER_STEP
from hookline.storage.store import open_store
from tests.cli.conftest import Run
from tests.cli.running import COMMAND, SERVER_SECRET, environment

Ask = Callable[..., Any]


def _status(ask: Ask, event_id: str) -> str:
    return str(ask("events", "show", event_id)["status"])


def _ids(ask: Ask, *filter: str) -> list[str]:
    return [event["id"] for event in ask("events", "list", *filter)]


def test_one_event_is_owed_again(run: Run, worked: Path, ask: Ask) -> None:
    (failed,) = _ids(ask, "--status", "failed")
    result = run("events", "replay", failed)
    assert (result.code, result.out) == (0, f"{failed} is sent again: 1 delivery.\n")
    assert _status(ask, failed) == "processing"
    assert ask("events", "replay", failed) == {"event_id": failed, "deliveries": 0}  # it comes anyway


def test_one_event_can_be_sent_where_it_was_not_wanted(run: Run, worked: Path, ask: Ask) -> None:
    (ignored,) = _ids(ask, "--status", "ignored")
    assert "wanted nowhere" in run("events", "replay", ignored).out
    assert ask("events", "replay", ignored, "--endpoint", "build")["deliveries"] == 1


def test_a_dry_run_says_how_many_and_does_nothing(run: Run, worked: Path, ask: Ask) -> None:
    told = ask("events", "replay", "--source", "github", "--dry-run")
    assert (told["dry_run"], told["events"]) == (True, 3)
    assert told["oldest_at"] <= told["newest_at"]
    assert run("events", "replay", "--status", "failed", "--dry-run").out.startswith("1 event, received from 20")
    assert len(_ids(ask, "--status", "failed")) == 1


def test_without_a_person_to_ask_yes_is_needed(run: Run, worked: Path, ask: Ask) -> None:
    result = run("events", "replay", "--type", "push")
    assert result.code == 2
    assert "2 events would be sent again; confirm with --yes" in result.err
    assert len(_ids(ask, "--status", "failed")) == 1


def test_all_that_a_filter_selects_is_owed_again(run: Run, worked: Path, ask: Ask) -> None:
    result = run("events", "replay", "--type", "push", "--yes")
    assert result.code == 0
    assert result.out.endswith("Done: 2 deliveries owed again.\n")
    assert len(_ids(ask, "--status", "processing")) == 2


def test_json_tells_how_the_replay_ended(worked: Path, ask: Ask) -> None:
    told = ask("events", "replay", "--endpoint", "github/build", "--status", "failed", "--yes")
    assert (told["state"], told["total"], told["seen"], told["replayed"]) == ("done", 1, 1, 1)
    assert told["filter"]["status"] == "failed"


def test_a_filter_that_selects_nothing_begins_nothing(run: Run, worked: Path) -> None:
    result = run("events", "replay", "--status", "needs_review", "--yes")
    assert (result.code, result.out) == (0, "No event matches.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say which events"),
        (["msg_1", "--status", "failed"], "not both"),
        (["msg_1", "--dry-run"], "not both"),
        (["--endpoint", "build", "--yes"], "write the endpoint with its source, as in github/build"),
        (["--endpoint", "github/build", "--source", "open", "--yes"], "not of the source that --source names"),
    ],
)
def test_a_replay_that_is_not_clear_is_not_begun(run: Run, worked: Path, arguments: list[str], said: str) -> None:
    result = run("events", "replay", *arguments)
    assert result.code == 2
    assert said in result.err


@pytest.mark.parametrize(("answer", "code", "failed"), [(b"n\n", 1, 1), (b"y\n", 0, 0)])
def test_a_person_at_a_terminal_is_asked(worked: Path, ask: Ask, answer: bytes, code: int, failed: int) -> None:
    terminal, of_command = pty.openpty()
    command = subprocess.Popen(
        [*COMMAND, "events", "replay", "--status", "failed"],
        stdin=of_command,
        stdout=of_command,
        stderr=of_command,
        env=environment(TERM="xterm"),
    )
    os.close(of_command)
    os.write(terminal, answer)
    seen = b""
    while part := _read(terminal):
        seen += part
    os.close(terminal)
    assert command.wait(20) == code
    assert b"1 event, received from" in seen
    assert b"Send them again? [y/N]" in seen
    assert (b"nothing was done" in seen) == (code == 1)
    assert len(_ids(ask, "--status", "failed")) == failed


async def test_a_replay_that_a_person_interrupts_is_cancelled_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store("sqlite://:memory:", SERVER_SECRET)
    place = Place(load_settings({}, {}), None, store, {})
    request = Request("POST", "/webhooks/open", b"", (), {}, b"{}")
    drafts = [
        Draft(Event(ids.make(ids.EVENT, 1000 + n, bytes(10)), DEFAULT_ORG, "src_1", "x", 1000 + n, "", request))
        for n in range(EVENTS_PER_STEP + 50)
    ]
    await asyncio.gather(*map(store.events.accept, drafts))
    job = await store.replays.start(DEFAULT_ORG, EventFilter(source_id="src_1"), place.clock.now_ms())
    pushing = asyncio.create_task(push(place, job, quiet=True))
    await asyncio.sleep(0)  # the first step is under way
    pushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pushing
    left = await store.replays.get(DEFAULT_ORG, job.id)
    assert left is not None
    assert (left.state, left.seen, left.total) == ("cancelled", EVENTS_PER_STEP, EVENTS_PER_STEP + 50)
    assert f"Cancelled after {EVENTS_PER_STEP} of {EVENTS_PER_STEP + 50} events" in capsys.readouterr().err
    await store.close()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the command has closed its side
        return b""
