"""A commit of which nobody heard: the events may be there, leased to a server that does not know of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hookline.storage.postgres import transaction
from hookline.storage.postgres.connection import Connection
from hookline.testing.receiver import Receiver
from tests.pipeline.service import Service, shop
from tests.postgres.cluster import Cluster

#: A lease lasts 45 seconds.
SOON_S = 15


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def service(newest: Cluster, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path, database=newest.new_database()) as running:
        await running.apply(shop({"name": "all", "url": receiver.url}))
        await running.publish()  # from now on there is a lane, and what comes is born leased
        await receiver.wait_for(1)
        await running.server.dispatcher.quiet()
        yield running


def the_next_answer_to_a_commit_is_lost(patch: pytest.MonkeyPatch, names: str) -> None:
    """The connection of such a writer breaks after the database has committed and before we hear so."""
    real = Connection.answer

    def loses(connection: Connection) -> Any:
        result = real(connection)
        if connection._name == names and result.command_status == b"COMMIT":
            patch.setattr(Connection, "answer", real)
            connection.close()
            raise psycopg.OperationalError("the connection was lost, as an example")
        return result

    patch.setattr(Connection, "answer", loses)


async def test_what_was_stored_after_all_is_delivered_soon_and_its_sender_was_told_to_come_again(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transaction._COMMIT.text == b"COMMIT"
    the_next_answer_to_a_commit_is_lost(monkeypatch, "doors")
    answer = await service.post("standard_webhooks", b'{"type":"a"}', source="shop", event_id="evt-lost")
    assert answer.status == 503
    async with asyncio.timeout(SOON_S):
        await receiver.wait_for(2, timeout_s=SOON_S)
    again = await service.post("standard_webhooks", b'{"type":"a"}', source="shop", event_id="evt-lost")
    assert (again.status, again.json()["duplicate"]) == (200, True)
    await service.notices.settled("delivered", event_id=again.event_id)
    assert receiver.count == 2


async def test_what_was_claimed_and_nobody_heard_of_it_is_claimed_again_soon(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (delivered,) = await service.event_ids()
    the_next_answer_to_a_commit_is_lost(monkeypatch, "delivery")
    await service.store.deliveries.replay_event("org_default", delivered, service.clock.now_ms())
    await receiver.wait_for(2, timeout_s=SOON_S)
    assert receiver.count == 2
