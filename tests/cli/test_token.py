"""``hookline token create`` makes what the API accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hookline.api.token import AuthenticationFailed, TokenSigner
from hookline.clock import SystemClock
from tests.cli.conftest import Run
from tests.cli.running import SERVER_SECRET


def test_a_token_is_all_that_is_printed_and_the_server_knows_it(run: Run) -> None:
    result = run("token", "create")
    token = result.out.strip()
    assert result.out == f"{token}\n"
    assert TokenSigner(SERVER_SECRET).organisation(token, SystemClock().now_ms() / 1000) == "org_default"


def test_a_token_speaks_for_its_organisation_and_expires(ask: Callable[..., Any]) -> None:
    told = ask("token", "create", "--organisation", "org_shop", "--expires", "1h")
    now_s, signer = SystemClock().now_ms() / 1000, TokenSigner(SERVER_SECRET)
    assert signer.organisation(told["token"], now_s + 3500) == told["organisation"] == "org_shop"
    with pytest.raises(AuthenticationFailed, match="expired"):
        signer.organisation(told["token"], now_s + 3700)
    assert told["expires_at"].endswith("Z")


def test_before_the_first_start_the_secret_is_made(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOKLINE_SECRET")
    token = run("token", "create").out.strip()
    secret = (home / "hookline-data" / "secret").read_text().strip()
    assert TokenSigner(secret).organisation(token, SystemClock().now_ms() / 1000) == "org_default"


def test_a_token_for_one_application_is_good_for_that_one_only(sent: Path, ask: Callable[..., Any], run: Run) -> None:
    told = ask("token", "create", "--app", "acme", "--read-only")
    now_s, signer = SystemClock().now_ms() / 1000, TokenSigner(SERVER_SECRET)
    claims = signer.claims(told["token"], now_s + 6.9 * 86_400)
    assert (claims.org_id, claims.application_id) == ("org_default", ask("applications", "show", "acme")["id"])
    assert (claims.read_only, told["read_only"], claims.capabilities) == (True, True, None)
    with pytest.raises(AuthenticationFailed, match="expired"):
        signer.claims(told["token"], now_s + 7.1 * 86_400)
    plain = run("token", "create", "--app", "acme", "--expires", "1h").out.strip()
    assert signer.claims(plain, now_s).read_only is False
    with pytest.raises(AuthenticationFailed, match="expired"):
        signer.claims(plain, now_s + 3700)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--app", "nope"], 1, "there is no application 'nope'"),
        (["--read-only"], 2, "--read-only: only tokens for one application can be; name it with --app"),
    ],
)
def test_a_token_that_cannot_be_is_not_made(run: Run, sent: Path, arguments: list[str], code: int, said: str) -> None:
    result = run("token", "create", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


@pytest.mark.parametrize("expires", ["soon", "0s", "10ms"])
def test_a_lifetime_that_is_none_is_said(run: Run, expires: str) -> None:
    result = run("token", "create", "--expires", expires)
    assert result.code == 2
    assert result.err.startswith("Error: --expires: ")
