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
from enum import StrEnum
from pathlib import Path

from msgspec.structs import replace

from hookline.api.token import create_token
from hookline.app import build
from hookline.config.file import read_file
from hookline.config.settings import load_settings
from hookline.core.model import DEFAULT_ORG
from hookline.core.signature import generate_secret
from hookline.storage.base import EventFilter
from hookline.storage.store import Store, open_store
from hookline.testing.receiver import Answer, Receiver
from tests.torture.applications import CUSTOMERS, ORG, script_answers, write_applications
from tests.torture.evidence import Witness
from tests.torture.findings import Findings, Life, Verdict
from tests.torture.ledger import SHORT_LIVED, Acknowledgements, Ledger
from tests.torture.load import PROVIDERS, Sender
from tests.torture.messages import MessageBook
from tests.torture.past import OLD_TYPE, write_past
from tests.torture.publisher import Publisher
from tests.torture.receiving import ENDPOINTS
from tests.torture.server import ServerProcess, environment, free_port, serve_command
from tests.torture.verdict import judge

#: No round lasts longer, whatever it waits for.
ROUND_LIMIT_S = 10.0
DRAIN_LIMIT_S = 120.0
#: A kill waits for up to so many acknowledgements, deliveries or milliseconds.
MOST_COUNTED = 200
#: How far back a replay reaches.
REPLAY_WINDOW_MS = 2_000
#: Share of rounds at whose end a replay is begun, so that the next life has it to do.
REPLAYS = 0.3
#: Old events to forget, for each kill.
PAST_PER_KILL = 800
#: What the receiver answers: mostly 200, at once or after a moment (so that a kill finds attempts in flight).
ANSWERS = [Answer(200), Answer(200, delay_s=0.03), Answer(500)]
ANSWER_WEIGHTS = [90, 7, 3]
#: Whoever gets the short-lived events takes its time, so that retention meets some that are still owed.
SLOW = Answer(200, delay_s=0.05)
ANSWERS_PER_LIFE = 2_000

SERVER_SECRET = "not-a-real-secret-only-for-the-torture-test"


class Moment(StrEnum):
    """What a kill waits for."""

    STARTING = "while it started"
    READY = "as soon as it was ready"
    ACKNOWLEDGED = "after acknowledgements"
    ARRIVED = "after deliveries"
    TIME = "after a time"


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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is."""

    kills: int
    arrived: int
    doing: str


class Torture:
    """One run of ``kills`` kills. What it leaves in ``folder`` (database, log) is for whoever looks for a cause."""

    def __init__(
        self,
        folder: Path,
        *,
        kills: int,
        seed: int,
        senders: int = 8,
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.folder, self.kills, self.seed = folder, kills, seed
        self.killed: Counter[str] = Counter()  #: kills by their moment, and what they interrupted
        self._senders_wanted, self._report = senders, report
        self._dice = random.Random(seed)
        self._acknowledgements = Acknowledgements()
        self._ledger = Ledger(self._acknowledgements)
        self._book = MessageBook(self._acknowledgements)
        self._gate = asyncio.Event()
        self._lives: list[Life] = []
        self._jobs = 0
        self._replays = Counter[str]()
        self._database = folder / "torture.db"
        self._witness = Witness(self._database)
        self._port = free_port()
        self._start_s = 1.0  #: how long the last start took
        self._secrets = {name: generate_secret(self._dice.randbytes(24)) for name in PROVIDERS}
        variables = {f"SECRET_{name.upper()}": secret for name, secret in self._secrets.items()}
        self._environ = environment({**variables, "HOOKLINE_SECRET": SERVER_SECRET})

    async def run(self) -> Verdict:
        """Kill, restart, and judge. Raises TimeoutError when something does not come to its end."""
        async with Receiver() as receiver:
            receiver.answers(SLOW, path="/glance")
            receiver.script(self._dice.choices(ANSWERS, ANSWER_WEIGHTS, k=ANSWERS_PER_LIFE * (self.kills + 1)))
            script_answers(receiver, self._dice)
            self._write_config(receiver.url)
            await self._fill(receiver.url)
            async with self._load() as senders:
                for _ in range(self.kills):
                    async with self._life() as server:
                        await self._round(server, Plan.draw(self._dice), receiver)
                async with self._life() as server:
                    await self._last_life(server, senders, receiver)
            evidence = self._witness.everything()
            return judge(Findings(self._ledger, self._book, receiver.requests, evidence, self._lives, self._replays))

    async def _fill(self, receiver_url: str) -> None:
        """What is there before the first life: sources, applications, and a past."""
        file = read_file(self.folder / "hookline.yaml")
        flags = {"database": f"sqlite:///{self._database}", "data_dir": self.folder}
        server = build(load_settings(flags, self._environ, file))
        await server.apply(file, self._environ)
        await write_past(server.store, PAST_PER_KILL * self.kills)
        await write_applications(server.store, receiver_url)
        await server.stop()

    # -- one life --------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[ServerProcess]:
        """A server that has just been started, and that is gone at the end whatever happened."""
        command = serve_command(self.folder / "hookline.yaml", self._database, self._port)
        server = ServerProcess(command, self._environ, self.folder / "server.log", self._port)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()

    async def _round(self, server: ServerProcess, plan: Plan, receiver: Receiver) -> None:
        if plan.moment is Moment.STARTING:
            with contextlib.suppress(TimeoutError):  # the moment has come
                await server.wait_ready(self._dice.uniform(0, self._start_s))
        else:
            await self._wait_ready(server)
            await self._wait_for(plan, receiver)
            if plan.replay:
                await self._begin_job()
            self._note_work()
        await server.kill()
        self._gate.clear()
        self._lives.append(Life(server.started_at_ms, server.started_at_s, killed=True))
        self.killed[f"killed {plan.moment}"] += 1
        self._tell(receiver, f"killed {plan.moment}")

    async def _wait_for(self, plan: Plan, receiver: Receiver) -> None:
        """Until the moment that the plan names, and then a little, so that it is no special one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROUND_LIMIT_S):
                if plan.moment is Moment.ACKNOWLEDGED:
                    await self._acknowledgements.wait_for(self._acknowledgements.count + plan.count)
                elif plan.moment is Moment.ARRIVED:
                    await receiver.wait_for(receiver.count + plan.count, timeout_s=ROUND_LIMIT_S)
                elif plan.moment is Moment.TIME:
                    await asyncio.sleep(plan.count / 1000)
                await asyncio.sleep(plan.delay_s)

    async def _last_life(self, server: ServerProcess, senders: list[Sender | Publisher], receiver: Receiver) -> None:
        """Nobody is killed any more: everything has to come to its end."""
        await self._wait_ready(server)
        for sender in senders:
            sender.finish()
        self._tell(receiver, "draining")
        async with asyncio.timeout(DRAIN_LIMIT_S):
            await asyncio.gather(*self._tasks)
            await self._drained(receiver)
        self._lives.append(Life(server.started_at_ms, server.started_at_s, killed=False))
        assert await server.stop() == 0, "the server did not stop in peace"

    async def _drained(self, receiver: Receiver) -> None:
        """Until nothing is owed. Another process's database sends no signal, so it is asked again and again."""
        while owed := self._witness.owed() + self._witness.fanning_out():
            self._tell(receiver, f"draining, {owed} owed")
            await asyncio.sleep(0.05)
        while self._witness.running_replays() or self._witness.of_type(OLD_TYPE):
            self._tell(receiver, "finishing what else was begun")
            await asyncio.sleep(0.05)

    async def _wait_ready(self, server: ServerProcess) -> None:
        await server.wait_ready()
        self._start_s = time.monotonic() - server.started_at_s
        self._gate.set()

    # -- what happens beside ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _load(self) -> AsyncIterator[list[Sender | Publisher]]:
        senders: list[Sender | Publisher] = [
            Sender(self._ledger, self._gate, self._port, self._secrets, f"{self.seed}-{number}")
            for number in range(self._senders_wanted)
        ]
        token = create_token(SERVER_SECRET, ORG, int(time.time()))
        for customer in CUSTOMERS.values():
            for number in range(customer.publishers):
                name = f"{customer.uid}-{number}"
                senders.append(Publisher(self._book, customer, name, self._gate, self._port, token, f"{self.seed}"))
        self._tasks = [asyncio.create_task(sender.run()) for sender in senders]
        try:
            yield senders
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _begin_job(self) -> None:
        """As the command line does it, beside the running server: the next life will have it to do."""
        store = open_store(f"sqlite:///{self._database}", SERVER_SECRET)
        now_ms = time.time_ns() // 1_000_000
        where = EventFilter(since_ms=now_ms - REPLAY_WINDOW_MS)
        jobs = (self._replay_received, self._replay_sent, self._send_missing)
        await jobs[self._jobs % len(jobs)](store, where, now_ms)
        self._jobs += 1
        await store.close()

    async def _replay_received(self, store: Store, where: EventFilter, now_ms: int) -> None:
        await store.replays.start(DEFAULT_ORG, where, now_ms)
        self._replays[DEFAULT_ORG] += 1

    async def _replay_sent(self, store: Store, where: EventFilter, now_ms: int) -> None:
        application = await store.applications.get(ORG, "ten")
        await store.replays.start(ORG, replace(where, source_id=application.id), now_ms)
        self._replays[ORG] += 1

    async def _send_missing(self, store: Store, where: EventFilter, now_ms: int) -> None:
        """Nothing is missing for good; but a fan-out that is not over has not written everything yet."""
        application = await store.applications.get(ORG, "wide")
        endpoint = await store.application_endpoints.get(
            ORG, application.id, self._dice.choice(CUSTOMERS["wide"].endpoints)
        )
        where = replace(where, source_id=application.id, endpoint_id=endpoint.id)
        await store.replays.start(ORG, where, now_ms, kind="missing")

    def _note_work(self) -> None:
        """What the kill is about to interrupt."""
        self.killed["interrupted deliveries"] += self._witness.owed() > 0
        self.killed["interrupted a fan-out"] += self._witness.fanning_out() > 0
        self.killed["interrupted a replay"] += self._witness.running_replays() > 0
        self.killed["interrupted retention"] += self._witness.of_type(OLD_TYPE) > 0

    def _write_config(self, receiver_url: str) -> None:
        lines = ["version: 1", "allow_private_endpoints: [127.0.0.0/8]", "sources:"]
        for source, provider in PROVIDERS.items():
            lines += [f"  - name: {source}", f"    provider: {provider}"]
            lines += [f'    secrets: ["env:SECRET_{source.upper()}"]']
            lines += ["    retention: 100ms"] if source == SHORT_LIVED else []
            lines += ["    endpoints:"]
            for endpoint in ENDPOINTS[source]:
                wanted = {"pushes": "[push]", "glance": '["order.*"]'}.get(endpoint, '["*"]')
                lines += [f"      - name: {endpoint}", f"        url: {receiver_url}/{endpoint}"]
                lines += [f"        events: {wanted}", "        pause_after_failures: 0"]
                lines += [f"        retry: {{schedule: [{', '.join(['50ms'] * 20)}]}}"]
        (self.folder / "hookline.yaml").write_text("\n".join(lines) + "\n")

    def _tell(self, receiver: Receiver, doing: str) -> None:
        kills = sum(life.killed for life in self._lives)
        self._report(Progress(kills, receiver.count, doing))
