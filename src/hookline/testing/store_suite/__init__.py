"""What every Store does, whatever database is under it: one suite of behaviours, run on each.

    @pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
    async def test_store(behaviour: Behaviour, tmp_path: Path) -> None:
        await run(behaviour, lambda secret: open_store(f"sqlite:///{tmp_path}/new.db", secret))

A behaviour is a plain async function that gets a `World`: stores on one database that was empty, a time that
only it moves, and words for what one does with a store. It asserts; what it needs no fixture can hide.
"""

from __future__ import annotations

from hookline.testing.store_suite import (
    accepting,
    applying,
    cataloguing,
    claiming,
    deduplicating,
    expunging,
    forgetting,
    leasing,
    life,
    looking,
    ordering,
    publishing,
    recovering,
    refusing,
    replaying,
    replays,
    resending,
    routing,
    sending_applications,
    sending_endpoints,
    sending_event_types,
    settling,
    spreading,
    telling,
    tenants,
)
from hookline.testing.store_suite.world import Behaviour, Open, World, run

__all__ = ["BEHAVIOURS", "Behaviour", "Open", "World", "run"]

#: All of them, in the order in which an event lives.
BEHAVIOURS: tuple[Behaviour, ...] = tuple(
    behaviour
    for room in (
        accepting,
        deduplicating,
        publishing,
        leasing,
        claiming,
        ordering,
        spreading,
        settling,
        telling,
        life,
        replaying,
        resending,
        replays,
        recovering,
        looking,
        expunging,
        forgetting,
        cataloguing,
        applying,
        sending_applications,
        sending_endpoints,
        sending_event_types,
        routing,
        tenants,
        refusing,
    )
    for behaviour in room.BEHAVIOURS
)
