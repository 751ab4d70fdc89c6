"""Messages on the command line: published as the API publishes, listed, shown, and sent again."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ask, Run

SEND = ("messages", "send", "--app", "acme")


def _id(ask: Ask, *filter: str) -> str:
    (message,) = ask("messages", "list", "--app", "acme", *filter)
    return str(message["id"])


def test_a_message_is_published_as_it_was_written(run: Run, sent: Path, ask: Ask) -> None:
    body = '{"n": 1.10, "big": 123456789012345678901234567890, "e": "\\u0041"}'
    result = run(*SEND, "--type", "order.paid", "--data", body)
    assert (result.code, result.out[:4]) == (0, "msg_")
    shown = ask("messages", "show", result.out.strip())
    assert (shown["request"]["body_text"], shown["status"]) == (body, "pending")
    assert [delivery["state"] for delivery in shown["deliveries"]] == ["waiting"]


def test_a_body_comes_from_a_file_or_from_standard_input(
    run: Run, sent: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sent / "order.json").write_text('{"order": 3}\n')
    from_file = run(*SEND, "--type", "order.paid", "--file", "order.json").out.strip()
    assert ask("messages", "show", from_file)["request"]["body_text"] == '{"order": 3}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("tag,größe\n".encode())))
    piped = run(*SEND, "--type", "report.ready", "--file", "-", "--content-type", "text/csv").out.strip()
    request = ask("messages", "show", piped)["request"]
    assert (request["body_text"], request["headers"]) == ("tag,größe\n", [["content-type", "text/csv"]])


def test_what_is_said_of_a_message_is_kept(run: Run, sent: Path, ask: Ask) -> None:
    words = "--event-id order-9 --channel eu --channel web --tag a/b --deliver-at +2h"
    made = ask(*SEND, "--type", "order.paid", "--data", "{}", *words.split())
    assert (made["event_id"], made["channels"], made["tags"]) == ("order-9", ["eu", "web"], ["a/b"])
    (delivery,) = ask("messages", "show", made["id"])["deliveries"]
    assert delivery["next_try_at"] > made["published_at"]


def test_the_same_command_with_the_same_key_publishes_once(run: Run, sent: Path, ask: Ask) -> None:
    command = (*SEND, "--type", "order.paid", "--idempotency-key", "k-1", "--data")
    assert run(*command, '{"order": 3}').out == run(*command, '{"order": 3}').out
    assert len(ask("messages", "list", "--app", "acme")) == 5
    other = run(*command, '{"order": 4}', "--json")
    assert (other.code, json.loads(other.err)["code"]) == (1, "idempotency_key_reused")


def test_there_is_only_one_message_with_an_event_id(run: Run, sent: Path) -> None:
    result = run(*SEND, "--type", "order.paid", "--data", "{}", "--event-id", "order-1", "--json")
    assert (result.code, json.loads(result.err)["code"]) == (1, "conflict")


def test_a_schema_that_is_enforced_counts_here_too(run: Run, sent: Path) -> None:
    (sent / "schema.json").write_text('{"required": ["invoice"], "properties": {"invoice": {"type": "integer"}}}')
    run("event-types", "update", "invoice.paid", "--schema", "schema.json")
    run("applications", "update", "acme", "--enforce-schemas")
    wrong = run(*SEND, "--type", "invoice.paid", "--data", '{"invoice": "17"}', "--json")
    told = json.loads(wrong.err)
    assert (wrong.code, told["code"]) == (2, "schema_mismatch")
    assert told["detail"] == '--data invoice: "17" is not of type "integer"'
    unknown = run(*SEND, "--type", "nope", "--data", "{}", "--json")
    assert (unknown.code, json.loads(unknown.err)["code"]) == (2, "unknown_event_type")
    assert run(*SEND, "--type", "invoice.paid", "--data", '{"invoice": 17}').code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--type", "x"], 2, "say what to send, by --data or by --file"),
        (["--type", "x", "--data", "{}", "--file", "-"], 2, "say what to send, by --data or by --file"),
        (["--type", "x", "--file", "nope.json"], 2, "--file: cannot read nope.json: No such file"),
        (["--type", "x", "--data", "{"], 2, "--data: is not JSON"),
        (["--type", "x", "--data", "[]"], 2, "--data: must be a JSON object; send any other text with its --content"),
        (["--type", "x", "--data", '{}, "eventId": "y"'], 2, "--data: is not JSON"),
        (["--type", "a b", "--data", "{}"], 2, "--type: must be 1 to 256 letters"),
        (["--type", "x", "--data", "{}", "--channel", "a b"], 2, "--channel: must be 1 to 128 letters"),
        (["--type", "x", "--data", "{}", "--event-id", "msg_1"], 2, "--event-id: must not begin with `msg_`"),
        (["--type", "x", "--data", "{}", "--deliver-at", "+2d"], 2, "--deliver-at: must be at most 24 hours ahead"),
        (["--type", "x", "--data", "{}", "--deliver-at", "soon"], 2, "--deliver-at is not a time"),
        (["--type", "x", "--data", "y", "--content-type", "y"], 2, "--content-type: must be a media type"),
        (["--type", "x", "--file", "latin", "--content-type", "text/csv"], 2, "--file: is not UTF-8 text"),
        (["--type", "x", "--data", "{}", "--timeout", "3s"], 2, "--timeout: says how long to --wait; name both"),
        (["--type", "x", "--data", "{}", "--wait", "--timeout", "x"], 2, "--timeout: `x` is not a duration"),
    ],
)
def test_what_cannot_be_published_is_said_by_its_flag(
    run: Run, sent: Path, ask: Ask, arguments: list[str], code: int, said: str
) -> None:
    (sent / "latin").write_bytes(b"tag,gr\xf6\xdfe")
    result = run(*SEND, *arguments)
    assert said in result.err
    assert result.code == code
    assert len(ask("messages", "list", "--app", "acme")) == 4


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        (["--type", "order.paid"], 2),
        (["--type", "order.*"], 2),
        (["--status", "failed"], 1),
        (["--status", "ignored"], 1),
        (["--channel", "eu"], 1),
        (["--tag", "first"], 1),
        (["--since", "1h"], 4),
        (["--until", "1h"], 0),
        (["--limit", "3"], 3),
    ],
)
def test_filters_restrict_the_list(sent: Path, ask: Ask, filter: list[str], count: int) -> None:
    assert len(ask("messages", "list", "--app", "acme", *filter)) == count


def test_the_list_has_the_newest_first_in_lines_with_tabs(run: Run, sent: Path, ask: Ask) -> None:
    head, *rows = run("messages", "list", "--app", "acme").out.splitlines()
    assert head.split("\t") == ["MESSAGE", "PUBLISHED", "TYPE", "STATUS", "EVENT ID", "CHANNELS"]
    assert [row.split("\t")[2:] for row in rows] == [
        ["report.ready", "ignored", "", ""],
        ["order.paid", "processed", "", "eu"],
        ["invoice.paid", "failed", "", ""],
        ["order.paid", "processed", "order-1", ""],
    ]
    newest, *older = [one["id"] for one in ask("messages", "list", "--app", "acme")]
    assert [one["id"] for one in ask("messages", "list", "--app", "acme", "--before", newest)] == older


def test_a_page_tells_the_whole_story(run: Run, sent: Path, ask: Ask) -> None:
    page = run("messages", "show", _id(ask, "--status", "failed")).out
    for part in (
        "  failed\n",
        "application     acme\n",
        "type            invoice.paid\n",
        '{\n    "invoice": 17\n  }',
        "Delivery 1 of 1 to broken  dead\n",
        "reason          exhausted\n",
        "Attempt 1  500 Internal Server Error in ",
    ):
        assert part in page
    assert "not-a-real-api-key" not in page + run("messages", "show", _id(ask, "--status", "failed"), "--json").out


def test_a_message_is_sent_again_to_one_endpoint(run: Run, sent: Path, ask: Ask) -> None:
    failed = _id(ask, "--status", "failed")
    result = run("messages", "resend", failed, "--endpoint", "broken")
    assert (result.code, result.out) == (0, f"{failed} is sent again to broken.\n")
    (delivery,) = ask("messages", "show", failed)["deliveries"]
    assert delivery["state"] == "waiting"
    ignored = _id(ask, "--status", "ignored")
    assert ask("messages", "resend", ignored, "--endpoint", "orders")["id"] == ignored  # whether it wants it or not
    assert [one["state"] for one in ask("messages", "show", ignored)["deliveries"]] == ["waiting"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "msg_0"], 1, "there is no message msg_0"),
        (["resend", "msg_0", "--endpoint", "orders"], 1, "there is no message msg_0"),
        (["list", "--app", "nope"], 1, "there is no application 'nope'"),
        (["list", "--app", "acme", "--since", "yesterday"], 2, "--since is not a time; write"),
        (["recover", "--app", "acme", "--endpoint", "nope", "--since", "2h"], 1, "there is no endpoint 'nope'"),
        (["recover", "--app", "acme", "--endpoint", "orders", "--since", "x"], 2, "--since is not a time"),
        (
            ["recover", "--app", "acme", "--endpoint", "orders", "--since", "2h", "--all", "--missing"],
            2,
            "say --missing or --all, not both",
        ),
    ],
)
def test_what_is_not_there_is_said(run: Run, sent: Path, arguments: list[str], code: int, said: str) -> None:
    result = run("messages", *arguments)
    assert said in result.err
    assert result.code == code


def test_what_a_provider_sent_is_no_message(run: Run, worked: Path, ask: Ask) -> None:
    (event, *_) = ask("events", "list")
    result = run("messages", "show", event["id"])
    assert (result.code, "came from github; see `hookline events show`" in result.err) == (1, True)


RECOVER = ("messages", "recover", "--app", "acme", "--since", "2h", "--endpoint")


def test_a_dry_run_says_how_many_and_does_nothing(run: Run, sent: Path, ask: Ask) -> None:
    assert ask(*RECOVER, "broken", "--dry-run")["events"] == 1
    assert run(*RECOVER, "broken", "--dry-run").out.startswith("1 message, published from 20")
    assert run(*RECOVER, "orders", "--dry-run").out == "No message matches.\n"
    assert ask(*RECOVER, "orders", "--all", "--dry-run")["events"] == 2
    assert len(ask("messages", "list", "--app", "acme", "--status", "failed")) == 1


def test_what_failed_is_recovered_when_a_person_is_sure(run: Run, sent: Path, ask: Ask) -> None:
    unsure = run(*RECOVER, "broken")
    assert (unsure.code, "1 message would be sent again; confirm with --yes" in unsure.err) == (2, True)
    assert run(*RECOVER, "broken", "--yes").out.endswith("Done: 1 delivery owed again.\n")
    assert len(ask("messages", "list", "--app", "acme", "--status", "processing")) == 1


def test_an_endpoint_gets_what_it_wants_and_was_never_owed(run: Run, sent: Path, ask: Ask) -> None:
    words = ("--app", "acme", "--url", "https://acme.example.com/new", "--event-type", "order.paid", "--uid", "new")
    run("endpoints", "create", *words)
    assert ask(*RECOVER, "new", "--dry-run")["events"] == 0
    told = ask(*RECOVER, "new", "--missing", "--yes")
    assert (told["state"], told["total"], told["replayed"]) == ("done", 2, 2)
    assert ask(*RECOVER, "new", "--missing", "--dry-run")["events"] == 0
    assert ask(*RECOVER, "orders", "--missing", "--dry-run")["events"] == 0  # it has all that it wants


def test_everything_is_sent_again_or_only_what_the_filter_selects(run: Run, sent: Path, ask: Ask) -> None:
    assert ask(*RECOVER, "orders", "--all", "--channel", "eu", "--yes")["replayed"] == 1
    assert ask(*RECOVER, "orders", "--all", "--type", "invoice.*", "--yes")["replayed"] == 0
    assert ask(*RECOVER, "orders", "--all", "--until", "1h", "--yes")["replayed"] == 0
