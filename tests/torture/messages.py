"""What was published at door 2, and what the server said to it: the book of the publishers."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.torture.applications import Customer
from tests.torture.ledger import Acknowledgements, untidy


@dataclass(slots=True)
class Message:
    """One message as its publisher knows it: the ``number``-th of that publisher."""

    customer: Customer
    publisher: str
    number: int
    payload: bytes
    acknowledged: list[str] = field(default_factory=list)  #: the ids of all 202 answers
    unknown: int = 0  #: how often the connection ended before the answer
    known: int = 0  #: how often the server said that there is such an `eventId` already
    refused: bool = False  #: answered by anything else

    @property
    def name(self) -> str:
        """What it is called by whoever publishes it, and in its `Idempotency-Key`."""
        return f"{self.publisher}-{self.number}"

    @property
    def promised(self) -> bool:
        """Whether the server gave its word."""
        return bool(self.acknowledged or self.known)

    def request(self) -> bytes:
        """The body of the request."""
        name = b',\n"eventId": "%b"' % self.name.encode() if self.customer.named else b""
        return b'{"eventType" : "order.paid"%b,"payload":  %b }' % (name, self.payload)


class MessageBook:
    """All messages."""

    def __init__(self, acknowledgements: Acknowledgements) -> None:
        self.messages: list[Message] = []
        self.answers: Counter[int] = Counter()
        #: What was said to a known key with another body.
        self.misuses: Counter[int] = Counter()
        self.twice = 0  #: messages that were sent again although they had been acknowledged
        self._acknowledgements = acknowledgements

    def acknowledge(self, message: Message, event_id: str) -> None:
        """The server said 202."""
        message.acknowledged.append(event_id)
        self._acknowledgements.add()


class Composer:
    """Makes the messages of one publisher, numbered from 1."""

    def __init__(self, book: MessageBook, customer: Customer, publisher: str, dice: random.Random) -> None:
        self._book, self._customer, self._publisher, self._dice = book, customer, publisher, dice
        self._made = 0

    def make(self) -> Message:
        """The next message."""
        self._made += 1
        payload = untidy(self._dice, f'"publisher":"{self._publisher}"', f'"number":{self._made}')
        message = Message(self._customer, self._publisher, self._made, payload)
        self._book.messages.append(message)
        return message
