"""Given a server under load, when it is killed at any moment, then nothing that it acknowledged is lost."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.torture.torture import Torture

KILLS = int(os.environ.get("KILLS", "20"))


@pytest.mark.torture
async def test_no_acknowledged_event_is_lost_however_often_the_server_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")  # pytest shows it when the test fails; run again with SEED=…
    torture = Torture(tmp_path, rounds=KILLS, seed=seed)
    verdict = await torture.run()
    assert verdict.problems == [], f"seed {seed}, see {tmp_path}"
    assert verdict.counts["acknowledged"] > 5 * KILLS, "there was hardly any load at door 1"
    assert verdict.counts["door 2: acknowledged"] > 5 * KILLS, "there was hardly any load at door 2"
