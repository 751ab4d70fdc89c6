"""Several servers on one database, simulated: whatever happens, nothing is lost or done twice for no reason."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from hookline.core import ids
from hookline.core.notice import LeaseLost
from hookline.delivery.membership import BEAT_MS, DEAD_AFTER_BEATS, SURE_MS
from tests.simulation.fleet.bus import RELIABLE, Manners
from tests.simulation.fleet.database import Costs
from tests.simulation.fleet.fleet import MOST_SKEW_MS, Fleet, Node
from tests.simulation.fleet.measure import backlog, rest, work
from tests.simulation.fleet.moment import now_ms, simulate
from tests.simulation.fleet.trouble import trouble
from tests.simulation.fleet.verdict import AGREED_MS, Verdict
from tests.simulation.world import Answer

SCHEDULE_S = (2, 3, 5, 5, 5)
TIMEOUT_S = 5
#: In this small world an event is wide when it goes to more endpoints than this, and written so many at a time.
WIDE = 4
STEP = 2
MOST_NODES = 6
PROMPT_MS = 1_500
#: So soon everything is over after the last disturbance: a lease, the schedule, and what stands in line.
OVER_AFTER_S = 240
#: Endpoints at which a server dies, and how long their leases are by default.
HANGING = 12
LEASE_S = 45

LIMITED = "http://limited.example/"
WANTED = {
    "order.paid": ["plain", "narrow", "ordered", "limited"],
    "news": [f"wide-{number}" for number in range(1, 6)],
}
LIMITS: dict[str, dict[str, Any]] = {
    "narrow": {"concurrency": 2},
    "ordered": {"fifo": True},
    "limited": {"rate_limit": "5/s"},
}
ANNOUNCEMENTS = [RELIABLE, RELIABLE, Manners(lost=0.2, doubled=0.2, longest_s=0.3), Manners(lost=1.0)]

numbers = st.integers(0, MOST_NODES - 1)
publishing = st.tuples(
    st.just("publish"), st.tuples(numbers, st.sampled_from(["order.paid", "order.paid", "news"]), st.integers(1, 8))
)
elapsing = st.tuples(st.just("elapse"), st.sampled_from([0.001, 0.02, 0.3, 1, 3, 9, 14]))
moving = st.tuples(st.sampled_from(["join", "leave"]), numbers)
moods = st.tuples(
    st.just("mood"),
    st.tuples(
        st.sampled_from(["narrow", "ordered", "limited", "wide-1"]),
        st.sampled_from([Answer(500), Answer(503, 1), Answer(200, 1), Answer(200, 4), Answer(0), Answer(500)]),
        st.integers(1, 8),
    ),
)
naps = st.tuples(st.sampled_from(["pause", "cut_off"]), st.tuples(numbers, st.sampled_from([0.5, 3, 4.7, 5.2, 7, 30])))
crashing = st.tuples(st.just("crash"), numbers)
calm = st.one_of(publishing, publishing, elapsing, elapsing, moods, moving)
wild = st.one_of(publishing, publishing, elapsing, elapsing, moods, moving, naps, naps, crashing)
examples = settings(
    max_examples=int(os.environ.get("SIMULATIONS", "40")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class Play:
    """One fleet, from the first step of a plan to the verdict."""

    def __init__(self, dice: random.Random, manners: Manners, skew_ms: int) -> None:
        self._dice = dice
        self._moods = defaultdict[str, list[Answer]](list)
        self.fleet = Fleet(dice, manners=manners, answer=self._answer, most_skew_ms=skew_ms)
        self._beside: list[asyncio.Task[None]] = []

    def _answer(self, url: str) -> Answer:
        if self._moods[url]:
            return self._moods[url].pop()
        return Answer(200, self._dice.choice([0.005, 0.02, 0.1]))

    async def run(self, size: int, plan: list[tuple[str, Any]]) -> Verdict:
        for _ in range(size):
            await self.fleet.add()
        await self.fleet.configure([endpoint(uid) for uids in WANTED.values() for uid in uids])
        for action, value in plan:
            await getattr(self, f"_{action}")(value)
        await self._end()
        return self._judged()

    async def _end(self) -> None:
        """Whoever is disturbed comes back, and everything comes to its end."""
        await asyncio.gather(*self._beside)
        self._moods.clear()
        await self.fleet.until_all_is_over(OVER_AFTER_S)

    def _judged(self) -> Verdict:
        verdict = Verdict(self.fleet)
        verdict.everything_arrived(WANTED, len(SCHEDULE_S) + 1)
        verdict.doubles_are_explained()
        verdict.order_was_kept("http://ordered.example/")
        verdict.has_one_sender("http://ordered.example/")
        verdict.rate_was_kept("http://limited.example/", 5, 1)
        for uid, most in (("plain", 10), ("narrow", 2), ("ordered", 1)):
            verdict.concurrency_was_kept(f"http://{uid}.example/", most, TIMEOUT_S * 1000)
        return verdict

    # -- the steps ---------------------------------------------------------------------------------------

    def _pick(self, number: int) -> Node | None:
        awake = [one for one in self.fleet.there if not one.process.is_paused and not one.process.is_cut_off]
        return awake[number % len(awake)] if awake else None

    def _meanwhile(self, work: Any) -> None:
        self._beside.append(asyncio.create_task(work))

    async def _publish(self, value: tuple[int, str, int]) -> None:
        number, type, count = value
        if node := self._pick(number):
            self._meanwhile(node.publish(type, count))

    async def _elapse(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _mood(self, value: tuple[str, Answer, int]) -> None:
        uid, answer, times = value
        self._moods[f"http://{uid}.example/"] = [answer] * times

    async def _join(self, _: int) -> None:
        if len(self.fleet.there) < MOST_NODES:
            await self.fleet.add()

    async def _leave(self, number: int) -> None:
        if (node := self._pick(number)) and len(self.fleet.there) > 1:
            node.is_leaving = True
            self._meanwhile(node.leave())

    async def _crash(self, number: int) -> None:
        if len(self.fleet.there) == 1:
            await self.fleet.add()
        there = self.fleet.there
        there[number % len(there)].crash()

    async def _pause(self, value: tuple[int, float]) -> None:
        number, seconds = value
        if node := self._pick(number):
            node.pause()
            self._meanwhile(self._after(seconds, node.go_on))

    async def _cut_off(self, value: tuple[int, float]) -> None:
        number, seconds = value
        if node := self._pick(number):
            node.cut_off()
            self._meanwhile(self._after(seconds, node.reconnect))

    async def _after(self, seconds: float, then: Any) -> None:
        await asyncio.sleep(seconds)
        then()


def endpoint(uid: str) -> dict[str, Any]:
    events = [type for type, uids in WANTED.items() if uid in uids]
    retry = {"schedule": list(SCHEDULE_S), "jitter": 0.1}
    return {"uid": uid, "events": events, "timeout": f"{TIMEOUT_S}s", "retry": retry, **LIMITS.get(uid, {})}


@contextlib.contextmanager
def small_world() -> Iterator[None]:
    with patch("hookline.storage.commit.WIDE", WIDE), patch("hookline.storage.fanout.DELIVERIES_PER_STEP", STEP):
        yield


def played(
    seed: int,
    size: int,
    manners: Manners,
    plan: list[tuple[str, Any]],
    *,
    is_calm: bool = False,
    skew_ms: int = MOST_SKEW_MS,
) -> None:
    """Play the plan, and say what was wrong."""

    async def play(dice: random.Random) -> list[str]:
        verdict = await Play(dice, manners, skew_ms).run(size, plan)
        if is_calm:
            verdict.nothing_was_disturbed()
            if not manners.lost and not skew_ms:
                for uid in ("plain", "wide-2", "wide-5"):
                    verdict.first_tries_were_prompt(f"http://{uid}.example/", PROMPT_MS)
        return verdict.faults

    note(f"seed {seed}")
    with small_world():
        faults = simulate(seed, play)
    assert not faults, "\n".join(faults)


@examples
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 4),
    manners=st.sampled_from(ANNOUNCEMENTS),
    plan=st.lists(calm, min_size=3, max_size=20),
)
def test_nothing_is_done_twice_while_servers_come_and_go_as_they_should(
    seed: int, size: int, manners: Manners, plan: list[tuple[str, Any]]
) -> None:
    played(seed, size, manners, plan, is_calm=True)


@examples
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 4),
    manners=st.sampled_from(ANNOUNCEMENTS),
    plan=st.lists(wild, min_size=3, max_size=20),
)
def test_whatever_happens_to_servers_nothing_is_lost_and_doubles_are_explained(
    seed: int, size: int, manners: Manners, plan: list[tuple[str, Any]]
) -> None:
    played(seed, size, manners, plan)


async def _dead(dice: random.Random, size: int, manners: Manners) -> dict[str, int]:
    """One of several servers crashes while all it has begun hangs: when what it had leased was tried again, by id."""
    hangs = [True]
    fleet = Fleet(dice, manners=manners, answer=lambda url: Answer(200, 30 if hangs else 0.02))
    for _ in range(size):
        await fleet.add()
    await fleet.configure(
        {"uid": f"e{number}", "events": [f"t{number}"], "concurrency": 64} for number in range(HANGING)
    )
    for number in range(HANGING):
        await asyncio.gather(*(node.publish(f"t{number}", 2) for node in fleet.there))
        await asyncio.gather(*(node.publish(f"t{number}", 2) for node in fleet.there))  # now each has a lane
    await asyncio.sleep(0.5 + dice.random())
    victim, before = fleet.there[dice.randrange(size)], len(fleet.receivers.attempts)
    leased = {
        row["id"]
        for row in fleet.ask("SELECT id FROM delivery WHERE lease >= ? AND lease < ?", victim.id, victim.id + "~")
    }
    victim.crash()
    hangs.clear()
    crashed_ms = now_ms()
    await asyncio.sleep(LEASE_S)
    assert not fleet.faults, fleet.faults
    taken = {
        ids.delivery(attempt.event_id, fleet.endpoint_ids[attempt.url]): attempt.began_ms - crashed_ms
        for attempt in reversed(fleet.receivers.attempts[before:])
    }
    return {delivery_id: taken[delivery_id] for delivery_id in leased}


@settings(examples, max_examples=10)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 8), manners=st.sampled_from(ANNOUNCEMENTS))
def test_what_a_dead_server_had_leased_is_tried_by_others_in_seconds(seed: int, size: int, manners: Manners) -> None:
    taken = simulate(seed, lambda dice: _dead(dice, size, manners))
    assert taken
    assert max(taken.values()) <= (DEAD_AFTER_BEATS + 2) * 1000
    assert min(taken.values()) > SURE_MS - BEAT_MS, "it was declared dead while it might have been sure that it lives"


def test_a_server_that_slept_too_long_changes_nothing_and_begins_anew() -> None:
    async def play(dice: random.Random) -> None:
        fleet = Fleet(dice, answer=lambda url: Answer(200, 2), most_skew_ms=0)
        sleeper, other = await fleet.add(), await fleet.add()
        await fleet.configure([{"uid": "slow", "events": ["t"]}])
        await sleeper.publish("t", 20)
        await asyncio.sleep(1)
        id, in_flight = sleeper.id, [one for one in fleet.receivers.attempts if one.process is sleeper.process]
        sleeper.pause()
        await asyncio.sleep(12)
        woke_ms = now_ms()
        sleeper.go_on()
        await fleet.until_all_is_over(30)
        await sleeper.publish("t", 2)
        await fleet.until_all_is_over(30)
        lost = [said for _, node, said in fleet.notices if isinstance(said, LeaseLost) and node is sleeper]
        assert in_flight
        assert len(lost) >= len(in_flight)
        assert id in fleet.database.buried
        assert sleeper.id != id
        afterwards = [
            one for one in fleet.receivers.attempts if one.process is sleeper.process and one.began_ms >= woke_ms
        ]
        assert afterwards, "it works again"
        on_record = fleet.ask("SELECT COUNT(*) AS made FROM attempt GROUP BY delivery_id")
        assert {row["made"] for row in on_record} == {1}
        assert other.id not in fleet.database.buried
        assert not fleet.faults, fleet.faults

    simulate(1, play)


def test_what_must_be_kept_as_a_whole_is_sent_by_one_server_wherever_it_is_stored() -> None:
    async def play(dice: random.Random) -> None:
        fleet = Fleet(dice)
        for _ in range(4):
            await fleet.add()
        kept: dict[str, dict[str, Any]] = {
            "ordered": {"fifo": True},
            "limited": {"rate_limit": "5/s"},
            "narrow": {"concurrency": 2},
        }
        await fleet.configure({"uid": uid, "events": ["t"], **limits} for uid, limits in kept.items())
        await asyncio.sleep(AGREED_MS / 1000)
        await asyncio.gather(*(node.publish("t", 5) for node in fleet.there))
        await fleet.until_all_is_over(30)
        senders = {uid: {one.process.name for one in fleet.receivers.attempts if uid in one.url} for uid in kept}
        assert all(len(names) == 1 for names in senders.values()), senders
        limited = [one.began_ms for one in fleet.receivers.attempts if "limited" in one.url]
        assert len(limited) == 20
        assert limited[-1] - limited[0] >= 1000 * (20 - 5) / 5 - 200
        verdict = Verdict(fleet)
        verdict.order_was_kept("http://ordered.example/")
        verdict.concurrency_was_kept("http://narrow.example/", 2, 0)
        verdict.nothing_was_disturbed()
        assert not verdict.faults, "\n".join(verdict.faults)

    simulate(1, play)


def test_a_server_that_ends_leaves_its_endpoints_to_others_while_it_finishes() -> None:
    async def play(dice: random.Random) -> None:
        answers = {"slow": Answer(200, 10), "limited": Answer(200, 0.02)}
        fleet = Fleet(dice, answer=lambda url: answers[url[7:].partition(".")[0]], most_skew_ms=0)
        for _ in range(2):
            await fleet.add()
        await fleet.configure([{"uid": uid, "events": [uid], "rate_limit": "50/s"} for uid in answers])
        home = next(node for node in fleet.there if node.server.dispatcher.is_home(fleet.endpoint_ids[LIMITED]))
        other = next(node for node in fleet.there if node is not home)
        await home.publish("slow", 4)
        await asyncio.sleep(1)
        leaving = asyncio.create_task(home.leave())
        for _ in range(4):
            await asyncio.sleep(1)
            await other.publish("limited")
        assert not leaving.done(), "it still finishes"
        await asyncio.gather(leaving, fleet.until_all_is_over(30))
        verdict = Verdict(fleet)
        verdict.first_tries_were_prompt(LIMITED, PROMPT_MS)
        verdict.doubles_are_explained()
        verdict.nothing_was_disturbed()
        assert not verdict.faults, "\n".join(verdict.faults)

    simulate(3, play)


@given(after_s=st.floats(3.9, 4.4), apart_s=st.floats(0, 1))
@settings(examples, max_examples=20)
def test_a_server_that_ends_declares_nobody_dead_who_may_be_sure_that_it_lives(after_s: float, apart_s: float) -> None:
    async def play(dice: random.Random) -> None:
        fleet = Fleet(dice, most_skew_ms=0)
        cut_off = await fleet.add()
        await asyncio.sleep(apart_s)
        ending = await fleet.add()
        await asyncio.sleep(3)
        await fleet.database.beat_of(cut_off.id)
        await asyncio.sleep(0.01)  # it hears that it was counted
        cut_off.cut_off()
        await asyncio.sleep(after_s)
        leaving = asyncio.create_task(ending.leave())
        await asyncio.sleep((SURE_MS - 10) / 1000 - after_s)
        assert cut_off.id not in fleet.database.buried
        await leaving

    simulate(1, play)


#: Each of the servers sends fifty a second; every one may send to every endpoint.
small_work = partial(work, endpoints=64, concurrency=16, seconds=1.0)


def test_throughput_grows_with_servers_as_long_as_the_database_keeps_up() -> None:
    one, four, sixteen = (simulate(1, partial(small_work, nodes=nodes)) for nodes in (1, 4, 16))
    assert four.delivered >= 3.5 * one.delivered
    assert sixteen.delivered >= 12 * one.delivered
    assert sixteen.database < 0.9
    assert not (one.twice or four.twice or sixteen.twice)


def test_the_limit_of_many_servers_is_the_database() -> None:
    slow = Costs(cores=1, row_s=0.0004)
    four, eight = (simulate(1, partial(small_work, nodes=nodes, costs=slow)) for nodes in (4, 8))
    assert four.database < 0.95
    assert eight.database > 0.95
    assert eight.delivered < 1.7 * four.delivered
    assert eight.delivered > four.delivered, "it does not break down"
    assert not eight.twice


def test_a_large_fleet_that_has_nothing_to_do_costs_little() -> None:
    idle = simulate(1, partial(rest, nodes=64, endpoints=16, seconds=64.0))
    assert idle.statements / idle.nodes < 4
    assert idle.announcements == 0
    assert idle.database < 0.05


def test_the_backlog_of_one_endpoint_is_sent_by_all_servers() -> None:
    alone, several = (simulate(1, partial(backlog, nodes=nodes, messages=800, concurrency=40)) for nodes in (1, 4))
    assert several.most_at_once <= 40
    assert len(several.sent) == 4
    assert min(several.sent.values()) > 800 / 4 / 2
    assert several.seconds < 1.5 * alone.seconds
    assert several.empty_claims < 0.1


def test_in_all_kinds_of_trouble_nothing_is_lost_and_nothing_done_twice_without_a_reason() -> None:
    told = simulate(1, partial(trouble, nodes=5, seconds=24.0))
    assert not told.faults, "\n".join(told.faults)
    assert told.troubles.keys() == {"crash", "pause", "cut_off", "leave"}
    assert 0 < told.twice < told.messages / 10
    assert 0 < told.worst_takeover_s <= DEAD_AFTER_BEATS + 2


def test_the_same_seed_is_the_same_history() -> None:
    async def play(dice: random.Random) -> list[tuple[int, str, str, str]]:
        fleet = (played := Play(dice, Manners(0.2, 0.2, 0.3), MOST_SKEW_MS)).fleet
        paid = ("publish", (1, "order.paid", 8))
        await played.run(3, [("publish", (0, "news", 8)), ("elapse", 1), ("crash", 1), paid])
        return [(one.began_ms, one.process.name, one.url, one.event_id) for one in fleet.receivers.attempts]

    with small_world():
        first, again, other = simulate(7, play), simulate(7, play), simulate(8, play)
    assert first == again
    assert first != other
