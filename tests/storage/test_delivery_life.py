"""Any sequence of what can happen to deliveries: the store does what the table of ``core.state`` says."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.storage.store import open_store
from hookline.testing.store_suite.life import ENDPOINTS, STEPS, Step, live
from hookline.testing.store_suite.world import World

LIVES = st.lists(st.tuples(st.sampled_from(sorted(set(STEPS))), st.integers(0, ENDPOINTS - 1)), max_size=40)


@given(LIVES)
@settings(max_examples=120, deadline=None)
def test_any_life_agrees_with_the_table(steps: list[Step]) -> None:
    async def run() -> None:
        world = World(lambda secret: open_store("sqlite://:memory:", secret))
        try:
            await live(world, steps)
        finally:
            await world.close()

    asyncio.run(run())
