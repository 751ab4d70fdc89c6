"""``hookline serve``: from flags, variables and hookline.yaml to a running server."""

from __future__ import annotations

import os

import typer

from hookline.cli.flags import ALL_FLAGS, Flags, Json, with_flags


@with_flags(ALL_FLAGS)
def serve(flags: Flags, as_json: Json = False) -> None:
    """Run the server until it is told to stop.

    Reads hookline.yaml when there is one and applies it. SIGTERM or Ctrl-C stops the server: it accepts no
    more, finishes what is in flight within --graceful-stop, gives the rest back, and ends with 0. A second
    signal ends it at once. With --json one line on standard output says the address, the process and the
    database as soon as the server answers.
    """
    from hookline.cli.server import Plan, run  # the whole server: too much to load for --help

    if code := run(Plan.make(flags, os.environ), as_json=as_json):
        raise typer.Exit(code)
