"""The promise of door 2, simulated: whatever is answered, whatever people do and whenever the process dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.core.model import EventStatus
from tests.simulation.customer import Customer
from tests.simulation.sent import judge
from tests.simulation.test_delivery_life import answers
from tests.simulation.world import Answer, World

SCHEDULE_S = (5, 60, 600)
#: In this small world an event is wide when it goes to more endpoints than this, and written so many at a time.
WIDE = 3
STEP = 2
TARGETS = ("plain", "ordered", "picky", "wide-1")

types = st.sampled_from(["order.paid", "order.paid", "order.paid", "news"])
channels = st.sampled_from([(), (), ("vip",), ("other", "vip")])
messages = st.tuples(types, st.sampled_from(["", "", "", "a", "b"]), st.integers(0, 1), channels)
#: What is published at the same time, for one commit.
bursts = st.lists(messages, min_size=1, max_size=4)
targets = st.sampled_from(TARGETS)
#: What an endpoint answers from now on, so many times.
moods = st.sampled_from([Answer(500), Answer(500), Answer(503, retry_after_s=7), Answer(200, after_s=1), Answer(0)])
bad_times = st.tuples(targets, moods, st.sampled_from([1, 4, 4, 5, 5, 1000]))
steps = st.one_of(
    st.tuples(st.just("publish"), bursts),
    st.tuples(st.just("publish"), bursts),
    st.tuples(st.just("publish"), bursts),
    st.tuples(st.just("elapse"), st.sampled_from([0.01, 0.5, 3, 20, 70, 700, 3000])),
    st.tuples(st.just("turn"), st.integers(1, 12)),
    st.tuples(st.just("crash"), st.integers(0, 12)),
    st.tuples(st.just("crash_publishing"), st.tuples(bursts, st.integers(0, 8))),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("bad_time"), bad_times),
    st.tuples(st.sampled_from(["pause", "resume", "disable", "enable", "delete", "rotate"]), targets),
    st.tuples(st.sampled_from(["resend", "recover", "fill"]), targets),
    st.tuples(st.sampled_from(["unorder", "reorder"]), st.just("ordered")),
    st.tuples(st.sampled_from(["add", "expunge"]), st.just(0)),
)


def endpoint(uid: str, **more: Any) -> dict[str, Any]:
    retry = {"schedule": list(SCHEDULE_S), "jitter": 0.1}
    return {"uid": uid, "url": f"http://{uid}.example/hook", "timeout": "5s", "retry": retry, **more}


def endpoints(limits: dict[str, Any]) -> list[dict[str, Any]]:
    patient = {"schedule": [5, 5, 60, 60, 600]}
    return [
        endpoint("plain", events=["order.*", "news"], retry=patient, **limits),
        endpoint("picky", events=["order.*"], channels=["vip"]),
        *(endpoint(f"wide-{number}", events=["news"]) for number in range(1, 4)),
        endpoint("ordered", fifo=True, retry=patient),
    ]


class Play:
    """One world, from the first step of a plan to the verdict."""

    def __init__(self, folder: Path, script: list[Answer]) -> None:
        self._script = list(script)
        self._moods = defaultdict[str, list[Answer]](list)  #: by address, before the script
        self.world = World(folder, self._answer)
        self.customer = Customer(self.world)
        self.world.wire.watch = self.customer.check_signature
        self._lives = 0

    def _answer(self, url: str) -> Answer:
        if self._moods[url]:
            return self._moods[url].pop()
        return self._script.pop(0) if self._script and "operational" not in url else Answer(200)

    async def run(self, plan: list[tuple[str, Any]], limits: dict[str, Any], application: dict[str, Any]) -> None:
        """Play it, let everything come to its end, and judge."""
        await self._start()
        await self.customer.open(endpoints(limits), **application)
        for action, value in plan:
            await self._act(action, value)
        self._script.clear()
        for uid in TARGETS:
            await self.customer.operate("resume", uid)
        await self.world.elapse(4 * 86_400)
        await judge(self.customer, self._lives)
        await self.world.stop()

    async def _act(self, action: str, value: Any) -> None:
        doing: dict[str, Callable[[Any], Awaitable[None]]] = {
            "publish": self._publish,
            "elapse": self.world.elapse,
            "turn": _turn,
            "crash": self._crash,
            "crash_publishing": lambda both: self._crash_publishing(*both),
            "restart": self._restart,
            "bad_time": lambda time: self._begin_bad_time(*time),
            "add": lambda _: self._add(),
            "expunge": lambda _: self.customer.expunge(),
        }
        if action in doing:
            await doing[action](value)
        else:
            await self.customer.operate(action, value)

    async def _start(self, set_back_s: float = 0) -> None:
        await self.world.start(workers=True, set_back_s=set_back_s)
        self._lives += 1

    async def _crash(self, turns: int) -> None:
        await _turn(turns)
        await self.world.crash()
        await self._start()

    async def _publish(self, burst: list[tuple[Any, ...]]) -> None:
        await asyncio.gather(*(self.customer.publish(*message) for message in burst))

    async def _crash_publishing(self, burst: list[tuple[Any, ...]], turns: int) -> None:
        """The server goes while messages are being taken; what is acknowledged by then counts."""
        task = asyncio.create_task(self._publish(burst))
        await _turn(turns)
        await self.world.crash()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, AssertionError):
            raise outcome
        await self._start()

    async def _restart(self, set_back_s: float) -> None:
        await self.world.stop()
        await self._start(set_back_s)

    async def _begin_bad_time(self, uid: str, answer: Answer, times: int) -> None:
        self._moods[self.customer.endpoints[uid].url] = [answer] * times

    async def _add(self) -> None:
        if "late" not in self.customer.endpoints:
            await self.customer.add(endpoint("late"))


async def _turn(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@settings(
    max_examples=int(os.environ.get("SIMULATIONS", "120")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    script=st.lists(answers, max_size=25),
    plan=st.lists(steps, min_size=3, max_size=25),
    limits=st.sampled_from([{}, {"concurrency": 1}, {"rate_limit": "2/s"}, {"disable_after": "20s"}]),
    application=st.sampled_from([{}, {}, {"delivery_rate": "3/s"}]),
)
def test_every_acknowledged_message_reaches_its_endpoints_once_and_in_order(
    script: list[Answer], plan: list[tuple[str, Any]], limits: dict[str, Any], application: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder, small_world():
        asyncio.run(Play(Path(folder), script).run(plan, limits, application))


@contextlib.contextmanager
def small_world() -> Iterator[None]:
    with patch("hookline.storage.commit.WIDE", WIDE), patch("hookline.storage.fanout.DELIVERIES_PER_STEP", STEP):
        yield


def _fast_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


async def test_a_message_for_many_and_one_for_few_reach_a_first_in_first_out_endpoint_in_order(tmp_path: Path) -> None:
    with small_world():
        play = Play(tmp_path, [])
        await play.world.start(workers=True)
        await play.customer.open(endpoints({}))
        types = ("news", "order.paid", "news", "order.paid")
        await asyncio.gather(*(play.customer.publish(type) for type in types))
        await play.world.elapse(60)
        in_order = [made.event_id for made in play.world.wire.tries if "ordered" in made.url]
        assert in_order == sorted(play.customer.published)
        assert {story.event.status for story in await play.world.stories()} == {EventStatus.PROCESSED}
        await play.world.stop()
