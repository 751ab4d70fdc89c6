"""The page docs/reference/cli.md: ``python -m hookline.cli.reference`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from hookline.cli.examples import lines_of
from hookline.cli.exits import MEANINGS
from hookline.cli.main import Lazy, command

_INTRODUCTION = """# The command line

`hookline COMMAND --help` says the same as this page. Commands work on the database directly, beside a running
server or without one; a running server notices what they changed within a second.

Every command that prints data has `--json`: one JSON document on standard output. On a terminal there are
tables and colours, in a pipe plain lines; the columns of a list are then separated by tabs, after a line of names.
Messages and progress go to standard error. What strangers sent is shown with escapes in place of control
characters, and with credentials struck out.

Where the database is, and whose events are meant, is said by the flags `--config`, `--database`, `--data-dir` and
`--organisation`, by environment variables, or by hookline.yaml in the working folder; see
[configuration](configuration.md).
"""

_ERRORS = """
An error is one message on standard error that says what to change; with `--json` it is an object such as
`{"code": "not_found", "detail": "there is no event msg_1"}`. `hookline serve` that is told to stop a second time
ends at once with 128 plus the number of the signal; a command that is interrupted ends with 130.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _exit_codes()]
    parts += ["\n".join(_section(path, one, context)) for path, one, context in commands()]
    return "\n".join(parts)


def commands() -> Iterator[tuple[str, Any, Any]]:
    """Every command with its path (``hookline events list``) and a context to ask it in."""
    whole = command()
    context = whole.make_context("hookline", [], resilient_parsing=True)
    for one in whole.commands.values():
        assert isinstance(one, Lazy)
        yield from _walk(one.load(), context)


def _walk(one: Any, parent: Any) -> Iterator[tuple[str, Any, Any]]:
    context = one.make_context(one.name, [], parent=parent, resilient_parsing=True)
    yield context.command_path, one, context
    for inner in getattr(one, "commands", {}).values():
        yield from _walk(inner, context)


def _exit_codes() -> str:
    rows = [[str(int(code)), meaning] for code, meaning in MEANINGS.items()]
    return "## Exit codes\n\n" + _table(["code", "what"], rows) + _ERRORS


def _section(path: str, one: Any, context: Any) -> Iterator[str]:
    level = "##" if path.count(" ") == 1 else "###"
    yield f"{level} {path}\n"
    yield f"```\n{' '.join([path, *one.collect_usage_pieces(context)])}\n```\n"
    yield f"{one.help}\n"
    records = [parameter.get_help_record(context) for parameter in one.get_params(context)]
    rows = [[f"`{name}`", help] for name, help in filter(None, records) if not name.startswith("--help")]
    if rows:
        yield _table(["argument or option", "what"], rows)
    if lines := lines_of(one.epilog):
        yield "```sh\n" + "".join(f"{line}\n" for line in lines) + "```\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
