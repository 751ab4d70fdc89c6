"""One past for all tests of this folder."""

from __future__ import annotations

import time

import pytest

from tests.plans.past import EVENTS, Past
from tests.plans.surroundings import PLACES


@pytest.fixture(scope="session")
def past() -> Past:
    return Past(EVENTS, PLACES, time.time_ns() // 1_000_000)
