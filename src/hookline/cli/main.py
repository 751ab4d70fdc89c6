"""The ``hookline`` command. A command's module is loaded when it is used: ``hookline --help`` loads none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from hookline.cli.exits import Exit, complain, exit_code
from hookline.cli.group import group, markup
from hookline.core.errors import HooklineError

#: Name, where it is, and the first line of its help (which a test compares).
COMMANDS = (
    ("demo", "hookline.cli.demo:demo", "Watch real signed webhooks come in, be verified, survive and be delivered."),
    ("serve", "hookline.cli.serve:serve", "Run the server until it is told to stop."),
    ("init", "hookline.cli.init:init", "Write a hookline.yaml to start from."),
    ("plan", "hookline.cli.apply:plan", "Say what applying hookline.yaml would change."),
    ("apply", "hookline.cli.apply:apply", "Make sources and endpoints agree with hookline.yaml."),
    ("drift", "hookline.cli.apply:drift", "Say where what is stored differs from hookline.yaml."),
    ("export", "hookline.cli.export:export", "Print what is stored as a hookline.yaml."),
    ("sources", "hookline.cli.sources:app", "Where events come from."),
    ("applications", "hookline.cli.applications:app", "Your customers, whom you send messages to."),
    ("endpoints", "hookline.cli.endpoints:app", "Where events go."),
    ("event-types", "hookline.cli.event_types:app", "The kinds of messages that your customers can choose."),
    ("messages", "hookline.cli.messages:app", "What you send to your customers: publish, look at, and send again."),
    ("events", "hookline.cli.events:app", "What happened: list, look at, and send again."),
    ("rejections", "hookline.cli.rejections:app", "Requests that were refused: list, look at, and accept after all."),
    ("doctor", "hookline.cli.doctor:doctor", "Say why a request was refused, and what to change."),
    ("providers", "hookline.cli.providers:app", "The senders that Hookline knows."),
    ("trigger", "hookline.cli.trigger:trigger", "Send a realistic event, signed as the provider signs."),
    ("migrate", "hookline.cli.migrate:migrate", "Bring the database's schema up to date."),
    ("move", "hookline.cli.move:move", "Move everything from the embedded database to PostgreSQL, or back."),
    ("token", "hookline.cli.token:app", "Tokens for the API."),
    ("version", "hookline.cli.version:version", "Print the version."),
)


def main(arguments: list[str] | None = None) -> None:
    """Run ``hookline`` with these arguments (those of the process when None) and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.OK
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        return int(command()(arguments, prog_name="hookline", standalone_mode=False) or 0)
    except HooklineError as error:
        complain(error.code, error.message, as_json=as_json)
        return exit_code(error)
    except typer.TyperException as error:
        return _misused(error, as_json=as_json)
    except typer.Abort:
        complain("aborted", "nothing was done", as_json=as_json)
        return Exit.FAILED
    except KeyboardInterrupt:
        return 130


def _misused(error: typer.TyperException, *, as_json: bool) -> int:
    """A command line that cannot be understood."""
    context = getattr(error, "ctx", None)
    message = error.format_message().strip()
    if not message or message.startswith("Usage:"):  # no command was named: the message is the help
        sys.stderr.write(message + "\n" if message else "")
        return Exit.USAGE
    hint = f"; see `{context.command_path} --help`" if context is not None else ""
    complain("usage", message.rstrip(".") + hint, as_json=as_json)
    return Exit.USAGE


def command() -> TyperGroup:
    """The whole command, its subcommands still on disk."""
    app = group("The webhook platform: receive, verify, send, deliver, replay.", add_completion=True)
    app.callback()(lambda: None)
    whole = get_command(app)
    assert isinstance(whole, TyperGroup)
    for name, place, summary in COMMANDS:
        if find_spec(place.partition(":")[0]) is not None:
            whole.add_command(Lazy(name, place, summary))
    return whole


class Lazy(TyperCommand):
    """A command that is imported when it is used; until then only its name and summary are known."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary, rich_markup_mode=markup())
        self._place = place

    def load(self) -> Any:
        """The command itself."""
        module, _, attribute = self._place.partition(":")
        found: Callable[..., None] | typer.Typer = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            app = group()
            app.command(self.name)(found)
            found = app
        found.info.name = self.name
        return get_command(found)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self.load().make_context(info_name, args, parent, **extra)
