"""The servers that senders know of: where a request goes, and a book of how each of them answers.

Whoever finds nobody behind a door shuts it for all; whoever starts a server opens it again. Behind a door that is
open there may still be somebody who does not answer: that is found out by knocking.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Sequence

#: How long a sender rests that was told to come again (it was asked for a second).
COME_AGAIN_S = 0.1


class Doors:
    """The doors of all servers, by their ports. Nobody waits longer than ``patience_s`` for an answer."""

    def __init__(self, ports: Sequence[int], *, patience_s: float = 20.0) -> None:
        self.patience_s = patience_s
        self._open: dict[int, bool] = dict.fromkeys(ports, False)
        self._any_open = asyncio.Event()
        self.answers: Counter[tuple[int, int]] = Counter()  #: by port and status
        self.silent: Counter[int] = Counter()  #: by port, how often nothing was said in time
        self.impatient = 0  #: answers that refuse for the moment, and do not say until when
        self.slowest_s: dict[int, float] = {}  #: by status

    @property
    def ports(self) -> Collection[int]:
        """All of them."""
        return self._open.keys()

    def open(self, port: int) -> None:
        """Its server answers."""
        self._open[port] = True
        self._any_open.set()

    def shut(self, port: int) -> None:
        """Nobody is there until it is opened again."""
        self._open[port] = False
        if not any(self._open.values()):
            self._any_open.clear()

    def is_open(self, port: int) -> bool:
        """Whether somebody is there, as far as is known."""
        return self._open[port]

    async def wait(self) -> None:
        """Return when at least one is open."""
        await self._any_open.wait()

    def choose(self, dice: random.Random, left: int = 0) -> int:
        """One that is open; not the one that was just ``left`` in disappointment, when there is another."""
        found = [port for port, is_open in self._open.items() if is_open] or list(self._open)
        return dice.choice([port for port in found if port != left] or found)

    def note(self, port: int, status: int, took_s: float, *, says_when: bool) -> None:
        """An answer came."""
        self.answers[port, status] += 1
        self.slowest_s[status] = max(took_s, self.slowest_s.get(status, 0.0))
        self.impatient += status == 503 and not says_when

    def accepted(self, port: int) -> int:
        """How many 2xx came from there."""
        return sum(count for (at, status), count in self.answers.items() if at == port and 200 <= status < 300)
