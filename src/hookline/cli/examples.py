"""The examples at the end of a command's help; they stand in docs/reference/cli.md too, where a test reads them."""

from __future__ import annotations

from hookline.cli.group import markup

_HEADING = "Examples:\n\n"

#: Tells the plain help not to wrap what follows.
_AS_IT_IS = "\b\n"


def examples(*lines: str) -> str:
    """The epilogue of a command's help with these command lines."""
    return _HEADING + ("" if markup() else _AS_IT_IS) + "\n".join(lines)


def lines_of(epilog: str | None) -> list[str]:
    """The command lines of an epilogue that `examples` made."""
    return (epilog or "").removeprefix(_HEADING).removeprefix(_AS_IT_IS).splitlines()
