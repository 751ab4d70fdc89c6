"""The conformance suite on PostgreSQL, the oldest version that is served and the newest."""

from __future__ import annotations

import pytest

from hookline.storage.store import open_store
from hookline.testing.store_suite import BEHAVIOURS, Behaviour, run


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_on_postgresql(behaviour: Behaviour, url: str) -> None:
    await run(behaviour, lambda secret: open_store(url, secret))
