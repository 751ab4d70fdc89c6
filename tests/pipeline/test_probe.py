import asyncio
from hookline.testing.receiver import Receiver, Answer
from hookline.testing.clock import FakeClock
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop
from hookline.core.model import *
from hookline.core.notice import *
from hookline.core.errors import *
from hookline.config.endpoint_spec import EndpointSpec
from hookline.storage.catalogue import PutEndpoint

async def test_a_reservation_leak(serve: Serve, receiver: Receiver) -> None:
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2}))
    async def bad():
        try:
            await s.store.deliveries.cancel(DEFAULT_ORG, "dlv_none", 0)
        except NotFound: pass
    for r in range(10):
        await asyncio.gather(*[x for i in range(20) for x in (s.publish(), bad())])
    await s.notices.settled("delivered", count=200)
    await s.server.dispatcher.quiet()
    lane = next(iter(s.server.dispatcher._lanes.values()))
    print("queued", s.server.dispatcher.queued(), lane.taken.total)
    assert s.server.dispatcher.queued() == 0

async def test_b_routing_rollback(serve: Serve, receiver: Receiver) -> None:
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2}))
    src = await s.source()
    async def bad():
        try:
            await s.store.deliveries.cancel(DEFAULT_ORG, "dlv_none", 0)
        except NotFound: pass
    async def put(n):
        return await s.store.catalogue.put_endpoint(PutEndpoint(DEFAULT_ORG, src.id, EndpointSpec.model_validate({"name": f"e{n}", "url": receiver.url}), (), 5))
    for r in range(5):
        res = await asyncio.gather(s.store.ping(), s.store.ping(), put(r), bad(), s.store.ping())
    db = {e.id for e in await s.store.catalogue.endpoints(DEFAULT_ORG, src.id)}
    mem = {e.id for e in s.store.routing.endpoints.values()}
    assert db == mem

async def test_c_fail_after_pause(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(500, delay_s=0.3))
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2, "pause_after_failures": 1}))
    e = await s.publish()
    await receiver.wait_for(1)
    await s.set_state("all", EndpointState.PAUSED, "by me")
    await s.notices.settled("waiting")
    await s.server.dispatcher.quiet()
    assert (await s.endpoint("all")).state == "paused"

async def test_c2_succeed_after_pause(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    receiver.answers(Answer(200, delay_s=0.3))
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2, "pause_after_failures": 1}), clock=clock)
    e = await s.publish()
    await s.notices.until(EndpointPaused)
    clock.jump_to(clock.now_ms()+30_000)
    await receiver.wait_for(2)
    await s.set_state("all", EndpointState.PAUSED, "by me")
    await s.notices.settled("delivered")
    await s.server.dispatcher.quiet()
    assert (await s.endpoint("all")).state == "paused"

async def test_d_resume_failing(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2, "pause_after_failures": 1, "retry": {"schedule": ["1s"]}}), clock=clock)
    e = await s.publish()
    await s.notices.until(EndpointPaused)
    await s.server.dispatcher.quiet()
    assert (await s.endpoint("all")).state == "failing"
    await s.set_state("all", EndpointState.ACTIVE)
    clock.jump_to(clock.now_ms()+1_500)
    await receiver.wait_for(2, timeout_s=1)

async def test_e_410_others(serve: Serve, receiver: Receiver) -> None:
    receiver.script([Answer(200, delay_s=0.4), 410])
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2}))
    e = await s.publish()
    await receiver.wait_for(1)
    e2 = await s.publish()
    await s.notices.settled("dead", event_id=e2)
    await s.server.dispatcher.quiet()
    print((await s.story(e)).deliveries, (await s.story(e)).attempts)
    assert await s.status(e) == "processed"
