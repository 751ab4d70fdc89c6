"""Recovering: jobs that send one endpoint what it did not get, what it was never owed, or everything again."""

from __future__ import annotations

import asyncio
from collections import Counter
from hashlib import sha256

from hookline.core.errors import Conflict, InvalidInput
from hookline.core.model import DEFAULT_ORG, ReviewReason
from hookline.core.state import DeliveryState, Move
from hookline.storage.base import EventFilter, Once
from hookline.storage.replays import EVENTS_PER_STEP, Count, Replay, ReplayKind, ReplayState
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import OTHER_ORG, START_MS, FakeWorker, World, behaviours, raises


async def recover_sends_what_an_endpoint_did_not_get(world: World) -> None:
    shop, endpoint, other = await _shop(world)
    dead = [await _sent(world, shop, endpoint, Move.EXHAUST) for _ in range(3)]
    delivered = await _sent(world, shop, endpoint, Move.DELIVER)
    waiting = await _sent(world, shop, endpoint, Move.RETRY, due_in_ms=9000)
    cancelled = (await world.accept(shop)).event_id
    (delivery,) = [one for one in (await world.story(cancelled)).deliveries if one.endpoint_id == endpoint.id]
    await world.store.deliveries.cancel(DEFAULT_ORG, delivery.id, world.now_ms)
    await world.try_once(other, Move.EXHAUST)
    job = await _run(world, ReplayKind.RECOVER, _to(shop, endpoint))
    assert (job.kind, job.state, job.total, job.seen, job.replayed) == ("recover", "done", 3, 3, 3)
    works = (await world.claim(endpoint)).works
    assert [work.event_id for work in works] == dead
    assert {(work.attempts, work.failures, work.manual) for work in works} == {(1, 0, True)}
    assert (await world.states(delivered))[endpoint.id] == DeliveryState.DELIVERED
    assert (await world.states(waiting))[endpoint.id] == DeliveryState.WAITING
    assert (await world.states(cancelled))[endpoint.id] == DeliveryState.CANCELLED
    assert (await world.claim(other)).works == []


async def recover_keeps_to_its_time_and_its_filter(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    sent = []
    for type, channel in (("order.paid", "eu"), ("order.sent", "eu"), ("order.paid", "us"), ("order.paid", "eu")):
        sent.append(await _sent(world, shop, endpoint, Move.EXHAUST, type=type, channels=(channel,)))
        world.now_ms += 1000
    count = world.store.replays.count

    async def found(**where: object) -> Count:
        return await count(DEFAULT_ORG, _to(shop, endpoint, **where), kind="recover")

    assert await found() == Count(4, START_MS, START_MS + 3000)
    assert await found(since_ms=START_MS + 1000) == Count(3, START_MS + 1000, START_MS + 3000)
    assert await found(until_ms=START_MS + 1000) == Count(1, START_MS, START_MS)
    assert await found(types=("order.sent", "order.lost")) == Count(1, START_MS + 1000, START_MS + 1000)
    assert await found(channel="us") == Count(1, START_MS + 2000, START_MS + 2000)
    job = await _run(world, ReplayKind.RECOVER, _to(shop, endpoint, types=("order.paid",), channel="eu"))
    assert job.replayed == 2
    assert [work.event_id for work in (await world.claim(endpoint)).works] == [sent[0], sent[3]]


async def recover_goes_step_by_step_and_oldest_first(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    count = 2 * EVENTS_PER_STEP + 7
    receipts = await asyncio.gather(*(world.accept(shop) for _ in range(count)))
    works = (await world.claim(endpoint, limit=count)).works
    await asyncio.gather(*(world.settle(work, Move.EXHAUST) for work in works))
    job = await world.store.replays.start(DEFAULT_ORG, _to(shop, endpoint), world.now_ms, kind="recover")
    arrived: list[str] = []
    progress = []
    while job.state == ReplayState.RUNNING:
        job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
        progress.append((job.seen, job.replayed))
        arrived += [work.event_id for work in await world.try_once(endpoint)]
    assert progress == [(200, 200), (400, 400), (407, 407)]
    assert arrived == [receipt.event_id for receipt in receipts]


async def missing_sends_what_an_endpoint_wants_and_was_never_owed(world: World) -> None:
    shop, old, _ = await _shop(world)
    before = [(await world.accept(shop, type="order.paid", channels=("eu",))).event_id for _ in range(3)]
    unwanted = [
        (await world.accept(shop, type="customer.created", channels=("eu",))).event_id,
        (await world.accept(shop, type="order.paid", channels=("us",))).event_id,
        (await world.accept(shop, type="order.paid", channels=("eu",), only_endpoint=old.id)).event_id,
        (await world.accept(shop, type="order.paid", channels=("eu",), review=ReviewReason.UNKNOWN_TYPE)).event_id,
    ]
    world.now_ms += 1000
    new = await world.customer_endpoint(shop, events=["order.*"], channels=["eu"])
    owed = await _sent(world, shop, new, Move.EXHAUST, type="order.paid", channels=("eu",))
    count = await world.store.replays.count(DEFAULT_ORG, _to(shop, new), kind="missing")
    assert count == Count(3, START_MS, START_MS)
    job = await _run(world, ReplayKind.MISSING, _to(shop, new))
    assert (job.total, job.seen, job.replayed) == (3, 3, 3)
    works = (await world.claim(new)).works
    assert [work.event_id for work in works] == before
    assert {work.manual for work in works} == {True}
    assert (await world.states(owed))[new.id] == DeliveryState.DEAD  # it was owed: `recover` is for that
    for event_id in unwanted:
        assert new.id not in await world.states(event_id)
    assert (await _run(world, ReplayKind.MISSING, _to(shop, new))).replayed == 0


async def bulk_sends_everything_an_endpoint_wants_again(world: World) -> None:
    shop, endpoint, other = await _shop(world)
    sent = [await _sent(world, shop, endpoint, move) for move in (Move.DELIVER, Move.EXHAUST)]
    waiting = await _sent(world, shop, endpoint, Move.RETRY, due_in_ms=9000)
    tagged = await _sent(world, shop, endpoint, Move.DELIVER, tags=("vip", "new"))
    unwanted = (await world.accept(shop, type="customer.created", tags=("vip",))).event_id
    narrow = await world.store.application_endpoints.edit(
        DEFAULT_ORG, shop.id, endpoint.id, lambda spec: spec.model_copy(update={"events": ("order.*",)}), world.now_ms
    )
    await world.try_once(endpoint)  # the unwanted one, that was wanted then
    await world.try_once(other)
    replays = world.store.replays
    assert (await replays.count(DEFAULT_ORG, _to(shop, narrow, tag="vip"), kind="bulk")).events == 1
    job = await _run(world, ReplayKind.BULK, _to(shop, narrow))
    assert (job.total, job.replayed) == (3, 3)
    assert [work.event_id for work in (await world.claim(endpoint)).works] == [*sent, tagged]
    assert (await world.states(waiting))[endpoint.id] == DeliveryState.WAITING
    assert (await world.states(unwanted))[endpoint.id] == DeliveryState.DELIVERED
    assert (await world.claim(other)).works == []


async def bulk_reaches_an_endpoint_that_came_later(world: World) -> None:
    shop, _, _ = await _shop(world)
    events = [(await world.accept(shop)).event_id for _ in range(3)]
    new = await world.customer_endpoint(shop, fifo=True)
    assert (await _run(world, ReplayKind.BULK, _to(shop, new))).replayed == 3
    assert [work.event_id for work in (await world.claim(new, fifo=True)).works] == events


async def a_job_for_an_endpoint_that_is_not_there_is_over_at_once(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    await _sent(world, shop, endpoint, Move.EXHAUST)
    await world.accept(shop)
    where = _to(shop, endpoint)
    await world.store.application_endpoints.edit(
        DEFAULT_ORG, shop.id, endpoint.id, lambda spec: spec.model_copy(update={"enabled": False}), world.now_ms
    )
    for kind in ("recover", "missing", "bulk"):
        job = await _run(world, kind, where)
        assert (job.state, job.total, job.replayed) == (ReplayState.DONE, 0, 0)
    await world.store.application_endpoints.delete(DEFAULT_ORG, shop.id, endpoint.id, world.now_ms)
    assert (await _run(world, "recover", where)).replayed == 0


async def a_job_stays_in_its_organisation_and_its_application(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    await _sent(world, shop, endpoint, Move.EXHAUST)
    other = await world.application("other")
    for kind in ("recover", "missing", "bulk"):
        assert (await world.store.replays.count(OTHER_ORG, _to(shop, endpoint), kind=kind)).events == 0
        elsewhere = EventFilter(source_id=other.id, endpoint_id=endpoint.id)
        assert (await world.store.replays.count(DEFAULT_ORG, elsewhere, kind=kind)).events == 0
        theirs = await world.store.replays.start(OTHER_ORG, _to(shop, endpoint), world.now_ms, kind=kind)
        assert (await world.store.replays.step(theirs.id, OTHER_ORG, world.now_ms)).replayed == 0


async def a_job_for_no_endpoint_is_refused(world: World) -> None:
    for kind in ("recover", "missing", "bulk"):
        await raises(InvalidInput, world.store.replays.count(DEFAULT_ORG, EventFilter(), kind=kind))
        await raises(InvalidInput, world.store.replays.start(DEFAULT_ORG, EventFilter(), world.now_ms, kind=kind))


async def a_job_that_is_asked_for_twice_is_one(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    await _sent(world, shop, endpoint, Move.EXHAUST)
    start = world.store.replays.start
    once = Once(shop.id, "k:recover", sha256(b"{}").digest()[:16], world.now_ms + 1000)
    first = await start(DEFAULT_ORG, _to(shop, endpoint), world.now_ms, kind="recover", once=once)
    done = await world.store.replays.step(first.id, DEFAULT_ORG, world.now_ms)
    assert await start(DEFAULT_ORG, _to(shop, endpoint), world.now_ms, kind="recover", once=once) == done
    assert len(await world.store.replays.find(DEFAULT_ORG)) == 1
    other = Once(shop.id, "k:recover", sha256(b"other").digest()[:16], world.now_ms + 1000)
    again = start(DEFAULT_ORG, _to(shop, endpoint), world.now_ms, kind="recover", once=other)
    assert (await raises(Conflict, again)).code == "idempotency_key_reused"


async def a_job_tells_the_worker_of_its_endpoint(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    await _sent(world, shop, endpoint, Move.EXHAUST)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    await _run(world, ReplayKind.RECOVER, _to(shop, endpoint))
    assert (worker.owed_to, worker.looks) == ([endpoint.id], 0)


async def several_may_push_one_job_and_nothing_is_sent_twice(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    count = EVENTS_PER_STEP + 50
    await asyncio.gather(*(world.accept(shop) for _ in range(count)))
    works = (await world.claim(endpoint, limit=count)).works
    await asyncio.gather(*(world.settle(work, Move.DELIVER) for work in works))
    job = await world.store.replays.start(DEFAULT_ORG, _to(shop, endpoint), world.now_ms, kind="bulk")
    sent: Counter[str] = Counter()

    async def push() -> None:
        one = job
        while one.state == ReplayState.RUNNING:
            one = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
            sent.update(work.event_id for work in await world.try_once(endpoint))

    await asyncio.gather(*(push() for _ in range(4)))
    done = await world.store.replays.get(DEFAULT_ORG, job.id)
    assert done is not None
    assert (done.seen, done.replayed) == (count, count)
    assert (len(sent), set(sent.values())) == (count, {1})


async def a_job_that_fails_in_a_step_goes_on_from_there(world: World) -> None:
    shop = await world.application()
    await asyncio.gather(*(world.accept(shop) for _ in range(EVENTS_PER_STEP + 1)))
    new = await world.customer_endpoint(shop)
    job = await world.store.replays.start(DEFAULT_ORG, _to(shop, new), world.now_ms, kind="missing")
    while job.state == ReplayState.RUNNING:
        job, *_ = await asyncio.gather(
            world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms), world.fail(), world.fail()
        )
    assert (job.seen, job.replayed) == (job.total, EVENTS_PER_STEP + 1)
    works = (await world.claim(new, limit=1000)).works
    assert len(works) == EVENTS_PER_STEP + 1


async def a_dry_run_for_an_endpoint_counts_what_will_be_owed(world: World) -> None:
    shop, endpoint, _ = await _shop(world)
    for move in (Move.DELIVER, Move.EXHAUST, Move.RETRY):
        await _sent(world, shop, endpoint, move, due_in_ms=9000)
    expunged = await _sent(world, shop, endpoint, Move.EXHAUST)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, expunged, world.now_ms)
    narrow = await world.customer_endpoint(shop, events=["customer.*"])
    await world.accept(shop, type="customer.created")
    await world.try_once(narrow)
    replays = world.store.replays
    for owner in (endpoint, narrow):
        where = _to(shop, owner)
        count = await replays.count(DEFAULT_ORG, where)
        job = await _run(world, ReplayKind.REPLAY, where)
        assert (count.events, job.total, job.replayed) == (job.seen, job.seen, job.seen)


async def jobs_find_events_of_a_rare_status_too(world: World) -> None:
    shop, endpoint, other = await _shop(world)
    dead = await _sent(world, shop, endpoint, Move.EXHAUST)
    await world.try_once(other)
    fine = await _sent(world, shop, endpoint, Move.DELIVER)
    await world.try_once(other)
    expunged = await _sent(world, shop, endpoint, Move.EXHAUST)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, expunged, world.now_ms)
    new = await world.customer_endpoint(shop)
    count = world.store.replays.count
    for to, kind, status, expected in (
        (endpoint, "bulk", "failed", 1),
        (endpoint, "bulk", "processed", 1),
        (endpoint, "bulk", "ignored", 0),
        (endpoint, "recover", "failed", 1),
        (endpoint, "replay", "failed", 1),
        (new, "missing", "failed", 1),
        (new, "missing", "processed", 1),
    ):
        assert (await count(DEFAULT_ORG, _to(shop, to, status=status), kind=kind)).events == expected
    job = await _run(world, ReplayKind.BULK, _to(shop, endpoint, status="failed"))
    assert (job.seen, job.replayed) == (1, 1)
    assert (await world.states(dead))[endpoint.id] == DeliveryState.WAITING
    assert (await world.states(fine))[endpoint.id] == DeliveryState.DELIVERED


async def a_job_goes_on_in_another_process(world: World) -> None:
    shop = await world.application()
    receipts = await asyncio.gather(*(world.accept(shop) for _ in range(EVENTS_PER_STEP + 5)))
    new = await world.customer_endpoint(shop)
    job = await world.store.replays.start(DEFAULT_ORG, _to(shop, new), world.now_ms, kind="missing")
    await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    await world.store.close()
    another = world.open()
    (running,) = await another.replays.running()
    assert (running.id, running.kind, running.seen) == (job.id, "missing", EVENTS_PER_STEP)
    done = await another.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    assert (done.state, done.replayed) == (ReplayState.DONE, len(receipts))


async def _shop(world: World) -> tuple[StoredApplication, StoredApplicationEndpoint, StoredApplicationEndpoint]:
    shop = await world.application()
    return shop, await world.customer_endpoint(shop), await world.customer_endpoint(shop)


async def _sent(
    world: World,
    shop: StoredApplication,
    endpoint: StoredApplicationEndpoint,
    move: Move,
    *,
    due_in_ms: int = 0,
    type: str = "order.paid",
    channels: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
) -> str:
    """The id of a message that was tried once at the endpoint."""
    receipt = await world.accept(shop, type=type, channels=channels, tags=tags)
    (work,) = (await world.claim(endpoint)).works
    assert await world.settle(work, move, due_in_ms=due_in_ms)
    return receipt.event_id


def _to(shop: StoredApplication, endpoint: StoredApplicationEndpoint, **where: object) -> EventFilter:
    return EventFilter(source_id=shop.id, endpoint_id=endpoint.id, **where)  # type: ignore[arg-type]


async def _run(world: World, kind: str, where: EventFilter) -> Replay:
    job = await world.store.replays.start(DEFAULT_ORG, where, world.now_ms, kind=kind)
    while job.state == ReplayState.RUNNING:
        job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    return job


BEHAVIOURS = behaviours(
    recover_sends_what_an_endpoint_did_not_get,
    recover_keeps_to_its_time_and_its_filter,
    recover_goes_step_by_step_and_oldest_first,
    missing_sends_what_an_endpoint_wants_and_was_never_owed,
    bulk_sends_everything_an_endpoint_wants_again,
    bulk_reaches_an_endpoint_that_came_later,
    a_job_for_an_endpoint_that_is_not_there_is_over_at_once,
    a_job_stays_in_its_organisation_and_its_application,
    a_job_for_no_endpoint_is_refused,
    a_job_that_is_asked_for_twice_is_one,
    a_job_tells_the_worker_of_its_endpoint,
    several_may_push_one_job_and_nothing_is_sent_twice,
    a_job_that_fails_in_a_step_goes_on_from_there,
    a_dry_run_for_an_endpoint_counts_what_will_be_owed,
    jobs_find_events_of_a_rare_status_too,
) + behaviours(a_job_goes_on_in_another_process, shared=True)
