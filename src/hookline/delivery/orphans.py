"""Leases that nobody may hold: taken in a transaction of which nobody heard whether it was committed.

When the connection is lost while a commit is under way, it counts as nothing: whoever sent the events is told to send
them again. The database may have committed all the same, and then deliveries are leased to this server, which does
not know of them; their order, where it counts, would stand still until the leases run out. So those leases are ended
by their names, soon, and once more when the database must have made up its mind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.notice import Notify, ServiceFailed
from hookline.delivery.busy import Busy
from hookline.storage.store import Store

#: After so long leases are looked for, each time.
AFTER_MS = (1_000, 5_000, 10_000)


class Orphans:
    """Ends such leases. ``on_owed`` is told of the endpoints that are owed what they were on."""

    def __init__(
        self, store: Store, clock: Clock, notify: Notify, busy: Busy, on_owed: Callable[[Iterable[str]], None]
    ) -> None:
        self._store, self._clock, self._notify, self._busy, self._on_owed = store, clock, notify, busy, on_owed
        self._new: list[str] = []

    def note(self, lease: str) -> None:
        """This lease came to nothing, as far as anybody heard. On any thread."""
        if self._store.database.shared:
            self._new.append(lease)

    def look_after(self) -> None:
        """Called now and then, on the event loop: have those ended that were noted since."""
        if self._new:
            leases, self._new = self._new, []
            now_ms = self._clock.now_ms()
            for after_ms in AFTER_MS:
                self._clock.call_at(now_ms + after_ms, lambda: self._busy.spawn(self._end(leases)))

    async def _end(self, leases: list[str]) -> None:
        try:
            owed = await self._store.deliveries.end_leases(leases, self._clock.now_ms())
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            self._new += leases
        else:
            self._on_owed(owed)
