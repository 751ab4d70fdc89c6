"""``hookline token``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.api.present import time
from hookline.api.token import create_token
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.output import print_json
from hookline.cli.place import may_create_secret, read_settings
from hookline.clock import SystemClock
from hookline.config.server_secret import server_secret
from hookline.config.units import parse_duration
from hookline.core.errors import InvalidInput

app = group("Tokens for the API.")


@app.callback()
def tokens() -> None:
    """Tokens for the API."""


@app.command()
@with_flags(STORE_FLAGS)
def create(
    flags: Flags,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DURATION", help="How long it is valid, as in 30d; else forever."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a token for the API, good for everything that its organisation owns.

    It is sent as `Authorization: Bearer TOKEN`. Nothing is stored: it is signed with HOOKLINE_SECRET, and a new
    secret is what revokes it.
    """
    settings, _ = read_settings(flags)
    lifetime_s = _lifetime_s(expires)
    secret = server_secret(settings.secret, settings.data_dir, may_create=may_create_secret(settings.database))
    now_s = SystemClock().now_ms() // 1000
    token = create_token(secret, settings.organisation, now_s, lifetime_s)
    if as_json:
        expires_at = time((now_s + lifetime_s) * 1000) if lifetime_s is not None else None
        print_json({"token": token, "organisation": settings.organisation, "expires_at": expires_at})
    else:
        typer.echo(token)


def _lifetime_s(expires: str | None) -> int | None:
    if expires is None:
        return None
    try:
        seconds = int(parse_duration(expires))
    except InvalidInput as error:
        raise InvalidInput(f"--expires: {error.message}") from None
    if seconds < 1:
        raise InvalidInput("--expires: must be at least 1s")
    return seconds
