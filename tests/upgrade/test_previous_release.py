"""The release before this one goes on serving while and after this one's migrations are applied (blue/green).

Today's code prepares a database, with all its migrations and one more that adds what a later version may add. On that
the previous release, from its own wheel and in a process of its own, must behave as its own conformance suite says.

When a migration cannot be written that way (`-- works with:` names a later version), the release that needs it comes in
two: first one that copes with both schemas, then the migration. `scripts/keep-release` keeps the next one here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hookline.core.errors import StoreVersion
from hookline.core.model import DEFAULT_ORG
from hookline.storage import migrate as migrating
from hookline.storage.base import EventFilter
from hookline.storage.sql import Migration, migrations
from hookline.storage.store import open_store
from hookline.storage.upgrade import upgrade
from hookline.testing.store_suite.world import World
from tests.postgres.cluster import Cluster

SECRET = "not-a-real-server-secret-0123456789"
BEHAVING = Path(__file__).with_name("behaving.py")
#: Room for a thing that every later version may do: add a table, a column that has a default, an index.
FUTURE = {
    "sqlite": """
CREATE TABLE future (id TEXT PRIMARY KEY);
ALTER TABLE event ADD COLUMN future TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN future BIGINT;
CREATE INDEX event_by_future ON event (future, id);
""",
    "postgres": """
CREATE TABLE future (id TEXT COLLATE "C" PRIMARY KEY);
ALTER TABLE event ADD COLUMN future TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN future BIGINT;
CREATE INDEX event_by_future ON event (future, id);
""",
}


def with_future(dialect: str, works_with: int) -> list[Migration]:
    known = migrations(dialect)
    number = known[-1].number + 1
    return [*known, Migration(number, f"{number:04d}_future.sql", FUTURE[dialect], works_with)]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's code is a later version's, whose migration works with whatever today's migrations work with."""
    oldest = max(each.works_with for each in migrations("sqlite"))
    monkeypatch.setattr(migrating, "migrations", lambda dialect: with_future(dialect, oldest))


def behaves(previous: Path, template: str, step: int = 1) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(previous), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(BEHAVING), str(previous), template, str(step)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=False, cwd=previous)


@pytest.mark.usefixtures("later")
def test_the_previous_release_serves_the_newest_schema_of_a_file(previous: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    upgrade(f"sqlite:///{template}")
    done = behaves(previous, str(template))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "behaviours, 0 failed" in done.stdout


@pytest.mark.usefixtures("later")
def test_the_previous_release_serves_the_newest_schema_of_postgresql(previous: Path, cluster: Cluster) -> None:
    template = cluster.new_database()
    upgrade(template)
    done = behaves(previous, template, step=3)  # all of them in two databases would take minutes
    assert done.returncode == 0, done.stdout + done.stderr
    assert "behaviours, 0 failed" in done.stdout


async def test_a_schema_that_needs_the_later_version_is_refused_by_this_one(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.new_database()
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda dialect: with_future(dialect, 999))
        upgrade(url)
    with pytest.raises(StoreVersion, match="install the newer version"):
        open_store(url, SECRET)


async def test_an_older_schema_of_postgresql_is_not_served_until_it_is_migrated(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.new_database()
    await open_store(url, SECRET).close()
    monkeypatch.setattr(migrating, "migrations", lambda dialect: with_future(dialect, 3))
    with pytest.raises(StoreVersion, match="run `hookline migrate` first"):
        open_store(url, SECRET)
    assert len(upgrade(url, check=True).pending) == 1
    assert len(upgrade(url).pending) == 1
    assert upgrade(url, check=True).pending == ()
    await open_store(url, SECRET).close()


async def test_a_server_goes_on_while_the_schema_under_it_changes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its prepared statements select columns that were not there when they were prepared."""
    url = cluster.new_database()
    world = World(lambda secret: open_store(url, secret))
    source = await world.source()
    endpoint = await world.endpoint(source)

    async def everything() -> None:
        receipt = await world.accept(source, key=f"id:{world.entropy().hex()}")
        await world.try_once(endpoint)
        assert await world.status(receipt.event_id) == "processed"
        assert await world.store.events.find(DEFAULT_ORG, EventFilter(source_id=source.id))
        await world.endpoint(source, "another", events=["other"])

    for _ in range(3):
        await everything()
    monkeypatch.setattr(migrating, "migrations", lambda dialect: with_future(dialect, 3))
    assert (await asyncio.to_thread(upgrade, url)).pending
    for _ in range(3):
        await everything()
    await world.close()


async def test_servers_that_start_together_on_an_empty_database_set_it_up_once(cluster: Cluster) -> None:
    url = cluster.new_database()
    stores = await asyncio.gather(*(asyncio.to_thread(open_store, url, SECRET) for _ in range(6)))
    await asyncio.gather(*(store.close() for store in stores))
    assert upgrade(url, check=True).pending == ()
