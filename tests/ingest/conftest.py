"""A door for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.ingest.asking import Street, street


@pytest.fixture
async def place() -> AsyncIterator[Street]:
    async with street() as made:
        yield made
