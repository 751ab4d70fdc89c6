"""A grown installation in a file, with everything that can be in one; and everything that a store tells of one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from hookline.core.model import DEFAULT_ORG, EndpointState, Event, EventType, ReviewReason
from hookline.core.state import Move
from hookline.storage.base import EventFilter, Once, Slice
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from hookline.storage.store import Store, open_store
from hookline.storage.wanting import WIDE
from hookline.testing.store_suite.world import OTHER_ORG, SECRET, FakeWorker, World

DAY_MS = 86_400_000

#: The ways in which a try can end.
_ENDS = (Move.DELIVER, Move.EXHAUST, Move.RETRY, Move.GIVE_BACK, None)


async def grow(path: Path, *, days: int = 12, events_a_day: int = 5) -> int:
    """Make a file in which a server has worked for some days and was killed; the time at which it was."""
    world = World(lambda secret: open_store(f"sqlite:///{path}", secret, sync="normal"))
    source, endpoints = await _configured(world)
    for day in range(days):
        for number in range(events_a_day):
            await _happened(world, source, f"{day}-{number}")
            for endpoint, end in zip(endpoints, _ENDS[number % 5 :] + _ENDS, strict=False):
                await _tried(world, endpoint, end)
            world.now_ms += 1_000
        world.now_ms += DAY_MS
    await _sent(world)
    await _operated(world, source, endpoints[0])
    await _ended(world, source, endpoints[0])
    world.store.hand_over_to(FakeWorker(room=3, until_ms=world.now_ms + 60_000))
    await world.accept(source, type="order.paid", body=b"\xff\x00\xfe")  # born leased, and nobody sends it
    await world.close()
    return world.now_ms


async def _configured(world: World) -> tuple[StoredSource, list[StoredEndpoint]]:
    source = await world.source(secrets=["whsec_" + "c2VjcmV0IG9mIHRoZSBzaG9wLCBub3QgYSByZWFsIG9uZQ=="])
    endpoints = [
        await world.endpoint(source, "ledger", headers={"X-Api-Key": "not-a-real-api-key"}),
        await world.endpoint(source, "stock", fifo=True),
        await world.endpoint(source, "mail", events=["order.*"]),
    ]
    paused = await world.endpoint(source, "paused", events=["seldom"])
    await world.store.catalogue.set_endpoint_state(paused.id, EndpointState.PAUSED, "by hand", world.now_ms)
    other = await world.source("other", org_id=OTHER_ORG)
    await world.endpoint(other, "theirs")
    await world.accept(other, type="theirs", key="same")
    removed = await world.source("removed")
    await world.accept(removed, body=b"of nobody")
    await world.store.catalogue.delete_source(DEFAULT_ORG, removed.id)
    return source, endpoints


async def _happened(world: World, source: StoredSource, name: str) -> None:
    await world.accept(
        source,
        type="order.paid" if name.endswith(("0", "2")) else f"of\0{name}",
        key=f"id:{name}",
        body=name.encode() + bytes(range(256)) * 3,
        headers=((b"X-One", b"1"), (b"x-one", b"\xff\x00")),
        review=ReviewReason.UNKNOWN_TYPE if name.endswith("3") else None,
        guard=f"guard:{name}\0" if name.endswith("4") else "",
        payload_expires_at_ms=world.now_ms + 40 * DAY_MS if name.endswith("1") else None,
    )
    await world.accept(source, type="order.paid", key=f"id:{name}")  # a duplicate


async def _tried(world: World, endpoint: StoredEndpoint, end: Move | None) -> None:
    works = (await world.claim(endpoint, limit=2, fifo=endpoint.spec.fifo)).works
    for work in works:
        if end is not None:
            await world.settle(work, end, due_in_ms=DAY_MS // 2, reason="exhausted" if end is Move.EXHAUST else "")


async def _sent(world: World) -> None:
    """Applications, one of which has so many endpoints that a message of it is still being spread."""
    await world.store.event_types.create(
        EventType(DEFAULT_ORG, "order.paid", "Paid", schemas={"1": {"type": "object"}}, created_at_ms=world.now_ms)
    )
    small = await world.application("small", metadata={"a": "b"})
    await world.customer_endpoint(small, "one", channels=["eu"])
    await world.accept(small, channels=("eu", "us"), tags=("vip",), key="e:order-7", unique=True)
    await world.accept(small, once=Once(small.id, "publish\0again", b"0123456789abcdef", world.now_ms + DAY_MS))
    wide = await world.application("wide")
    for number in range(WIDE + 5):
        await world.customer_endpoint(wide, f"hook-{number}", fifo=number % 3 == 0)
    await world.store.fanouts.step((await world.accept(wide)).event_id, world.now_ms)
    world.now_ms += 1
    await world.accept(wide, body=b"still to be spread")


async def _operated(world: World, source: StoredSource, endpoint: StoredEndpoint) -> None:
    for cause in ("bad_signature", "stale_timestamp"):
        await world.store.rejections.add(world.rejection(cause=cause))
    await world.store.rejections.add(world.rejection(org_id=OTHER_ORG))
    replays, where = world.store.replays, EventFilter(status="failed", source_id=source.id)
    done = await replays.start(DEFAULT_ORG, where, world.now_ms)
    while done.state == "running":
        done = await replays.step(done.id, DEFAULT_ORG, world.now_ms)
    world.now_ms += 1
    await replays.start(DEFAULT_ORG, EventFilter(endpoint_id=endpoint.id, source_id=source.id), world.now_ms)
    keys = [
        (source.id, key, "msg_1", b"0", None) for key in ("id:a\0b", "id:a\ufffdb", "id:\0c", "id:\0\0", "id:\0\ufffd")
    ]
    with sqlite3.connect(_file_of(world)) as beside:
        beside.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", keys)
    beside.close()


async def _ended(world: World, source: StoredSource, endpoint: StoredEndpoint) -> None:
    """Events of which nothing is owed any more."""
    for end in (Move.DELIVER, Move.EXHAUST, None):
        receipt = await world.accept(source, type="seldom")
        others = [one for one in (await world.story(receipt.event_id)).deliveries if one.endpoint_id != endpoint.id]
        for one in others:
            await world.store.deliveries.cancel(DEFAULT_ORG, one.id, world.now_ms)
        while end is not None and (works := (await world.claim(endpoint, limit=100)).works):
            for work in works:
                await world.settle(work, end, reason="exhausted" if end is Move.EXHAUST else "")


def _file_of(world: World) -> str:
    path: str = world.store.database.path  # type: ignore[attr-defined]
    return path


async def everything(store: Store) -> dict[str, Any]:
    """All that a store tells. What PostgreSQL cannot store of a text is as it stores it."""
    told: dict[str, Any] = {"owed": await store.deliveries.owed(), "spreading": await store.fanouts.waiting()}
    for org_id in (DEFAULT_ORG, OTHER_ORG):
        events = await store.events.find(org_id, EventFilter(), limit=10_000)
        stories = [await store.events.story(org_id, event.id) for event in events]
        sources = await store.catalogue.sources(org_id)
        applications = await store.applications.list(org_id, Slice(limit=1000))
        told |= {
            f"{org_id} stories": [_story(story) for story in stories if story is not None],
            f"{org_id} sources": sources,
            f"{org_id} endpoints": [await store.catalogue.endpoints(org_id, source.id) for source in sources],
            f"{org_id} applications": applications,
            f"{org_id} customers": [
                await store.application_endpoints.list(org_id, one.id, Slice(limit=1000)) for one in applications
            ],
            f"{org_id} deliveries": await store.deliveries.find(org_id, limit=10_000),
            f"{org_id} rejections": await store.rejections.find(org_id, limit=1000),
            f"{org_id} replays": await store.replays.find(org_id, limit=1000),
        }
    told["event type"] = await store.event_types.get(DEFAULT_ORG, "order.paid")
    return told


def _story(story: Any) -> Any:
    event: Event = story.event
    replaced = msgspec.structs.replace(event, type=event.type.replace("\0", "\ufffd"))
    return msgspec.structs.replace(story, event=replaced)


async def told_after_a_restart(path: Path, now_ms: int) -> dict[str, Any]:
    """All that the store in a copy of this file tells when the next server has begun on it."""
    copy = path.with_name("copy.db")
    with sqlite3.connect(path) as whole, sqlite3.connect(copy) as into:
        whole.backup(into)
    whole.close()
    into.close()
    store = open_store(f"sqlite:///{copy}", SECRET)
    await store.deliveries.release_all_leases(now_ms)
    told = await everything(store)
    await store.close()
    copy.unlink()
    return told


def copied(path: Path, folder: Path) -> Path:
    """A copy of a file that nobody uses, to be used."""
    return Path(shutil.copy(path, folder / "hookline.db"))
