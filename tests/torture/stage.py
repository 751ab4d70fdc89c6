"""What every torture has around its servers: senders, publishers, a receiver's answers, a past, and jobs to do."""

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
from tests.torture.doors import Doors
from tests.torture.evidence import Witness
from tests.torture.findings import Findings, Interruption
from tests.torture.ledger import SHORT_LIVED, Acknowledgements, Ledger
from tests.torture.load import PROVIDERS, Sender
from tests.torture.messages import MessageBook
from tests.torture.past import write_past
from tests.torture.publisher import Publisher
from tests.torture.receiving import ENDPOINTS
from tests.torture.server import environment

#: No round waits longer for its moment, whatever that is.
ROUND_LIMIT_S = 10.0
#: A moment comes after up to so many acknowledgements, deliveries or milliseconds.
MOST_COUNTED = 200
#: How far back a replay reaches.
REPLAY_WINDOW_MS = 2_000
#: What the receiver answers: mostly 200, at once or after a moment (so that a kill finds attempts in flight).
ANSWERS = [Answer(200), Answer(200, delay_s=0.03), Answer(500)]
ANSWER_WEIGHTS = [90, 7, 3]
#: Whoever gets the short-lived events takes its time, so that retention meets some that are still owed.
SLOW = Answer(200, delay_s=0.05)
ANSWERS_PER_ROUND = 2_000

SERVER_SECRET = "not-a-real-secret-only-for-the-torture-test"


class Moment(StrEnum):
    """What a round waits for."""

    STARTING = "while it started"
    READY = "as soon as it was ready"
    ACKNOWLEDGED = "after acknowledgements"
    ARRIVED = "after deliveries"
    TIME = "after a time"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is."""

    rounds: int
    arrived: int
    doing: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How many senders there are, and how hurried: after each request everybody rests.

    A sender for ``pause_s``, a publisher besides for ``ease`` times as long as its customer says.
    """

    senders: int = 8
    pause_s: float = 0.0
    ease: float = 1.0


class Stage:
    """Everything but the servers. ``rounds`` says how much of it is needed."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        witness: Witness,
        doors: Doors,
        seed: int,
        *,
        rounds: int,
        pace: Pace,
    ) -> None:
        self.folder, self.database_url, self.witness, self.doors = folder, database_url, witness, doors
        self._dice, self._seed, self._rounds, self._pace = random.Random(seed), seed, rounds, pace
        self.receiver = Receiver()
        self._acknowledgements = Acknowledgements()
        self._ledger = Ledger(self._acknowledgements)
        self._book = MessageBook(self._acknowledgements)
        self._jobs = 0
        self._replays = Counter[str]()
        self._senders: list[Sender | Publisher] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._secrets = {name: generate_secret(self._dice.randbytes(24)) for name in PROVIDERS}
        variables = {f"SECRET_{name.upper()}": secret for name, secret in self._secrets.items()}
        self.environ = environment({**variables, "HOOKLINE_SECRET": SERVER_SECRET})

    @property
    def config(self) -> Path:
        """The hookline.yaml that the servers read."""
        return self.folder / "hookline.yaml"

    @contextlib.asynccontextmanager
    async def set_up(self, past: int) -> AsyncIterator[None]:
        """A receiver, and what is there before the first server: sources, applications, a past of so many events."""
        async with self.receiver as receiver:
            receiver.answers(SLOW, path="/glance")
            receiver.script(self._dice.choices(ANSWERS, ANSWER_WEIGHTS, k=ANSWERS_PER_ROUND * (self._rounds + 1)))
            script_answers(receiver, self._dice, self._rounds)
            self._write_config(receiver.url)
            await self._fill(receiver.url, past)
            yield

    async def _fill(self, receiver_url: str, past: int) -> None:
        file = read_file(self.config)
        flags = {"database": self.database_url, "data_dir": self.folder}
        server = build(load_settings(flags, self.environ, file))
        await server.apply(file, self.environ)
        await write_past(server.store, past)
        await write_applications(server.store, receiver_url)
        await server.stop()

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
        self.config.write_text("\n".join(lines) + "\n")

    # -- the load --------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Requests at both doors, whenever one is open."""
        self._senders = [*self._make_senders(), *self._make_publishers()]
        self._tasks = [asyncio.create_task(sender.run()) for sender in self._senders]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _make_senders(self) -> list[Sender]:
        return [
            Sender(self._ledger, self.doors, self._secrets, f"{self._seed}-{number}", self._pace.pause_s)
            for number in range(self._pace.senders)
        ]

    def _make_publishers(self) -> list[Publisher]:
        token = create_token(SERVER_SECRET, ORG, int(time.time()))
        return [
            Publisher(
                self._book,
                customer,
                f"{customer.uid}-{number}",
                self.doors,
                token,
                f"{self._seed}",
                self._pace.pause_s + customer.pause_s * self._pace.ease,
            )
            for customer in CUSTOMERS.values()
            for number in range(customer.publishers)
        ]

    async def finish(self) -> None:
        """Begin nothing new; return when all that was begun is answered. Raises what a sender ended with."""
        for sender in self._senders:
            sender.finish()
        await asyncio.gather(*self._tasks)

    async def wait_for(self, moment: Moment, count: int, delay_s: float) -> None:
        """Until the moment, and then a little, so that it is no special one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROUND_LIMIT_S):
                if moment is Moment.ACKNOWLEDGED:
                    await self._acknowledgements.wait_for(self._acknowledgements.count + count)
                elif moment is Moment.ARRIVED:
                    await self.receiver.wait_for(self.receiver.count + count, timeout_s=ROUND_LIMIT_S)
                elif moment is Moment.TIME:
                    await asyncio.sleep(count / 1000)
                await asyncio.sleep(delay_s)

    async def drained(self, say: Callable[[str], None]) -> None:
        """Until nothing is owed. Another process's database sends no signal, so it is asked again and again."""
        while owed := self.witness.owed() + self.witness.fanning_out():
            say(f"draining, {owed} owed")
            await asyncio.sleep(0.05)
        while self.witness.running_replays() or self.witness.old():
            say("finishing what else was begun")
            await asyncio.sleep(0.05)

    # -- jobs ------------------------------------------------------------------------------------------

    async def begin_job(self) -> None:
        """As the command line does it, beside the running servers."""
        store = open_store(self.database_url, SERVER_SECRET)
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

    def interrupted(self) -> Counter[str]:
        """What is under way, which the next disturbance is about to interrupt."""
        return Counter(
            {
                "interrupted deliveries": self.witness.owed() > 0,
                "interrupted a fan-out": self.witness.fanning_out() > 0,
                "interrupted a replay": self.witness.running_replays() > 0,
                "interrupted retention": self.witness.old() > 0,
            }
        )

    # -- the end ---------------------------------------------------------------------------------------

    def findings(self, interruptions: list[Interruption], troubles: list[str]) -> Findings:
        """Everything that is to be judged, once nobody writes any more."""
        return Findings(
            ledger=self._ledger,
            book=self._book,
            arrivals=self.receiver.requests,
            evidence=self.witness.everything(),
            doors=self.doors,
            interruptions=interruptions,
            wall_offset_s=time.time() - time.monotonic(),
            replays=self._replays,
            troubles=troubles,
        )
