"""The proxy that stands between a server and its database fails in the ways that it says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.torture.proxy import BOTH, Fault, Proxy, Way

#: Nothing has come within so long: on the loopback it would have, many times over.
NOTHING_S = 0.2
#: Of so many pieces some are unlucky.
ENOUGH = 500


class Client:
    """A connection to something that says everything again."""

    def __init__(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._reader, self._writer = streams

    def say(self, what: bytes) -> None:
        self._writer.write(what)

    async def hear(self, limit_s: float = 5.0) -> bytes:
        """What comes next; nothing at the end of the connection."""
        async with asyncio.timeout(limit_s):
            return await self._reader.read(100)

    async def hears_nothing(self) -> bool:
        try:
            await self.hear(NOTHING_S)
        except TimeoutError:
            return True
        return False

    def leave(self) -> None:
        self._writer.transport.abort()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as target:
        proxy = Proxy(target.sockets[0].getsockname()[1], random.Random(1))
        await proxy.start()
        yield proxy
        await proxy.close()


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[Client]:
    client = Client(await asyncio.open_connection("127.0.0.1", proxy.port))
    client.say(b"hello")
    assert await client.hear() == b"hello"
    yield client
    client.leave()


@pytest.mark.parametrize("ways", [BOTH, {Way.TO_DATABASE}, {Way.TO_SERVER}], ids=["both", "database", "server"])
async def test_what_is_dropped_never_comes_and_in_the_end_the_connection_is_reset(
    proxy: Proxy, client: Client, ways: set[Way]
) -> None:
    proxy.cut(Fault.DROPPING, ways)
    client.say(b"lost")
    assert await client.hears_nothing()
    await proxy.heal()
    with pytest.raises(ConnectionResetError):
        await client.hear()


@pytest.mark.parametrize("ways", [BOTH, {Way.TO_DATABASE}, {Way.TO_SERVER}], ids=["both", "database", "server"])
async def test_what_is_stalled_comes_in_the_end(proxy: Proxy, client: Client, ways: set[Way]) -> None:
    proxy.cut(Fault.STALLING, ways)
    client.say(b"late")
    assert await client.hears_nothing()
    await proxy.heal()
    assert await client.hear() == b"late"


async def test_what_is_delayed_comes_late(proxy: Proxy, client: Client) -> None:
    proxy.cut(Fault.DELAYING, BOTH, delay_s=0.1)
    asked_at_s = asyncio.get_running_loop().time()
    client.say(b"slow")
    assert await client.hear() == b"slow"
    assert asyncio.get_running_loop().time() - asked_at_s >= 0.2, "there and back"


async def test_refused_connections_end_and_there_is_no_new_one(proxy: Proxy, client: Client) -> None:
    proxy.cut(Fault.REFUSING)
    with pytest.raises(ConnectionResetError):
        await client.hear()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    await proxy.heal()
    again = Client(await asyncio.open_connection("127.0.0.1", proxy.port))
    again.say(b"back")
    assert await again.hear() == b"back"
    again.leave()


async def test_connections_are_reset_in_the_middle_now_and_then(proxy: Proxy, client: Client) -> None:
    proxy.cut(Fault.RESETTING)
    with pytest.raises(ConnectionResetError):
        for _ in range(ENOUGH):
            assert await said_again(client) == b"again"


async def test_connections_end_in_one_direction_now_and_then(proxy: Proxy, client: Client) -> None:
    proxy.cut(Fault.HALF_CLOSING, {Way.TO_SERVER})
    heard = [await said_again(client) for _ in range(ENOUGH)]
    assert set(heard) == {b"again", b""}
    await proxy.heal()
    client.say(b"into the void")
    assert await client.hear() == b"", "the other direction is still open, and nothing comes back"


async def said_again(client: Client) -> bytes:
    client.say(b"again")
    return await client.hear()
