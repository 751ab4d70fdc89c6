"""The endpoints of an application on the command line, by the words that those of sources have."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.cli.conftest import Ask, Run
from tests.cli.sending import ORDERS_SECRET

URL = "https://acme.example.com/hooks"
OWN = "whsec_" + base64.b64encode(b"another secret that is not real.").decode()


def _endpoint(ask: Ask, name: str) -> Any:
    return ask("endpoints", "show", name, "--app", "acme")


def test_an_endpoint_is_created_with_a_secret_that_a_receiver_can_use(run: Run, sent: Path) -> None:
    result = run("endpoints", "create", "--app", "acme", "--url", URL, "--uid", "new")
    endpoint_id, secret = result.out.splitlines()
    assert endpoint_id.startswith("ep_")
    assert Webhook(secret)
    assert run("endpoints", "secret", "new", "--app", "acme").out == f"{secret}\n"


def test_everything_that_can_be_said_of_it_is_kept(run: Run, sent: Path, ask: Ask) -> None:
    words = (
        "--uid new --event-type order.paid --event-type invoice.paid --channel eu --rate 10/m --concurrency 2 --fifo"
    )
    more = [
        "--header",
        "X-Team: blue",
        "--metadata",
        "plan=gold",
        "--description",
        "For orders",
        "--disable-after",
        "2d",
    ]
    ask("endpoints", "create", "--app", "acme", "--url", URL, *words.split(), *more)
    made = _endpoint(ask, "new")
    wanted = {
        "url": URL,
        "events": ["order.paid", "invoice.paid"],
        "channels": ["eu"],
        "rate_limit": "10/m",
        "concurrency": 2,
        "fifo": True,
        "headers": {"X-Team": "blue"},
        "metadata": {"plan": "gold"},
        "description": "For orders",
        "disable_after": "2d",
        "state": "active",
    }
    assert {name: made[name] for name in wanted} == wanted


def test_only_what_is_named_is_changed(run: Run, sent: Path, ask: Ask) -> None:
    assert (
        run("endpoints", "update", "orders", "--app", "acme", "--rate", "5/s", "--fifo").out == "orders is changed.\n"
    )
    run("endpoints", "update", "orders", "--app", "acme", "--header", "X-Team: blue", "--header", "X-Floor: 3")
    run("endpoints", "update", "orders", "--app", "acme", "--header", "x-team:", "--event-type", "*", "--rate", "")
    changed = _endpoint(ask, "orders")
    told = (changed["rate_limit"], changed["fifo"], changed["headers"], changed["events"], changed["uid"])
    assert told == (None, True, {"X-Floor": "3"}, ["*"], "orders")


def test_endpoints_are_listed_with_what_they_are_owed(run: Run, sent: Path, ask: Ask) -> None:
    assert [one["uid"] for one in ask("endpoints", "list", "--app", "acme")] == ["broken", "orders"]
    run("messages", "send", "--app", "acme", "--type", "order.paid", "--data", "{}")
    rows = [line.split("\t") for line in run("endpoints", "list", "--app", "acme").out.splitlines()]
    assert [row[:3] for row in rows[1:]] == [["broken", "active", "0"], ["orders", "active", "1"]]
    assert ask("endpoints", "list") == []  # of sources; there are none


def test_an_endpoint_is_paused_resumed_and_disabled_by_its_id_alone(run: Run, sent: Path, ask: Ask) -> None:
    endpoint_id = _endpoint(ask, "orders")["id"]
    assert ask("endpoints", "pause", endpoint_id)["state"] == "paused"
    assert ask("endpoints", "resume", "orders", "--app", "acme")["state"] == "active"
    assert ask("endpoints", "update", endpoint_id, "--disabled")["state"] == "disabled"
    refused = run("endpoints", "resume", endpoint_id)
    assert f"say `hookline endpoints update {endpoint_id} --enabled`" in refused.err
    assert ask("endpoints", "update", endpoint_id, "--enabled")["state"] == "active"


def test_a_rotated_secret_is_printed_once_and_the_old_one_still_signs(
    run: Run, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("endpoints", "secret", "orders", "--app", "acme").out == f"{ORDERS_SECRET}\n"
    new = run("endpoints", "rotate", "orders", "--app", "acme", "--overlap", "2h").out
    assert new.startswith("whsec_") and new != f"{ORDERS_SECRET}\n"
    monkeypatch.setenv("NEW_SECRET", OWN)
    assert run("endpoints", "rotate", "orders", "--app", "acme", "--secret", "env:NEW_SECRET").out == f"{OWN}\n"
    assert run("endpoints", "secret", "orders", "--app", "acme").out == f"{OWN}\n"
    shown = run("endpoints", "show", "orders", "--app", "acme").out + run("endpoints", "list", "--app", "acme").out
    assert "whsec_" not in shown


def test_a_secret_of_ones_own_never_stands_on_the_command_line(run: Run, sent: Path) -> None:
    result = run("endpoints", "create", "--app", "acme", "--url", URL, "--secret", OWN)
    assert result.code == 2
    assert "--secret: name it, as env:NAME or file:PATH" in result.err
    assert OWN not in result.err
    (sent / "own.secret").write_text(OWN + "\n")
    made = run("endpoints", "create", "--app", "acme", "--url", URL, "--secret", "file:own.secret")
    assert made.out.splitlines()[1] == OWN


def test_an_endpoint_is_deleted_when_a_person_is_sure(run: Run, sent: Path, ask: Ask) -> None:
    assert run("endpoints", "delete", "orders", "--app", "acme").code == 2
    assert run("endpoints", "delete", "orders", "--app", "acme", "--yes").out == "orders is deleted.\n"
    assert [one["uid"] for one in ask("endpoints", "list", "--app", "acme")] == ["broken"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nope", "--app", "acme"], 1, "there is no endpoint 'nope' of this application; `hookline endpoints"),
        (["show", "orders", "--app", "nope"], 1, "there is no application 'nope'"),
        (["show", "orders"], 2, "write the endpoint with its source, as in github/orders, or by its id"),
        (["show", "ep_0"], 1, "there is no endpoint ep_0"),
        (["create", "--url", URL], 2, "say whose endpoint: --app for an application, or --source"),
        (["create", "--url", URL, "--app", "acme", "--source", "github"], 2, "say whose endpoint"),
        (["create", "--app", "acme"], 2, "--url: say where it is sent to"),
        (["create", "--app", "acme", "--url", "ftp://x"], 2, "--url: a URL begins with http:// or https://"),
        (["create", "--app", "acme", "--url", URL, "--uid", "orders"], 1, "uid"),
        (["create", "--app", "acme", "--url", URL, "--uid", "ep_1"], 2, "--uid: must not begin with `ep_`"),
        (["create", "--app", "acme", "--url", URL, "--name", "x"], 2, "--name: endpoints of applications have a --uid"),
        (["create", "--app", "acme", "--url", URL, "--event-type", "no"], 2, "--event-type: there are no such event"),
        (["create", "--app", "acme", "--url", URL, "--channel", "a b"], 2, "--channel: must be 1 to 128 letters"),
        (["create", "--app", "acme", "--url", URL, "--rate", "3"], 2, "--rate: `3` is not a rate"),
        (["create", "--app", "acme", "--url", URL, "--concurrency", "0"], 2, "--concurrency: must be at least 1"),
        (["create", "--app", "acme", "--url", URL, "--header", "X"], 2, "--header: write a name, a colon and a value"),
        (["create", "--app", "acme", "--url", URL, "--header", "svix-id: 1"], 2, "--header: header `svix-id` cannot"),
        (
            ["create", "--app", "acme", "--url", URL, "--secret", "env:NOPE"],
            2,
            "--secret: the environment variable NOPE",
        ),
        (["rotate", "orders", "--app", "acme", "--overlap", "8d"], 2, "--overlap: must be at most 7d"),
        (["update", "orders", "--app", "acme", "--disable-after", "x"], 2, "--disable-after: `x` is not a duration"),
    ],
)
def test_what_cannot_be_done_is_said_by_its_flag(
    run: Run, sent: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run("endpoints", *arguments)
    assert said in result.err
    assert result.code == code


def test_a_secret_that_cannot_sign_is_refused_without_being_shown(
    run: Run, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORT", "whsec_dG9vIHNob3J0")
    for words in (["create", "--app", "acme", "--url", URL], ["rotate", "orders", "--app", "acme"]):
        result = run("endpoints", *words, "--secret", "env:SHORT")
        assert (result.code, "--secret: a secret is the base64 of 24 to 75 random bytes" in result.err) == (2, True)
        assert "dG9vIHNob3J0" not in result.err
