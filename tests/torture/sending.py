"""The verdict on door 2: every message acknowledged is delivered to all, made once, in order where that is promised."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from hookline.core.model import SourceKind
from tests.torture.applications import CUSTOMERS, OPERATIONAL, ORG, Customer
from tests.torture.evidence import StoredAttempt, StoredEvent
from tests.torture.findings import Findings
from tests.torture.messages import Message
from tests.torture.reckoning import FORGOTTEN, Reckoning

#: Times are whole milliseconds: an attempt that follows another at once can seem to begin this much before its end.
ROUNDING_MS = 1
#: After so many failures of one message an organisation is told, and told again when it arrives after all.
FAILING = 4


class SendingCase:
    """What was published at door 2, indexed by event id."""

    def __init__(self, found: Findings) -> None:
        self._book = found.book
        self._evidence = found.evidence.of(SourceKind.APPLICATION)
        self._told = found.evidence.of(SourceKind.OPERATIONAL)
        paths = {uid for customer in CUSTOMERS.values() for uid in customer.endpoints}
        arrivals = [arrival for arrival in found.arrivals if arrival.path.strip("/") in paths]
        told = [arrival for arrival in found.arrivals if arrival.path.strip("/") == OPERATIONAL]
        self._reckoning = Reckoning(arrivals, self._evidence, found, found.replays[ORG])
        self._told_reckoning = Reckoning(told, self._told, found, 0)
        self._events = {event.id: event for event in self._evidence.events}
        self._messages = {(message.publisher, message.number): message for message in found.book.messages}
        self._stored = defaultdict[tuple[str, int], list[StoredEvent]](list)
        for event in self._evidence.events:
            self._stored[_identity(event.body)].append(event)
        self._attempts = defaultdict[str, list[StoredAttempt]](list)
        for attempt in self._evidence.attempts:
            self._attempts[attempt.delivery_id].append(attempt)

    def problems(self) -> Iterator[str]:
        """Everything that is wrong."""
        yield from self.promises()
        yield from self.identities()
        yield from self.payloads()
        yield from self.inventions()
        yield from self.remainders()
        for customer in CUSTOMERS.values():
            if customer.fifo:
                yield from self.order(customer)
                yield from self.one_at_a_time(customer)
        yield from self.operational_webhooks()
        yield from self._reckoning.problems()
        yield from self._told_reckoning.problems()

    # -- one question each -----------------------------------------------------------------------------

    def promises(self) -> Iterator[str]:
        """Every acknowledged message is in the store and reached every endpoint of its application."""
        for message in self._messages.values():
            if not message.promised:
                yield f"REFUSED: {message.name} was never acknowledged"
            for event_id in set(message.acknowledged):
                if event_id not in self._events:
                    yield f"LOST: {message.name} was acknowledged as {event_id} and is not in the store"
            for event in self._stored[message.publisher, message.number]:
                for endpoint in message.customer.endpoints:
                    if (event.id, endpoint) not in self._reckoning.arrivals:
                        yield f"LOST: {message.name} was acknowledged as {event.id} and never reached {endpoint}"

    def identities(self) -> Iterator[str]:
        """One key, or one `eventId`, is one message, however often it was sent; also when two are sent at once."""
        for identity, message in self._messages.items():
            if len(set(message.acknowledged)) > 1:
                yield f"TWICE: {message.name} was acknowledged as {sorted(set(message.acknowledged))}"
            if len(self._stored[identity]) != 1:
                yield f"COUNT: {message.name} is stored {len(self._stored[identity])} times"
        for status, count in self._book.misuses.items():
            if status not in (409, 422, 503):
                yield f"MISUSED: {count} known keys with another body were answered {status}"

    def payloads(self) -> Iterator[str]:
        """What is stored and what arrived is what was published, byte for byte."""
        for event in self._events.values():
            message = self._messages.get(_identity(event.body))
            if message is not None and event.body != message.payload:
                yield f"CHANGED: the payload of {message.name} in the store is not what was published"
        for (event_id, endpoint), arrivals in self._reckoning.arrivals.items():
            stored = self._events.get(event_id)
            if stored is not None and any(arrival.body != stored.body for arrival in arrivals):
                yield f"CHANGED: the payload of {event_id} at {endpoint} is not what was published"

    def inventions(self) -> Iterator[str]:
        """Nothing is stored or sent that nobody published, or to whom does not belong to the application."""
        for event in self._events.values():
            message = self._messages.get(_identity(event.body))
            if message is None or message.customer.uid != event.source:
                yield f"INVENTED: nobody published {event.id} for {event.source}"
        for event_id, endpoint in self._reckoning.arrivals:
            stored = self._events.get(event_id)
            if stored is None or endpoint not in CUSTOMERS[stored.source].endpoints:
                yield f"INVENTED: {event_id} reached {endpoint}"

    def remainders(self) -> Iterator[str]:
        """After the last start everything came to its end, and people are told the truth about it."""
        for delivery in self._evidence.deliveries:
            customer = CUSTOMERS[self._events[delivery.event_id].source]
            expected = ("dead", "exhausted") if customer.hopeless else ("delivered", "")
            if (delivery.state, delivery.reason) != expected:
                yield f"STUCK: delivery {delivery.id} to {delivery.endpoint} is {delivery.state} {delivery.reason}"
        for event in self._events.values():
            if event.status != ("failed" if CUSTOMERS[event.source].hopeless else "processed"):
                yield f"STUCK: message {event.id} of {event.source} is {event.status}"
        for status, count in self._book.answers.items():
            if status not in (202, 409, 503):
                yield f"REFUSED: {count} messages were answered {status}"

    def order(self, customer: Customer) -> Iterator[str]:
        """Each publisher's messages arrive in its order, and none before all earlier ones were delivered."""
        (endpoint,) = customer.endpoints
        latest: dict[str, tuple[float, int]] = {}
        for number, publisher, first_s, last_s in self._times_at(endpoint):
            last_before_s, before = latest.get(publisher, (0.0, 0))
            if number != before + 1:
                yield f"ORDER: {publisher}-{number} came after {publisher}-{before}"
            elif first_s < last_before_s:
                yield f"ORDER: {publisher}-{before} came again after {publisher}-{number}"
            latest[publisher] = (last_s, number)

    def one_at_a_time(self, customer: Customer) -> Iterator[str]:
        """An attempt begins when the one before it has ended."""
        (endpoint,) = customer.endpoints
        deliveries = {delivery.id for delivery in self._evidence.deliveries if delivery.endpoint == endpoint}
        made = [attempt for attempt in self._evidence.attempts if attempt.delivery_id in deliveries]
        for earlier, later in pairwise(sorted(made, key=lambda attempt: attempt.started_at_ms)):
            if later.started_at_ms < earlier.ended_at_ms - ROUNDING_MS:
                yield f"ORDER: an attempt of {later.delivery_id} began while one of {earlier.delivery_id} was under way"

    def operational_webhooks(self) -> Iterator[str]:
        """The organisation was told of each thing that happened to a message, once, and of nothing else."""
        told = Counter(_told(event.body) for event in self._told.events)
        expected = Counter(self._to_be_told())
        for what in sorted(told.keys() | expected.keys()):
            if told[what] != expected[what]:
                yield f"TOLD: {what[1]} of {what[0]} was told {told[what]} times and happened {expected[what]} times"
        for event in self._told.events:
            if event.status != "processed" or (event.id, OPERATIONAL) not in self._told_reckoning.arrivals:
                yield f"LOST: the operational webhook {event.id} is {event.status}"

    def _to_be_told(self) -> Iterator[tuple[str, str]]:
        for delivery in self._evidence.deliveries:
            failures = sum(attempt.status != 200 for attempt in self._attempts[delivery.id])
            if failures >= FAILING:
                yield delivery.event_id, "message.attempt.failing"
            if delivery.state == "dead":
                yield delivery.event_id, "message.attempt.exhausted"
            elif failures >= FAILING:
                yield delivery.event_id, "message.attempt.recovered"

    def _times_at(self, endpoint: str) -> list[tuple[int, str, float, float]]:
        """Number and publisher of each message that came to an endpoint, by its first coming; and its last."""
        times = []
        for (event_id, path), arrivals in self._reckoning.arrivals.items():
            if path == endpoint and event_id in self._events:
                publisher, number = _identity(self._events[event_id].body)
                times.append((number, publisher, arrivals[0].at, arrivals[-1].at))
        return sorted(times, key=lambda each: each[2])

    # -- the numbers -----------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """What happened, in numbers. Call after ``problems``."""
        messages: list[Message] = self._book.messages
        return {
            "messages published": len(messages),
            "acknowledged": sum(1 for message in messages if message.promised),
            "  after an unknown outcome": sum(1 for message in messages if message.promised and message.unknown),
            "  acknowledged more than once": sum(1 for message in messages if len(message.acknowledged) > 1),
            "  known by their `eventId`": sum(1 for message in messages if message.known),
            "known keys with another body, refused": self._book.misuses.total(),
            "deliveries": len(self._evidence.deliveries),
            "operational webhooks": len(self._told.events),
            "requests at the receiver": sum(len(arrivals) for arrivals in self._reckoning.arrivals.values()),
            **{name: count for name, count in self._reckoning.counts().items() if name != FORGOTTEN},
        }


def _identity(body: bytes) -> tuple[str, int]:
    """Publisher and number of a message."""
    content = json.loads(body)
    return content["publisher"], content["number"]


def _told(body: bytes) -> tuple[str, str]:
    """The message that an operational webhook is about, and what happened to it."""
    content = json.loads(body)
    return content["data"].get("msgId", ""), content["type"]
