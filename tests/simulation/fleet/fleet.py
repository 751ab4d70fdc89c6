"""Several whole servers on one database: each with a clock, a store and a life of its own, all on simulated time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hookline.api.token import create_token
from hookline.app import Server
from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.config.settings import Settings
from hookline.core import ids
from hookline.core.errors import StoreError
from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import Notice
from hookline.observe.metrics import Metrics
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.store import Store
from hookline.storage.vault import Vault
from tests.simulation.fleet.bus import RELIABLE, Bus, Manners
from tests.simulation.fleet.database import STANDARD, Costs, NodeDatabase, SharedDatabase
from tests.simulation.fleet.moment import now_ms
from tests.simulation.fleet.process import Process
from tests.simulation.fleet.wire import Attempt, FleetSender, Receivers
from tests.simulation.world import SECRET, Answer, request

APPLICATION = "customer"
#: How far the clocks of servers are wrong, at most.
MOST_SKEW_MS = 2_000
FOR_EVER_MS = 1 << 60


@dataclass(slots=True)
class Disturbance:
    """Something happened to a server that explains why its work was done twice."""

    kind: str
    from_ms: int
    until_ms: int = FOR_EVER_MS


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was acknowledged."""

    type: str
    at_ms: int


class Node:
    """One server of the fleet."""

    def __init__(self, fleet: Fleet, name: str, skew_ms: int, cpu_s: float) -> None:
        self._fleet = fleet
        self.process = Process(name, fleet.dice, skew_ms)
        self.database = NodeDatabase(fleet.database, self.process, fleet.bus)
        self.disturbances: list[Disturbance] = []
        self.is_leaving = False
        self._requests: set[asyncio.Task[str]] = set()
        metrics = Metrics()

        def notify(said: Notice) -> None:
            if not self.process.is_dead:
                metrics.sink(said)
                fleet.notices.append((now_ms(), self, said))

        self.server = Server(
            settings=fleet.settings,
            store=Store(self.database, fleet.vault),
            clock=self.process.clock,
            notify=notify,
            sender=FleetSender(self.process, fleet.receivers, cpu_s),
            metrics=metrics,
        )

    @property
    def is_there(self) -> bool:
        """Whether it lives and is not about to leave."""
        return not self.process.is_dead and not self.is_leaving

    @property
    def id(self) -> str:
        """Under which it is counted now."""
        return self.server.membership.cluster.me

    async def start(self) -> None:
        async def start() -> None:
            await self.server.store.catalogue.load()
            await self.server.start()

        await asyncio.wait([self.process.begin(start())])

    def crash(self) -> None:
        """The machine is gone, in the middle of what it does."""
        self._disturbed("crash")
        self.process.kill()
        self.database.kill()

    def pause(self) -> None:
        self._disturbed("pause")
        self.process.pause()

    def go_on(self) -> None:
        self._calm("pause")
        self.process.go_on()

    def cut_off(self) -> None:
        """It cannot reach the database, and does not hear what it was answered."""
        self._disturbed("cut off")
        self.process.is_cut_off = True

    def reconnect(self) -> None:
        self._calm("cut off")
        self.process.is_cut_off = False
        self._fleet.bus.listen_again(self.process)

    async def leave(self) -> None:
        """End as `hookline serve` does at SIGTERM."""
        self.is_leaving = True
        self._fleet.changed()

        async def stop() -> None:
            await self.server.retire()
            await asyncio.gather(self.server.dispatcher.stop(self._fleet.settings.graceful_stop_s), *self._requests)
            await self.server.stop()

        await asyncio.wait([self.process.begin(stop())])
        self._fleet.changed()

    async def publish(self, type: str, count: int = 1) -> list[str]:
        """So many messages at the door, at the same time; the ids of those that were acknowledged."""
        requests = [self.process.begin(self._post(type)) for _ in range(count)]
        self._requests.update(requests)
        await asyncio.wait(requests)
        self._requests.difference_update(requests)
        done = [request.result() for request in requests if not request.cancelled()]
        return [event_id for event_id in done if event_id]

    async def _post(self, type: str) -> str:
        body = b'{"eventType":"%s","payload":{"number":%d}}' % (type.encode(), self._fleet.next_number())
        status, answer = await request(self.server, f"/api/v1/app/{APPLICATION}/msg", body, self._fleet.headers)
        if status == 202:
            self._fleet.accepted[answer["id"]] = Accepted(type, now_ms())
            return str(answer["id"])
        return ""

    def _disturbed(self, kind: str) -> None:
        self.disturbances.append(Disturbance(kind, now_ms()))
        self._fleet.changed()

    def _calm(self, kind: str) -> None:
        for disturbance in self.disturbances:
            if disturbance.kind == kind and disturbance.until_ms == FOR_EVER_MS:
                disturbance.until_ms = now_ms()
        self._fleet.changed()


class Fleet:
    """The servers, their database, what they announce, and who receives."""

    def __init__(
        self,
        dice: random.Random,
        *,
        costs: Costs = STANDARD,
        manners: Manners = RELIABLE,
        answer: Callable[[str], Answer] = lambda url: Answer(200, 0.02),
        cpu_s: float = 0.0,
        graceful_stop_s: float = 20.0,
        most_skew_ms: int = MOST_SKEW_MS,
    ) -> None:
        self.dice, self._cpu_s, self._most_skew_ms = dice, cpu_s, most_skew_ms
        self.settings = Settings(database="postgresql://simulated", secret=SECRET, graceful_stop_s=graceful_stop_s)
        self.vault = Vault(SECRET)
        self.database = SharedDatabase(costs)
        self.bus = Bus(dice, manners, self.database.pay_for_announcement)
        self.receivers = Receivers(answer)
        self.receivers.watch = self._watch
        self.nodes: list[Node] = []  #: also those that are gone
        self.notices: list[tuple[int, Node, Notice]] = []
        self.accepted: dict[str, Accepted] = {}  #: by id
        self.endpoint_ids: dict[str, str] = {}  #: by address
        self.changes_ms: list[int] = []  #: when something happened to the cluster
        self.faults = self.database.faults
        self._numbers = 0
        token = create_token(SECRET, DEFAULT_ORG, now_ms() // 1000)
        self.headers = ((b"content-type", b"application/json"), (b"authorization", f"Bearer {token}".encode()))
        asyncio.get_running_loop().set_exception_handler(self._fault)

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def changed(self) -> None:
        """Something happened that changes who is counted, or may."""
        self.changes_ms.append(now_ms())

    # -- who is there ------------------------------------------------------------------------------------

    async def add(self) -> Node:
        """One more server."""
        skew_ms = self.dice.randint(-self._most_skew_ms, self._most_skew_ms)
        node = Node(self, f"n{len(self.nodes) + 1}", skew_ms, self._cpu_s)
        self.nodes.append(node)
        self.changed()
        await node.start()
        return node

    @property
    def there(self) -> list[Node]:
        """The servers that live and stay."""
        return [node for node in self.nodes if node.is_there]

    def of(self, process: Process) -> Node:
        return next(node for node in self.nodes if node.process is process)

    # -- what is configured, and what is stored ----------------------------------------------------------

    async def configure(self, endpoints: Iterable[dict[str, Any]], **application: Any) -> None:
        """An application with these endpoints, made by the first server."""
        node = self.there[0]
        await node.process.begin(self._configure(node, list(endpoints), application))
        await asyncio.sleep(1)

    async def _configure(self, node: Node, endpoints: list[dict[str, Any]], application: dict[str, Any]) -> None:
        store, now = node.server.store, node.process.clock.now_ms()
        spec = ApplicationSpec(title="A customer", uid=APPLICATION, **application)
        made = await store.applications.create(NewApplication(DEFAULT_ORG, spec, now))
        for each in endpoints:
            url = f"http://{each['uid']}.example/"
            endpoint = ApplicationEndpointSpec.model_validate({"name": each["uid"], "url": url, **each})
            new = NewEndpoint(DEFAULT_ORG, made.value.id, endpoint, now)
            self.endpoint_ids[url] = (await store.application_endpoints.create(new)).value.id

    def ask(self, sql: str, *params: Any) -> list[Any]:
        """Look into the database, beside everything else."""
        return self.database.connection.execute(sql, params).fetchall()

    def owed(self) -> int:
        """How many deliveries are not over, or not yet written."""
        ((owed, unwritten),) = self.ask(
            "SELECT (SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'leased')), (SELECT COUNT(*) FROM fanout)"
        )
        return int(owed + unwritten)

    async def until_all_is_over(self, limit_s: float) -> None:
        """Let time pass until nothing is owed."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while self.owed():
            assert loop.time() < end_s, f"still owed after {limit_s} s: {self.owed()}"
            await asyncio.sleep(0.25)
        await asyncio.sleep(0.25)

    # -- what must always be true ------------------------------------------------------------------------

    def _watch(self, attempt: Attempt) -> None:
        """An attempt is begun only by who holds the lease, as the database has it at this very moment."""
        delivery_id = ids.delivery(attempt.event_id, self.endpoint_ids[attempt.url])
        ((lease,),) = self.ask("SELECT lease FROM delivery WHERE id = ?", delivery_id)
        if lease[:12] not in attempt.process.node_ids:
            self.faults.append(
                f"{attempt.began_ms}: {attempt.process.name} sends {attempt.event_id} to {attempt.url} under a lease "
                f"that is {lease or 'nobody'}'s"
            )

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, StoreError):
            self.faults.append(f"{context.get('message')}: {error!r}")
