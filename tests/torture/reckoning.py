"""Why the receiver sees some requests more than once: every one of them has to have a reason.

Every attempt that reached the receiver is either on record in the store or was in flight when its server was
killed. A server that holds a lease tries a delivery again only after the try before was recorded, so each life
of the server can leave at most one unrecorded attempt of a delivery, and only a life that was killed can.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator

from hookline.testing.receiver import Received
from tests.torture.evidence import Evidence, StoredDelivery
from tests.torture.findings import Life

#: Why the receiver sees a request more than once.
AGAIN = "  more than one of a kind"
RETRIED = "    tried again after a 500"
IN_FLIGHT = "    in flight when the server was killed"
REPLAYED = "    replayed because we asked for it"
FORGOTTEN = "    of events that retention has taken since"


class Reckoning:
    """The requests of one door at the receiver, held against the attempts on record."""

    def __init__(self, arrivals: list[Received], evidence: Evidence, lives: list[Life], replays: int) -> None:
        self._evidence, self._lives, self._replays = evidence, lives, replays
        #: The requests by event and endpoint, each in the order of their coming.
        self.arrivals: dict[tuple[str, str], list[Received]] = defaultdict(list)
        for arrival in arrivals:
            self.arrivals[arrival.header("webhook-id") or "", arrival.path.strip("/")].append(arrival)
        self._in_flight = 0
        self._replayed = 0

    def problems(self) -> Iterator[str]:
        """Every arrival is an attempt on record, or was in flight when its server was killed."""
        recorded: Counter[tuple[str, int]] = Counter()
        succeeded: Counter[str] = Counter()
        starts_ms = [life.started_at_ms for life in self._lives]
        for attempt in self._evidence.attempts:
            if attempt.status:
                recorded[attempt.delivery_id, bisect_right(starts_ms, attempt.started_at_ms) - 1] += 1
                succeeded[attempt.delivery_id] += attempt.status == 200
        for delivery in self._evidence.deliveries:
            for life, count in self._arrivals_by_life(delivery).items():
                yield from self._missing(delivery, life, count - recorded[delivery.id, life])
            self._replayed += max(0, succeeded[delivery.id] - 1)
            if succeeded[delivery.id] > 1 + self._replays:
                yield f"TWICE: delivery {delivery.id} succeeded {succeeded[delivery.id]} times on record"
        numbers = self.counts()
        if numbers[AGAIN] != sum(numbers[name] for name in (RETRIED, IN_FLIGHT, REPLAYED, FORGOTTEN)):
            yield f"UNEXPLAINED: there are more requests at the receiver than reasons for them: {numbers}"

    def counts(self) -> dict[str, int]:
        """The doubles and their reasons. Call after ``problems``."""
        kept = {(delivery.event_id, delivery.endpoint) for delivery in self._evidence.deliveries}
        failed = sum(1 for attempt in self._evidence.attempts if attempt.status not in (0, 200))
        given_up = sum(1 for delivery in self._evidence.deliveries if delivery.state == "dead")
        return {
            AGAIN: sum(len(arrivals) - 1 for arrivals in self.arrivals.values()),
            RETRIED: failed - given_up,
            IN_FLIGHT: self._in_flight,
            REPLAYED: self._replayed,
            FORGOTTEN: sum(len(arrivals) - 1 for pair, arrivals in self.arrivals.items() if pair not in kept),
        }

    def _missing(self, delivery: StoredDelivery, life: int, unrecorded: int) -> Iterator[str]:
        self._in_flight += max(0, unrecorded)
        if unrecorded > 1 or unrecorded < 0:
            yield f"UNEXPLAINED: delivery {delivery.id} has {unrecorded} unrecorded attempts in life {life}"
        elif unrecorded and not self._lives[life].killed:
            yield f"UNEXPLAINED: delivery {delivery.id} has an unrecorded attempt in a life that ended in peace"

    def _arrivals_by_life(self, delivery: StoredDelivery) -> Counter[int]:
        starts_s = [life.started_at_s for life in self._lives]
        arrivals = self.arrivals.get((delivery.event_id, delivery.endpoint), [])
        return Counter(bisect_right(starts_s, arrival.at) - 1 for arrival in arrivals)
