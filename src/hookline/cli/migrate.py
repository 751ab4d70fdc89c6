"""``hookline migrate``: the schema of the database, brought up to date before new servers need it."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.cli.exits import Exit
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.output import print_json, print_line
from hookline.cli.place import exists, read_settings
from hookline.config.setting_values import hide_credentials
from hookline.core.errors import StoreError
from hookline.storage.migrate import SchemaState
from hookline.storage.upgrade import upgrade


@with_flags(STORE_FLAGS)
def migrate(
    flags: Flags,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; end with 1 when something is to be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database's schema up to date.

    Migrations go forward only, and servers of the version before may go on serving meanwhile and afterwards: first
    migrate, then replace the servers one by one. On PostgreSQL `hookline serve` refuses to serve an older schema; an
    empty database and the embedded one it sets up itself.
    """
    settings, _ = read_settings(flags)
    if settings.database.startswith("sqlite:///") and not exists(settings.database):
        raise StoreError(f"there is no database at {settings.database}; say with --database or --config where it is")
    before = upgrade(settings.database, check=check)
    _print(before, hide_credentials(settings.database), check=check, as_json=as_json)
    if check and before.pending:
        raise typer.Exit(Exit.FAILED)


def _print(before: SchemaState, database: str, *, check: bool, as_json: bool) -> None:
    applied = () if check else before.pending
    if as_json:
        version = before.version if check else max(before.version, before.newest)
        pending = list(before.pending) if check else []
        print_json({"database": database, "version": version, "applied": list(applied), "pending": pending})
        return
    for name in before.pending:
        print_line(f"{'to be applied' if check else 'applied'}  {name}")
    if not before.pending:
        print_line(f"{database} is up to date (version {before.version})")
