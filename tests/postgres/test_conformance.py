"""The conformance suite on PostgreSQL, the oldest version that is served and the newest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hookline.storage.store import open_store
from hookline.testing.store_suite import BEHAVIOURS, Behaviour, run
from hookline.testing.store_suite.world import SECRET
from tests.postgres.cluster import Cluster


@pytest.fixture(scope="module")
def templates() -> dict[Cluster, str]:
    """A database with the schema and nothing in it, on each server: to copy it is quicker than to make it."""
    return {}


@pytest.fixture
async def url(cluster: Cluster, templates: dict[Cluster, str]) -> AsyncIterator[str]:
    if cluster not in templates:
        templates[cluster] = cluster.new_database()
        await open_store(templates[cluster], SECRET).close()
    made = cluster.new_database(templates[cluster])
    yield made
    cluster.drop(made)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_on_postgresql(behaviour: Behaviour, url: str) -> None:
    await run(behaviour, lambda secret: open_store(url, secret))
