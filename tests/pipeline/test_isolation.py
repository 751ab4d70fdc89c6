"""One slow customer: an endpoint that never answers costs the others nothing. `make bench-isolation` measures it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.testing.receiver import Answer as Received
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.product import Product
from tests.simulation.world import Answer, World

PROMPT = 100
MESSAGES = 10
CONCURRENCY = 5


async def finished_after_ms(folder: Path, *, silent: bool) -> int:
    """How long the hundred take on a fake clock, when each answer takes 10 ms and one endpoint is silent or paused."""
    folder.mkdir()
    world = World(folder, lambda url: Answer(200, after_s=999 if "silent" in url else 0.01))
    await world.start(workers=True)
    product = Product(world.server)
    customer = await product.customer()
    for number in range(PROMPT):
        await product.endpoint(customer, f"http://prompt-{number}.example/", concurrency=CONCURRENCY)
    last = await product.endpoint(customer, "http://silent.example/", concurrency=CONCURRENCY)
    if not silent:
        await world.server.store.catalogue.set_endpoint_state(last, EndpointState.PAUSED, "", product.now_ms)
    began_ms = product.now_ms
    for _ in range(MESSAGES):
        await product.publish(customer)
    await world.elapse(10)
    prompt = [made for made in world.wire.tries if "prompt" in made.url]
    assert len(prompt) == PROMPT * MESSAGES
    await world.stop()
    return max(made.ended_ms for made in prompt) - began_ms


async def test_a_hundred_endpoints_finish_as_if_the_one_that_never_answers_were_not_there(tmp_path: Path) -> None:
    without_ms = await finished_after_ms(tmp_path / "without", silent=False)
    beside_ms = await finished_after_ms(tmp_path / "beside", silent=True)
    assert without_ms >= MESSAGES / CONCURRENCY * 10  # no faster than they answer
    assert beside_ms <= 1.1 * without_ms


async def test_a_hundred_endpoints_get_everything_while_one_holds_its_connections(
    serve: Serve, receiver: Receiver
) -> None:
    service = await serve()
    receiver.answers(Received.hang(), path="/silent")
    product = Product(service.server)
    customer = await product.customer()
    for number in range(PROMPT):
        await product.endpoint(customer, f"{receiver.url}/{number}")
    silent = await product.endpoint(customer, f"{receiver.url}/silent", concurrency=CONCURRENCY)
    published = [await product.publish(customer) for _ in range(MESSAGES)]
    await receiver.wait_for(PROMPT * MESSAGES + CONCURRENCY, timeout_s=12)
    arrived = Counter(request.path for request in receiver.requests)
    assert arrived.pop("/silent") == CONCURRENCY  # it has its own connections, and no other's
    assert arrived == {f"/{number}": MESSAGES for number in range(PROMPT)}
    owed = await service.store.deliveries.find(DEFAULT_ORG, endpoint_id=silent, limit=100)
    assert {delivery.event_id for delivery in owed} == set(published)
    assert {delivery.state for delivery in owed} <= {"waiting", "leased"}
