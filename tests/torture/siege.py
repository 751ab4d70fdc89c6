"""The torture of several servers on one PostgreSQL, under load at both doors of all of them, judged at the end.

    3 × spawn ──► load ──► (a moment) ──► something happens ──► all well again by themselves ──► …  ──► drain ──► judge

What happens is drawn from a seed: a node is killed, or paused for longer than it takes to be declared dead; the
database fails as at a power cut; the way to it is cut. See `disturbances.py`.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.postgres.cluster import Cluster
from tests.torture.disturbances import Deck, Disturbance, Plan
from tests.torture.doors import Doors
from tests.torture.findings import Verdict
from tests.torture.fleet import START_LIMIT_S, Fleet
from tests.torture.postgres_evidence import PostgresWitness
from tests.torture.server import free_port
from tests.torture.stage import Pace, Progress, Stage
from tests.torture.verdict import judge

NODES = 3
#: A sender turns to another server when one did not answer for so long. Providers wait for 3 to 30 seconds.
PATIENCE_S = 8.0
#: Between two requests of a sender; and how much longer publishers rest. Three servers, the database, senders and
#: receiver share a machine, and what happens to it shall be the disturbance, not its load.
PAUSE_S, EASE = 0.05, 4.0
#: Old events to forget, for each round.
PAST_PER_ROUND = 50

#: After something happened all nodes are ready again within so long, by themselves.
RECOVERY_LIMIT_S = 30.0
#: At the end each of them takes so many events, to show that it does; and all is delivered.
SHOWN = 20
SHOW_LIMIT_S = 30.0
DRAIN_LIMIT_S = 120.0

#: What nodes say about it in their logs.
_SAID = {
    "nodes declared dead": re.compile(r"\bnode died\b"),
    "nodes that learned it": re.compile(r"\bnode lost\b"),
    "results that came after their lease had gone": re.compile(r"\blease lost\b"),
}
_FAULTS = re.compile(r"^Traceback|AssertionError|TypeError|RuntimeError", re.MULTILINE)


class Siege:
    """One run of ``rounds`` rounds. What it leaves in ``folder`` (logs) is for whoever looks for a cause."""

    def __init__(
        self,
        folder: Path,
        *,
        rounds: int,
        seed: int,
        senders: int = 8,
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.folder, self.rounds, self.seed = folder, rounds, seed
        self.happened: Counter[str] = Counter()
        self._senders, self._report = senders, report
        self._deck = Deck(random.Random(f"{seed} deck"), NODES)
        self._doors = Doors([free_port() for _ in range(NODES)], patience_s=PATIENCE_S)
        self._troubles: list[str] = []
        self._slowest_recovery_s = 0.0
        self._done = 0

    async def run(self) -> Verdict:
        """Disturb, wait until all is well again, and judge. Raises TimeoutError when something comes to no end."""
        with Cluster() as cluster:
            url = cluster.new_database()
            self._witness = PostgresWitness(url)
            self._stage = Stage(
                self.folder,
                url,
                self._witness,
                self._doors,
                self.seed,
                rounds=self.rounds,
                pace=Pace(self._senders, PAUSE_S, EASE),
            )
            async with self._stage.set_up(PAST_PER_ROUND * self.rounds), self._fleet(cluster, url) as fleet:
                async with self._stage.load():
                    for _ in range(self.rounds):
                        await self._round(fleet, self._deck.draw())
                    await self._last_round(fleet)
                return self._judge(fleet)

    @asynccontextmanager
    async def _fleet(self, cluster: Cluster, url: str) -> AsyncIterator[Fleet]:
        fleet = Fleet(cluster, url, list(self._doors.ports), self._doors, self.seed)
        try:
            await fleet.start(self._stage.config, self._stage.environ)
            async with asyncio.timeout(START_LIMIT_S):
                await fleet.wait_ready()
            yield fleet
        finally:
            await fleet.close()
            shutil.copy(cluster.log, self.folder / "postgres.log")

    async def _round(self, fleet: Fleet, plan: Plan) -> None:
        await self._stage.wait_for(plan.moment, plan.count, plan.delay_s)
        if plan.replay:
            await self._stage.begin_job()
        self.happened += self._stage.interrupted()
        self._witness.make_housekeeping_due()
        names = " and ".join(disturbance.name for _, disturbance in plan.disturbances)
        self._tell(names)
        await asyncio.gather(*(_later(after_s, disturbance, fleet) for after_s, disturbance in plan.disturbances))
        self.happened.update(disturbance.name for _, disturbance in plan.disturbances)
        self._done += 1
        await self._recovered(fleet, names)

    async def _recovered(self, fleet: Fleet, after: str) -> None:
        """All nodes are ready, though nobody did anything to them."""
        began_at_s = time.monotonic()
        try:
            async with asyncio.timeout(RECOVERY_LIMIT_S):
                await fleet.wait_ready()
        except TimeoutError:
            self._troubles.append(f"STUCK: {RECOVERY_LIMIT_S:g} s after {after}, not all nodes were ready again")
        self._slowest_recovery_s = max(self._slowest_recovery_s, time.monotonic() - began_at_s)

    # -- the end ---------------------------------------------------------------------------------------

    async def _last_round(self, fleet: Fleet) -> None:
        """Nothing happens any more: each node takes part, and everything comes to its end."""
        await self._all_take_part()
        self._tell("draining")
        began_at_s = time.monotonic()
        async with asyncio.timeout(DRAIN_LIMIT_S):
            await self._stage.finish()
            await self._drained(fleet)
        self.happened["seconds until all was delivered"] = round(time.monotonic() - began_at_s)
        await self._recovered(fleet, "the end")
        await self._stopped(fleet)

    async def _all_take_part(self) -> None:
        before = {port: self._doors.accepted(port) for port in self._doors.ports}
        deadline_s = time.monotonic() + SHOW_LIMIT_S
        while any(self._doors.accepted(port) < count + SHOWN for port, count in before.items()):
            if time.monotonic() > deadline_s:
                self._troubles.append("STUCK: not every node accepts events")
                return
            await asyncio.sleep(0.1)

    async def _drained(self, fleet: Fleet) -> None:
        """A node that starts tidies up: with that the old events go, and one node has come and gone in peace."""
        while self._witness.owed() + self._witness.fanning_out() + self._witness.running_replays():
            self._tell(f"draining, {self._witness.owed()} owed")
            await asyncio.sleep(0.1)
        self._witness.make_housekeeping_due()
        await fleet.restart(fleet.nodes[0])
        await self._stage.drained(self._tell)

    async def _stopped(self, fleet: Fleet) -> None:
        """All are counted, all end in peace, and they leave nothing behind."""
        counted = self._witness.servers()
        if len(counted) != NODES:
            self._troubles.append(f"STUCK: {len(counted)} nodes are counted, and {NODES} are running")
        await fleet.stop()
        if left := self._witness.servers():
            self._troubles.append(f"STUCK: {len(left)} nodes are still counted after they have ended")
        if leases := self._witness.leases():
            self._troubles.append(f"STUCK: {leases} deliveries are still leased to somebody")

    def _judge(self, fleet: Fleet) -> Verdict:
        self._read_logs()
        self.happened += fleet.happened
        verdict = judge(self._stage.findings(fleet.interruptions, [*self._troubles, *fleet.troubles]))
        slowest = self._doors.slowest_s
        verdict.counts |= {
            "answers 503": sum(count for (_, status), count in self._doors.answers.items() if status == 503),
            "no answer in time": self._doors.silent.total(),
            "slowest 2xx in ms": round(1000 * max(slowest.get(200, 0.0), slowest.get(202, 0.0))),
            "slowest 503 in ms": round(1000 * slowest.get(503, 0.0)),
            "slowest recovery in ms": round(1000 * self._slowest_recovery_s),
        }
        return verdict

    def _read_logs(self) -> None:
        for log in sorted(self.folder.glob("node-*.log")):
            text = log.read_text(errors="replace")
            for what, said in _SAID.items():
                self.happened[what] += len(said.findall(text))
            if faults := len(_FAULTS.findall(text)):
                self._troubles.append(f"FAULT: {faults} errors that nobody expected are in {log}")

    def _tell(self, doing: str) -> None:
        self._report(Progress(self._done, self._stage.receiver.count, doing))


async def _later(after_s: float, disturbance: Disturbance, fleet: Fleet) -> None:
    await asyncio.sleep(after_s)
    await disturbance.happen(fleet)
