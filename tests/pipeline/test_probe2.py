import asyncio
from hookline.testing.receiver import Receiver, Answer
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop
from hookline.core.model import *
from hookline.core.errors import *

async def test_a_reservation_leak(serve: Serve, receiver: Receiver) -> None:
    s = await serve(shop({"name": "all", "url": receiver.url, "concurrency": 2}))
    done = False
    async def bad():
        n = 0
        while not done:
            n += 1
            try:
                await s.store.deliveries.cancel(DEFAULT_ORG, "dlv_none", 0)
            except NotFound: pass
        print(n)
    bads = [asyncio.create_task(bad()) for _ in range(3)]
    for r in range(30):
        await asyncio.gather(*[s.publish() for i in range(20)])
    done = True
    await asyncio.gather(*bads)
    lane = next(iter(s.server.dispatcher._lanes.values()))
    print("queued", s.server.dispatcher.queued(), lane.taken.total)
    await s.notices.settled("delivered", count=600)
    await s.server.dispatcher.quiet()
    print("queued", s.server.dispatcher.queued(), lane.taken.total)
    assert s.server.dispatcher.queued() == 0
