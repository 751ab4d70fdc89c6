"""The promise, simulated: whatever is answered and whenever the process dies, what was acknowledged ends well."""

from __future__ import annotations

import asyncio
import os
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.core.model import DEFAULT_ORG, Attempt, EndpointState, EventStatus
from hookline.core.notice import LeaseLost
from hookline.core.state import DeliveryState
from tests.simulation.world import Answer, World

SCHEDULE_S = (5, 60, 600)
ENDED = {EventStatus.PROCESSED, EventStatus.FAILED, EventStatus.IGNORED}

answers = st.builds(
    Answer,
    status=st.sampled_from([200, 200, 204, 500, 503, 429, 404, 410, 0]),
    after_s=st.sampled_from([0, 0, 0.05, 1, 4, 99]),
    retry_after_s=st.sampled_from([None, None, 0, 7, 90]),
)
steps = st.one_of(
    st.tuples(st.just("post"), st.integers(0, 12)),
    st.tuples(st.just("elapse"), st.sampled_from([0.01, 0.5, 3, 20, 70, 700])),
    st.tuples(st.just("crash"), st.integers(0, 12)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("turn"), st.integers(1, 6)),
    st.tuples(st.sampled_from(["pause", "resume", "replay", "remove"]), st.just(0)),
)


def endpoint(name: str, **more: Any) -> dict[str, Any]:
    retry = {"schedule": list(SCHEDULE_S), "jitter": 0.1}
    return {"name": name, "url": f"http://{name}.example/hook", "timeout": "5s", "retry": retry, **more}


async def live(folder: Path, script: list[Answer], plan: list[tuple[str, Any]], limits: dict[str, Any]) -> None:
    remaining = list(script)

    def next_answer(_url: str) -> Answer:
        return remaining.pop(0) if remaining else Answer(200)

    world = World(folder, next_answer)
    await world.start()
    await world.add_source(endpoint("alpha", **limits), endpoint("beta", events=["order.*"], concurrency=1))
    for action, value in plan:
        if action == "post":
            await world.post(b'{"type":"order.paid","number":%d}' % value)
        elif action == "elapse":
            await world.elapse(value)
        elif action in ("pause", "resume", "replay", "remove"):
            await operate(world, action)
        elif action == "turn":
            for _ in range(value):
                await asyncio.sleep(0)
        elif action == "crash":
            for _ in range(value):
                await asyncio.sleep(0)
            await world.crash()
            await world.start()
        else:
            await world.stop()
            await world.start()
    remaining.clear()
    await operate(world, "resume")
    await world.elapse(4 * 86_400)
    await judge(world)
    await world.stop()


async def operate(world: World, action: str) -> None:
    """What a person may do to endpoint alpha and to the events, at any moment."""
    store, now_ms = world.server.store, world.clock.now_ms()
    alpha = next((e for e in store.routing.endpoints.values() if e.name == "alpha"), None)
    if action == "replay":
        for story in await world.stories():
            await store.deliveries.replay_event(DEFAULT_ORG, story.event.id, now_ms)
            world.replayed = True
    elif alpha is not None and action == "remove":
        await store.catalogue.delete_endpoint(DEFAULT_ORG, alpha.id)
    elif alpha is not None and alpha.state is not EndpointState.DISABLED:
        state = EndpointState.PAUSED if action == "pause" else EndpointState.ACTIVE
        await store.catalogue.set_endpoint_state(alpha.id, state, "by a person", now_ms)


async def judge(world: World) -> None:
    """What must be true of every world in the end."""
    world.tries += world.wire.tries
    stories = await world.stories()
    assert world.acknowledged <= {story.event.id for story in stories}, "an acknowledged event is gone"
    succeeded = {(made.event_id, made.url) for made in world.tries if 200 <= made.status < 300}
    for story in stories:
        assert story.event.status in ENDED, story
        for delivery in story.deliveries:
            endpoint = world.server.store.routing.endpoints.get(delivery.endpoint_id)
            url = endpoint.url if endpoint is not None else "http://alpha.example/hook"
            made = [attempt for attempt in story.attempts if attempt.delivery_id == delivery.id]
            assert [attempt.number for attempt in made] == list(range(1, len(made) + 1))
            if delivery.state == DeliveryState.DELIVERED:
                assert (story.event.id, url) in succeeded
            else:
                assert delivery.state == DeliveryState.DEAD
                assert delivery.reason in ("exhausted", "gone", "endpoint_disabled", "endpoint_deleted")
            if not world.replayed:  # a person who replays is not bound by the schedule
                check_schedule(made)


def check_schedule(made: list[Attempt]) -> None:
    """No attempt came before its time. A delivery that died and was sent again by its provider begins anew."""
    failures = 0
    for earlier, later in pairwise(made):
        if earlier.status == 410 or failures == len(SCHEDULE_S):
            failures = 0
            continue
        wait_ms = later.started_at_ms - (earlier.started_at_ms + earlier.duration_ms)
        assert wait_ms >= SCHEDULE_S[failures] * 900 - 1, "an attempt came before its time"
        failures += 1


@settings(
    max_examples=int(os.environ.get("SIMULATIONS", "120")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    script=st.lists(answers, max_size=25),
    plan=st.lists(steps, min_size=3, max_size=25),
    limits=st.sampled_from(
        [{}, {"concurrency": 1}, {"concurrency": 2, "rate_limit": "2/s"}, {"pause_after_failures": 3}]
    ),
)
def test_every_acknowledged_event_ends_processed_dead_or_ignored(
    script: list[Answer], plan: list[tuple[str, Any]], limits: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        asyncio.run(live(Path(folder), script, plan, limits))


def _fast_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


async def test_attempts_follow_the_schedule_exactly_when_nothing_is_in_the_way(tmp_path: Path) -> None:
    world = World(tmp_path, lambda _url: Answer(500))
    await world.start()
    retry = {"schedule": [5, 60, 600], "jitter": 0}
    await world.add_source({"name": "alpha", "url": "http://alpha.example/", "retry": retry})
    await world.post(b'{"type":"order.paid"}')
    await world.elapse(10_000)
    starts = [made.began_ms for made in world.wire.tries]
    assert [later - earlier for earlier, later in pairwise(starts)] == [5_000, 60_000, 600_000]
    (story,) = await world.stories()
    assert story.event.status == EventStatus.FAILED
    assert story.deliveries[0].reason == "exhausted"
    await world.stop()


async def test_a_year_of_retries_passes_in_a_moment(tmp_path: Path) -> None:
    world = World(tmp_path, lambda _url: Answer(503))
    await world.start()
    daily = {"schedule": ["1d"] * 99, "jitter": 0.1}
    await world.add_source({"name": "alpha", "url": "http://alpha.example/", "retry": daily, "pause_after_failures": 0})
    for number in range(3):
        await world.post(b'{"n":%d}' % number)
    await world.elapse(365 * 86_400)
    assert len(world.wire.tries) == 300
    assert {story.event.status for story in await world.stories()} == {EventStatus.FAILED}
    assert not [said for said in world.notices if isinstance(said, LeaseLost)]
    await world.stop()


async def test_one_endpoint_that_hangs_does_not_delay_another(tmp_path: Path) -> None:
    world = World(tmp_path, lambda url: Answer(200, after_s=99) if "alpha" in url else Answer(200, after_s=0.01))
    await world.start()
    await world.add_source(endpoint("alpha"), endpoint("beta"))
    for number in range(200):
        await world.post(b'{"type":"order.paid","n":%d}' % number)
    await world.elapse(2)
    at_beta = [made for made in world.wire.tries if "beta" in made.url]
    assert len(at_beta) == 200
    assert all(made.status == 200 for made in at_beta)
    await world.stop()
