"""What a fleet does in a second: at work, at rest, and with one endpoint that is owed more than its home can send."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.simulation.fleet.database import STANDARD, Costs
from tests.simulation.fleet.fleet import Fleet, Node
from tests.simulation.fleet.wire import Attempt
from tests.simulation.world import Answer

#: One attempt keeps a server's processor busy for so long: a small server, so that a large fleet can be simulated.
CPU_S = 0.02
#: What a receiver takes to answer.
ANSWER_S = 0.05
#: Messages that each server's publishers have under way at once: what it can send in a third of a second.
UNDER_WAY = 16
WARM_UP_S = 2.0


@dataclass(frozen=True)
class Work:
    """What a fleet at work did, in a second, and what that cost."""

    nodes: int
    concurrency: int  #: of each endpoint
    delivered: float
    database: float  #: share of its cores that was busy
    transactions: float
    statements: float
    empty_claims: float  #: share of claims that found nothing
    claims: float  #: for each delivery
    p50_ms: int  #: from the publisher's request to the receiver's answer
    p99_ms: int
    busiest: float  #: share of all attempts that the busiest server made, times the number of servers
    twice: int


@dataclass(frozen=True)
class Rest:
    """What a fleet costs that has nothing to do, in a second."""

    nodes: int
    transactions: float
    statements: float
    announcements: float
    database: float
    names: dict[str, float]  #: statements by name


class _Publishers:
    """Publish to endpoints at random; each begins anew when its message has arrived."""

    def __init__(self, fleet: Fleet, endpoints: int, dice: random.Random) -> None:
        self._fleet, self._endpoints, self._dice = fleet, endpoints, dice
        self._arrived: dict[str, asyncio.Future[None]] = {}
        self.waits_s: list[float] = []
        fleet.receivers.arrived = self._note

    def _note(self, attempt: Attempt) -> None:
        waiting = self._arrived.pop(attempt.event_id, None)
        if waiting is not None:
            waiting.set_result(None)
        else:
            self._arrived[attempt.event_id] = asyncio.get_running_loop().create_future()

    async def publish(self, node: Node) -> None:
        """For ever, by way of this server."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            (event_id,) = await node.publish(f"t{self._dice.randrange(self._endpoints)}")
            if self._arrived.pop(event_id, None) is None:
                self._arrived[event_id] = loop.create_future()
                await self._arrived[event_id]
            self.waits_s.append(loop.time() - began_s)


async def work(
    dice: random.Random,
    nodes: int,
    *,
    endpoints: int = 256,
    concurrency: int = 10,
    seconds: float = 2.0,
    costs: Costs = STANDARD,
) -> Work:
    """All publish as fast as their messages arrive."""
    fleet = await _fleet(dice, nodes, [_endpoint(number, concurrency) for number in range(endpoints)], costs)
    publishers = _Publishers(fleet, endpoints, dice)
    tasks = [asyncio.create_task(publishers.publish(node)) for node in fleet.there for _ in range(UNDER_WAY)]
    await asyncio.sleep(WARM_UP_S)
    database = fleet.database
    database.forget_counts()
    fleet.receivers.attempts.clear()
    publishers.waits_s.clear()
    await asyncio.sleep(seconds)
    attempts, waits_s = list(fleet.receivers.attempts), sorted(publishers.waits_s)
    by_process = [sum(one.process is node.process for one in attempts) for node in fleet.there]
    figures = Work(
        nodes=nodes,
        concurrency=concurrency,
        delivered=len(attempts) / seconds,
        database=database.busy_s / seconds / database.costs.cores,
        transactions=database.transactions / seconds,
        statements=database.statements / seconds,
        empty_claims=database.empty_claims / max(1, database.claims),
        claims=database.claims / len(attempts),
        p50_ms=round(1000 * waits_s[len(waits_s) // 2]),
        p99_ms=round(1000 * waits_s[len(waits_s) * 99 // 100]),
        busiest=max(by_process) * nodes / len(attempts),
        twice=len(attempts) - len({one.event_id for one in attempts}),
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not fleet.faults, fleet.faults
    return figures


async def rest(dice: random.Random, nodes: int, *, endpoints: int = 256, seconds: float = 128.0) -> Rest:
    """Nothing is owed to anybody."""
    fleet = await _fleet(dice, nodes, [_endpoint(number, 10) for number in range(endpoints)], STANDARD)
    await asyncio.sleep(WARM_UP_S)
    database = fleet.database
    database.forget_counts()
    said = fleet.bus.said
    await asyncio.sleep(seconds)
    return Rest(
        nodes=nodes,
        transactions=database.transactions / seconds,
        statements=database.statements / seconds,
        announcements=(fleet.bus.said - said) / seconds,
        database=database.busy_s / seconds / database.costs.cores,
        names={name: count / seconds for name, count in database.asked.most_common()},
    )


@dataclass(frozen=True)
class Backlog:
    """How one endpoint's backlog was sent: by whom how many, in how many seconds, and most of them at once."""

    sent: dict[str, int]
    seconds: float
    most_at_once: int
    empty_claims: float


async def backlog(dice: random.Random, nodes: int, *, messages: int, concurrency: int) -> Backlog:
    """One server is given everything at once; a receiver takes half a second."""
    fleet = Fleet(dice, answer=lambda url: Answer(200, 0.5), most_skew_ms=0)
    for _ in range(nodes):
        await fleet.add()
    await fleet.configure([_endpoint(0, concurrency)])
    await asyncio.sleep(2)
    began_s = asyncio.get_running_loop().time()
    await fleet.there[0].publish("t0", messages)
    await fleet.until_all_is_over(messages)
    assert not fleet.faults, fleet.faults
    return Backlog(
        sent=dict(Counter(one.process.name for one in fleet.receivers.attempts)),
        seconds=asyncio.get_running_loop().time() - began_s,
        most_at_once=max(len(one.beside) + 1 for one in fleet.receivers.attempts),
        empty_claims=fleet.database.empty_claims / fleet.database.claims,
    )


async def _fleet(dice: random.Random, nodes: int, endpoints: list[dict[str, Any]], costs: Costs) -> Fleet:
    fleet = Fleet(dice, costs=costs, answer=lambda url: Answer(200, ANSWER_S), cpu_s=CPU_S)
    await fleet.add()
    await fleet.configure(endpoints)
    for _ in range(nodes - 1):
        await fleet.add()
    await asyncio.sleep(2)
    return fleet


def _endpoint(number: int, concurrency: int) -> dict[str, Any]:
    return {"uid": f"e{number}", "events": [f"t{number}"], "concurrency": concurrency}
