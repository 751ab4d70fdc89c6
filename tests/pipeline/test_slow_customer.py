"""One customer whose endpoint is dead delays nobody else, and many endpoints at once are written without delay."""

from __future__ import annotations

from pathlib import Path

from hookline.storage.fanout import DELIVERIES_PER_STEP
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.product import Product
from tests.simulation.world import Answer as Reply
from tests.simulation.world import World

MESSAGES = 100


async def test_one_dead_endpoint_and_twenty_healthy_ones(tmp_path: Path) -> None:
    world = World(tmp_path, lambda url: Reply(0, after_s=99) if "dead" in url else Reply(200, after_s=0.02))
    await world.start()
    product = Product(world.server)
    customer = await product.customer()
    await product.endpoint(customer, "http://dead.example/")
    for number in range(20):
        await product.endpoint(customer, f"http://healthy-{number}.example/", fifo=number % 4 == 0)
    began_ms = world.clock.now_ms()
    for _ in range(MESSAGES):
        await product.publish(customer)
    await world.elapse(60)
    made = world.wire.tries
    healthy = [one for one in made if "healthy" in one.url]
    assert len(healthy) == 20 * MESSAGES
    # Ten at once and a fiftieth of a second each; in order one after the other.
    assert max(one.ended_ms for one in healthy) - began_ms <= MESSAGES * 20 + 100
    free = [one for one in healthy if int(one.url.split("-")[1].split(".")[0]) % 4]
    assert max(one.ended_ms for one in free) - began_ms <= MESSAGES / 10 * 20 + 100
    # The dead one has ten under way at a time, until its breaker lets one at a time.
    assert 20 <= len(made) - len(healthy) <= 60
    assert world.server.dispatcher.queued() <= 20
    await world.stop()


async def test_a_customer_that_hangs_does_not_delay_another(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer.hang(), path="/hangs")
    service = await serve()
    product = Product(service.server)
    hanging, healthy = await product.customer(), await product.customer()
    await product.endpoint(hanging, f"{receiver.url}/hangs")
    await product.endpoint(healthy, f"{receiver.url}/healthy")
    for _ in range(MESSAGES):
        await product.publish(hanging)
        await product.publish(healthy)
    await service.notices.settled("delivered", count=MESSAGES)
    assert sum(request.path == "/hangs" for request in receiver.requests) == 10


async def test_a_message_for_very_many_endpoints_reaches_them_all(serve: Serve) -> None:
    many = 2 * DELIVERIES_PER_STEP + 50
    async with Receiver() as receiver:
        service = await serve()
        product = Product(service.server)
        customer = await product.customer()
        for number in range(many):
            await product.endpoint(customer, f"{receiver.url}/{number}")
        wide = await product.publish(customer)
        await service.notices.settled("delivered", event_id=wide, count=many)
        await service.server.dispatcher.quiet()
        assert sorted(int(request.path[1:]) for request in receiver.requests) == list(range(many))
        assert (await product.story(wide)).event.status == "processed"


async def test_what_a_crash_left_half_written_is_written_by_the_next_server(tmp_path: Path) -> None:
    many = DELIVERIES_PER_STEP + 30
    world = World(tmp_path, lambda _: Reply(200))
    await world.start()  # without the services that write it
    product = Product(world.server)
    customer = await product.customer()
    for number in range(many):
        await product.endpoint(customer, f"http://{number}.example/")
    wide = await product.publish(customer)
    assert await world.server.store.fanouts.step(wide, product.now_ms)
    await world.settle()
    assert len(world.wire.tries) == DELIVERIES_PER_STEP
    await world.crash()
    await world.start(workers=True)
    product.server = world.server
    await world.elapse(60)
    assert len({made.url for made in world.tries + world.wire.tries}) == many
    assert (await product.story(wide)).event.status == "processed"
    assert await world.server.store.fanouts.waiting() == []
    await world.stop()
