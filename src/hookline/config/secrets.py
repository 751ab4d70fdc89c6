"""Secrets by reference: ``env:NAME``, ``file:PATH``, or the secret itself.

No message of this file repeats a secret; the name of a variable and the path of a file are not secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from hookline.core.errors import ConfigError, InvalidInput

LARGEST_SECRET_BYTES = 64 * 1024

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPANSION = re.compile(r"\$\{?[A-Z_][A-Z0-9_]*\}?")


def check_reference(reference: str) -> str:
    """Return ``reference`` when it can be a secret or name one. Raises InvalidInput with the remedy."""
    if not reference.strip():
        raise InvalidInput("a secret must not be empty; write `env:NAME`, `file:PATH` or the secret itself")
    if reference.startswith("env:") and not _VARIABLE.fullmatch(reference[4:]):
        raise InvalidInput("after `env:` comes the name of a variable, as in `env:GITHUB_WEBHOOK_SECRET`")
    if reference.startswith("file:") and (not reference[5:].strip() or "\0" in reference):
        raise InvalidInput("after `file:` comes a path, as in `file:secrets/github`")
    if _EXPANSION.fullmatch(reference):
        raise InvalidInput("variables are not expanded; write `env:NAME` with the name of the variable")
    return reference


def is_reference(reference: str) -> bool:
    """Whether this names a secret that is kept elsewhere, and so may be shown."""
    return reference.startswith(("env:", "file:"))


def variable(reference: str) -> str:
    """The environment variable that this names, or an empty string."""
    return reference[4:] if reference.startswith("env:") else ""


def resolve(reference: str, environ: Mapping[str, str], base_dir: Path, where: str = "") -> str:
    """The secret that ``reference`` stands for; a relative path is relative to ``base_dir``.

    Raises ConfigError, saying ``where`` the reference stands, when the variable is not set or the file
    cannot be read. One line end at the end of a file is not part of the secret.
    """
    if reference.startswith("env:"):
        return _from_environment(reference[4:], environ, where)
    if reference.startswith("file:"):
        return _from_file(base_dir / reference[5:], where)
    return reference


def _from_environment(name: str, environ: Mapping[str, str], where: str) -> str:
    secret = environ.get(name)
    if secret is None:
        raise ConfigError(f"the environment variable {name} is not set", where=where)
    if not secret.strip():
        raise ConfigError(f"the environment variable {name} is set but empty", where=where)
    return secret


def _from_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ConfigError(f"cannot read the secret file {path}: {reason}", where=where) from None
    if len(raw) > LARGEST_SECRET_BYTES:
        raise ConfigError(f"the secret file {path} is larger than 64KB", where=where)
    try:
        secret = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"the secret file {path} is not UTF-8 text", where=where) from None
    if not secret.strip():
        raise ConfigError(f"the secret file {path} is empty", where=where)
    return secret
