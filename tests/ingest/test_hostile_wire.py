"""What strangers write on an open port: never a 5xx, never an exception in the log, and the next one is served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ingest.hostile import ANSWERED, REFUSED
from tests.ingest.wire import Listener, listening, statuses


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Listener]:
    async with listening(tmp_path) as listener:
        await listener.source(
            content_types=["any"], dedupe={"by": "body", "name": "/id"}, schemas={"*": {"type": "object"}}
        )
        await listener.source("github", "github")
        yield listener


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that happens in this test is an error of ours."""
    with caplog.at_level(logging.INFO):
        yield
    assert "Traceback" not in caplog.text
    assert "Exception" not in caplog.text
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.usefixtures("quiet")
async def test_strange_requests_are_answered_and_harm_nobody(wire: Listener) -> None:
    answers = await asyncio.gather(*(wire.talk(data, patience_s=10) for data in ANSWERED.values()))
    for name, received in zip(ANSWERED, answers, strict=True):
        found = [status for status in statuses(received) if status != 100]
        assert len(found) == 1, f"{name}: {received[:300]!r}"
        assert found[0] < 500, f"{name}: {received[:300]!r}"
    assert statuses(await wire.post(b'{"id":"good"}', b"Content-Type: application/json")) == [200]


@pytest.mark.usefixtures("quiet")
async def test_what_is_no_request_is_refused_and_is_never_an_event(wire: Listener) -> None:
    answers = await asyncio.gather(*(wire.talk(data) for data in REFUSED.values()))
    for name, received in zip(REFUSED, answers, strict=True):
        assert [status for status in statuses(received) if not 400 <= status < 500 and status != 100] == [], (
            f"{name}: {received[:300]!r}"
        )
    assert await wire.events() == []
    assert statuses(await wire.post(b'{"id":"good"}', b"Content-Type: application/json")) == [200]
