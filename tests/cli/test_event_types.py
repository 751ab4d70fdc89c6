"""Event types on the command line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ask, Run

SCHEMA = {"type": "object", "required": ["invoice"], "properties": {"invoice": {"type": "integer"}}}


@pytest.fixture
def schema(home: Path) -> Path:
    path = home / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


def test_an_event_type_is_created_with_its_schema(run: Run, schema: Path, ask: Ask) -> None:
    words = ("--description", "An invoice was paid.", "--schema", "schema.json", "--feature-flag", "beta")
    assert run("event-types", "create", "invoice.paid", *words).out == "invoice.paid is created.\n"
    shown = ask("event-types", "show", "invoice.paid")
    assert (shown["description"], shown["feature_flag"], shown["schemas"]) == (
        "An invoice was paid.",
        "beta",
        {"1": SCHEMA},
    )
    page = run("event-types", "show", "invoice.paid").out
    assert "Event type invoice.paid  active\n" in page
    assert 'Schema 1\n  {\n    "type": "object"' in page


def test_a_schema_is_read_from_standard_input(run: Run, home: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(SCHEMA).encode())))
    assert run("event-types", "create", "invoice.paid", "--schema", "-", "--version", "2026-01").code == 0
    assert ask("event-types", "show", "invoice.paid")["schemas"] == {"2026-01": SCHEMA}


def test_a_new_schema_is_a_new_version(run: Run, schema: Path, ask: Ask) -> None:
    run("event-types", "create", "invoice.paid", "--schema", "schema.json")
    changed = ask("event-types", "update", "invoice.paid", "--schema", "schema.json", "--deprecated")
    assert (list(changed["schemas"]), changed["deprecated"]) == (["1", "2"], True)


def test_the_list_is_by_name_and_has_archived_ones_when_asked(run: Run, sent: Path, ask: Ask) -> None:
    assert run("event-types", "archive", "invoice.paid").out == "invoice.paid is archived.\n"
    assert [one["name"] for one in ask("event-types", "list")] == ["order.paid"]
    assert [one["name"] for one in ask("event-types", "list", "--archived")] == ["invoice.paid", "order.paid"]
    assert [one["name"] for one in ask("event-types", "list", "--archived", "--after", "invoice.paid")] == [
        "order.paid"
    ]
    head, row, _ = run("event-types", "list", "--archived").out.splitlines()
    assert head.split("\t") == ["EVENT TYPE", "SCHEMA", "STATE", "DESCRIPTION"]
    assert row.split("\t") == ["invoice.paid", "", "archived", "What invoice.paid means."]


def test_an_archived_one_comes_back_when_it_is_created_again(run: Run, sent: Path, ask: Ask) -> None:
    run("event-types", "archive", "invoice.paid")
    assert run("event-types", "create", "invoice.paid", "--description", "Again.").code == 0
    shown = ask("event-types", "show", "invoice.paid")
    assert (shown["archived"], shown["description"]) == (False, "Again.")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "invoice.paid"], 1, "there is an event type 'invoice.paid' already"),
        (["create", "a b"], 2, "NAME: must be 1 to 256 letters, digits, `-`, `_` and `.`"),
        (["create", "x", "--schema", "nope.json"], 2, "--schema: cannot read nope.json: No such file"),
        (["create", "x", "--schema", "list.json"], 2, "--schema: must be a JSON Schema"),
        (["create", "x", "--schema", "wrong.json"], 2, "--schema: is not a JSON Schema: /type"),
        (["create", "x", "--schema", "text.json"], 2, "--schema: is not JSON"),
        (["update", "order.paid", "--version", "2"], 2, "--version: it is the version of a schema"),
        (["update", "nope", "--deprecated"], 1, "there is no event type 'nope'"),
        (["show", "nope"], 1, "there is no event type 'nope'; `hookline event-types list` shows all"),
        (["archive", "nope"], 1, "there is no event type 'nope'"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, sent: Path, arguments: list[str], code: int, said: str) -> None:
    for name, text in (("list.json", "[]"), ("wrong.json", '{"type": "nope"}'), ("text.json", "invoice")):
        (sent / name).write_text(text)
    result = run("event-types", *arguments)
    assert said in result.err
    assert result.code == code
