"""``hookline serve --processes 3``: one address, several servers, one command to start and to stop."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hookline.testing.receiver import Answer, Receiver
from tests.cli.making import signed, write_file
from tests.cli.running import LIMIT_S, Serving, hookline
from tests.postgres.cluster import Cluster

COUNT = 3
#: Webhooks that hang at once, all of which one process alone may have accepted.
HUNG = 6


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(fsync="off") as running:
        yield running


@pytest.fixture
def flags(cluster: Cluster) -> tuple[str, ...]:
    return ("--database", cluster.new_database(), "--processes", str(COUNT))


async def send(serving: Serving, event_id: str) -> int:
    """One webhook over a connection of its own; the status."""
    body = f'{{"ref":"refs/heads/{event_id}"}}'.encode()
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{serving.address}/webhooks/github", content=body, headers=signed(body, event_id))
        return answer.status_code


async def metrics(serving: Serving) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{serving.address}/metrics")).text


async def numbers(serving: Serving) -> set[str]:
    """The processes that give their metrics."""
    return set(re.findall(r'process="(\d)"', await metrics(serving)))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while any(map(lives, pids)):  # noqa: ASYNC110 - they are not our children: nobody tells us
            await asyncio.sleep(0.05)


async def test_they_share_the_port_and_the_work_and_stop_together(tmp_path: Path, flags: tuple[str, ...]) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        async with Serving(tmp_path, flags) as serving:
            pids: list[int] = serving.told["processes"]
            assert len(set(pids)) == COUNT
            assert {await send(serving, f"d-{number}") for number in range(60)} == {200}
            await receiver.wait_for(60, timeout_s=LIMIT_S)
            text = await metrics(serving)
            accepted = re.findall(r'events_accepted_total\{source="github",process="(\d)"\} (\d+)', text)
            assert sum(int(count) for _, count in accepted) == 60  # whichever process was asked
            assert text.count("# TYPE hookline_events_accepted_total") == 1
            serving.signal(signal.SIGTERM)
            ended = await serving.ended()
    assert ended.code == 0
    assert not any(map(lives, pids))
    assert ended.err.count("started") == ended.err.count("given_back=") == COUNT
    assert ended.err.count("is up. Ctrl-C stops it.") == 1
    assert "Traceback" not in ended.err


async def test_one_that_dies_is_started_anew_and_what_it_was_working_on_is_delivered(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    async with Receiver() as receiver:
        file = write_file(tmp_path, receiver.url)
        of_each = f"retry: {{schedule: [], jitter: 0}}\n        concurrency: {COUNT * HUNG}"
        file.write_text(file.read_text().replace("retry: {schedule: [], jitter: 0}", of_each))
        async with Serving(tmp_path, flags) as serving:
            receiver.script([Answer.hang()] * HUNG)
            for number in range(HUNG):
                assert await send(serving, f"d-{number}") == 200
            await receiver.wait_for(HUNG, timeout_s=LIMIT_S)
            for pid in serving.told["processes"][:2]:
                os.kill(pid, signal.SIGKILL)
            for number in range(HUNG, 2 * HUNG):
                assert await send(serving, f"d-{number}") == 200  # the socket is the parent's, and stays open
            async with asyncio.timeout(LIMIT_S):
                while await numbers(serving) != {"0", "1", "2"}:  # noqa: ASYNC110 - those that are dead do not answer
                    await asyncio.sleep(0.1)
            serving.signal(signal.SIGTERM)
            ended = await serving.ended()
    assert ended.code == 0
    assert ended.err.count("process died") == 2
    assert ended.err.count("started") == COUNT + 2


@pytest.mark.parametrize("first", ["parent", "children"])
async def test_a_signal_to_all_of_them_is_one_wish(tmp_path: Path, flags: tuple[str, ...], first: str) -> None:
    """As a service manager sends it: to the parent and to each child."""
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        receiver.script([Answer(200, delay_s=0.5)])
        async with Serving(tmp_path, flags) as serving:
            await send(serving, "d-1")
            await receiver.wait_for(1, timeout_s=LIMIT_S)
            parent, children = [serving.told["pid"]], serving.told["processes"]
            for pid in parent + children if first == "parent" else children + parent:
                os.kill(pid, signal.SIGTERM)
            ended = await serving.ended()
    assert ended.code == 0
    assert ended.err.count("given_back=0") == COUNT  # what was in flight has ended


async def test_children_of_a_parent_that_was_killed_stop_too(tmp_path: Path, flags: tuple[str, ...]) -> None:
    write_file(tmp_path)
    async with Serving(tmp_path, flags) as serving:
        pids: list[int] = serving.told["processes"]
        serving.signal(signal.SIGKILL)
        await until_gone(pids)


async def test_a_second_signal_ends_all_at_once(tmp_path: Path, flags: tuple[str, ...]) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        receiver.script([Answer.hang()] * 3)
        async with Serving(tmp_path, (*flags, "--graceful-stop", "1h")) as serving:
            for number in range(3):
                await send(serving, f"d-{number}")
            await receiver.wait_for(3, timeout_s=LIMIT_S)
            serving.signal(signal.SIGINT)
            await asyncio.sleep(0)
            pids: list[int] = serving.told["processes"]
            async with asyncio.timeout(LIMIT_S):
                while all(map(lives, pids)):
                    serving.signal(signal.SIGINT)
                    await asyncio.sleep(0.05)
            assert (await serving.ended()).code == 128 + signal.SIGKILL


async def test_what_stops_one_from_starting_stops_all_and_is_said(tmp_path: Path, flags: tuple[str, ...]) -> None:
    write_file(tmp_path)
    first = await hookline(tmp_path, "apply", *flags[:2])
    assert first.code == 0, first.err
    other = await hookline(tmp_path, "serve", *flags, HOOKLINE_SECRET="not-a-real-secret-but-another-one-0123")
    assert other.code == 5
    assert "another HOOKLINE_SECRET" in other.err
