"""`hookline messages send --wait`: it follows the deliveries of a running server, and its exit code is the truth."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hookline.cli import follow
from hookline.cli.main import main
from hookline.testing.receiver import Answer, Receiver
from tests.cli.running import COMMAND, Result, Serving, environment, hookline

SEND = ("messages", "send", "--app", "acme", "--type", "order.paid", "--data", "{}")


class World:
    """A running server with an application whose endpoint is a receiver in the test's hand."""

    def __init__(self, folder: Path, receiver: Receiver, address: str) -> None:
        self.folder, self.receiver, self.address = folder, receiver, address

    async def run(self, *arguments: str) -> Result:
        return await hookline(self.folder, *arguments)

    async def ask(self, *arguments: str) -> Any:
        result = await self.run(*arguments, "--json")
        assert result.code == 0, result.err
        return result.json()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    flags = ("--allow-private-endpoints", "127.0.0.1")
    async with Receiver() as receiver, Serving(tmp_path, flags) as serving:
        world = World(tmp_path, receiver, serving.address)
        await world.run("applications", "create", "Acme", "--uid", "acme")
        await world.run("endpoints", "create", "--app", "acme", "--url", receiver.url, "--uid", "orders")
        yield world


async def test_it_ends_with_0_when_every_endpoint_has_the_message(world: World) -> None:
    world.receiver.script([Answer(200, delay_s=0.5)])
    result = await world.run(*SEND, "--wait")
    event_id, head, row = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert head.split("\t") == ["ENDPOINT", "STATE", "TRIES", "REASON"]
    assert row.split("\t") == ["orders", "delivered", "1", ""]
    assert world.receiver.requests[0].header("webhook-id") == event_id


async def test_it_waits_for_the_slowest_endpoint(world: World) -> None:
    url = f"{world.receiver.url}/slow"
    await world.run("endpoints", "create", "--app", "acme", "--url", url, "--uid", "slow")
    world.receiver.script([Answer(200, delay_s=1.5)], path="/slow")
    told = await world.ask(*SEND, "--wait")
    assert (told["status"], [one["state"] for one in told["deliveries"]]) == ("processed", ["delivered", "delivered"])


async def test_an_endpoint_that_said_it_is_gone_is_enabled_again_by_a_person(world: World) -> None:
    world.receiver.script([410])
    await world.run(*SEND, "--wait")
    show = ("endpoints", "show", "orders", "--app", "acme")
    assert (await world.ask(*show))["state"] == "disabled"
    assert (await world.ask("endpoints", "update", "orders", "--app", "acme", "--enabled"))["state"] == "active"


async def test_it_ends_with_1_when_an_endpoint_will_never_have_it(world: World) -> None:
    world.receiver.script([410])
    result = await world.run(*SEND, "--wait", "--json")
    told = result.json()
    assert (result.code, told["status"]) == (1, "failed")
    assert [(one["state"], one["reason"]) for one in told["deliveries"]] == [("dead", "gone")]
    assert '"code": "not_delivered"' in result.err
    assert "did not arrive at 1 of 1 endpoints" in result.err


async def test_it_ends_with_1_when_its_time_is_over(world: World) -> None:
    world.receiver.script([500])
    result = await world.run(*SEND, "--wait", "--timeout", "1s")
    assert result.code == 1
    assert result.out.splitlines()[2].split("\t") == ["orders", "waiting", "1", "http_500"]
    assert "is still owed to 1 of 1 endpoints; a running server goes on trying" in result.err


async def test_what_nobody_wants_is_over_at_once(world: World) -> None:
    await world.run("endpoints", "update", "orders", "--app", "acme", "--disabled")
    result = await world.run(*SEND, "--wait")
    assert (result.code, len(result.out.splitlines()), result.err) == (0, 1, "No endpoint wants it.\n")


async def test_a_message_that_goes_to_very_many_endpoints_is_followed_to_its_end(world: World) -> None:
    token = (await world.run("token", "create")).out.strip()
    async with httpx.AsyncClient(base_url=world.address, headers={"Authorization": f"Bearer {token}"}) as client:
        for number in range(120):
            wanted = {"url": f"{world.receiver.url}/{number}"}
            assert (await client.post("/api/v1/app/acme/endpoint", json=wanted)).status_code == 201
    told = await world.ask(*SEND, "--wait", "--timeout", "20s")
    assert (told["status"], len(told["deliveries"])) == ("processed", 121)


async def test_on_a_terminal_a_table_shows_how_far_it_is_and_is_gone_at_the_end(world: World) -> None:
    world.receiver.script([Answer(200, delay_s=1.0)])
    code, seen = await asyncio.to_thread(_at_a_terminal, world.folder, [*SEND, "--wait"])
    assert code == 0
    assert b"leased" in seen or b"waiting" in seen
    last = seen.rpartition(b"ENDPOINT")[2]
    assert b"delivered" in last
    assert b"leased" not in last


def _at_a_terminal(folder: Path, arguments: list[str]) -> tuple[int, bytes]:
    terminal, of_command = pty.openpty()
    command = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=of_command,
        stdout=of_command,
        stderr=of_command,
        env=environment(TERM="xterm", COLUMNS="120"),
    )
    os.close(of_command)
    seen = b""
    while part := _read(terminal):
        seen += part
    os.close(terminal)
    return command.wait(20), seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the command has closed its side
        return b""


def test_where_nobody_sends_a_hint_is_given(
    sent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow, "HINT_AFTER_S", 0.1)
    with pytest.raises(SystemExit) as ended:
        main([*SEND, "--wait", "--timeout", "1s"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("Is `hookline serve` running on this database?") == 1
