"""``hookline version``."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version as version_of

import typer

from hookline.cli.flags import Json


def version(as_json: Json = False) -> None:
    """Print the version."""
    number = version_of("hookline")
    if as_json:
        typer.echo(json.dumps({"version": number, "python": platform.python_version()}))
    else:
        typer.echo(f"hookline {number}")
