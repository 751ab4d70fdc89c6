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


@pytest.mark.parametrize("expires", ["soon", "0s", "10ms"])
def test_a_lifetime_that_is_none_is_said(run: Run, expires: str) -> None:
    result = run("token", "create", "--expires", expires)
    assert result.code == 2
    assert result.err.startswith("Error: --expires: ")
