"""Runs the conformance suite of the release that it is started with, on databases that a newer one has prepared.

Started as a program, with the unpacked release first on the path: ``python behaving.py FOLDER TEMPLATE STEP``.
``TEMPLATE`` is a file of SQLite, or the URL of a database of PostgreSQL; each behaviour gets a copy of it. With a
``STEP`` above one some are left out. What fails is printed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import hookline
from hookline.storage.store import Store, open_store
from hookline.testing.store_suite import BEHAVIOURS, Behaviour, run

LIMIT_S = 60.0


def main(folder: str, template: str, step: str) -> int:
    """How many behaviours are not those of a store."""
    assert Path(hookline.__file__).is_relative_to(folder), f"{hookline.__file__} is not the release in {folder}"
    copies = _postgres_copies if template.startswith("postgresql://") else _sqlite_copies
    wanted = BEHAVIOURS[:: int(step)]
    failed = 0
    for behaviour in wanted:
        with copies(template) as url:
            failed += not asyncio.run(_behaves(behaviour, partial(open_store, url, sync="normal")))
    print(f"{len(wanted)} behaviours, {failed} failed")
    return failed


async def _behaves(behaviour: Behaviour, open_one: Callable[[str], Store]) -> bool:
    try:
        async with asyncio.timeout(LIMIT_S):
            await run(behaviour, open_one)
    except Exception as error:
        print(f"FAILED {behaviour}: {type(error).__name__}: {error}")
        return False
    return True


@contextmanager
def _sqlite_copies(template: str) -> Iterator[str]:
    path = Path(template).with_name("copy.db")
    shutil.copy(template, path)
    yield f"sqlite:///{path}"
    for file in path.parent.glob("copy.db*"):
        file.unlink()


@contextmanager
def _postgres_copies(template: str) -> Iterator[str]:
    import psycopg
    from psycopg import sql

    server, _, name = template.rpartition("/")
    copy = f"{name}_copy"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as beside:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(copy), sql.Identifier(name))
        beside.execute(made)
        yield f"{server}/{copy}"
        beside.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy)))


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
