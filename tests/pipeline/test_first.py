from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop

async def test_first(serve: Serve, receiver: Receiver) -> None:
    s = await serve(shop({"name": "all", "url": receiver.url}))
    e = await s.publish()
    await s.notices.settled("delivered", event_id=e)
    print(receiver.requests, await s.story(e))
    assert await s.status(e) == "processed"
