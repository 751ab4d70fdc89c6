"""What servers announce to each other: several hints go out together, and may come late, twice, or never."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from hookline.storage.base import LOOK
from tests.simulation.fleet.process import Process

#: As in `storage/postgres/announcements.py`.
GATHER_S = 0.01


@dataclass(frozen=True)
class Manners:
    """How announcements travel: shares that are lost and doubled, and the longest that one takes."""

    lost: float = 0.0
    doubled: float = 0.0
    longest_s: float = 0.005


RELIABLE = Manners()


class Bus:
    """LISTEN and NOTIFY between processes. ``pay`` is told who announces something, and how many hear it."""

    def __init__(self, dice: random.Random, manners: Manners, pay: Callable[[Process, int], None]) -> None:
        self._dice, self.manners, self._pay = dice, manners, pay
        self._listeners: dict[Process, Callable[[str], None]] = {}
        self._to_say: dict[Process, dict[str, None]] = {}
        self.said = self.heard = 0

    def join(self, process: Process, heard: Callable[[str], None]) -> None:
        """From now on ``heard`` is called; what was said before may be anything."""
        self._listeners[process] = heard
        process.arrive(lambda: heard(LOOK))

    def listen_again(self, process: Process) -> None:
        """The connection was lost, and is there again."""
        if (heard := self._listeners.get(process)) is not None:
            process.arrive(lambda: heard(LOOK))

    def leave(self, process: Process) -> None:
        """The process hears nothing more."""
        self._listeners.pop(process, None)
        self._to_say.pop(process, None)

    def say(self, process: Process, news: str) -> None:
        """Announce it to all others, in a moment."""
        to_say = self._to_say.setdefault(process, {})
        if not to_say:
            process.arrive_at(asyncio.get_running_loop().time() + GATHER_S, lambda: self._say_all(process))
        to_say[news] = None

    def _say_all(self, process: Process) -> None:
        news = tuple(self._to_say.pop(process, ()))
        if not news or process.is_cut_off:
            return
        others = [one for one in self._listeners if one is not process]
        self.said += 1
        self._pay(process, len(others))
        for other in others:
            self._send(other, news)

    def _send(self, other: Process, news: tuple[str, ...]) -> None:
        manners = self.manners
        if other.is_cut_off or self._dice.random() < manners.lost:
            return
        for _ in range(2 if self._dice.random() < manners.doubled else 1):
            when_s = asyncio.get_running_loop().time() + self._dice.random() * manners.longest_s
            self.heard += 1
            other.arrive_at(when_s, lambda: self._hear(other, news))

    def _hear(self, process: Process, news: tuple[str, ...]) -> None:
        heard = self._listeners.get(process)
        if heard is not None:
            for each in news:
                heard(each)
