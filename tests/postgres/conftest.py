"""One PostgreSQL of each version for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres.cluster import NEWEST, OLDEST, Cluster


@pytest.fixture(scope="session")
def newest() -> Iterator[Cluster]:
    with Cluster(NEWEST, fsync="off") as running:
        yield running


@pytest.fixture(scope="session")
def oldest() -> Iterator[Cluster]:
    with Cluster(OLDEST, fsync="off") as running:
        yield running


@pytest.fixture(params=["oldest", "newest"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each of them in turn. Nothing there survives a power failure: no test of these asks for that."""
    running: Cluster = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """An empty database."""
    made = cluster.new_database()
    yield made
    cluster.drop(made)
