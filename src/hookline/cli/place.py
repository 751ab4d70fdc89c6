"""Where a command works: its settings, its file and the store, opened beside a server or without one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hookline.cli.flags import Flags
from hookline.clock import SystemClock
from hookline.config.file import FileConfig, read_file
from hookline.config.server_secret import server_secret
from hookline.config.settings import Settings, config_path, load_settings
from hookline.core.errors import StoreError
from hookline.storage.store import Store, open_store

_SQLITE = "sqlite:///"
_MEMORY = "sqlite://:memory:"


@dataclass(frozen=True, slots=True)
class Place:
    """What a command works with."""

    settings: Settings
    file: FileConfig | None
    store: Store
    environ: Mapping[str, str] = field(repr=False)
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def org_id(self) -> str:
        """Whose sources and events these are."""
        return self.settings.organisation


def read_settings(flags: Flags) -> tuple[Settings, FileConfig | None]:
    """The settings of a command, and the file they were read with. Raises ConfigError."""
    path = config_path(flags, os.environ)
    file = read_file(path) if path is not None else None
    return load_settings(flags, os.environ, file), file


def may_create_secret(database: str) -> bool:
    """Whether a new secret would do: it would not for a database that was written with another."""
    return not exists(database)


def exists(database: str) -> bool:
    """Whether there is a file of this URL already."""
    return database.startswith(_SQLITE) and Path(database.removeprefix(_SQLITE)).exists()


@contextlib.asynccontextmanager
async def opened(flags: Flags, *, create: bool = False, dry_run: bool = False) -> AsyncIterator[Place]:
    """The place that the flags mean, for one command.

    A database that does not exist is made when ``create`` is set, stands for an empty one when ``dry_run``
    is, and is an error otherwise: an empty list in the wrong folder would be a lie.
    Raises ConfigError or StoreError.
    """
    settings, file = read_settings(flags)
    is_there = exists(settings.database) or not settings.database.startswith("sqlite://")
    if is_there or create:
        secret = server_secret(settings.secret, settings.data_dir, may_create=not is_there)
        store = open_store(settings.database, secret)
    elif dry_run:
        store = open_store(_MEMORY, secrets.token_hex(32))
    else:
        raise StoreError(
            f"there is no database at {settings.database}; begin with `hookline serve` or `hookline apply`, "
            "or say with --database or --config where it is"
        )
    try:
        yield Place(settings, file, store, os.environ)
    finally:
        await store.close()


def at(flags: Flags, work: Callable[[Place], Awaitable[None]], *, create: bool = False, dry_run: bool = False) -> None:
    """Do ``work`` at the place that the flags mean."""

    async def run() -> None:
        async with opened(flags, create=create, dry_run=dry_run) as place:
            await work(place)

    asyncio.run(run())
