"""Asking a person before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer

from hookline.core.errors import InvalidInput


def confirm(question: str, *, yes: bool, otherwise: str) -> None:
    """Ask, unless ``yes`` was said already. ``otherwise`` is the complaint when there is no person to ask.

    Raises Abort when a person says no, InvalidInput when there is none.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{otherwise}; confirm with --yes")
    typer.confirm(question, abort=True, err=True)
