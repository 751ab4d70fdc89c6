"""Endpoints cannot make the server talk to its own network, unless it was allowed."""

from __future__ import annotations

import pytest

from hookline.core.notice import AttemptMade
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_by_default_nothing_is_sent_to_this_machine(serve: Serve, receiver: Receiver, host: str) -> None:
    url = f"http://{host}:{receiver.port}/"
    service = await serve(shop({"name": "inside", "url": url}), allow_private_endpoints=False)
    event_id = await service.publish()
    await service.notices.until(AttemptMade)
    (attempt,) = (await service.story(event_id)).attempts
    assert (attempt.status, attempt.error) == (0, "blocked_address")
    assert attempt.detail
    assert (receiver.connections, receiver.count) == (0, 0)
    assert await service.status(event_id) == "processing"


@pytest.mark.parametrize(("network", "reached"), [("127.0.0.0/8", True), ("127.0.0.1/32", True), ("10.0.0.0/8", False)])
async def test_a_list_of_networks_opens_those_and_no_others(
    serve: Serve, receiver: Receiver, network: str, reached: bool
) -> None:
    service = await serve(shop({"name": "inside", "url": receiver.url}), allow_private_endpoints=network)
    event_id = await service.publish()
    await service.notices.until(AttemptMade)
    (attempt,) = (await service.story(event_id)).attempts
    assert (attempt.error == "") is reached
    assert (receiver.connections == 1) is reached


async def test_a_redirect_cannot_lead_inside(serve: Serve, receiver: Receiver) -> None:
    async with Receiver() as inside:
        receiver.script([301, 307])
        service = await serve(shop({"name": "all", "url": receiver.url, "retry": {"schedule": []}}))
        event_id = await service.publish()
        await service.notices.settled("dead", event_id=event_id)
        assert inside.connections == 0
