"""``hookline move``: a grown installation from the embedded database to PostgreSQL, or back."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Annotated

import msgspec
import typer

from hookline.cli.flags import Flags, Json, with_flags
from hookline.cli.output import print_json, print_line, print_table
from hookline.cli.place import read_settings
from hookline.clock import SystemClock
from hookline.config.server_secret import FILE_NAME, server_secret
from hookline.config.setting_values import database, hide_credentials
from hookline.config.settings import Settings
from hookline.core.errors import ConfigError, InvalidInput
from hookline.storage.ends import Ends
from hookline.storage.move import Moved, Phase, Step, Survey, survey
from hookline.storage.move import move as move_all

#: What a small machine moves, with PostgreSQL beside it: copied and verified.
ROWS_PER_S = 15_000

#: In a pipe, how often a large table says how far it is.
SAY_EVERY_S = 10.0

_DOING = {Phase.COPY: "Copying", Phase.VERIFY: "Verifying"}
_DONE = {Phase.COPY: "copied", Phase.VERIFY: "verified"}


@with_flags(("config", "data_dir"))
def move(
    flags: Flags,
    old: Annotated[str, typer.Option("--from", metavar="URL", help="The database that is used now.")],
    new: Annotated[str, typer.Option("--to", metavar="URL", help="The empty database that shall be used.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much it is and how long that may take.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move everything from the embedded database to PostgreSQL, or back.

    Sources, endpoints, events, deliveries, attempts: every table is copied, and then both databases are read and
    compared. Stop the server before. The old database is not changed. When the move is interrupted, the same command
    goes on where it stopped; no server runs on the new database before it is complete. Secrets stay encrypted as they
    are, so the servers on the new database need the same HOOKLINE_SECRET.
    """
    settings, _ = read_settings(flags)
    old, new = (_url(flag, text) for flag, text in (("--from", old), ("--to", new)))
    Ends(old, new, "").check()  # before a secret is looked for
    ends = Ends(old, new, server_secret(settings.secret, settings.data_dir, may_create=False))
    if dry_run:
        _say_survey(survey(ends), ends, as_json=as_json)
        return
    began_s = time.monotonic()
    with _telling(quiet=as_json) as tell:
        moved = move_all(ends, retention_s=settings.retention_s, now_ms=SystemClock().now_ms(), tell=tell)
    _say_moved(moved, ends, time.monotonic() - began_s, settings, as_json=as_json)


def _url(flag: str, text: str) -> str:
    try:
        return database(text)
    except InvalidInput as error:
        raise ConfigError(error.message, where=flag) from None


# -- how far it is -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _telling(*, quiet: bool) -> Iterator[Callable[[Step], None]]:
    """Says on standard error how far it is: as bars on a terminal, as lines in a pipe. An interruption is explained."""
    try:
        if quiet:
            yield lambda step: None
        elif sys.stderr.isatty():
            with _Bars() as bars:
                yield bars.tell
        else:
            yield _Lines().tell
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. What was copied stays where it is: the same command goes on from there.\n")
        raise


class _Bars:
    """A bar for each table that has rows, once for copying and once for verifying it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "rows", TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._phase: Phase | None = None
        self._table = ""

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, step: Step) -> None:
        """Show a step."""
        if not step.total:
            return
        if (step.phase, step.table) != (self._phase, self._table):
            self._phase, self._table = step.phase, step.table
            self._task = self._progress.add_task(f"{_DOING[step.phase]} {step.table}", total=step.total)
        self._progress.update(self._task, completed=step.done, total=step.total)


class _Lines:
    """A line when a table is done, and for one that takes long a line now and then."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def tell(self, step: Step) -> None:
        """Say a step, if it is time to."""
        now_s = time.monotonic()
        if step.total and step.done == step.total:
            rows = step.total // (2 if step.phase is Phase.VERIFY else 1)
            self._say(f"{step.table}: {rows} rows {_DONE[step.phase]}", now_s)
        elif step.total and now_s - self._said_s >= SAY_EVERY_S:
            self._say(f"{step.table}: {_DOING[step.phase].lower()}, {step.done * 100 // step.total} %", now_s)

    def _say(self, line: str, now_s: float) -> None:
        self._said_s = now_s
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


# -- what was done -----------------------------------------------------------------------------------------


def _say_survey(found: Survey, ends: Ends, *, as_json: bool) -> None:
    rows, copied = sum(found.rows.values()), sum(found.copied.values())
    takes_s = round((rows - copied / 2) / ROWS_PER_S) + 1
    if as_json:
        tables = [{"table": name, "rows": count, "copied": found.copied[name]} for name, count in found.rows.items()]
        print_json({**_urls(ends), "rows": rows, "copied": copied, "seconds": takes_s, "tables": tables})
        return
    print_table(("table", "rows"), [(name, str(count)) for name, count in found.rows.items()])
    already = f", of which {copied} were copied already" if copied else ""
    print_line(f"{rows} rows{already}. A small machine takes about {_roughly(takes_s)}.")


def _say_moved(moved: Moved, ends: Ends, took_s: float, settings: Settings, *, as_json: bool) -> None:
    rows = sum(each.rows for each in moved.tables)
    if as_json:
        tables = [msgspec.to_builtins(each) for each in moved.tables]
        told = {"rows": rows, "copied": moved.copied, "seconds": round(took_s, 3), "tables": tables}
        print_json({**_urls(ends), **told})
        return
    print_table(("table", "rows", "checksum"), [(each.table, str(each.rows), each.checksum) for each in moved.tables])
    print_line(f"Moved {rows} rows in {_roughly(took_s)}; both databases have the same.", "green")
    where = "this one" if settings.secret else f"the content of {settings.data_dir / FILE_NAME}"
    print_line(f"Next: start the servers with --database {hide_credentials(ends.new_url)}")
    print_line(f"      and with the same secret, each of them: HOOKLINE_SECRET must be {where}.")
    print_line("      Put the old database out of reach: a server on it would send again what is owed.")


def _roughly(seconds: float) -> str:
    """A length of time as people say it."""
    for unit_s, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit_s:
            return f"{round(seconds / unit_s)} {unit}"
    return f"{max(1, round(seconds))} s"


def _urls(ends: Ends) -> dict[str, str]:
    return {"from": hide_credentials(ends.old_url), "to": hide_credentials(ends.new_url)}
