"""When a source cannot be read any more, nothing of it is sent on: nobody knows which of its headers are secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve

TOKEN = b"not-a-real-token-only-for-tests"


def damage(folder: Path, spec: str) -> str:
    """Write another specification into the row of the only source; the one it had."""
    with sqlite3.connect(folder / "hookline.db") as database:
        (before,) = database.execute("SELECT spec FROM source").fetchone()
        database.execute("UPDATE source SET spec = ?", (spec,))
    database.close()
    return str(before)


async def test_what_is_owed_waits_until_the_source_can_be_read_again(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    clock = FakeClock()
    receiver.script([500])
    endpoint = {"name": "all", "url": receiver.url, "retry": {"schedule": ["1m"], "jitter": 0}}
    signature = {"kind": "static_token", "header": "X-Token"}
    source = {"name": "code", "provider": "generic", "signature": signature, "secrets": [TOKEN.decode()]}
    service = await serve({**source, "endpoints": [endpoint]}, clock=clock)
    accepted = await service.send("code", b"{}", ((b"X-Token", TOKEN), (b"Content-Type", b"application/json")))
    await service.notices.settled("waiting", event_id=accepted.event_id)
    await service.stop()

    before = damage(tmp_path, '{"provider": "unheard-of"}')
    clock = FakeClock(clock.now_ms() + 3_600_000)
    service = await serve(clock=clock)
    await service.server.dispatcher.quiet()
    assert receiver.count == 1
    (delivery,) = (await service.story(accepted.event_id)).deliveries
    assert delivery.state == "waiting"
    await service.stop()

    damage(tmp_path, before)
    service = await serve(clock=FakeClock(clock.now_ms()))
    await service.notices.settled("delivered", event_id=accepted.event_id)
    assert TOKEN not in b"".join(value for request in receiver.requests for _, value in request.headers)
