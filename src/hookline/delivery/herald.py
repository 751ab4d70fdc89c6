"""Telling the right server: the dispatcher here of what is its own, and the others of what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hookline.core.model import Work
from hookline.delivery.dispatcher import Dispatcher
from hookline.storage.base import LOOK, PUSH, Database


class Herald:
    """A Worker for a server that is one of several. ``dispatcher`` None: this one only stores.

    ``push`` is called when something is to be done in steps, ``look`` when anything may have changed elsewhere.
    """

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher | None,
        push: Callable[[], None],
        look: Callable[[], None],
    ) -> None:
        self._database, self._dispatcher = database, dispatcher
        self._push, self._look = push, look

    # -- what the store tells this server: see `storage.base.Worker` -------------------------------------

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        return self._dispatcher.reserve(endpoint_id, size) if self._dispatcher is not None else None

    def release(self, endpoint_id: str, size: int, lease: str) -> None:
        assert self._dispatcher is not None, "it had reserved"
        self._dispatcher.release(endpoint_id, size, lease)

    def leased(self, works: Sequence[Work]) -> None:
        assert self._dispatcher is not None, "it had reserved"
        self._dispatcher.leased(works)

    def owed(self, endpoint_ids: Iterable[str]) -> None:
        owed = list(endpoint_ids)
        if self._dispatcher is not None:
            self._dispatcher.owed(owed)
        for endpoint_id in owed:
            if self._dispatcher is None or not self._dispatcher.is_home(endpoint_id):
                self._database.announce(endpoint_id)

    def look(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.look()
        self._database.announce(LOOK)

    def wide(self) -> None:
        self._push()
        self._database.announce(PUSH)

    # -- what other servers tell ---------------------------------------------------------------------------

    def hear(self, news: str) -> None:
        """Act on what another server announced."""
        if news == LOOK:
            self._look()
        elif news == PUSH:
            self._push()
        elif self._dispatcher is not None and self._dispatcher.is_home(news):
            self._dispatcher.owed([news])
