"""What was taken in and will not be tried now goes back to the database. That uses up no attempt."""

from __future__ import annotations

from hookline.core.clock import Clock
from hookline.core.model import Work
from hookline.delivery import attempt
from hookline.delivery.lane import Lane
from hookline.delivery.room import Room
from hookline.delivery.settler import Settler


class Returns:
    """Gives deliveries back, and counts them."""

    def __init__(self, clock: Clock, room: Room, settler: Settler) -> None:
        self._clock, self._room, self._settler = clock, room, settler
        self.count = 0

    def give_back(self, lane: Lane | None, work: Work, *, until_ms: int = 0) -> None:
        """Its lease ends now; it is due again, not before ``until_ms``."""
        self.forget(lane, work)
        self.count += 1
        self._settler.settle(attempt.give_back(work, max(until_ms, self._clock.now_ms())))

    def give_back_all(self, lane: Lane) -> None:
        """Everything that waits in the lane."""
        while lane.queue:
            self.give_back(lane, lane.queue.popleft())

    def forget(self, lane: Lane | None, work: Work) -> None:
        """The delivery takes no more room."""
        if lane is not None:
            lane.taken.by_loop -= 1
        self._room.loop_gives_back(len(work.body))
