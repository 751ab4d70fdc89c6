"""How a command ends: the exit codes, and one clear message where something was in the way."""

from __future__ import annotations

import json
import sys
from enum import IntEnum

from hookline.core.errors import ConfigError, HooklineError, InvalidInput, StoreError


class Exit(IntEnum):
    """The exit codes of ``hookline``. They are part of its interface and do not change."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    ADDRESS = 4
    STORE = 5


#: What each code means, for docs/reference/cli.md.
MEANINGS = {
    Exit.OK: "It is done.",
    Exit.FAILED: "What was asked for failed, was not found, or (`drift`) differs.",
    Exit.USAGE: "The command line cannot be understood: an unknown command or flag, or a value that cannot be used.",
    Exit.CONFIGURATION: "The configuration is wrong: hookline.yaml, an environment variable, a secret, a certificate.",
    Exit.ADDRESS: "The address cannot be listened on: another program has the port, or it is not allowed.",
    Exit.STORE: "The database cannot be used: another server runs on it, or it was written by a newer Hookline or "
    "with another HOOKLINE_SECRET.",
}


class AddressUnusable(HooklineError):
    """The server cannot listen where it was told to."""

    code = "address_unusable"


def exit_code(error: HooklineError) -> Exit:
    """The code that a command ends with because of ``error``."""
    if isinstance(error, ConfigError):
        return Exit.USAGE if _only_flags(error) else Exit.CONFIGURATION
    if isinstance(error, StoreError):
        return Exit.STORE
    if isinstance(error, AddressUnusable):
        return Exit.ADDRESS
    return Exit.USAGE if isinstance(error, InvalidInput) else Exit.FAILED


def _only_flags(error: ConfigError) -> bool:
    """Whether everything that is wrong was said on the command line."""
    problems = getattr(error, "problems", (error,))
    return all(problem.where.startswith("--") for problem in problems)


def complain(code: str, message: str, *, as_json: bool) -> None:
    """Say on standard error what is wrong, as JSON for machines."""
    if as_json:
        text = json.dumps({"code": code, "detail": message}, ensure_ascii=False)
    else:
        text = "Error: " + message.replace("\n", "\n       ")
    sys.stderr.write(text + "\n")
