"""Several real servers on one PostgreSQL: each with a way of its own to the database, and started again when it ends.

    senders ──► node 1 ──► proxy 1 ──┐
            ──► node 2 ──► proxy 2 ──┼──► PostgreSQL
            ──► node 3 ──► proxy 3 ──┘

A node is what a supervisor would make of it: whatever ends it, it is started again, until it is told to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGQUIT

from tests.postgres.cluster import Cluster
from tests.torture.doors import Doors
from tests.torture.findings import Interruption
from tests.torture.proxy import Proxy
from tests.torture.server import ServerProcess, serve_command

#: A node that starts while its database is away gives up, and is started again after so long.
START_AGAIN_S = 0.3
#: A start waits for others that start, and for a way to the database that is just healing.
START_LIMIT_S = 60.0
STOP_LIMIT_S = 40.0
#: How long a question whether a node is ready may take; it answers itself within two seconds.
ASK_LIMIT_S = 5.0
ASK_EVERY_S = 0.1


class Node:
    """One server in all its lives."""

    def __init__(self, number: int, port: int, proxy: Proxy, doors: Doors) -> None:
        self.number, self.port, self.proxy = number, port, proxy
        self._doors = doors
        self._command: Sequence[str] = ()
        self._environ: Mapping[str, str] = {}
        self._log = Path()
        self._process: ServerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._expected = False  #: its end was wanted
        self._rest_s = 0.0
        self._stopping = False
        self.happened: Counter[str] = Counter()
        self.troubles: list[str] = []

    def start(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        """Be there from now on."""
        self._command, self._environ, self._log = command, environ, log
        self.start_again()

    def start_again(self) -> None:
        """Be there again, after it was stopped."""
        self._stopping = False
        self._keeper = asyncio.create_task(self._keep_running())

    async def kill(self, rest_s: float) -> None:
        """End it as a power cut would; it is started again after ``rest_s``."""
        assert self._process is not None
        self._expected, self._rest_s = True, rest_s
        self._doors.shut(self.port)
        await self._process.kill()

    def pause(self) -> ServerProcess:
        """Stop it where it is; the process, to be resumed."""
        assert self._process is not None
        self._process.pause()
        return self._process

    async def stop(self) -> None:
        """Ask it to end, and wait: it has to do so in peace."""
        assert self._process is not None
        assert self._keeper is not None
        self._stopping = self._expected = True
        self._doors.shut(self.port)
        try:
            if code := await self._process.stop(STOP_LIMIT_S):
                self.troubles.append(f"DIED: node {self.number} was asked to stop, and ended with {code}")
        except TimeoutError:
            self.troubles.append(f"STUCK: node {self.number} did not stop within {STOP_LIMIT_S:g} s")
            await self._process.kill()
        await self._keeper

    async def close(self) -> None:
        """Be gone, whatever it is doing."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            await self._process.kill()

    async def wait_ready(self) -> None:
        """Return when it says of itself that it is ready."""
        while not await self._is_ready():  # noqa: ASYNC110 - another process sends no signal
            await asyncio.sleep(ASK_EVERY_S)

    async def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(ASK_LIMIT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
                    return (await reader.readline()).split()[1] == b"200"
                finally:
                    writer.transport.abort()
        return False

    # -- its lives -------------------------------------------------------------------------------------

    async def _keep_running(self) -> None:
        while not self._stopping:
            self._expected, self._rest_s = False, START_AGAIN_S
            self._process = ServerProcess(self._command, self._environ, self._log, self.port)
            await self._process.start()
            if await self._began():
                await self._lived()
            self._doors.shut(self.port)
            if not self._stopping:
                await asyncio.sleep(self._rest_s)

    async def _began(self) -> bool:
        """Whether it came to answer; without its database it does not."""
        assert self._process is not None
        try:
            await self._process.wait_ready(START_LIMIT_S)
        except AssertionError:
            if not self._expected:
                self.happened["starts without a database"] += 1
            return False
        except TimeoutError:
            self.troubles.append(f"STUCK: node {self.number} was not ready {START_LIMIT_S:g} s after its start")
            await self._process.kill()
            return False
        return True

    async def _lived(self) -> None:
        assert self._process is not None
        if not self._expected:
            self._doors.open(self.port)
        code = await self._process.ended()
        if not self._expected:
            self.troubles.append(f"DIED: node {self.number} ended by itself, with {code}")


class Fleet:
    """All nodes and their database. ``interruptions`` are noted by whoever disturbs them."""

    def __init__(self, cluster: Cluster, database_url: str, ports: Sequence[int], doors: Doors, seed: int) -> None:
        self.cluster, self._database_url = cluster, database_url
        proxies = [Proxy(cluster.port, random.Random(f"{seed} proxy {number}")) for number in range(len(ports))]
        self.nodes = [
            Node(number, port, proxy, doors) for number, (port, proxy) in enumerate(zip(ports, proxies, strict=True), 1)
        ]
        self.interruptions: list[Interruption] = []

    async def start(self, config: Path, environ: Mapping[str, str]) -> None:
        """Start all of them, without waiting until they are ready."""
        name = self._database_url.rpartition("/")[2]
        for node in self.nodes:
            await node.proxy.start()
            command = serve_command(config, self.cluster.url(name, node.proxy.port), node.port)
            node.start(command, environ, config.parent / f"node-{node.number}.log")

    async def restart(self, node: Node) -> None:
        """Ask one to end, and start it again, as for a new version; return when it is ready."""
        await node.stop()
        node.start_again()
        await node.wait_ready()

    async def wait_ready(self) -> None:
        """Return when all of them are ready."""
        await asyncio.gather(*(node.wait_ready() for node in self.nodes))

    async def restart_database(self, down_s: float) -> None:
        """Let the database fail as a power cut would, and keep it down for a while."""
        await asyncio.to_thread(self.cluster.stop, SIGQUIT)
        await asyncio.sleep(down_s)
        await asyncio.to_thread(self.cluster.start)

    async def stop(self) -> None:
        """Ask all of them to end, and wait."""
        await asyncio.gather(*(node.stop() for node in self.nodes))

    async def close(self) -> None:
        """Be gone."""
        await asyncio.gather(*(node.close() for node in self.nodes))
        await asyncio.gather(*(node.proxy.close() for node in self.nodes))

    @property
    def troubles(self) -> list[str]:
        """What went wrong with the nodes themselves."""
        return [trouble for node in self.nodes for trouble in node.troubles]

    @property
    def happened(self) -> Counter[str]:
        """What else they did."""
        return sum((node.happened for node in self.nodes), Counter())

    def interrupted(self, cause: str, began_at_s: float) -> None:
        """Something kept a node from recording what it sent, until now."""
        self.interruptions.append(Interruption(cause, began_at_s, time.monotonic()))
