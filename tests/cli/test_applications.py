"""Applications on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ask, Run


def test_an_application_is_created_before_any_server_ran(run: Run, home: Path, ask: Ask) -> None:
    result = run("applications", "create", "Acme", "--uid", "acme")
    assert (result.code, result.out[:4]) == (0, "app_")
    (application,) = ask("applications", "list")
    assert (application["id"], application["uid"], application["name"]) == (result.out.strip(), "acme", "Acme")


def test_everything_that_can_be_said_of_it_is_kept(home: Path, ask: Ask) -> None:
    words = "--uid acme --metadata plan=gold --metadata region=eu --rate 100/s --signature-headers svix"
    made = ask("applications", "create", "Acme", *words.split(), "--challenge-endpoints", "--retention", "90d")
    shown = ask("applications", "show", made["id"])
    assert shown == {**made, "endpoints": []}
    assert {name: shown[name] for name in ("metadata", "delivery_rate", "signature_headers")} == {
        "metadata": {"plan": "gold", "region": "eu"},
        "delivery_rate": "100/s",
        "signature_headers": "svix",
    }
    assert (shown["challenge_endpoints"], shown["enforce_schemas"], shown["retention"]) == (True, None, "90d")


def test_only_what_is_named_is_changed_and_an_empty_value_takes_away(sent: Path, ask: Ask, run: Run) -> None:
    before = ask("applications", "update", "acme", "--rate", "50/m", "--enforce-schemas")
    assert (before["delivery_rate"], before["enforce_schemas"], before["metadata"]) == ("50/m", True, {"plan": "gold"})
    after = ask("applications", "update", "acme", "--rate", "", "--name", "Acme Inc.")
    assert (after["delivery_rate"], after["enforce_schemas"], after["name"]) == (None, True, "Acme Inc.")
    assert run("applications", "update", "acme", "--no-enforce-schemas").out == "acme is changed.\n"


def test_in_a_pipe_the_list_is_lines_with_tabs(run: Run, sent: Path) -> None:
    head, row = run("applications", "list").out.splitlines()
    assert head.split("\t") == ["APPLICATION", "UID", "NAME", "ENDPOINTS", "RATE"]
    assert row.split("\t")[1:4] == ["acme", "Acme", "2"]


def test_the_next_page_begins_below_the_last_application(run: Run, home: Path, ask: Ask) -> None:
    for number in range(3):
        run("applications", "create", f"Customer {number}")
    newest, *older = [one["id"] for one in ask("applications", "list")]
    assert [one["id"] for one in ask("applications", "list", "--limit", "1")] == [newest]
    assert [one["id"] for one in ask("applications", "list", "--before", newest)] == older


def test_a_page_shows_the_endpoints_and_no_secret(run: Run, sent: Path) -> None:
    page = run("applications", "show", "acme").out
    for part in ("Application Acme\n", "Endpoint orders  active\n", "Endpoint broken  active\n", '{"plan": "gold"}'):
        assert part in page
    assert "not-a-real-api-key" not in page
    assert "whsec_" not in page


def test_an_application_goes_with_its_endpoints_when_a_person_is_sure(run: Run, sent: Path, ask: Ask) -> None:
    unsure = run("applications", "delete", "acme")
    assert (unsure.code, len(ask("endpoints", "list", "--app", "acme"))) == (2, 2)
    assert "acme would be deleted with its endpoints; confirm with --yes" in unsure.err
    assert run("applications", "delete", "acme", "--yes").out == "acme is deleted.\n"
    assert ask("applications", "list") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nope"], 1, "there is no application 'nope'; `hookline applications list` shows all"),
        (["create", "Acme", "--uid", "acme"], 1, "the uid 'acme' belongs to another application"),
        (["create", "Acme", "--uid", "app_1"], 2, "--uid: must not begin with `app_`"),
        (["create", "Acme", "--uid", "a b"], 2, "--uid: must be 1 to 256 letters, digits, `-`, `_` and `.`"),
        (["create", ""], 2, "NAME: must not be empty"),
        (["create", "Acme", "--rate", "3"], 2, "--rate: `3` is not a rate; write `100/s`, `600/m` or `10/h`"),
        (["create", "Acme", "--metadata", "gold"], 2, "--metadata: write a name, `=` and a value"),
        (["create", "Acme", "--signature-headers", "x"], 2, "--signature-headers: must be 'both', 'svix' or 'webhook'"),
        (["update", "acme", "--retention", "long"], 2, "--retention: `long` is not a duration"),
    ],
)
def test_what_cannot_be_done_is_said_by_its_flag(
    run: Run, sent: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run("applications", *arguments)
    assert said in result.err
    assert result.code == code


def test_another_organisation_sees_none_of_it(sent: Path, ask: Ask, run: Run) -> None:
    assert ask("applications", "list", "--organisation", "org_other") == []
    for words in (["applications", "show", "acme"], ["messages", "list", "--app", "acme"]):
        assert run(*words, "--organisation", "org_other").code == 1
    (message, *_) = ask("messages", "list", "--app", "acme")
    assert run("messages", "show", message["id"], "--organisation", "org_other").code == 1
    (endpoint, *_) = ask("endpoints", "list", "--app", "acme")
    for word in ("show", "pause", "secret", "rotate", "delete"):
        assert run("endpoints", word, endpoint["id"], "--organisation", "org_other").code == 1
