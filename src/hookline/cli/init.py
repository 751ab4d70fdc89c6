"""``hookline init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.flags import Json
from hookline.cli.output import print_json, print_line
from hookline.config.example import STARTER
from hookline.config.settings import DEFAULT_FILE
from hookline.core.errors import ConfigError, Conflict


def init(
    file: Annotated[Path, typer.Option("--file", "-f", help="Where to write it.", metavar="FILE")] = DEFAULT_FILE,
    as_json: Json = False,
) -> None:
    """Write a hookline.yaml to start from.

    Every key that is usually needed is in it, with a comment. A file that exists is never overwritten.
    """
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(STARTER)
    except FileExistsError:
        raise Conflict(f"{file} exists already and was left as it is; remove it, or name another with --file") from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(file)) from None
    if as_json:
        print_json({"file": str(file)})
    else:
        print_line(f"Wrote {file}. Edit it, check it with `hookline plan`, and start with `hookline serve`.")
