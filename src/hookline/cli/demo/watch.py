"""Notices of the server, as something to wait for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from hookline.core.notice import AttemptMade, Notice
from hookline.core.state import OWED, DeliveryState


class Watch:
    """A sink that remembers the attempts of each event until it is told to forget, and tells listeners."""

    def __init__(self) -> None:
        self._remembers = True
        self._attempts: dict[str, list[AttemptMade]] = defaultdict(list)
        self._waiting: dict[str, list[tuple[int, asyncio.Future[None]]]] = defaultdict(list)
        self._listeners: list[Callable[[Notice], None]] = []

    def sink(self, notice: Notice) -> None:
        """Be told of a notice."""
        if isinstance(notice, AttemptMade) and self._remembers:
            self._attempts[notice.event_id].append(notice)
            self._wake(notice.event_id)
        for listener in self._listeners:
            listener(notice)

    def listen(self, listener: Callable[[Notice], None]) -> None:
        """Tell ``listener`` of every notice from now on."""
        self._listeners.append(listener)

    def attempts(self, event_id: str) -> tuple[AttemptMade, ...]:
        """Every attempt so far."""
        return tuple(self._attempts.get(event_id, ()))

    def forget(self) -> None:
        """Attempts are of no interest any more: a server that runs for long must not pile them up."""
        self._remembers = False
        self._attempts.clear()

    async def ended(self, event_id: str, times: int = 1) -> None:
        """Return when a delivery of the event has ended, delivered or dead, for the ``times``-th time."""
        if self._ends(event_id) >= times:
            return
        signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[event_id].append((times, signal))
        await signal

    def _ends(self, event_id: str) -> int:
        return sum(DeliveryState(made.state) not in OWED for made in self.attempts(event_id))

    def _wake(self, event_id: str) -> None:
        for times, signal in self._waiting.get(event_id, ()):
            if not signal.done() and self._ends(event_id) >= times:
                signal.set_result(None)
