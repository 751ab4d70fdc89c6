"""How many deliveries, and how many bytes of them, this process holds in memory.

Two threads take and give back: the store's writer (inside a commit) and the event loop. Each has counters of
its own, which only it changes, so that no lock is needed; the sum is what counts.
"""

from __future__ import annotations

import math


class Tally:
    """A number that two threads add to."""

    __slots__ = ("by_loop", "by_writer")

    def __init__(self) -> None:
        self.by_writer = 0
        self.by_loop = 0

    @property
    def total(self) -> int:
        """What both have added."""
        return self.by_writer + self.by_loop


class Room:
    """Room for at most ``most_works`` deliveries and ``most_bytes`` of bodies, in all lanes together.

    When the server stops it is closed: nothing more is taken in, and nothing more is begun.
    """

    def __init__(self, most_works: int, most_bytes: int) -> None:
        self._most_works, self._most_bytes = most_works, most_bytes
        self._works, self._bytes = Tally(), Tally()
        self._claimed_works = self._claimed_bytes = 0
        self.is_closed = False
        #: Nothing is begun from then on (on the steady clock): others may have declared this server dead by then.
        self.sure_until_ms = math.inf

    def close(self) -> None:
        """There is no room any more."""
        self.is_closed = True

    @property
    def works(self) -> int:
        """How many deliveries are held."""
        return self._works.total

    @property
    def free_bytes(self) -> int:
        """How many more bytes there is room for."""
        return max(0, self._most_bytes - self._bytes.total)

    @property
    def is_full(self) -> bool:
        """Whether a claim would be given room for no more than the one delivery it always may bring."""
        return self.works + self._claimed_works >= self._most_works or self.free_bytes <= self._claimed_bytes

    def writer_takes(self, size: int) -> bool:
        """Take a delivery of ``size`` bytes inside a commit, when there is room."""
        if self.is_closed or self._works.total >= self._most_works or size > self.free_bytes:
            return False
        self._works.by_writer += 1
        self._bytes.by_writer += size
        return True

    def writer_gives_back(self, size: int) -> None:
        """The commit failed."""
        self._works.by_writer -= 1
        self._bytes.by_writer -= size

    def claim_begins(self, works: int, size: int) -> tuple[int, int]:
        """How many deliveries and bytes a claim may bring: at most this, one delivery in any case.

        Held until ``claim_ends``, so that the claims of many lanes at once do not all count on the same room.
        """
        works = max(1, min(works, self._most_works - self.works - self._claimed_works))
        size = max(0, min(size, self.free_bytes - self._claimed_bytes))
        self._claimed_works += works
        self._claimed_bytes += size
        return works, size

    def claim_ends(self, works: int, size: int) -> None:
        """The claim was answered; what it brought is taken next."""
        self._claimed_works -= works
        self._claimed_bytes -= size

    def loop_takes(self, size: int) -> None:
        """Take a claimed delivery; the claim had asked for no more than there is room for."""
        self._works.by_loop += 1
        self._bytes.by_loop += size

    def loop_gives_back(self, size: int) -> None:
        """A delivery is done with, whoever took it."""
        self._works.by_loop -= 1
        self._bytes.by_loop -= size
