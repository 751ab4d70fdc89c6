"""Born leased: a worker with room gets new deliveries in the commit that stores them, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import contextlib

from hookline.core.model import DEFAULT_ORG
from hookline.core.state import DeliveryState, Move
from hookline.testing.store_suite.world import START_MS, FakeWorker, World, behaviours, raises, settlement


async def a_worker_with_room_gets_the_delivery_with_the_commit(world: World) -> None:
    worker = _hired(world, room=1)
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source, body=b"abc")
    (work,) = worker.works
    assert (work.event_id, work.endpoint_id, work.event_type) == (receipt.event_id, endpoint.id, "order.paid")
    assert (work.attempts, work.failures, work.lease, work.lease_until_ms) == (0, 0, "born-1", worker.until_ms)
    assert (work.body, work.headers) == (b"abc", ((b"Content-Type", b"application/json"),))
    assert worker.owed_to == []
    delivery = await world.delivery(receipt.event_id)
    assert (delivery.state, delivery.due_at_ms) == (DeliveryState.LEASED, worker.until_ms)
    assert (await world.claim(endpoint)).works == []
    assert await world.settle(work, Move.DELIVER)
    assert await world.status(receipt.event_id) == "processed"


async def a_worker_without_room_is_told_what_is_owed(world: World) -> None:
    worker = _hired(world, room=1)
    source = await world.source()
    first, second = await world.endpoint(source, "a"), await world.endpoint(source, "b")
    receipt = await world.accept(source)
    assert [work.endpoint_id for work in worker.works] == [first.id]
    assert worker.owed_to == [second.id]
    assert await world.states(receipt.event_id) == {first.id: DeliveryState.LEASED, second.id: DeliveryState.WAITING}
    assert len((await world.claim(second)).works) == 1


async def a_born_lease_that_ran_out_may_be_claimed(world: World) -> None:
    worker = _hired(world, room=1)
    source = await world.source()
    endpoint = await world.endpoint(source)
    await world.accept(source)
    claimed = await world.claim(endpoint)
    assert (claimed.works, claimed.next_due_ms) == ([], worker.until_ms)
    world.now_ms = worker.until_ms
    (again,) = (await world.claim(endpoint)).works
    assert not await world.settle(worker.works[0], Move.DELIVER)
    assert await world.settle(again, Move.DELIVER)


async def a_duplicate_reserves_nothing(world: World) -> None:
    worker = _hired(world, room=5)
    source = await world.source()
    await world.endpoint(source)
    await asyncio.gather(*(world.accept(source, key="id:1") for _ in range(5)))
    assert (worker.reserved, worker.released, len(worker.works)) == (1, 0, 1)


async def a_failed_event_that_comes_again_is_told_as_owed(world: World) -> None:
    worker = _hired(world, room=0)
    source = await world.source()
    endpoint = await world.endpoint(source)
    await world.accept(source, key="id:1")
    await world.try_once(endpoint, Move.EXHAUST)
    worker.owed_to.clear()
    await world.accept(source, key="id:1")
    assert worker.owed_to == [endpoint.id]


async def a_commit_that_is_rolled_back_gives_its_reservations_back(world: World) -> None:
    """Something else in the same group fails, so that the group is written again, one by one."""
    worker = _hired(world, room=100)
    source = await world.source()
    await world.endpoint(source)
    await asyncio.gather(*(world.accept(source) for _ in range(5)), world.fail(), world.accept(source))
    assert len(worker.works) == 6
    assert worker.held == 0
    assert len({work.lease for work in worker.works}) == 6
    for work in worker.works:
        assert await world.settle(work, Move.DELIVER)


async def a_worker_gets_its_work_also_when_nobody_waits_for_the_receipt(world: World) -> None:
    """The request was cancelled between the commit and its answer: what was reserved is still handed over."""
    worker = _hired(world, room=1)
    source = await world.source()
    await world.endpoint(source)
    accepting = asyncio.create_task(world.accept(source))
    await asyncio.sleep(0)
    accepting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await accepting
    await world.accept(await world.source("unwanted"))  # answered after what was asked before it
    assert (len(worker.works), worker.held) == (1, 0)


async def a_worker_is_told_to_look_when_more_changes_than_is_told(world: World) -> None:
    worker = _hired(world, room=0)
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    await world.try_once(endpoint, Move.EXHAUST)
    before = worker.looks
    await world.store.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms)
    assert worker.looks == before + 1
    await world.store.catalogue.delete_endpoint(DEFAULT_ORG, endpoint.id)
    assert worker.looks == before + 2


async def what_another_process_owes_is_noticed_although_this_one_was_busy(world: World) -> None:
    """Accepting looks for new endpoints, too; that must not make the watch overlook what else was written."""
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    await world.try_once(endpoint, Move.EXHAUST)
    await world.store.changed_outside()
    another = world.open()
    await another.deliveries.replay_event(DEFAULT_ORG, receipt.event_id, world.now_ms)
    await world.accept(source)
    assert await world.store.changed_outside()
    # Where several servers write all the time, there may always be something new.
    assert await world.store.changed_outside() == world.store.database.shared


async def news_of_another_process_is_not_lost_with_a_group_that_failed(world: World) -> None:
    source = await world.source()
    await world.store.changed_outside()
    await world.source("another", store=world.open())
    changed, *_ = await asyncio.gather(world.store.changed_outside(), world.fail(), world.accept(source))
    assert changed


async def what_could_not_be_stored_is_handed_to_nobody(world: World) -> None:
    """Its group fails for another's sake, and when it is written alone it fails for its own."""

    class Unsteady(FakeWorker):
        def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
            if self.reserved:
                raise RuntimeError("as an example")
            return super().reserve(endpoint_id, size)

    worker = Unsteady(room=5)
    world.store.hand_over_to(worker)
    source = await world.source()
    await world.endpoint(source)
    await asyncio.gather(raises(RuntimeError, world.accept(source)), world.fail())
    assert (worker.works, worker.owed_to, worker.held) == ([], [], 0)
    assert await world.store.deliveries.owed() == []


async def a_released_lease_is_due_at_once(world: World) -> None:
    worker = _hired(world, room=1)
    source = await world.source()
    endpoint = await world.endpoint(source)
    born = await world.accept(source)
    claimed = await world.accept(source)
    await world.claim(endpoint)
    waiting = await world.accept(source)
    await world.try_once(endpoint, Move.RETRY, due_in_ms=5000)
    world.now_ms += 10
    assert await world.store.deliveries.release_all_leases(world.now_ms) == 2
    assert await world.store.deliveries.release_all_leases(world.now_ms) == 0
    due = {work.event_id for work in (await world.claim(endpoint)).works}
    assert due == {born.event_id, claimed.event_id}
    assert (await world.delivery(waiting.event_id)).due_at_ms == START_MS + 5000
    stale = settlement(worker.works[0], Move.DELIVER, world.now_ms)
    assert not (await world.settle_as(stale)).held


def _hired(world: World, room: int) -> FakeWorker:
    worker = FakeWorker(room)
    world.store.hand_over_to(worker)
    return worker


BEHAVIOURS = behaviours(
    a_worker_with_room_gets_the_delivery_with_the_commit,
    a_worker_without_room_is_told_what_is_owed,
    a_born_lease_that_ran_out_may_be_claimed,
    a_duplicate_reserves_nothing,
    a_failed_event_that_comes_again_is_told_as_owed,
    a_commit_that_is_rolled_back_gives_its_reservations_back,
    a_worker_gets_its_work_also_when_nobody_waits_for_the_receipt,
    a_worker_is_told_to_look_when_more_changes_than_is_told,
    a_released_lease_is_due_at_once,
    what_could_not_be_stored_is_handed_to_nobody,
) + behaviours(
    what_another_process_owes_is_noticed_although_this_one_was_busy,
    news_of_another_process_is_not_lost_with_a_group_that_failed,
    shared=True,
)
