"""The torture: a real server under load at both doors, killed and restarted on its file, judged at the end.

    spawn ──► ready ──► load ──► (a moment that the dice chose) ──► SIGKILL ──► spawn …  ──► drain ──► SIGTERM ──► judge

The moments are drawn from a seed, which is printed: the same seed plays the same plan, as far as a real
machine can.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture.doors import Doors
from tests.torture.evidence import SqliteWitness
from tests.torture.findings import Interruption, Verdict
from tests.torture.server import ServerProcess, free_port, serve_command
from tests.torture.stage import MOST_COUNTED, Moment, Pace, Progress, Stage
from tests.torture.verdict import judge

DRAIN_LIMIT_S = 120.0
#: Share of rounds at whose end a replay is begun, so that the next life has it to do.
REPLAYS = 0.3
#: Old events to forget, for each kill.
PAST_PER_KILL = 800

KILLED = "the server was killed"


@dataclass(frozen=True, slots=True)
class Plan:
    """One round, as the dice want it."""

    moment: Moment
    count: int
    delay_s: float
    replay: bool

    @classmethod
    def draw(cls, dice: random.Random) -> Plan:
        """The next round."""
        moment = dice.choices(list(Moment), weights=[15, 15, 30, 30, 10])[0]
        return cls(moment, dice.randint(1, MOST_COUNTED), dice.uniform(0, 0.03), dice.random() < REPLAYS)


class Torture:
    """One run of ``rounds`` kills. What it leaves in ``folder`` (database, log) is for whoever looks for a cause."""

    def __init__(
        self,
        folder: Path,
        *,
        rounds: int,
        seed: int,
        senders: int = 8,
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.rounds, self.seed = rounds, seed
        self.happened: Counter[str] = Counter()  #: kills by their moment, and what they interrupted
        self._report = report
        self._dice = random.Random(seed)
        self._kills: list[Interruption] = []
        self._port = free_port()
        self._doors = Doors([self._port])
        self._start_s = 1.0  #: how long the last start took
        database = folder / "torture.db"
        url = f"sqlite:///{database}"
        witness = SqliteWitness(database)
        self._stage = Stage(folder, url, witness, self._doors, seed, rounds=rounds, pace=Pace(senders))

    async def run(self) -> Verdict:
        """Kill, restart, and judge. Raises TimeoutError when something does not come to its end."""
        async with self._stage.set_up(PAST_PER_KILL * self.rounds):
            async with self._stage.load():
                for _ in range(self.rounds):
                    async with self._life() as server:
                        await self._round(server, Plan.draw(self._dice))
                async with self._life() as server:
                    await self._last_life(server)
            troubles = [f"SILENT: {count} requests were not answered" for count in self._doors.silent.values()]
            return judge(self._stage.findings(self._kills, troubles))

    # -- one life --------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[ServerProcess]:
        """A server that has just been started, and that is gone at the end whatever happened."""
        stage = self._stage
        command = serve_command(stage.config, stage.database_url, self._port)
        server = ServerProcess(command, stage.environ, stage.folder / "server.log", self._port)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()

    async def _round(self, server: ServerProcess, plan: Plan) -> None:
        if plan.moment is Moment.STARTING:
            with contextlib.suppress(TimeoutError):  # the moment has come
                await server.wait_ready(self._dice.uniform(0, self._start_s))
        else:
            await self._wait_ready(server)
            await self._stage.wait_for(plan.moment, plan.count, plan.delay_s)
            if plan.replay:
                await self._stage.begin_job()
            self.happened += self._stage.interrupted()
        await server.kill()
        killed_at_s = time.monotonic()
        self._doors.shut(self._port)
        self._kills.append(Interruption(KILLED, killed_at_s, killed_at_s))
        self.happened[f"killed {plan.moment}"] += 1
        self._tell(f"killed {plan.moment}")

    async def _last_life(self, server: ServerProcess) -> None:
        """Nobody is killed any more: everything has to come to its end."""
        await self._wait_ready(server)
        self._tell("draining")
        async with asyncio.timeout(DRAIN_LIMIT_S):
            await self._stage.finish()
            await self._stage.drained(self._tell)
        assert await server.stop() == 0, "the server did not stop in peace"

    async def _wait_ready(self, server: ServerProcess) -> None:
        await server.wait_ready()
        self._start_s = time.monotonic() - server.started_at_s
        self._doors.open(self._port)

    def _tell(self, doing: str) -> None:
        self._report(Progress(len(self._kills), self._stage.receiver.count, doing))
