"""The customers of door 2: applications with few endpoints and with very many, in order, failing, hopeless."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.store import Store
from hookline.testing.receiver import Answer, Receiver

#: Not the organisation of door 1, so that a replay of the one does not send the other's events.
ORG = "org_torture"
#: The endpoint that the operational webhooks go to; no customer has that name.
OPERATIONAL = "operational"
#: Above 100 endpoints a message is stored with a marker, and its deliveries are written by a worker, 200 at a time.
VERY_MANY = 250

PATIENT = ("50ms",) * 20
#: Answers of the script of a customer that fails now and then, for each round; when they are used up all is well.
SCRIPTED = 100


@dataclass(frozen=True, slots=True)
class Customer:
    """One application. The uid of an endpoint is also its path at the receiver."""

    uid: str
    endpoints: tuple[str, ...]
    publishers: int = 1
    pause_s: float = 0.0  #: how long a publisher rests after each message
    fifo: bool = False
    named: bool = False  #: messages carry an `eventId` instead of an `Idempotency-Key`
    schedule: tuple[str, ...] = PATIENT
    fails: float = 0.03  #: the share of its requests that is answered 500; 1 is all of them

    @property
    def hopeless(self) -> bool:
        """Whether no message can be delivered."""
        return self.fails >= 1


CUSTOMERS = {
    customer.uid: customer
    for customer in (
        Customer("plain", ("plain",), publishers=2),
        Customer("named", ("named",), pause_s=0.01, named=True),
        Customer("ten", tuple(f"ten-{number}" for number in range(10)), pause_s=0.03),
        Customer("ordered", ("ordered",), publishers=3, pause_s=0.02, fifo=True, fails=0.06),
        Customer("wide", tuple(f"wide-{number}" for number in range(VERY_MANY)), pause_s=0.5),
        Customer("moody", ("moody",), pause_s=0.02, fails=0.3),
        Customer("hopeless", ("hopeless",), pause_s=0.05, schedule=("20ms",), fails=1.0),
    )
}


async def write_applications(store: Store, base_url: str) -> None:
    """Make the applications, their endpoints, and the endpoint of the operational webhooks."""
    now_ms = time.time_ns() // 1_000_000
    for customer in CUSTOMERS.values():
        spec = ApplicationSpec(title=f"Customer {customer.uid}", uid=customer.uid)
        made = await store.applications.create(NewApplication(ORG, spec, now_ms))
        for uid in customer.endpoints:
            await _write_endpoint(store, made.value.id, _endpoint(uid, base_url, customer))
    told = await store.applications.operational(ORG, now_ms)
    await _write_endpoint(store, told.id, _endpoint(OPERATIONAL, base_url, Customer(OPERATIONAL, (OPERATIONAL,))))


def _endpoint(uid: str, base_url: str, customer: Customer) -> ApplicationEndpointSpec:
    return ApplicationEndpointSpec.model_validate(
        {
            "name": uid,
            "uid": uid,
            "url": f"{base_url}/{uid}",
            "fifo": customer.fifo,
            "pause_after_failures": 0,
            "retry": {"schedule": customer.schedule},
        }
    )


async def _write_endpoint(store: Store, application_id: str, spec: ApplicationEndpointSpec) -> None:
    now_ms = time.time_ns() // 1_000_000
    await store.application_endpoints.create(NewEndpoint(ORG, application_id, spec, now_ms=now_ms))


def script_answers(receiver: Receiver, dice: random.Random, rounds: int) -> None:
    """How each customer's endpoints answer: well, at once or after a moment, or not."""
    for customer in CUSTOMERS.values():
        for uid in customer.endpoints:
            if customer.hopeless:
                receiver.answers(500, path=f"/{uid}")
                continue
            answers = [Answer(200), Answer(200, delay_s=0.03), Answer(500)]
            weights = [0.95 - customer.fails, 0.05, customer.fails]
            count = max(8, SCRIPTED * rounds // len(customer.endpoints))
            receiver.script(dice.choices(answers, weights, k=count), path=f"/{uid}")
            receiver.answers(200, path=f"/{uid}")
