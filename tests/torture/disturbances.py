"""What can happen to a fleet: each disturbance is a value that the dice drew; it happens, and is over by itself.

They are drawn from a deck that is shuffled again when it is used up, so that a short run meets every kind as well.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.torture.fleet import Fleet
from tests.torture.proxy import BOTH, Fault, Way
from tests.torture.stage import MOST_COUNTED, Moment

T = TypeVar("T")

KILLED = "its server was killed"
PAUSED = "its server was paused"
CUT_OFF = "its server was cut off"
DATABASE_DOWN = "the database was down"

#: The others declare a server dead that gives no sign of life for five seconds.
LONGEST_S = 12.0
#: Even a lease that nobody released has ended by then.
PAST_EVERY_LEASE_S = (50.0, 60.0)
#: Of so many rounds one has a pause as long as that.
ROUNDS_PER_LONG_PAUSE = 25

#: Share of rounds in which two things happen at once, or nearly.
TWO_AT_ONCE = 0.25
MOST_APART_S = 3.0
#: Share of rounds in which a replay is begun before.
REPLAYS = 0.3
#: Share of cuts that part all servers from the database at once.
ALL_CUT = 0.25


class Disturbance(Protocol):
    """Something that happens to a fleet."""

    @property
    def name(self) -> str:
        """What it is called in the summary."""
        ...

    async def happen(self, fleet: Fleet) -> None:
        """Return when it is over. Whoever it met has to get well by himself."""
        ...


@dataclass(frozen=True, slots=True)
class Kill:
    """A node is killed, and started again after ``rest_s``."""

    node: int
    rest_s: float
    name: str = "a node was killed"

    async def happen(self, fleet: Fleet) -> None:
        await fleet.nodes[self.node].kill(self.rest_s)
        fleet.interrupted(KILLED, time.monotonic())
        await asyncio.sleep(self.rest_s)


@dataclass(frozen=True, slots=True)
class Pause:
    """A node stops where it is for ``lasts_s``."""

    node: int
    lasts_s: float

    @property
    def name(self) -> str:
        """How long it was."""
        told = "past every lease" if self.lasts_s > LONGEST_S else "until it was declared dead"
        return f"a node was paused {told if self.lasts_s > 5 else 'for a moment'}"

    async def happen(self, fleet: Fleet) -> None:
        began_at_s = time.monotonic()
        process = fleet.nodes[self.node].pause()
        try:
            await asyncio.sleep(self.lasts_s)
        finally:
            process.resume()
        fleet.interrupted(PAUSED, began_at_s)


@dataclass(frozen=True, slots=True)
class PowerCut:
    """The database ends without a goodbye, and is back after ``down_s``."""

    down_s: float
    name: str = "the database failed"

    async def happen(self, fleet: Fleet) -> None:
        began_at_s = time.monotonic()
        await fleet.restart_database(self.down_s)
        for _ in fleet.nodes:
            fleet.interrupted(DATABASE_DOWN, began_at_s)


@dataclass(frozen=True, slots=True)
class Cut:
    """The ways of these nodes to the database fail for ``lasts_s``."""

    nodes: tuple[int, ...]
    fault: Fault
    ways: frozenset[Way]
    delay_s: float
    lasts_s: float

    @property
    def name(self) -> str:
        """Whose way failed, and how."""
        return f"the way of {'all nodes' if len(self.nodes) > 1 else 'a node'} to the database was {self.fault}"

    async def happen(self, fleet: Fleet) -> None:
        began_at_s = time.monotonic()
        nodes = [fleet.nodes[number] for number in self.nodes]
        for node in nodes:
            node.proxy.cut(self.fault, self.ways, self.delay_s)
        try:
            await asyncio.sleep(self.lasts_s)
        finally:
            for node in nodes:
                await node.proxy.heal()
        for _ in nodes:
            fleet.interrupted(CUT_OFF, began_at_s)


@dataclass(frozen=True, slots=True)
class Plan:
    """One round: when it begins, whether a replay is begun before, and what happens, each so much later."""

    moment: Moment
    count: int
    delay_s: float
    replay: bool
    disturbances: tuple[tuple[float, Disturbance], ...]


class Deck:
    """The rounds, as the dice want them."""

    def __init__(self, dice: random.Random, nodes: int) -> None:
        self._dice, self._nodes = dice, nodes
        self._kinds: list[str] = []
        self._faults: list[Fault] = []
        self._rounds = 0

    def draw(self) -> Plan:
        """The next round."""
        self._rounds += 1
        dice = self._dice
        moment = dice.choices([Moment.ACKNOWLEDGED, Moment.ARRIVED, Moment.TIME], weights=[40, 40, 20])[0]
        first = self._long_pause() if self._rounds % ROUNDS_PER_LONG_PAUSE == 0 else self._disturbance(())
        disturbances = [(0.0, first)]
        if dice.random() < TWO_AT_ONCE:
            disturbances.append((dice.uniform(0, MOST_APART_S), self._disturbance((type(first),))))
        return Plan(
            moment, dice.randint(1, MOST_COUNTED), dice.uniform(0, 0.03), dice.random() < REPLAYS, tuple(disturbances)
        )

    def _disturbance(self, but: tuple[type, ...]) -> Disturbance:
        """The next one; not of these types."""
        make: dict[str, Callable[[], Disturbance]] = {
            "kill": self._kill,
            "pause": self._pause,
            "power": self._power_cut,
            "cut": self._cut,
        }
        while True:
            if not self._kinds:
                self._kinds = self._shuffled(["kill", "kill", "pause", "pause", "power", "cut", "cut", "cut"])
            made = make[self._kinds.pop()]()
            if not isinstance(made, but):
                return made

    def _kill(self) -> Kill:
        return Kill(self._any_node(), self._dice.choice([0.0, self._dice.uniform(0, 3)]))

    def _pause(self) -> Pause:
        return Pause(self._any_node(), self._lasts_s(0.2))

    def _long_pause(self) -> Pause:
        return Pause(self._any_node(), self._dice.uniform(*PAST_EVERY_LEASE_S))

    def _power_cut(self) -> PowerCut:
        return PowerCut(self._dice.choice([0.0, self._dice.uniform(0, 8)]))

    def _cut(self) -> Cut:
        if not self._faults:
            self._faults = self._shuffled([fault for fault in Fault if fault is not Fault.NONE])
        nodes = tuple(range(self._nodes)) if self._dice.random() < ALL_CUT else (self._any_node(),)
        ways = self._dice.choice([BOTH, BOTH, frozenset({Way.TO_DATABASE}), frozenset({Way.TO_SERVER})])
        return Cut(nodes, self._faults.pop(), ways, self._dice.uniform(0.05, 0.5), self._lasts_s(0.5))

    def _any_node(self) -> int:
        return self._dice.randrange(self._nodes)

    def _lasts_s(self, least_s: float) -> float:
        """Short ones as often as long ones, whatever that means."""
        return math.exp(self._dice.uniform(math.log(least_s), math.log(LONGEST_S)))

    def _shuffled(self, cards: Sequence[T]) -> list[T]:
        return self._dice.sample(cards, len(cards))
