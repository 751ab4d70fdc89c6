"""``hookline demo``: everything in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.flags import Json


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes any free port.")] = 8400,
    once: Annotated[
        bool, typer.Option("--once", help="End when all has happened; 0 if it ended as it should.")
    ] = False,
    as_json: Json = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep everything in this folder instead of a temporary one.")
    ] = None,
    trickle: Annotated[
        str, typer.Option(metavar="WAIT", help="Go on sending, with this wait between two, as in 2s.")
    ] = "",
) -> None:
    """Watch real signed webhooks come in, be verified, survive and be delivered.

    Starts a server on the embedded store and a receiver, both on this machine only, and sends it webhooks of
    invented people and companies, signed as GitHub, Stripe, Shopify, Slack and Standard Webhooks sign. Most are
    genuine; one was changed on its way, one is stale, one comes twice, one receiver fails, one never answers.
    Then it serves until Ctrl-C and tells what comes in: send something of your own.
    """
    from hookline.cli.demo.run import Options, run  # the whole server: too much to load for --help

    raise typer.Exit(run(Options.make(port=port, once=once, as_json=as_json, keep=keep, trickle=trickle)))
