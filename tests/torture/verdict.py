"""The verdict: what the senders know, what the receiver saw and what is on disk, held against each other.

Every attempt that reached the receiver is either on record in the store or was in flight when its server was
killed. A server that holds a lease tries a delivery again only after the try before was recorded, so each life
of the server can leave at most one unrecorded attempt of a delivery, and only a life that was killed can.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from hookline.testing.receiver import Received
from tests.torture.evidence import Evidence, StoredDelivery
from tests.torture.ledger import SHORT_LIVED, Ledger, Parcel

#: Which endpoints want which events. One source fans out, with a filter.
ENDPOINTS = {"github": ("pushes", "everything"), "orders": ("ship",), "payments": ("book",), SHORT_LIVED: ("glance",)}


def wanted_by(parcel: Parcel) -> tuple[str, ...]:
    """The endpoints that a parcel has to reach."""
    return tuple(name for name in ENDPOINTS[parcel.source] if name != "pushes" or parcel.event_type == "push")


#: Why the receiver sees a request more than once.
AGAIN = "  more than one of a kind"
RETRIED = "    tried again after a 500"
IN_FLIGHT = "    in flight when the server was killed"
REPLAYED = "    replayed because we asked for it"
FORGOTTEN = "    of events that retention has taken since"


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the server: when it began, for its own clock and for the receiver's, and how it ended."""

    started_at_ms: int
    started_at_s: float
    killed: bool


@dataclass(slots=True)
class Findings:
    """Everything that was found out."""

    ledger: Ledger
    arrivals: list[Received]
    evidence: Evidence
    lives: list[Life]
    replays: int  #: how many replays were asked for


@dataclass(slots=True)
class Verdict:
    """What is wrong (nothing, it is hoped), and the numbers."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def judge(found: Findings) -> Verdict:
    """Hold everything against each other."""
    case = _Case(found)
    problems = [
        *case.promises(),
        *case.identities(),
        *case.bodies(),
        *case.inventions(),
        *case.remainders(),
        *case.attempts(),
    ]
    return Verdict(problems, case.counts())


class _Case:
    """The findings, indexed by event id."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._events = {event.id: event for event in found.evidence.events}
        self._parcels = {parcel.provider_id: parcel for parcel in found.ledger.parcels}
        self._arrivals: dict[tuple[str, str], list[Received]] = defaultdict(list)
        for arrival in found.arrivals:
            self._arrivals[arrival.header("webhook-id") or "", arrival.path.strip("/")].append(arrival)
        self._senders = self._sent_as()
        self._in_flight = 0
        self._replayed = 0

    # -- one question each -----------------------------------------------------------------------------

    def promises(self) -> Iterator[str]:
        """Every acknowledged event is in the store and reached every endpoint that wants it."""
        for parcel in self._found.ledger.parcels:
            for event_id in set(parcel.acknowledged):
                if event_id not in self._events and parcel.source != SHORT_LIVED:
                    yield f"LOST: {parcel.provider_id} was acknowledged as {event_id} and is not in the store"
                for endpoint in wanted_by(parcel):
                    if (event_id, endpoint) not in self._arrivals:
                        yield f"LOST: {parcel.provider_id} was acknowledged as {event_id} and never reached {endpoint}"

    def identities(self) -> Iterator[str]:
        """One provider id is one event, however often it was sent."""
        for parcel in self._found.ledger.parcels:
            if len(set(parcel.acknowledged)) > 1:
                yield f"TWICE: {parcel.provider_id} was acknowledged as {sorted(set(parcel.acknowledged))}"
        for (source, provider_id), count in Counter((e.source, e.provider_id) for e in self._events.values()).items():
            if count > 1:
                yield f"TWICE: {provider_id} of {source} is stored {count} times"

    def bodies(self) -> Iterator[str]:
        """What is stored and what arrived is what was sent, byte for byte."""
        for event in self._events.values():
            parcel = self._parcels.get(event.provider_id)
            if parcel is not None and event.body != parcel.body:
                yield f"CHANGED: the body of {event.id} in the store is not what was sent"
        for (event_id, endpoint), arrivals in self._arrivals.items():
            parcel = self._senders.get(event_id)
            if parcel is None:
                continue  # see inventions
            for arrival in arrivals:
                if arrival.body != parcel.body:
                    yield f"CHANGED: the body of {event_id} at {endpoint} is not what was sent"
                if (b"X-tRaCe", parcel.trace) not in arrival.headers:
                    yield f"CHANGED: a header of {event_id} did not reach {endpoint} as it was sent"

    def inventions(self) -> Iterator[str]:
        """Nothing is stored or sent that nobody had sent to us, or to whom did not want it."""
        for event in self._events.values():
            parcel = self._parcels.get(event.provider_id)
            if parcel is None or parcel.source != event.source:
                yield f"INVENTED: nobody sent {event.id}"
        for event_id, endpoint in self._arrivals:
            parcel = self._senders.get(event_id)
            if parcel is None:
                yield f"INVENTED: {event_id} reached {endpoint} and nobody sent it"
            elif endpoint not in wanted_by(parcel):
                yield f"INVENTED: {event_id} reached {endpoint}, which does not want it"

    def remainders(self) -> Iterator[str]:
        """After the last start everything came to its end, and the file is sound."""
        found = self._found
        for delivery in found.evidence.deliveries:
            if delivery.state != "delivered":
                yield f"STUCK: delivery {delivery.id} to {delivery.endpoint} is {delivery.state}"
        for event in self._events.values():
            if event.status != "processed":
                yield f"STUCK: event {event.id} of {event.source} is {event.status}"
        if found.evidence.unfinished_replays:
            yield f"STUCK: {found.evidence.unfinished_replays} replays are not finished"
        if found.evidence.integrity != "ok":
            yield f"BROKEN: the database says {found.evidence.integrity}"
        for status, count in found.ledger.answers.items():
            if status not in (200, 503):
                yield f"REFUSED: {count} genuine requests were answered {status}"

    def attempts(self) -> Iterator[str]:
        """Every arrival is an attempt on record, or was in flight when its server was killed."""
        recorded: Counter[tuple[str, int]] = Counter()
        succeeded: Counter[str] = Counter()
        starts_ms = [life.started_at_ms for life in self._found.lives]
        for attempt in self._found.evidence.attempts:
            if attempt.status:
                recorded[attempt.delivery_id, bisect_right(starts_ms, attempt.started_at_ms) - 1] += 1
                succeeded[attempt.delivery_id] += attempt.status == 200
        for delivery in self._found.evidence.deliveries:
            for life, count in self._arrivals_by_life(delivery).items():
                yield from self._missing(delivery, life, count - recorded[delivery.id, life])
            self._replayed += max(0, succeeded[delivery.id] - 1)
            if succeeded[delivery.id] > 1 + self._found.replays:
                yield f"TWICE: delivery {delivery.id} succeeded {succeeded[delivery.id]} times on record"
        numbers = self.counts()
        if numbers[AGAIN] != sum(numbers[name] for name in (RETRIED, IN_FLIGHT, REPLAYED, FORGOTTEN)):
            yield "UNEXPLAINED: there are more requests at the receiver than reasons for them"

    def _missing(self, delivery: StoredDelivery, life: int, unrecorded: int) -> Iterator[str]:
        self._in_flight += max(0, unrecorded)
        if unrecorded > 1 or unrecorded < 0:
            yield f"UNEXPLAINED: delivery {delivery.id} has {unrecorded} unrecorded attempts in life {life}"
        elif unrecorded and not self._found.lives[life].killed:
            yield f"UNEXPLAINED: delivery {delivery.id} has an unrecorded attempt in a life that ended in peace"

    def _arrivals_by_life(self, delivery: StoredDelivery) -> Counter[int]:
        starts_s = [life.started_at_s for life in self._found.lives]
        arrivals = self._arrivals.get((delivery.event_id, delivery.endpoint), [])
        return Counter(bisect_right(starts_s, arrival.at) - 1 for arrival in arrivals)

    # -- the numbers -----------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """What happened, in numbers. Call after ``attempts``."""
        parcels = self._found.ledger.parcels
        evidence = self._found.evidence
        stored = {event.provider_id for event in evidence.events}
        kept = {(d.event_id, d.endpoint) for d in evidence.deliveries}
        forgotten = [len(arrivals) - 1 for pair, arrivals in self._arrivals.items() if pair not in kept]
        return {
            "events sent": len(parcels),
            "acknowledged": sum(1 for parcel in parcels if parcel.promised),
            "  after an unknown outcome": sum(1 for p in parcels if p.promised and p.unknown),
            "  acknowledgements that said duplicate": self._found.ledger.duplicates,
            "unknown outcome, not sent again": sum(1 for p in parcels if p.given_up and not p.promised),
            "  stored and delivered all the same": sum(
                1 for p in parcels if not p.promised and p.provider_id in stored
            ),
            "events in the store": len(evidence.events),
            "delivered, then forgotten by retention": sum(
                1 for p in parcels if p.promised and p.source == SHORT_LIVED and p.provider_id not in stored
            ),
            "requests at the receiver": len(self._found.arrivals),
            AGAIN: sum(len(arrivals) - 1 for arrivals in self._arrivals.values()),
            RETRIED: sum(1 for attempt in evidence.attempts if attempt.status not in (0, 200)),
            IN_FLIGHT: self._in_flight,
            REPLAYED: self._replayed,
            FORGOTTEN: sum(forgotten),
        }

    def _sent_as(self) -> dict[str, Parcel]:
        """Who sent each event id: by the store, by the acknowledgement, and for what was forgotten by its body."""
        by_body = {parcel.body: parcel for parcel in self._found.ledger.parcels if parcel.source == SHORT_LIVED}
        found = {id: by_body[a[0].body] for (id, _), a in self._arrivals.items() if a[0].body in by_body}
        found |= {event_id: parcel for parcel in self._found.ledger.parcels for event_id in parcel.acknowledged}
        stored = self._events.values()
        return found | {e.id: self._parcels[e.provider_id] for e in stored if e.provider_id in self._parcels}
