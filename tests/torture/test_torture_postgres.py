"""Given several servers on one PostgreSQL under load, whatever happens to them, nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.torture.siege import Siege

ROUNDS = int(os.environ.get("ROUNDS", "6"))


@pytest.mark.torture
async def test_no_acknowledged_event_is_lost_whatever_happens_to_servers_and_their_database(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")  # pytest shows it when the test fails; run again with SEED=…
    siege = Siege(tmp_path, rounds=ROUNDS, seed=seed)
    verdict = await siege.run()
    assert verdict.problems == [], f"seed {seed}, see {tmp_path}"
    assert verdict.counts["acknowledged"] > 20 * ROUNDS, "there was hardly any load at door 1"
    assert verdict.counts["door 2: acknowledged"] > 20 * ROUNDS, "there was hardly any load at door 2"
