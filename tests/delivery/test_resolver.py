from __future__ import annotations

import asyncio
import socket
from threading import Event

import pytest

from hookline.delivery.resolver import ThreadResolver


async def test_the_system_finds_the_addresses_of_a_name() -> None:
    resolver = ThreadResolver()
    assert "127.0.0.1" in await resolver.resolve("localhost", 80)
    resolver.close()


async def test_a_name_without_address_raises_what_the_look_up_raised() -> None:
    def lookup(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    resolver = ThreadResolver(lookup=lookup)
    with pytest.raises(socket.gaierror, match="not known"):
        await resolver.resolve("nothing.invalid", 80)
    resolver.close()


async def test_those_who_ask_for_the_same_name_share_one_look_up() -> None:
    asked: list[str] = []
    go = Event()

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        go.wait(5)
        return ["192.0.2.1"]

    resolver = ThreadResolver(lookup=lookup)
    waiting = [asyncio.create_task(resolver.resolve("hooks.example.com", 80)) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 50
    assert asked == ["hooks.example.com"]
    resolver.close()


async def test_a_name_server_that_hangs_does_not_delay_other_names() -> None:
    release = Event()

    def lookup(host: str, port: int) -> list[str]:
        if host == "silent.example":
            release.wait(10)
        return ["192.0.2.1"]

    resolver = ThreadResolver(threads=2, lookup=lookup)
    hung = [asyncio.create_task(resolver.resolve("silent.example", 80)) for _ in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        for number in range(20):
            assert await resolver.resolve(f"host-{number}.example", 80) == ["192.0.2.1"]
    assert not any(task.done() for task in hung)
    release.set()
    await asyncio.gather(*hung)
    resolver.close()


async def test_names_that_nobody_waits_for_any_more_are_not_looked_up() -> None:
    asked: list[str] = []
    release = Event()

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        release.wait(10)
        return ["192.0.2.1"]

    resolver = ThreadResolver(threads=1, lookup=lookup)
    first = asyncio.create_task(resolver.resolve("first.example", 80))
    given_up = asyncio.create_task(resolver.resolve("given-up.example", 80))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    release.set()
    await first
    await resolver.resolve("last.example", 80)
    assert asked == ["first.example", "last.example"]
    resolver.close()


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    release = Event()

    def lookup(host: str, port: int) -> list[str]:
        release.wait(10)
        return ["192.0.2.1"]

    resolver = ThreadResolver(lookup=lookup)
    impatient = asyncio.create_task(resolver.resolve("hooks.example.com", 80))
    patient = asyncio.create_task(resolver.resolve("hooks.example.com", 80))
    await asyncio.sleep(0)
    impatient.cancel()
    release.set()
    assert await patient == ["192.0.2.1"]
    resolver.close()
