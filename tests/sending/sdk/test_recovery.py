from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from svix.api import (
    BackgroundTaskListOptions,
    BackgroundTaskStatus,
    BackgroundTaskType,
    BulkReplayIn,
    EndpointGetStatsOptions,
    EndpointIn,
    EventExampleIn,
    EventTypeIn,
    MessageAttemptTriggerType,
    MessageOut,
    MessageStatus,
    RecoverIn,
    ReplayIn,
)
from svix.exceptions import HttpError, HTTPValidationError

from .customer import Customer, verify
from .world import World


def now(world: World) -> datetime:
    return datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC)


async def finished(shop: Customer, task_id: str, sent: int, path: str = "/shop") -> list[str | None]:
    """The ids of what came, when the task is over, has sent so many messages, and they came at this path."""
    for _ in range(1_000):
        task = await shop.svix.background_task.get(task_id)
        if task.status != BackgroundTaskStatus.RUNNING:
            assert (task.status, task.data["messagesSent"]) == (BackgroundTaskStatus.FINISHED, sent)
            return [one.header("svix-id") for one in await shop.world.received(path, sent)]
    raise AssertionError(f"{task_id} does not end")


#: A little longer than each wait between two attempts can be.
WAITS_S = (6, 340, 2_000, 8_000, 20_000, 40_000, 40_000)


async def dead(shop: Customer, count: int) -> list[MessageOut]:
    """Messages that were tried until nothing is owed any more."""
    shop.world.receiver.answers(500, path="/shop")
    messages = [await shop.publish(payload={"order": number}) for number in range(count)]
    for wait_s in WAITS_S:
        await shop.world.later(wait_s)
    shop.world.receiver.answers(200, path="/shop")
    for message in messages:
        tried = (await shop.svix.message_attempt.list_by_msg(shop.app.id, message.id)).data
        assert [one.status for one in tried] == [MessageStatus.FAIL] * 8
    shop.received.clear()
    return messages


async def test_a_message_is_sent_again_to_one_endpoint(shop: Customer) -> None:
    message = await shop.publish(event_id="e-1")
    await shop.svix.endpoint.create(shop.app.id, EndpointIn(url=f"{shop.world.receiver.url}/other"))
    answer = await shop.svix.message_attempt.resend(shop.app.id, "e-1", shop.endpoint.id)
    assert answer.model_dump() == {}
    again = await shop.world.received("/shop", 2)
    assert {one.header("svix-id") for one in again} == {message.id} and len(shop.received) == 2
    manual, scheduled = await shop.attempts()
    assert manual.trigger_type == MessageAttemptTriggerType.MANUAL
    assert scheduled.trigger_type == MessageAttemptTriggerType.SCHEDULED


async def test_recover_sends_again_what_failed_and_nothing_else(shop: Customer, world: World) -> None:
    await shop.publish(payload={"order": "fine"})
    since = now(world) - timedelta(hours=1)
    failed = await dead(shop, 2)
    task = await shop.svix.endpoint.recover(shop.app.id, shop.endpoint.id, RecoverIn(since=since))
    assert (task.status, task.task) == (BackgroundTaskStatus.RUNNING, BackgroundTaskType.ENDPOINT_RECOVER)
    assert set(await finished(shop, task.id, sent=2)) == {one.id for one in failed}


async def test_recover_keeps_to_its_time(shop: Customer, world: World) -> None:
    [early] = await dead(shop, 1)
    until = now(world)
    [late] = await dead(shop, 1)
    for wanted, found in (
        (RecoverIn(since=until), late),
        (RecoverIn(since=until - timedelta(days=13), until=until), early),
    ):
        shop.received.clear()
        task = await shop.svix.endpoint.recover(shop.app.id, shop.endpoint.id, wanted)
        assert await finished(shop, task.id, sent=1) == [found.id]


async def test_replay_missing_sends_what_was_published_before_the_endpoint_was_there(
    shop: Customer, world: World
) -> None:
    since = now(world) - timedelta(hours=1)
    paid = await shop.publish("order.paid")
    await shop.publish("order.lost")
    await shop.svix.event_type.create(EventTypeIn(name="order.paid", description="An order was paid"))
    wanted = EndpointIn(url=f"{world.receiver.url}/late", event_types=["order.paid"])
    late = await shop.svix.endpoint.create(shop.app.id, wanted)
    task = await shop.svix.endpoint.replay_missing(shop.app.id, late.id, ReplayIn(since=since))
    assert task.task == BackgroundTaskType.ENDPOINT_REPLAY
    assert await finished(shop, task.id, sent=1, path="/late") == [paid.id]
    shop.received.clear()
    again = await shop.svix.endpoint.replay_missing(shop.app.id, late.id, ReplayIn(since=since))
    assert await finished(shop, again.id, sent=0, path="/late") == []


async def test_bulk_replay_sends_again_what_the_filter_finds_delivered_or_not(shop: Customer, world: World) -> None:
    since = now(world) - timedelta(hours=1)
    paid = await shop.publish("order.paid", tags=["red"])
    await shop.publish("order.lost", tags=["red"])
    await shop.publish("order.paid", tags=["blue"])
    shop.received.clear()
    wanted = BulkReplayIn(since=since, event_types=["order.paid"], tag="red")
    task = await shop.svix.endpoint.bulk_replay(shop.app.id, shop.endpoint.id, wanted)
    assert task.task == BackgroundTaskType.ENDPOINT_BULK_REPLAY
    assert await finished(shop, task.id, sent=1) == [paid.id]


async def test_background_tasks_are_listed_latest_first_and_filtered(shop: Customer, world: World) -> None:
    svix, since = shop.svix, now(world) - timedelta(hours=1)
    recover = await svix.endpoint.recover(shop.app.id, shop.endpoint.id, RecoverIn(since=since))
    await world.later(0.001)
    missing = await svix.endpoint.replay_missing(shop.app.id, shop.endpoint.id, ReplayIn(since=since))
    for task in (recover, missing):
        assert await finished(shop, task.id, sent=0) == []
    assert [one.id for one in (await svix.background_task.list()).data] == [missing.id, recover.id]
    options = BackgroundTaskListOptions(task=BackgroundTaskType.ENDPOINT_RECOVER)
    assert [one.id for one in (await svix.background_task.list(options)).data] == [recover.id]
    running = BackgroundTaskListOptions(status=BackgroundTaskStatus.RUNNING)
    assert (await svix.background_task.list(running)).data == []
    with pytest.raises(HttpError) as refused:
        await svix.background_task.get(recover.id + "0")
    assert refused.value.status_code == 404


async def test_stats_count_the_deliveries_of_an_endpoint_by_their_state(shop: Customer, world: World) -> None:
    svix = shop.svix
    begun = now(world)
    await dead(shop, 1)
    await shop.publish()
    world.receiver.script([500], path="/shop")
    await shop.publish()
    options = EndpointGetStatsOptions(since=begun - timedelta(minutes=1), until=now(world) + timedelta(minutes=1))
    stats = await svix.endpoint.get_stats(shop.app.id, shop.endpoint.id, options)
    assert (stats.success, stats.fail, stats.pending + stats.sending) == (1, 1, 1)
    recent = EndpointGetStatsOptions(since=now(world) - timedelta(hours=1))
    assert (await svix.endpoint.get_stats(shop.app.id, shop.endpoint.id, recent)).fail == 0


async def test_a_time_that_is_too_long_ago_is_refused_with_its_place(shop: Customer, world: World) -> None:
    with pytest.raises(HTTPValidationError) as refused:
        await shop.svix.endpoint.recover(
            shop.app.id, shop.endpoint.id, RecoverIn(since=now(world) - timedelta(days=15))
        )
    assert refused.value.detail[0].loc == ["body", "since"]


async def test_an_example_is_made_from_the_schema_and_sent_to_one_endpoint_only(shop: Customer, world: World) -> None:
    await shop.svix.endpoint.create(shop.app.id, EndpointIn(url=f"{world.receiver.url}/other"))
    schema = {"type": "object", "properties": {"order": {"type": "integer", "examples": [42]}}, "required": ["order"]}
    await shop.svix.event_type.create(EventTypeIn(name="order.paid", description="paid", schemas={"1": schema}))
    sent = await shop.svix.endpoint.send_example(shop.app.id, shop.endpoint.id, EventExampleIn(event_type="order.paid"))
    await world.received("/shop", 1)
    assert [(one.path, one.header("svix-id")) for one in shop.received] == [("/shop", sent.id)]
    assert verify(await shop.secret(), shop.received[0]) == {"order": 42}
