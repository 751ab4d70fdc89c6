"""``hookline token``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.api.present import time
from hookline.api.token import Claims, TokenSigner, create_token
from hookline.cli.examples import examples
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.moments import duration_s
from hookline.cli.names import find_application
from hookline.cli.output import print_json
from hookline.cli.place import Place, at, may_create_secret, read_settings
from hookline.clock import SystemClock
from hookline.config.server_secret import server_secret
from hookline.core.errors import InvalidInput

app = group("Tokens for the API.")

#: How long a token for one application is valid when nothing is said, as through the API.
USUAL_LIFETIME_S = 7 * 86_400


@app.callback()
def tokens() -> None:
    """Tokens for the API."""


@app.command(
    epilog=examples(
        "hookline token create",
        "hookline token create --app acme --expires 7d",
        "hookline token create --app acme --read-only",
    )
)
@with_flags(STORE_FLAGS)
def create(
    flags: Flags,
    app_: Annotated[
        str | None,
        typer.Option("--app", help="Only for this application (id or uid), for your customer.", metavar="APP"),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="With --app: nothing can be changed with it.")] = False,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="DURATION",
            help="How long it is valid, as in 30d; else forever, and with --app for 7 days.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a token for the API, good for everything that its organisation owns, or for one application.

    It is sent as `Authorization: Bearer TOKEN`. Nothing is stored: it is signed with HOOKLINE_SECRET, and a new
    secret is what revokes it.
    """
    lifetime_s = _lifetime_s(expires)
    if app_ is None and read_only:
        raise InvalidInput("--read-only: only tokens for one application can be; name it with --app")
    if app_ is not None:
        at(flags, lambda place: _for_application(place, app_, lifetime_s, read_only=read_only, as_json=as_json))
        return
    settings, _ = read_settings(flags)
    secret = server_secret(settings.secret, settings.data_dir, may_create=may_create_secret(settings.database))
    now_s = SystemClock().now_ms() // 1000
    token = create_token(secret, settings.organisation, now_s, lifetime_s)
    _print(token, settings.organisation, now_s, lifetime_s, as_json=as_json)


async def _for_application(place: Place, name: str, lifetime_s: int | None, *, read_only: bool, as_json: bool) -> None:
    application = await find_application(place, name)
    settings, now_s = place.settings, place.clock.now_ms() // 1000
    lifetime_s = USUAL_LIFETIME_S if lifetime_s is None else lifetime_s
    signer = TokenSigner(server_secret(settings.secret, settings.data_dir, may_create=False))
    claims = Claims(place.org_id, application.id, read_only=read_only)
    token = signer.create_for_application(claims, now_s, lifetime_s)
    more = {"application_id": application.id, "read_only": read_only}
    _print(token, place.org_id, now_s, lifetime_s, as_json=as_json, **more)


def _print(token: str, organisation: str, now_s: int, lifetime_s: int | None, *, as_json: bool, **more: object) -> None:
    if not as_json:
        typer.echo(token)
        return
    expires_at = time((now_s + lifetime_s) * 1000) if lifetime_s is not None else None
    print_json({"token": token, "organisation": organisation, **more, "expires_at": expires_at})


def _lifetime_s(expires: str | None) -> int | None:
    if expires is None:
        return None
    seconds = int(duration_s("--expires", expires))
    if seconds < 1:
        raise InvalidInput("--expires: must be at least 1s")
    return seconds
