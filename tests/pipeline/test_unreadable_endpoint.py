"""When an endpoint cannot be read any more, as by a stricter version, what it is owed waits, and nobody else does."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import shop


def rewrite(folder: Path, name: str, **fields: object) -> None:
    """Put into the row of an endpoint what no version accepts."""
    with sqlite3.connect(folder / "hookline.db") as database:
        (text,) = database.execute("SELECT spec FROM endpoint WHERE name = ?", (name,)).fetchone()
        spec = json.dumps({**json.loads(text), **fields})
        database.execute("UPDATE endpoint SET spec = ? WHERE name = ?", (spec, name))
    database.close()


async def test_what_it_is_owed_is_delivered_once_it_is_configured_anew(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    source = shop({"name": "ledger", "url": f"{receiver.url}/ledger"}, {"name": "mail", "url": f"{receiver.url}/mail"})
    await (await serve(source)).stop()
    rewrite(tmp_path, "ledger", concurrency=5000)

    service = await serve()
    (failed,) = service.notices.failures()
    assert failed.service == "routing"
    assert "concurrency" in failed.error
    event_id = await service.publish()
    await service.notices.settled("delivered", event_id=event_id)
    await service.server.dispatcher.quiet()
    assert [request.path for request in receiver.requests] == ["/mail"]
    assert await service.status(event_id) == "processing"

    await service.apply(source)
    await service.notices.settled("delivered", event_id=event_id, count=2)
    assert [request.path for request in receiver.requests] == ["/mail", "/ledger"]
    assert await service.status(event_id) == "processed"
