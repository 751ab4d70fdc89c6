"""`hookline demo --once`: everything ends as it should, and JSON, plain lines and the live table say so."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hookline.cli.demo.programme import PROGRAMME
from hookline.cli.place import opened
from hookline.storage.base import EventFilter
from tests.cli_demo.running import left_behind, running, secrets_in
from tests.cli_demo.terminal import Terminal


@dataclass
class Once:
    """What three runs, all at the same time, had to say."""

    folder: Path
    kept: Path
    code: int
    output: str
    errors: str
    plain: tuple[int, str, str]
    terminal: tuple[int, str]

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output)
        return found

    def event(self, key: str) -> dict[str, Any]:
        """What was seen of one webhook."""
        found: dict[str, Any] = next(each for each in self.summary["events"] if each["key"] == key)
        return found


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Once]:
    folder = tmp_path_factory.mktemp("demo")
    kept = folder / "kept"
    # Whatever else is configured on this machine is no concern of the demo's.
    hostile = {"HOOKLINE_DATABASE_URL": "postgresql://nowhere.invalid/x", "HOOKLINE_SECRET": "too-short"}
    (folder / "hookline.yaml").write_text("this is: [not a configuration")
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        as_json = stack.enter_context(
            running(folder, "--once", "--json", "--port", "0", "--keep", str(kept), **hostile)
        )
        plain = stack.enter_context(running(folder, "--once", "--port", str(taken.getsockname()[1])))
        terminal = Terminal(folder, "--once", "--port", "0")
        code, output, errors = as_json.wait()
        yield Once(folder, kept, code, output, errors, plain.wait(), terminal.wait())


def test_it_ends_with_0_and_one_json_document(once: Once) -> None:
    assert (once.code, once.errors) == (0, "")
    assert once.summary["ok"] is True
    assert once.summary["wrong"] == []


def test_it_takes_only_some_seconds(once: Once) -> None:
    assert once.summary["took_ms"] < 6_000


def test_it_counts_what_happened(once: Once) -> None:
    counts = {name: value for name, value in once.summary.items() if isinstance(value, int)}
    assert counts == {
        "ok": True,
        "sent": 14,
        "processed": 11,
        "rejected": 2,
        "duplicates": 1,
        "retried": 1,
        "dead_lettered": 1,
        "replayed": 1,
        "handshakes": 1,
        "attempts": 15,
    }


def test_every_webhook_of_the_programme_is_in_it_and_as_it_should_be(once: Once) -> None:
    events = once.summary["events"]
    assert [event["key"] for event in events] == [act.key for act in PROGRAMME]
    assert [event["problems"] for event in events if not event["ok"]] == []
    assert {event["provider"] for event in events} == {"github", "stripe", "shopify", "slack", "standard_webhooks"}


@pytest.mark.parametrize("key", [act.key for act in PROGRAMME if act.ending == "delivered"])
def test_genuine_webhooks_are_processed_at_the_first_try(once: Once, key: str) -> None:
    event = once.event(key)
    assert (event["door_status"], event["status"], event["verification"]) == (200, "processed", "verified")
    assert [(made["number"], made["status"], made["state"]) for made in event["attempts"]] == [(1, 200, "delivered")]
    assert (event["deliveries"], event["duplicates"], event["arrived"]) == (1, 0, 1)
    assert event["stored_intact"] and event["arrived_intact"] and event["signature_verified"]


@pytest.mark.parametrize(("key", "cause"), [("github-tampered", "bad_signature"), ("stripe-stale", "stale_timestamp")])
def test_forged_and_stale_webhooks_are_rejected_and_kept(once: Once, key: str, cause: str) -> None:
    event = once.event(key)
    assert (event["door_status"], event["door_code"]) == (401, cause)
    assert (event["event_id"], event["arrived"], event["rejection_kept"]) == ("", 0, True)


def test_a_duplicate_is_counted_and_delivered_once(once: Once) -> None:
    event = once.event("shopify-duplicate")
    assert (event["duplicates"], event["deliveries"], event["arrived"]) == (1, 1, 1)
    assert event["same_event_twice"] is True


def test_a_receiver_that_fails_twice_gets_it_at_the_third_try(once: Once) -> None:
    event = once.event("stripe-retried")
    assert [(made["status"], made["state"]) for made in event["attempts"]] == [
        (500, "waiting"),
        (503, "waiting"),
        (200, "delivered"),
    ]
    assert (event["dead_lettered"], event["arrived"], event["arrived_intact"]) == (False, 3, True)


def test_a_receiver_that_never_answers_gets_it_by_a_replay(once: Once) -> None:
    event = once.event("standard-webhooks-revived")
    assert [(made["status"], made["error"], made["state"]) for made in event["attempts"]] == [
        (0, "timeout", "waiting"),
        (0, "timeout", "dead"),
        (200, "", "delivered"),
    ]
    assert (event["dead_lettered"], event["replayed"], event["status"]) == (True, 1, "processed")


def test_slack_gets_its_challenge_back_and_no_event_is_stored(once: Once) -> None:
    event = once.event("slack-handshake")
    assert (event["door_status"], event["answered_right"], event["event_id"]) == (200, True, "")


def test_no_secret_is_in_what_it_says(once: Once) -> None:
    secrets = secrets_in(once.kept)
    assert len(secrets) == 8
    for text in (once.output, once.errors):
        assert [secret for secret in secrets if secret in text or secret.removeprefix("whsec_") in text] == []


def test_the_kept_folder_is_readable_by_its_owner_only(once: Once) -> None:
    assert once.kept.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (once.kept / "secrets").iterdir()} == {0o600}


async def test_other_commands_find_the_kept_events_by_its_configuration(once: Once) -> None:
    async with opened({"config": str(once.kept / "hookline.yaml")}) as place:
        events = await place.store.events.find(place.org_id, EventFilter())
    assert Counter(event.status for event in events) == {"processed": 11}


def test_in_a_pipe_there_is_a_plain_line_for_each_webhook(once: Once) -> None:
    code, output, errors = once.plain
    assert (code, errors) == (0, "")
    lines = [line for line in output.splitlines() if line.startswith("ok ")]
    assert len(lines) == len(PROGRAMME)
    assert any(line.split()[1:5] == ["GitHub", "push", "200", "processed"] for line in lines)
    assert "\x1b" not in output, "no colours, no cursor movements"
    assert max(len(line) for line in output.splitlines() if not line.startswith("and stores in ")) <= 100


def test_a_port_that_is_taken_is_said_and_another_one_used(once: Once) -> None:
    assert "could not be had, so it is" in once.plain[1]


def test_without_keep_nothing_is_left_behind(once: Once) -> None:
    assert once.plain[0] == 0
    assert left_behind(once.folder) == []
    assert sorted(path.name for path in once.folder.iterdir()) == ["hookline.yaml", "kept", "tmp"]


def test_in_a_terminal_a_live_table_fits_into_80_columns(once: Once) -> None:
    code, screen = once.terminal
    assert code == 0
    lines = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)) if line]
    drawn = [number for number, line in enumerate(lines) if line.split()[:2] == ["from", "event"]]
    assert len(drawn) > len(PROGRAMME), "it is drawn again whenever something happens"
    rows = lines[drawn[-1] + 1 :][: len(PROGRAMME)]
    assert all(row.startswith("✓") for row in rows), rows
    assert max(map(len, rows)) <= 80
    assert any("stale_timestamp" in row and "401" in row for row in rows)
    assert "0 of 14" in screen and "13 of 14" in screen
    assert "\x1b[?25h" in screen, "the cursor is shown again"
