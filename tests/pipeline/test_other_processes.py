"""What a command line writes beside a running server is noticed by the server, within about a second."""

from __future__ import annotations

import asyncio
import sys
import time

from hookline.config.endpoint_spec import EndpointSpec
from hookline.core.model import DEFAULT_ORG
from hookline.storage.catalogue import PutEndpoint
from hookline.storage.store import open_store
from hookline.testing.receiver import Receiver
from tests.cli.running import environment
from tests.pipeline.conftest import Serve
from tests.pipeline.service import SERVER_SECRET, Service, shop, write_yaml

#: The watch looks once a second; the rest is for slow machines.
NOTICED_S = 5.0

REPLAY = """
import asyncio, sys, time
from hookline.storage.store import open_store

async def main() -> None:
    store = open_store(sys.argv[1], sys.argv[2])
    print(await store.deliveries.replay_event(sys.argv[3], sys.argv[4], time.time_ns() // 1_000_000))
    await store.close()

asyncio.run(main())
"""


async def run(service: Service, *arguments: str) -> str:
    """Run Python in another process until it ends; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=environment(HOOKLINE_SECRET=SERVER_SECRET, HOOKLINE_DATABASE_URL=service.settings.database),
        cwd=service.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def replay(service: Service, event_id: str) -> None:
    """A replay by a program of one's own."""
    printed = await run(service, "-c", REPLAY, service.settings.database, SERVER_SECRET, DEFAULT_ORG, event_id)
    assert printed.strip() == "1"


async def test_an_event_replayed_by_another_process_is_delivered(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    event_id = await service.publish()
    await service.notices.settled("delivered", event_id=event_id)
    await replay(service, event_id)
    replayed = time.monotonic()
    await service.notices.settled("delivered", event_id=event_id, count=2)
    assert time.monotonic() - replayed < NOTICED_S
    assert [request.header("webhook-id") for request in receiver.requests] == [event_id] * 2


async def test_it_is_noticed_also_while_events_keep_coming(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    event_id = await service.publish()
    await service.notices.settled("delivered", event_id=event_id)

    async def traffic() -> None:
        while True:
            await service.publish()

    coming = asyncio.create_task(traffic())
    try:
        await replay(service, event_id)
        replayed = time.monotonic()
        await service.notices.settled("delivered", event_id=event_id, count=2)
        assert time.monotonic() - replayed < NOTICED_S
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_a_file_applied_by_the_command_line_changes_the_running_server(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "old", "url": f"{receiver.url}/old"}))
    first = await service.publish()
    await service.notices.settled("delivered", event_id=first)
    write_yaml(
        service.folder,
        shop({"name": "old", "url": f"{receiver.url}/moved"}, {"name": "new", "url": f"{receiver.url}/new"}),
        {"name": "second", "provider": "none", "endpoints": [{"name": "all", "url": f"{receiver.url}/second"}]},
    )
    await run(service, "-m", "hookline", "apply", "-f", "hookline.yaml")
    second = await service.publish()  # at once: what is routed inside the commit waits for no watch
    await service.notices.settled("delivered", event_id=second, count=2)
    third = (await service.send("second", b"{}")).event_id
    await service.notices.settled("delivered", event_id=third)
    assert sorted(r.path for r in receiver.requests) == ["/moved", "/new", "/old", "/second"]


async def test_an_endpoint_removed_by_another_process_is_owed_nothing(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(503)
    service = await serve(shop({"name": "gone", "url": receiver.url}))
    event_id = await service.publish()
    await service.notices.settled("waiting", event_id=event_id)
    write_yaml(service.folder, shop())
    await run(service, "-m", "hookline", "apply", "-f", "hookline.yaml", "--prune")
    async with asyncio.timeout(NOTICED_S):
        while await service.status(event_id) != "failed":
            await service.store.ping()
    assert [d.reason for d in (await service.story(event_id)).deliveries] == ["endpoint_deleted"]


async def test_an_endpoint_that_another_process_made_just_now_is_not_taken_for_a_deleted_one(
    serve: Serve, receiver: Receiver
) -> None:
    service = await serve(shop({"name": "old", "url": f"{receiver.url}/old"}))
    event_id = await service.publish()
    await service.notices.settled("delivered", event_id=event_id)
    now_ms = service.clock.now_ms()
    other = open_store(service.settings.database, service.settings.secret)
    spec = EndpointSpec.model_validate({"name": "new", "url": f"{receiver.url}/new"})
    made = await other.catalogue.put_endpoint(
        PutEndpoint(DEFAULT_ORG, (await service.source()).id, spec, (), service.clock.now_ms())
    )
    assert await other.deliveries.replay_event(DEFAULT_ORG, event_id, now_ms, made.id) == 1
    service.server.dispatcher.look()  # before the watch has noticed anything, as after a change made here
    await service.notices.settled("delivered", event_id=event_id, count=2)
    await other.close()
    assert await service.status(event_id) == "processed"
