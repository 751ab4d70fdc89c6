"""The verdict on door 1: what the senders know, what the receiver saw and what is on disk, held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hookline.core.model import DEFAULT_ORG, SourceKind
from tests.torture.findings import Findings
from tests.torture.ledger import SHORT_LIVED, Parcel
from tests.torture.reckoning import Reckoning

#: Which endpoints want which events. One source fans out, with a filter.
ENDPOINTS = {"github": ("pushes", "everything"), "orders": ("ship",), "payments": ("book",), SHORT_LIVED: ("glance",)}


def wanted_by(parcel: Parcel) -> tuple[str, ...]:
    """The endpoints that a parcel has to reach."""
    return tuple(name for name in ENDPOINTS[parcel.source] if name != "pushes" or parcel.event_type == "push")


class ReceivingCase:
    """What came in at door 1, indexed by event id."""

    def __init__(self, found: Findings) -> None:
        self._ledger = found.ledger
        self._evidence = found.evidence.of(SourceKind.PROVIDER)
        ours = {name for names in ENDPOINTS.values() for name in names}
        arrivals = [arrival for arrival in found.arrivals if arrival.path.strip("/") in ours]
        self._reckoning = Reckoning(arrivals, self._evidence, found, found.replays[DEFAULT_ORG])
        self._arrivals = self._reckoning.arrivals
        self._events = {event.id: event for event in self._evidence.events}
        self._parcels = {parcel.provider_id: parcel for parcel in found.ledger.parcels}
        self._senders = self._sent_as()

    def problems(self) -> Iterator[str]:
        """Everything that is wrong."""
        yield from self.promises()
        yield from self.identities()
        yield from self.bodies()
        yield from self.inventions()
        yield from self.remainders()
        yield from self._reckoning.problems()

    # -- one question each -----------------------------------------------------------------------------

    def promises(self) -> Iterator[str]:
        """Every acknowledged event is in the store and reached every endpoint that wants it."""
        for parcel in self._ledger.parcels:
            for event_id in set(parcel.acknowledged):
                if event_id not in self._events and parcel.source != SHORT_LIVED:
                    yield f"LOST: {parcel.provider_id} was acknowledged as {event_id} and is not in the store"
                for endpoint in wanted_by(parcel):
                    if (event_id, endpoint) not in self._arrivals:
                        yield f"LOST: {parcel.provider_id} was acknowledged as {event_id} and never reached {endpoint}"

    def identities(self) -> Iterator[str]:
        """One provider id is one event, however often it was sent."""
        for parcel in self._ledger.parcels:
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
        """After the last start everything came to its end."""
        for delivery in self._evidence.deliveries:
            if delivery.state != "delivered":
                yield f"STUCK: delivery {delivery.id} to {delivery.endpoint} is {delivery.state}"
        for event in self._events.values():
            if event.status != "processed":
                yield f"STUCK: event {event.id} of {event.source} is {event.status}"
        for status, count in self._ledger.answers.items():
            if status not in (200, 503):
                yield f"REFUSED: {count} genuine requests were answered {status}"

    # -- the numbers -----------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """What happened, in numbers. Call after ``problems``."""
        parcels = self._ledger.parcels
        stored = {event.provider_id for event in self._evidence.events}
        return {
            "events sent": len(parcels),
            "acknowledged": sum(1 for parcel in parcels if parcel.promised),
            "  after an unknown outcome": sum(1 for p in parcels if p.promised and p.unknown),
            "  acknowledgements that said duplicate": self._ledger.duplicates,
            "unknown outcome, not sent again": sum(1 for p in parcels if p.given_up and not p.promised),
            "  stored and delivered all the same": sum(
                1 for p in parcels if not p.promised and p.provider_id in stored
            ),
            "events in the store": len(self._evidence.events),
            "delivered, then forgotten by retention": sum(
                1 for p in parcels if p.promised and p.source == SHORT_LIVED and p.provider_id not in stored
            ),
            "requests at the receiver": sum(len(arrivals) for arrivals in self._arrivals.values()),
            **self._reckoning.counts(),
        }

    def _sent_as(self) -> dict[str, Parcel]:
        """Who sent each event id: by the store, by the acknowledgement, and for what was forgotten by its body."""
        by_body = {parcel.body: parcel for parcel in self._ledger.parcels if parcel.source == SHORT_LIVED}
        found = {id: by_body[a[0].body] for (id, _), a in self._arrivals.items() if a[0].body in by_body}
        found |= {event_id: parcel for parcel in self._ledger.parcels for event_id in parcel.acknowledged}
        stored = self._events.values()
        return found | {e.id: self._parcels[e.provider_id] for e in stored if e.provider_id in self._parcels}
