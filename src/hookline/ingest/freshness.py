"""Looking once more before a request is refused: another server may just have changed its source.

What a server knows of sources follows the database within a tenth of a second. A genuine request must not be refused
for that tenth, because its source was made, or its secret rotated, at another server. So what would be refused waits
for one more look. All that would be refused at that time share it: a flood of forgeries looks ten times a second.
"""

from __future__ import annotations

import asyncio

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.storage.store import Store

#: Between two looks.
PAUSE_MS = 100
#: How long one may take.
LIMIT_S = 2.0


class Freshness:
    """Looks at the database, for everybody who waits, no more often than it may."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._next: asyncio.Task[None] | None = None
        self._not_before_ms = 0

    async def look(self) -> None:
        """Return when the routing is at least as new as this call. Raises StoreError when nobody can know."""
        if not self._store.database.shared:
            return
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._look())
        await asyncio.shield(self._next)

    async def _look(self) -> None:
        if self._clock.now_ms() < self._not_before_ms <= self._clock.now_ms() + PAUSE_MS:
            await self._clock.sleep_until(self._not_before_ms)
        self._next = None  # whoever comes now needs a look that begins later
        self._not_before_ms = self._clock.now_ms() + PAUSE_MS
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._store.catalogue.load_if_newer()
        except TimeoutError:
            raise StoreError(f"the database did not say within {LIMIT_S:g} s whether the source was changed") from None
