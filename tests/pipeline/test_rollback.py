"""What somebody else's mistake rolls back is done again, and leaves nothing behind in memory.

All writes that wait share one transaction. When one of them cannot be done, all are rolled back and each is done
on its own: whatever was remembered meanwhile has to be forgotten.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hookline.config.endpoint_spec import EndpointSpec
from hookline.core.errors import NotFound
from hookline.core.model import DEFAULT_ORG
from hookline.storage.catalogue import PutEndpoint
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop


async def a_mistake(service: Service) -> None:
    """A write that cannot be done."""
    with suppress(NotFound):
        await service.store.deliveries.cancel(DEFAULT_ORG, "dlv_none", 0)


async def test_events_beside_the_mistakes_of_others_are_all_delivered(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2}))

    async def mistakes() -> None:
        while True:
            await a_mistake(service)

    wrong = asyncio.create_task(mistakes())
    for _ in range(30):
        await asyncio.gather(*(service.publish() for _ in range(10)))
    wrong.cancel()
    await service.notices.settled("delivered", count=300)
    await service.server.dispatcher.quiet()
    assert service.server.dispatcher.queued() == 0
    assert receiver.count == 300


async def test_an_endpoint_created_beside_the_mistake_of_another_gets_its_events(
    serve: Serve, receiver: Receiver
) -> None:
    service = await serve(shop())
    source_id = (await service.source()).id
    for number in range(20):
        spec = EndpointSpec.model_validate({"name": f"e{number}", "url": receiver.url, "events": [f"type.{number}"]})
        put = PutEndpoint(DEFAULT_ORG, source_id, spec, (), service.clock.now_ms())
        ping = service.store.ping  # keeps the writer busy, so that the next two wait together
        _, made, _ = await asyncio.gather(ping(), service.store.catalogue.put_endpoint(put), a_mistake(service))
        event_id = await service.publish(f"type.{number}")
        await service.notices.settled("delivered", event_id=event_id)
        assert [d.endpoint_id for d in (await service.story(event_id)).deliveries] == [made.id]
