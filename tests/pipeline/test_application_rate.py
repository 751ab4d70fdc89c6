"""The rate of an application: all its endpoints together are sent no more, and each gets its turn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hookline.config.application_spec import ApplicationSpec
from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import LeaseLost
from tests.pipeline.product import Product
from tests.simulation.world import Answer, Try, World


class Office:
    """A world with a product in it."""

    def __init__(self, folder: Path, answer: Answer | None = None) -> None:
        self.world = World(folder, lambda url: answer or Answer(200))

    async def open(self) -> Office:
        await self.world.start()
        self.product = Product(self.world.server)
        return self

    async def customer(self, rate: str, endpoints: int, prefix: str = "to", **spec: Any) -> str:
        """A customer with this rate and so many endpoints."""
        customer = await self.product.customer(delivery_rate=rate)
        for number in range(endpoints):
            await self.product.endpoint(customer, f"http://{prefix}-{number}.example/", **spec)
        return customer

    async def publish(self, customer: str, count: int, type: str = "order.paid") -> None:
        for _ in range(count):
            await self.product.publish(customer, type)

    def tries(self, prefix: str = "to") -> list[Try]:
        return [made for made in self.world.wire.tries if made.url.startswith(f"http://{prefix}-")]


@pytest.fixture
async def office(tmp_path: Path) -> Office:
    return await Office(tmp_path).open()


async def test_ten_a_second_over_three_endpoints_for_minutes(tmp_path: Path) -> None:
    office = await Office(tmp_path, Answer(200, after_s=0.05)).open()
    customer = await office.customer("10/s", 3)
    began_ms = office.world.clock.now_ms()
    await office.publish(customer, 600)
    await office.world.elapse(181)
    made = office.tries()
    assert len(made) == 1_800
    per_minute = Counter((one.began_ms - began_ms) // 60_000 for one in made)
    assert all(540 <= per_minute[minute] <= 660 for minute in range(3)), per_minute
    starts = [one.began_ms for one in made]
    for first in range(0, len(made) - 100, 7):  # a full bucket at once and what flows in meanwhile
        assert starts[first + 100] - starts[first] >= (100 - 10 - 1) * 100
    each = Counter(one.url for one in made if one.began_ms < began_ms + 60_000)
    assert max(each.values()) - min(each.values()) <= 12  # turns go round, but for the first full bucket
    await office.world.stop()


async def test_an_endpoint_with_little_to_send_waits_for_its_turn_and_not_for_the_others_backlog(
    office: Office,
) -> None:
    customer = await office.customer("10/s", 5, events=["order.*"])
    await office.product.endpoint(customer, "http://quiet-0.example/", events=["news"])
    await office.publish(customer, 200)
    await office.world.elapse(20)
    for _ in range(5):
        published_ms = office.world.clock.now_ms()
        await office.publish(customer, 1, "news")
        await office.world.elapse(5)
        assert office.tries("quiet")[-1].began_ms - published_ms <= 700  # five others before it, a tenth each
    await office.world.stop()


async def test_whoever_waits_for_its_turn_is_not_busy_meanwhile(office: Office) -> None:
    customer = await office.customer("2/s", 4)
    await office.publish(customer, 60)
    clock, store = office.world.clock, office.world.server.store
    timers, claims = _counted(clock, "call_at"), _counted(store.deliveries, "claim")
    workers = _counted(office.world.server.dispatcher._workers, "_go_on")
    await office.world.elapse(100)
    made = len(office.tries())
    assert 195 <= made <= 205
    assert len(timers) <= 3 * made
    assert len(workers) <= 3 * made
    assert len(claims) <= made / 2  # in batches, although each waits two seconds between two
    assert office.world.server.dispatcher.given_back <= made / 20
    await office.world.stop()


async def test_turns_that_are_further_apart_than_a_lease_lasts_come_all_the_same(office: Office) -> None:
    customer = await office.customer("1/m", 5, timeout="5s")
    await office.publish(customer, 4)
    began_ms = office.world.clock.now_ms()
    await office.world.elapse(20 * 60 + 1)
    starts = [made.began_ms - began_ms for made in office.tries()]
    assert len(starts) == 20
    assert starts == pytest.approx([minute * 60_000 for minute in range(20)], abs=100)
    rounds = [{made.url for made in office.tries()[turn : turn + 5]} for turn in range(1, 16, 5)]
    assert [len(each) for each in rounds] == [5, 5, 5]  # after the one that could begin at once
    assert not [said for said in office.world.notices if isinstance(said, LeaseLost)]
    # Each waits for five minutes between two turns, and holds no more meanwhile than it can send.
    assert office.world.server.dispatcher.given_back <= 20 + 5
    await office.world.stop()


@pytest.mark.parametrize("known", [False, True])
async def test_whoever_comes_later_does_not_go_before_those_who_wait(office: Office, known: bool) -> None:
    customer = await office.customer("1/m", 5, timeout="5s", events=["order.*"])
    await office.product.endpoint(customer, "http://late-0.example/", timeout="5s", events=["news"])
    if known:  # then what is published is born leased
        await office.publish(customer, 1)
        await office.world.elapse(3_600)
    began_ms, before = office.world.clock.now_ms(), len(office.tries("to"))
    await office.publish(customer, 1)
    await office.world.elapse(30)
    await office.publish(customer, 1, "news")
    await office.world.elapse(10 * 60)
    assert [made.began_ms - began_ms for made in office.tries("to")[before:]] == pytest.approx(
        [minute * 60_000 for minute in range(5)], abs=100
    )
    assert office.tries("late")[0].began_ms - began_ms == pytest.approx(5 * 60_000, abs=100)
    await office.world.stop()


async def test_applications_do_not_share_a_rate(office: Office) -> None:
    slow = await office.customer("1/m", 2, "slow")
    fast = await office.customer("100/s", 2, "fast")
    await office.publish(slow, 50)
    await office.publish(fast, 50)
    await office.world.elapse(2)
    assert len(office.tries("slow")) == 1
    assert len(office.tries("fast")) == 100
    await office.world.stop()


async def test_a_new_rate_counts_at_once(office: Office) -> None:
    customer = await office.customer("1/m", 2)
    await office.publish(customer, 50)
    await office.world.elapse(90)
    assert len(office.tries()) == 2
    await office.product.server.store.applications.edit(
        DEFAULT_ORG, customer, lambda spec: _with_rate(spec, "100/s"), office.product.now_ms
    )
    await office.world.elapse(2)
    assert len(office.tries()) == 100
    await office.world.stop()


async def test_the_turn_of_an_endpoint_that_goes_is_not_lost(office: Office) -> None:
    customer = await office.customer("1/m", 1, "to")
    gone = [await office.product.endpoint(customer, f"http://gone-{number}.example/") for number in range(10)]
    await office.publish(customer, 20)
    await office.world.elapse(30)
    for endpoint_id in gone:
        await office.product.server.store.application_endpoints.delete(
            DEFAULT_ORG, customer, endpoint_id, office.product.now_ms
        )
    before = len(office.tries("to"))
    await office.world.elapse(11 * 60)
    assert len(office.tries("to")) - before >= 2  # its own turn in this round, and more: nobody else is in the way
    await office.world.elapse(10 * 60)
    assert len(office.tries("to")) - before >= 12
    await office.world.stop()


async def test_an_endpoint_may_have_a_rate_of_its_own_below_that(office: Office) -> None:
    customer = await office.customer("10/s", 1)
    await office.product.endpoint(customer, "http://slow-0.example/", rate_limit="6/m")
    await office.publish(customer, 100)
    await office.world.elapse(60)
    assert len(office.tries("to")) == 100
    assert 11 <= len(office.tries("slow")) <= 13  # six at once and six a minute
    await office.world.stop()


def _with_rate(spec: ApplicationSpec, rate: str) -> ApplicationSpec:
    return ApplicationSpec.model_validate({**spec.model_dump(), "delivery_rate": rate})


def _counted(of: Any, method: str) -> list[None]:
    """Grows by one with every call of a method."""
    calls: list[None] = []
    called = getattr(of, method)

    def count(*args: Any) -> Any:
        calls.append(None)
        return called(*args)

    setattr(of, method, count)
    return calls
