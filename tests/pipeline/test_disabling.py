"""An endpoint that fails for days is disabled, and its organisation is told; one success in between saves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hookline.core.errors import StoreError
from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.core.notice import EndpointDisabled
from hookline.storage.stored import StoredApplicationEndpoint
from tests.pipeline.product import Product
from tests.simulation.world import Answer, World

DAY_S = 86_400
URL = "http://customer.example/hook"
TOLD = "http://product.example/operational"
RETRY = {"schedule": ["1h", "1h", "1h"], "jitter": 0}


class Case:
    """A customer with one endpoint, and the product that wants to be told. ``down`` decides what is answered."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, lambda url: Answer(self.status if url == URL else 200))
        self.status = 500

    async def open(self, **spec: Any) -> Case:
        await self.world.start()
        self.product = Product(self.world.server)
        self.customer = await self.product.customer()
        spec = {"retry": RETRY, **spec}
        self.endpoint = await self.product.endpoint(self.customer, URL, **spec)
        operational = await self.world.server.store.applications.operational(DEFAULT_ORG, self.product.now_ms)
        await self.product.endpoint(operational.id, TOLD, events=["endpoint.disabled"])
        return self

    async def days(self, days: float, *, publishing_every_h: float = 6) -> None:
        """Let time pass; a message every now and then."""
        steps = round(days * 24 / publishing_every_h)
        for _ in range(steps):
            await self.product.publish(self.customer)
            await self.world.elapse(publishing_every_h * 3600)

    async def restart(self) -> None:
        await self.world.stop()
        await self.world.start()
        self.product.server = self.world.server

    async def stored(self) -> StoredApplicationEndpoint:
        return await self.product.stored(self.customer, self.endpoint)

    async def state(self) -> EndpointState:
        return (await self.stored()).state

    def told(self) -> int:
        """How often the product was told that an endpoint is disabled."""
        return sum(made.url == TOLD for made in self.world.tries + self.world.wire.tries)


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    return await Case(tmp_path).open()


async def test_after_five_days_of_failure_it_is_disabled_and_the_organisation_is_told(case: Case) -> None:
    began_ms = case.world.clock.now_ms()
    await case.days(4.9)
    assert await case.state() is not EndpointState.DISABLED
    assert case.told() == 0
    await case.days(0.5)
    stored = await case.stored()
    assert (stored.state, stored.failing_since_ms) == (EndpointState.DISABLED, began_ms)
    assert stored.state_reason == "nothing but failures since 2026-01-01T00:00:00.000Z, the last: http_500"
    assert case.told() == 1
    (said,) = [said for said in case.world.notices if isinstance(said, EndpointDisabled)]
    assert (said.endpoint_id, said.reason) == (case.endpoint, "failing")
    tries = len(case.world.wire.tries)
    await case.days(3)
    assert len(case.world.wire.tries) == tries  # nothing more is sent
    assert {story.event.status for story in await case.world.stories()} <= {"failed", "processed", "ignored"}
    await case.world.stop()


async def test_it_is_told_since_when_it_fails(tmp_path: Path) -> None:
    case = await Case(tmp_path).open()
    bodies: list[bytes] = []
    case.world.wire.watch = lambda url, headers, body, at_ms: bodies.append(body) if url == TOLD else None
    await case.days(6)
    (body,) = bodies
    assert b'"failSince":"2026-01-01T00:00:00' in body
    assert case.endpoint.encode() in body
    await case.world.stop()


async def test_one_success_in_between_begins_the_count_anew(case: Case) -> None:
    await case.days(4.5)
    case.status = 200
    await case.days(0.5)
    assert (await case.stored()).failing_since_ms == 0
    case.status = 500
    await case.days(4.5)
    assert await case.state() is not EndpointState.DISABLED
    await case.days(1)
    assert await case.state() is EndpointState.DISABLED
    await case.world.stop()


async def test_restarts_in_between_make_no_difference(case: Case) -> None:
    for _ in range(4):
        await case.days(1.2)
        assert await case.state() is not EndpointState.DISABLED
        await case.restart()
    await case.days(0.6)
    assert await case.state() is EndpointState.DISABLED
    assert case.told() == 1
    await case.world.stop()


async def test_a_crash_does_not_forget_since_when_it_fails(case: Case) -> None:
    began_ms = case.world.clock.now_ms()
    await case.days(2)
    await case.world.crash()
    await case.world.start()
    case.product.server = case.world.server
    assert (await case.stored()).failing_since_ms == began_ms
    await case.days(3.5)
    assert await case.state() is EndpointState.DISABLED
    await case.world.stop()


async def test_a_change_of_the_application_in_between_makes_no_difference(case: Case) -> None:
    for number in range(5):
        await case.days(0.9)
        before = await case.stored()
        await case.world.server.store.applications.edit(
            DEFAULT_ORG,
            case.customer,
            lambda spec, number=number: spec.model_copy(update={"title": f"Name {number}"}),  # type: ignore[misc]
            case.product.now_ms,
        )
        await case.world.settle()
        after = await case.stored()
        assert (after.state, after.failing_since_ms) == (before.state, before.failing_since_ms)
    await case.days(0.9)
    assert await case.state() is EndpointState.DISABLED
    await case.world.stop()


async def test_a_change_of_the_application_releases_no_endpoint_that_is_held_back(tmp_path: Path) -> None:
    case = await Case(tmp_path).open(pause_after_failures=1)
    await case.product.publish(case.customer)
    await case.world.elapse(1)
    await case.world.server.store.applications.edit(
        DEFAULT_ORG, case.customer, lambda spec: spec.model_copy(update={"title": "Another"}), case.product.now_ms
    )
    for _ in range(5):
        await case.product.publish(case.customer)
    await case.world.elapse(20)
    assert [made.url for made in case.world.wire.tries].count(URL) == 1
    await case.world.stop()


async def test_a_restart_after_a_success_does_not_remember_what_was_before(case: Case) -> None:
    await case.days(4.5)
    case.status = 200
    await case.days(0.5)
    await case.restart()
    case.status = 500
    await case.days(4.5)
    assert await case.state() is not EndpointState.DISABLED
    await case.world.stop()


async def test_a_single_failure_after_a_long_silence_disables_nothing(case: Case) -> None:
    await case.product.publish(case.customer)
    await case.world.elapse(10 * DAY_S)  # it died long ago; nothing came since
    await case.product.publish(case.customer)
    await case.world.elapse(60)
    case.status = 200
    await case.world.elapse(2 * 3600)
    stored = await case.stored()
    assert (stored.state, stored.failing_since_ms) == (EndpointState.ACTIVE, 0)
    await case.world.stop()


async def test_an_endpoint_that_is_owed_so_much_that_nothing_dies_of_probing_is_disabled_too(tmp_path: Path) -> None:
    case = await Case(tmp_path).open(retry={"schedule": ["1h"] * 50, "jitter": 0}, pause_after_failures=10)
    for _ in range(800):  # more than there are probes in five days
        await case.product.publish(case.customer)
    await case.world.elapse(4.9 * DAY_S)
    assert await case.state() is EndpointState.FAILING
    assert not [s for s in await case.world.stories() if s.event.status == "failed"]
    await case.world.elapse(0.2 * DAY_S)
    assert await case.state() is EndpointState.DISABLED
    assert case.told() == 1
    await case.world.stop()


async def test_after_a_person_enabled_it_again_everything_begins_anew(case: Case) -> None:
    await case.days(6)
    assert await case.state() is EndpointState.DISABLED
    await case.world.server.store.catalogue.set_endpoint_state(
        case.endpoint, EndpointState.ACTIVE, "", case.product.now_ms
    )
    assert (await case.stored()).failing_since_ms == 0
    await case.days(4.5)
    assert await case.state() is not EndpointState.DISABLED
    await case.days(1)
    assert await case.state() is EndpointState.DISABLED
    assert case.told() == 2
    await case.world.stop()


@pytest.mark.parametrize(("own", "days"), [("1d", 1.0), ("20d", 20.0)])
async def test_an_endpoint_may_say_itself_how_long_it_may_fail(tmp_path: Path, own: str, days: float) -> None:
    case = await Case(tmp_path).open(disable_after=own)
    await case.days(days * 0.9)
    assert await case.state() is not EndpointState.DISABLED
    await case.days(days * 0.2 + 0.3)
    assert await case.state() is EndpointState.DISABLED
    await case.world.stop()


async def test_endpoints_of_a_provider_are_never_disabled_for_failing(tmp_path: Path) -> None:
    world = World(tmp_path, lambda _: Answer(500))
    await world.start()
    await world.add_source({"name": "mine", "url": URL, "retry": RETRY})
    for _ in range(30):
        await world.post(b'{"type":"order.paid"}')
        await world.elapse(DAY_S)
    (endpoint,) = world.server.store.routing.endpoints.values()
    source = await world.server.store.catalogue.source(DEFAULT_ORG, "shop")
    stored = await world.server.store.catalogue.endpoint(DEFAULT_ORG, source.id, endpoint.id)
    assert stored.state is not EndpointState.DISABLED
    await world.stop()


async def test_410_disables_at_once_and_says_so(case: Case) -> None:
    case.status = 410
    messages = [await case.product.publish(case.customer) for _ in range(5)]
    await case.world.elapse(60)
    stored = await case.stored()
    assert (stored.state, stored.state_reason) == (EndpointState.DISABLED, "the endpoint answered 410 Gone")
    assert stored.failing_since_ms > 0
    assert case.told() == 1
    deliveries = [delivery for one in messages for delivery in (await case.product.story(one)).deliveries]
    assert {delivery.reason for delivery in deliveries} <= {"gone", "endpoint_disabled"}
    assert 1 <= len(deliveries) <= 5
    await case.world.stop()


async def test_after_a_410_nothing_more_is_begun(tmp_path: Path) -> None:
    case = await Case(tmp_path).open(concurrency=1)
    case.status = 410
    for _ in range(20):
        await case.product.publish(case.customer)
    await case.world.elapse(60)
    assert [made.url for made in case.world.wire.tries].count(URL) == 1
    assert case.told() == 1
    await case.world.stop()


async def test_a_disabling_that_the_store_refuses_is_made_up_for(case: Case) -> None:
    case.status = 410
    catalogue = case.world.server.store.catalogue
    refuse = _refusing(catalogue, "set_endpoint_state")
    await case.product.publish(case.customer)
    await case.world.elapse(5)
    refuse.append(False)
    await case.product.publish(case.customer)
    await case.world.elapse(60)
    assert await case.state() is EndpointState.DISABLED
    assert case.told() == 1
    await case.world.stop()


async def test_what_could_not_be_noted_is_noted_with_the_next_attempt(case: Case) -> None:
    catalogue = case.world.server.store.catalogue
    refuse = _refusing(catalogue, "note_endpoint_state")
    began_ms = case.product.now_ms
    await case.product.publish(case.customer)
    await case.world.elapse(60)
    assert (await case.stored()).failing_since_ms == 0
    refuse.append(False)
    await case.world.elapse(3600)
    assert (await case.stored()).failing_since_ms == began_ms
    await case.world.stop()


async def test_what_is_known_is_not_written_again_and_again(case: Case) -> None:
    catalogue = case.world.server.store.catalogue
    noted = _counting(catalogue, "note_endpoint_state")
    await case.days(1)
    assert len(noted) == 1  # it fails
    case.status = 200
    await case.days(1)
    assert len(noted) == 2  # it does not any more
    await case.world.stop()


async def test_what_is_told_about_a_message_is_sent_at_once(case: Case) -> None:
    operational = await case.world.server.store.applications.operational(DEFAULT_ORG, case.product.now_ms)
    types: list[str] = []
    case.world.wire.watch = lambda url, headers, body, at_ms: types.append(str(json.loads(body).get("type")))
    await case.product.endpoint(operational.id, "http://product.example/messages", events=["message.*"])
    await case.product.publish(case.customer)
    await case.world.elapse(3 * 3600 - 1)
    assert "message.attempt.exhausted" not in types
    await case.world.elapse(1)
    assert types.count("message.attempt.exhausted") == 1
    await case.world.stop()


def _refusing(of: Any, method: str) -> list[bool]:
    """The store refuses this, as long as the last entry of the list is true."""
    refuse, real = [True], getattr(of, method)

    async def call(*args: Any, **more: Any) -> Any:
        if refuse[-1]:
            raise StoreError("the disk is full")
        return await real(*args, **more)

    setattr(of, method, call)
    return refuse


def _counting(of: Any, method: str) -> list[None]:
    calls: list[None] = []
    real = getattr(of, method)

    async def call(*args: Any, **more: Any) -> Any:
        calls.append(None)
        return await real(*args, **more)

    setattr(of, method, call)
    return calls
