"""The backup of the page about Compose is made and restored, with the commands as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import psycopg

from tests.cli.running import hookline
from tests.deploy import deployed
from tests.postgres.cluster import OLDEST, Cluster

_IN_THE_DATABASE = re.compile(r"docker compose exec -T database (\S+) (.*?)(?: ([<>]) (\S+))?")


def follow(lines: list[str], cluster: Cluster, folder: Path) -> list[str]:
    """Run the lines that are for the database's container against this one; the programs that they call."""
    called = []
    for found in filter(None, map(_IN_THE_DATABASE.fullmatch, lines)):
        program, words, direction, name = found.groups()
        file = folder / (name or "nothing")
        done = subprocess.run(
            [f"/usr/lib/postgresql/{OLDEST}/bin/{program}", *shlex.split(words)],
            env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port)},
            input=file.read_bytes() if direction == "<" else None,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        if direction == ">":
            file.write_bytes(done.stdout)
        called.append(program)
    return called


async def create(folder: Path, uid: str, url: str) -> None:
    """Make an application, and with the first one the schema."""
    done = await hookline(folder, "applications", "create", uid, "--uid", uid, HOOKLINE_DATABASE_URL=url)
    assert done.code == 0, done.err


def applications_of(url: str) -> list[str]:
    """The uids of the applications that a database has."""
    with psycopg.connect(url) as connection:
        return [uid for (uid,) in connection.execute("SELECT uid FROM source")]


async def test_what_was_backed_up_is_there_again(tmp_path: Path) -> None:
    backup, restore = [block.text.splitlines() for block in deployed.PAGES[0].blocks("sh") if "pg_" in block.text]
    with Cluster(OLDEST, fsync="off") as cluster:
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE hookline SUPERUSER LOGIN")
            connection.execute("CREATE DATABASE hookline OWNER hookline")
        url = cluster.url("hookline")
        await create(tmp_path, "before", url)
        assert follow(backup, cluster, tmp_path) == ["pg_dump"]
        await create(tmp_path, "later", url)
        assert follow(restore, cluster, tmp_path) == ["dropdb", "createdb", "pg_restore"]
        assert applications_of(url) == ["before"]
