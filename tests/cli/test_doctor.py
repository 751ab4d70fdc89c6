"""``hookline doctor``: of rejections, and of captured requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hookline.core.providers import registry, sign
from tests.cli.conftest import Run
from tests.cli.running import GITHUB_SECRET

Ask = Callable[..., Any]

AT = "2026-01-31T09:30:00Z"
AT_S = 1_769_851_800.0


def capture(folder: Path, provider: str = "github", secret: str = GITHUB_SECRET, added: bytes = b"") -> str:
    """A file with a genuine request, and these bytes behind its body."""
    body = b'{"n":1}'
    made = sign.sign(registry.get(provider), body=body, secret=secret, now_s=AT_S, event_id="d-1", event_type="push")
    lines = [b"POST /webhooks/github HTTP/1.1", b"Host: hooks.example.com", *(b"%b: %b" % line for line in made)]
    (folder / "request.txt").write_bytes(b"\n".join([*lines, b"", body + added]))
    return "request.txt"


def rejection(ask: Ask, cause: str) -> str:
    (found,) = ask("rejections", "list", "--cause", cause)
    return str(found["id"])


def codes(told: Any) -> list[str]:
    return [one["code"] for one in told["diagnoses"]]


# -- rejections -------------------------------------------------------------------------------------------


def test_a_rejection_is_diagnosed_by_its_id(run: Run, worked: Path, ask: Ask) -> None:
    id = rejection(ask, "bad_signature")
    page = run("doctor", id)
    assert page.code == 1
    assert page.out.startswith("This request is refused. Nothing shows for certain why")
    assert "\n1. wrong_secret  likely\n   Most probably" in page.out and "\n   To do: Copy" in page.out
    assert "\x1b" not in page.out and GITHUB_SECRET not in page.out
    told = run("doctor", id, "--json")
    assert (told.code, told.json()["accepted"], codes(told.json())) == (1, False, ["wrong_secret", "body_changed"])
    assert set(told.json()["diagnoses"][0]) == {"code", "problem", "remedy", "certain"}


def test_the_secret_of_another_source_is_recognised(run: Run, worked: Path, ask: Ask) -> None:
    path = worked / "hookline.yaml"
    twin = '\n  - name: github-test\n    provider: github\n    secrets: ["not-the-secret-of-github-0123"]\n'
    path.write_text(path.read_text() + twin)
    assert run("apply").code == 0
    page = run("doctor", rejection(ask, "bad_signature"))
    assert page.out.startswith("This request is refused, and here is why.")
    assert "1. secret_of_other_source  certain" in page.out and "`github-test`" in page.out
    assert "not-the-secret" not in page.out


def test_a_mended_source_accepts_and_the_command_ends_well(run: Run, worked: Path, ask: Ask) -> None:
    path = worked / "hookline.yaml"
    path.write_text(path.read_text().replace('["env:GITHUB_WEBHOOK_SECRET"]', '["not-the-secret-of-github-0123"]'))
    assert run("apply").code == 0
    id = rejection(ask, "bad_signature")
    page = run("doctor", id)
    assert page.code == 0
    assert page.out.startswith("Nothing is wrong with this request.\n") and f"rejections accept {id}`" in page.out


def test_a_request_to_a_source_that_is_not_there_is_explained(run: Run, worked: Path, ask: Ask) -> None:
    assert codes(run("doctor", rejection(ask, "unknown_source"), "--json").json()) == ["unknown_source"]


# -- captured requests ------------------------------------------------------------------------------------


def test_a_captured_request_needs_no_database(run: Run, home: Path) -> None:
    asked = ("doctor", "--provider", "github", "--secret", "env:GITHUB_WEBHOOK_SECRET", "--request")
    assert run(*asked, capture(home)).code == 0
    told = run(*asked, capture(home, added=b"\n"), "--json").json()
    assert codes(told) == ["body_line_ends"] and told["diagnoses"][0]["certain"] is True
    assert list(home.iterdir()) == [home / "request.txt"]


def test_a_captured_request_is_judged_by_the_time_it_came(run: Run, home: Path) -> None:
    (home / "secret").write_text("whsec_not-real\n")
    asked = ("doctor", "--provider", "stripe", "--secret", "file:secret", "--request")
    file = capture(home, "stripe", "whsec_not-real")
    assert run(*asked, file, "--now", AT).code == 0
    assert codes(run(*asked, file, "--json").json()) == ["stale_timestamp"]
    assert codes(run(*asked, file, "--now", "2026-01-31T08:30:00Z", "--json").json()) == ["future_timestamp"]


def test_a_captured_request_can_be_held_against_a_stored_source(run: Run, worked: Path) -> None:
    file = capture(worked)
    assert run("doctor", "--source", "github", "--request", file).code == 0
    absent = run("doctor", "--source", "gitlab", "--request", file)
    assert (absent.code, absent.err) == (1, "Error: there is no source 'gitlab'; there are github, open\n")


def test_the_address_and_the_key_can_be_given(run: Run, home: Path) -> None:
    file = capture(home, "hubspot")
    asked = ("doctor", "--provider", "hubspot", "--secret", "env:GITHUB_WEBHOOK_SECRET", "--request", file, "--now", AT)
    assert run(*asked, "--url", sign.EXAMPLE_URL).code == 0
    assert codes(run(*asked, "--url", sign.EXAMPLE_URL.replace("https", "http"), "--json").json()) == ["wrong_url"]
    assert run(*asked, "--certificate", "none.pem").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a rejection by its id"),
        (["rej_1", "--request", "x"], "name a rejection by its id"),
        (["--request", "x"], "--source NAME, or --provider"),
        (["--request", "x", "--source", "a", "--provider", "b"], "--source NAME, or --provider"),
        (["rej_1", "--source", "a"], "a rejection knows its source"),
        (["--request", "x", "--source", "a", "--secret", "env:A"], "--secret goes with --provider"),
        (
            ["--request", "request.txt", "--provider", "github", "--secret", "plain-not-real"],
            "--secret takes a reference",
        ),
        (["--request", "request.txt", "--provider", "githb"], "did you mean `github`"),
        (["--request", "none.txt", "--provider", "github"], "cannot read none.txt"),
        (["--request", "request.txt", "--provider", "github", "--now", "soon"], "--now is not a time"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(
    run: Run, home: Path, arguments: list[str], said: str
) -> None:
    capture(home)
    result = run("doctor", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err and "plain-not-real" not in result.err


def test_a_variable_that_is_not_set_is_named(run: Run, home: Path) -> None:
    result = run("doctor", "--request", capture(home), "--provider", "github", "--secret", "env:NOT_SET", "--json")
    assert result.code == 2
    assert "NOT_SET is not set" in json.loads(result.err)["detail"]


def test_a_rejection_that_is_not_there_is_said(run: Run, worked: Path) -> None:
    result = run("doctor", "rej_0")
    assert (result.code, result.err) == (1, "Error: there is no rejection rej_0\n")
