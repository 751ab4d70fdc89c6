"""How every part of the command line is set up."""

from __future__ import annotations

import sys
from typing import Any

import typer


def group(help: str = "", *, add_completion: bool = False) -> typer.Typer:
    """A set of commands. Without one of them it prints its help; no traceback shows local variables."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=add_completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=markup(),
    )


def markup() -> Any:
    """Boxes and colours for people; plain text for pipes, which is also quicker."""
    return "rich" if sys.stdout.isatty() else None
