"""Nobody waits for long for a server that is paused or cut off, nor for a database that swallows what it is sent."""

from __future__ import annotations

import asyncio
import random
import time
from urllib.parse import urlsplit

import pytest

from hookline.core.errors import StoreError
from hookline.storage.base import Stream
from hookline.storage.postgres.connection import GRACE_S, IDLE_LIMIT_S, Connection
from hookline.storage.postgres.database import LIMITS_S
from hookline.storage.postgres.statements import plain
from hookline.storage.store import Store, open_store
from tests.postgres.cluster import Cluster
from tests.torture.proxy import Fault, Proxy

SECRET = "not-a-real-secret-only-for-the-test-of-limits"
#: The machine is busy.
GIVE_S = 1.5


@pytest.fixture
def url(newest: Cluster) -> str:
    return newest.new_database()


async def test_what_a_silent_server_holds_is_free_when_it_would_be_declared_dead(url: str) -> None:
    silent, other = (Connection(url, name, limit_s=30.0) for name in ("silent", "other"))
    silent.send(plain("", "BEGIN"))
    silent.send(plain("", "SELECT pg_advisory_xact_lock(1)"))
    silent.answer()
    began_at_s = time.monotonic()
    other.send(plain("", "SELECT pg_advisory_lock(1)"))
    await asyncio.to_thread(other.answer)
    assert IDLE_LIMIT_S - GIVE_S < time.monotonic() - began_at_s < IDLE_LIMIT_S + GIVE_S
    silent.close()
    other.close()


async def test_what_waits_behind_a_commit_that_is_not_answered_is_refused_with_it(newest: Cluster, url: str) -> None:
    proxy = Proxy(newest.port, random.Random(1))
    await proxy.start()
    store = await asyncio.to_thread(open_store, newest.url(urlsplit(url).path[1:], proxy.port), SECRET)
    await store.ping()
    proxy.cut(Fault.DROPPING)
    refused_after_s = await asyncio.gather(*(_refused(store, asked_at_s) for asked_at_s in (0.0, 1.0, 2.0)))
    limit_s = LIMITS_S[Stream.DOORS] + GRACE_S
    assert max(refused_after_s) < limit_s + GIVE_S
    await proxy.heal()
    await store.close()
    await proxy.close()


async def _refused(store: Store, asked_at_s: float) -> float:
    """After how long an attempt to write came to nothing, counted from the first of them."""
    began_at_s = time.monotonic()
    await asyncio.sleep(asked_at_s)
    with pytest.raises(StoreError):
        await store.ping()
    return time.monotonic() - began_at_s
