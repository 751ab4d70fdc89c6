"""HOOKLINE_SECRET when nobody has set it: made once, kept in the data folder, readable by its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from hookline.config.setting_values import server_secret as check
from hookline.core.errors import ConfigError, InvalidInput

FILE_NAME = "secret"

#: Twice what RFC 7518 §3.2 asks for HS256.
ENTROPY_BYTES = 32


def server_secret(given: str, data_dir: Path, *, may_create: bool = True) -> str:
    """The server's secret: ``given`` when it is set, else what is in ``<data_dir>/secret``, else a new one there.

    Processes that start at the same time end with the same secret. ``may_create`` is false where a database
    exists already: a new secret could not read it. Raises ConfigError, which never holds the secret.
    """
    if given:
        return given
    path = data_dir / FILE_NAME
    found = _read(path)
    if found is None:
        if not may_create:
            raise ConfigError(
                f"the database was written with a secret, but there is none in {path}; "
                "set HOOKLINE_SECRET to it or put the file back",
                where="HOOKLINE_SECRET",
            )
        found = _create(path)
    return found


def exposed(given: str, data_dir: Path) -> str:
    """A warning when others on this machine can read the secret's file, else an empty string."""
    path = data_dir / FILE_NAME
    with contextlib.suppress(OSError):
        if not given and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return f"others on this machine may read {path}; run `chmod 600 {path}`"
    return ""


def _read(path: Path) -> str | None:
    try:
        return check(path.read_text("ascii"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not text; put the secret back or remove the file", where=str(path)) from None
    except InvalidInput as error:
        raise ConfigError(error.message, where=str(path)) from None


def _create(path: Path) -> str:
    """A new secret at ``path``, whole or not at all; or the one that another process put there first."""
    draft = path.with_name(f".{FILE_NAME}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(draft, secrets.token_hex(ENTROPY_BYTES))
        try:
            # A link is made only where nothing is: of two processes one succeeds, both read the same.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise ConfigError(
            f"cannot be made: {error.strerror}; set HOOKLINE_SECRET or name a folder with --data-dir", where=str(path)
        ) from None
    made = _read(path)
    assert made is not None
    return made


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
