"""``hookline plan``, ``apply`` and ``drift``: hookline.yaml against what is stored."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hookline.cli.exits import Exit
from hookline.cli.flags import FILE_FLAGS, Flags, Json, with_flags
from hookline.cli.output import print_json, print_line
from hookline.cli.place import opened
from hookline.config.settings import DEFAULT_FILE, config_path
from hookline.core.errors import ConfigError
from hookline.storage.apply import Change

File = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="The file; when absent HOOKLINE_CONFIG, else hookline.yaml in the working folder.",
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Remove what is stored but not in the file.")]

_SIGNS = {"created": "+", "updated": "~", "unchanged": "=", "deleted": "-", "extra": "!"}
_STYLES = {"created": "green", "updated": "yellow", "unchanged": "dim", "deleted": "red", "extra": "magenta"}
_PLANNED = {"created": "create", "updated": "update", "deleted": "delete"}


@with_flags(FILE_FLAGS)
def apply(
    flags: Flags,
    file: File = None,
    prune: Prune = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; the same as `plan`.")] = False,
    as_json: Json = False,
) -> None:
    """Make sources and endpoints agree with hookline.yaml.

    All of it or nothing. Works beside a running server, which notices within a second, and without one.
    """
    _say(_changes(flags, file, prune=prune, dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@with_flags(FILE_FLAGS)
def plan(flags: Flags, file: File = None, prune: Prune = False, as_json: Json = False) -> None:
    """Say what applying hookline.yaml would change.

    Changes nothing, and ends with 0 whether there is something to do or not; `drift` tells by its exit code.
    """
    _say(_changes(flags, file, prune=prune, dry_run=True), dry_run=True, as_json=as_json)


@with_flags(FILE_FLAGS)
def drift(flags: Flags, file: File = None, as_json: Json = False) -> None:
    """Say where what is stored differs from hookline.yaml.

    Changes nothing. Ends with 1 when anything differs, also when something is stored that the file does not name.
    """
    changes = _changes(flags, file, prune=False, dry_run=True)
    _say(changes, dry_run=True, as_json=as_json)
    if any(change.action != "unchanged" for change in changes):
        raise typer.Exit(Exit.FAILED)


def _changes(flags: Flags, file: str | None, *, prune: bool, dry_run: bool) -> list[Change]:
    flags = {**flags, "config": file}
    if config_path(flags, os.environ) is None:
        raise ConfigError(
            f"there is no {DEFAULT_FILE} in {Path.cwd()}; write one with `hookline init`, or name it with --file"
        )
    return asyncio.run(_apply(flags, prune=prune, dry_run=dry_run))


async def _apply(flags: Flags, *, prune: bool, dry_run: bool) -> list[Change]:
    from hookline.storage.apply import wanted_from

    async with opened(flags, create=not dry_run, dry_run=dry_run) as place:
        assert place.file is not None
        now_ms = place.clock.now_ms()
        wanted = wanted_from(place.file, place.environ, place.org_id, now_ms, prune=prune, dry_run=dry_run)
        return await place.store.apply(wanted)


def _say(changes: list[Change], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json([msgspec.to_builtins(change) for change in changes])
        return
    for change in changes:
        print_line(_line(change, dry_run=dry_run), _STYLES[change.action])
    print_line(_summary(changes, dry_run=dry_run))


def _summary(changes: list[Change], *, dry_run: bool) -> str:
    counts = Counter(change.action for change in changes)
    if set(counts) <= {"unchanged"}:
        return "Nothing to do." if counts else "Nothing to do: the file names no sources."
    told = ", ".join(f"{counts[action]} {_word(action, dry_run)}" for action in _SIGNS if counts[action])
    return f"{'To do' if dry_run else 'Done'}: {told}."


def _line(change: Change, *, dry_run: bool) -> str:
    fields = f" ({', '.join(change.fields)})" if change.fields else ""
    hint = " (not in the file; --prune removes it)" if change.action == "extra" else ""
    return f"{_SIGNS[change.action]} {_word(change.action, dry_run)} {change.kind} {change.name}{fields}{hint}"


def _word(action: str, dry_run: bool) -> str:
    return _PLANNED.get(action, action) if dry_run else action
