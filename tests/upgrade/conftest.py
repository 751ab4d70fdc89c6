"""The release before this one, unpacked, and a PostgreSQL."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.cluster import Cluster

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of the previous release: of the only wheel that is kept here."""
    (wheel,) = HERE.glob("hookline-*.whl")
    folder = tmp_path_factory.mktemp("previous")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster(fsync="off") as running:
        yield running
