"""The load on door 2: publishers that send one message after the other, and each again until it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

from tests.torture.applications import Customer
from tests.torture.doors import Doors
from tests.torture.load import NotSent, OutcomeUnknown, Wire
from tests.torture.messages import Composer, Message, MessageBook

#: How often a publisher does what.
HURRIES = 0.05  #: sends the same request over a second connection without waiting for the first answer
REPEATS = 0.05  #: after a 202, sends the same request again
MISTAKES = 0.03  #: after a 202, uses the key again for another body


class Publisher:
    """Publishes to servers that are there, until it is told to finish. Only it knows the order of its messages.

    After each it rests for ``pause_s``.
    """

    def __init__(
        self, book: MessageBook, customer: Customer, name: str, doors: Doors, token: str, seed: str, pause_s: float
    ) -> None:
        self._book, self._customer, self._doors, self._pause_s = book, customer, doors, pause_s
        self._authorization = (b"authorization", f"Bearer {token}".encode())
        self._path = f"/api/v1/app/{customer.uid}/msg"
        self._dice = random.Random(f"{seed} {name}")
        self._composer = Composer(book, customer, name, self._dice)
        self._wire, self._second_wire = (Wire(doors, random.Random(f"{seed} {name} {way}")) for way in "ab")
        self._finishing = False

    def finish(self) -> None:
        """Begin nothing new; what is not acknowledged yet is still sent until it is."""
        self._finishing = True

    async def run(self) -> None:
        """Publish until finished."""
        try:
            while True:
                await self._doors.wait()
                if self._finishing:
                    return
                await self._publish(self._composer.make())
                await asyncio.sleep(self._pause_s)
        finally:
            await self._wire.close()
            await self._second_wire.close()

    async def _publish(self, message: Message) -> None:
        if self._dice.random() < HURRIES:
            await asyncio.gather(self._send(message, self._wire), self._send(message, self._second_wire))
        while not message.promised and not message.refused:
            await self._send(message, self._wire)
        if self._dice.random() < REPEATS:
            self._book.twice += 1
            await self._send(message, self._wire)
        if self._dice.random() < MISTAKES and not self._customer.named:
            await self._misuse(message)

    async def _send(self, message: Message, wire: Wire) -> None:
        """Send it once, and note what is said."""
        try:
            status, body = await self._post(wire, message, message.request())
        except NotSent:
            return
        except OutcomeUnknown:
            message.unknown += 1
            return
        self._book.answers[status] += 1
        if status == 202:
            self._book.acknowledge(message, json.loads(body)["id"])
        elif status == 409 and self._customer.named:
            message.known += 1
        elif status < 500:  # a 5xx says: nothing was stored, send it again
            message.refused = True

    async def _misuse(self, message: Message) -> None:
        """Use its key for another body: that must come to nothing."""
        other = message.request().replace(b'"number":', b'"misused":true,"number":')
        with contextlib.suppress(NotSent, OutcomeUnknown):
            status, _ = await self._post(self._wire, message, other)
            self._book.misuses[status] += 1

    async def _post(self, wire: Wire, message: Message, body: bytes) -> tuple[int, bytes]:
        await self._doors.wait()
        headers = [self._authorization, (b"content-type", b"application/json")]
        if not self._customer.named:
            headers.append((b"idempotency-key", message.name.encode()))
        return await wire.post(self._path, headers, body)
