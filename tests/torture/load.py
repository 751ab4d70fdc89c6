"""The load: signed requests over keep-alive connections, from senders that behave as providers do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time

from hookline.core.providers import registry, sign
from tests.torture.doors import COME_AGAIN_S, Doors
from tests.torture.ledger import Ledger, Maker, Parcel

#: How often a sender does what.
GIVES_UP = 0.3  #: after an unknown outcome, does not try again
SENDS_TWICE = 0.05  #: after a 2xx, sends the same event again
#: How often a connection is given up for one to another server, as it happens behind a load balancer.
WANDERS = 0.02


class NotSent(Exception):
    """There was nobody to connect to."""


class OutcomeUnknown(Exception):
    """The connection ended before the answer was complete, or none came in time: the event may be stored, or not."""


class Wire:
    """One keep-alive connection to one of the servers: to another one after that disappoints."""

    def __init__(self, doors: Doors, dice: random.Random) -> None:
        self._doors, self._dice = doors, dice
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._port = 0

    async def post(self, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises NotSent or OutcomeUnknown."""
        reader, writer = await self._connected()
        lines = b"".join(b"%b: %b\r\n" % line for line in [*headers, (b"content-length", b"%d" % len(body))])
        writer.write(b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\n%b\r\n%b" % (path.encode(), lines, body))
        asked_at_s = time.monotonic()
        try:
            async with asyncio.timeout(self._doors.patience_s):
                status, head, answer = await _answer(reader)
        except TimeoutError as error:
            self._doors.silent[self._port] += 1
            await self.close()
            raise OutcomeUnknown from error
        except (ConnectionError, EOFError) as error:
            await self.close()
            raise OutcomeUnknown from error
        took_s = time.monotonic() - asked_at_s
        self._doors.note(self._port, status, took_s, says_when=b"\r\nretry-after:" in head)
        if status == 503:
            await self.close()
            await asyncio.sleep(COME_AGAIN_S)
        return status, answer

    async def close(self) -> None:
        """Close the connection if there is one."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._dice.random() < WANDERS:
            await self.close()
        if self._streams is None:
            self._port = self._doors.choose(self._dice, left=self._port)
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                self._doors.shut(self._port)  # it is gone, until it is back
                raise NotSent from error
        return self._streams


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return int(head[9:12]), head, await reader.readexactly(int(length))


class Sender:
    """Sends one parcel after the other to servers that are there, until it is told to finish.

    After each it rests for ``pause_s``.
    """

    def __init__(self, ledger: Ledger, doors: Doors, secrets: dict[str, str], seed: str, pause_s: float = 0.0) -> None:
        self._ledger, self._doors, self._secrets, self._pause_s = ledger, doors, secrets, pause_s
        self._maker = Maker(ledger, seed)
        self._dice = random.Random(f"{seed} sender")
        self._wire = Wire(doors, random.Random(f"{seed} wire"))
        self._finishing = False

    def finish(self) -> None:
        """Begin nothing new; what is not answered yet is still sent until it is."""
        self._finishing = True

    async def run(self) -> None:
        """Send until finished."""
        try:
            while True:
                await self._doors.wait()
                if self._finishing:
                    return
                await self._deliver(self._maker.make())
                await asyncio.sleep(self._pause_s)
        finally:
            await self._wire.close()

    async def _deliver(self, parcel: Parcel) -> None:
        while not await self._accepted(parcel):
            parcel.given_up = parcel.refused or (parcel.unknown > 0 and self._dice.random() < GIVES_UP)
            if parcel.given_up:
                return
        if self._dice.random() < SENDS_TWICE:
            await self._accepted(parcel)

    async def _accepted(self, parcel: Parcel) -> bool:
        """Send it once; whether the server said 2xx."""
        await self._doors.wait()
        try:
            status, body = await self._wire.post(f"/webhooks/{parcel.source}", self._headers(parcel), parcel.body)
        except NotSent:
            return False
        except OutcomeUnknown:
            parcel.unknown += 1
            return False
        self._ledger.answers[status] += 1
        if not 200 <= status < 300:
            parcel.refused = status != 503  # that one says: nothing was stored, send it again
            return False
        answer = json.loads(body)
        self._ledger.acknowledge(parcel, answer["id"], duplicate=answer["duplicate"])
        return True

    def _headers(self, parcel: Parcel) -> list[tuple[bytes, bytes]]:
        signed = sign.sign(
            registry.get(PROVIDERS[parcel.source]),
            body=parcel.body,
            secret=self._secrets[parcel.source],
            now_s=time.time(),
            event_id=parcel.provider_id,
            event_type=parcel.event_type,
        )
        return [*signed, (b"X-tRaCe", parcel.trace)]


#: Who sends to which source.
PROVIDERS = {"github": "github", "orders": "standard_webhooks", "payments": "stripe", "brief": "standard_webhooks"}
