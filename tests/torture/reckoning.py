"""Why the receiver sees some requests more than once: every one of them has to have a reason.

Every attempt that reached the receiver is either on record in the store, or something kept its server from recording
it: that was killed, paused for so long that the others declared it dead, or cut off from its database. A delivery is
tried again only after the try before was recorded, or by somebody else after such an interruption. So of each
delivery, each interruption can leave at most one attempt unrecorded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hookline.testing.receiver import Received
from tests.torture.evidence import Evidence, StoredAttempt, StoredDelivery
from tests.torture.findings import Findings, Interruption

#: Why the receiver sees a request more than once.
AGAIN = "  more than one of a kind"
RETRIED = "    tried again after a failure"
IN_FLIGHT = "    in flight when "
REPLAYED = "    replayed because we asked for it"
FORGOTTEN = "    of events that retention has taken since"

#: An interruption meets what arrived so long before it: the answer and the record of it take their time.
REACH_S = 5.0
#: The clocks are the same, but they are read at different moments, and one of them counts whole milliseconds.
INEXACT_S = 0.25
#: A server that is paused after it began an attempt and before it sent anything measures none of that.
LATE_S = 15.0


@dataclass(slots=True)
class _Doubles:
    """What was found out about all deliveries."""

    failed: int = 0  #: arrivals whose attempt is on record as a failure, after which it was tried again
    replayed: int = 0
    interrupted: Counter[str] = field(default_factory=Counter)  #: arrivals that are not on record, by cause


class Reckoning:
    """The requests of one door at the receiver, held against the attempts on record."""

    def __init__(self, arrivals: list[Received], evidence: Evidence, found: Findings, replays: int) -> None:
        self._evidence, self._replays = evidence, replays
        self._offset_s = found.wall_offset_s
        self._interruptions = sorted(found.interruptions, key=lambda each: each.ended_at_s)
        self._ends = [each.ended_at_s for each in self._interruptions]
        #: The requests by event and endpoint, each in the order of their coming.
        self.arrivals: dict[tuple[str, str], list[Received]] = defaultdict(list)
        for arrival in arrivals:
            self.arrivals[arrival.header("webhook-id") or "", arrival.path.strip("/")].append(arrival)
        self._doubles = _Doubles()

    def problems(self) -> Iterator[str]:
        """Every arrival is an attempt on record, or an interruption kept it from being recorded."""
        attempts: dict[str, list[StoredAttempt]] = defaultdict(list)
        for attempt in self._evidence.attempts:
            attempts[attempt.delivery_id].append(attempt)
        for delivery in self._evidence.deliveries:
            yield from self._explain(delivery, sorted(attempts[delivery.id], key=lambda each: each.started_at_ms))
        numbers = self.counts()
        if numbers[AGAIN] != sum(number for name, number in numbers.items() if name != AGAIN):
            yield f"UNEXPLAINED: there are more requests at the receiver than reasons for them: {numbers}"

    def counts(self) -> dict[str, int]:
        """The doubles and their reasons. Call after ``problems``."""
        kept = {(delivery.event_id, delivery.endpoint) for delivery in self._evidence.deliveries}
        doubles = self._doubles
        return {
            AGAIN: sum(len(arrivals) - 1 for arrivals in self.arrivals.values()),
            RETRIED: doubles.failed,
            **{f"{IN_FLIGHT}{cause}": count for cause, count in sorted(doubles.interrupted.items())},
            REPLAYED: doubles.replayed,
            FORGOTTEN: sum(len(arrivals) - 1 for pair, arrivals in self.arrivals.items() if pair not in kept),
        }

    def _explain(self, delivery: StoredDelivery, attempts: list[StoredAttempt]) -> Iterator[str]:
        arrivals = self.arrivals.get((delivery.event_id, delivery.endpoint), [])
        unrecorded, unseen = self._match(arrivals, attempts)
        for attempt in unseen:
            if attempt.status:
                yield f"UNEXPLAINED: an attempt of {delivery.id} is on record as {attempt.status} and never arrived"
        yield from self._unrecorded(delivery, unrecorded)
        succeeded = sum(attempt.status == 200 for attempt in attempts)
        failed = sum(attempt.status != 200 for attempt in attempts if attempt not in unseen)
        self._doubles.failed += max(0, failed - 1) if delivery.state == "dead" else failed
        self._doubles.replayed += max(0, succeeded - 1)
        if succeeded > 1 + self._replays:
            yield f"TWICE: delivery {delivery.id} succeeded {succeeded} times on record"

    def _match(
        self, arrivals: list[Received], attempts: Iterable[StoredAttempt]
    ) -> tuple[list[Received], list[StoredAttempt]]:
        """Arrivals that no attempt on record made, and attempts on record that did not arrive.

        Each made the first that came after it began. Those that were answered are sought first: what never was may not
        have arrived at all.
        """
        unrecorded, unseen = list(arrivals), []
        for attempt in sorted(attempts, key=lambda each: each.status == 0):
            start_s = attempt.started_at_ms / 1000 - self._offset_s - INEXACT_S
            end_s = attempt.ended_at_ms / 1000 - self._offset_s + LATE_S
            made = next((one for one in unrecorded if start_s <= one.at <= end_s), None)
            if made is None:
                unseen.append(attempt)
            else:
                unrecorded.remove(made)
        return unrecorded, unseen

    def _unrecorded(self, delivery: StoredDelivery, arrivals: list[Received]) -> Iterator[str]:
        """Each needs an interruption of its own."""
        used: list[Interruption] = []
        for arrival in arrivals:
            cause = next((each for each in self._met_by(arrival.at) if each not in used), None)
            if cause is None:
                yield (
                    f"UNEXPLAINED: delivery {delivery.id} to {delivery.endpoint} arrived at {arrival.at:.3f} s, "
                    "which is not on record, and nothing happened then"
                )
            else:
                used.append(cause)
                self._doubles.interrupted[cause.cause] += 1

    def _met_by(self, at_s: float) -> Iterator[Interruption]:
        """The interruptions that may have kept what arrived then from being recorded, by their ends."""
        for each in self._interruptions[bisect_left(self._ends, at_s - INEXACT_S) :]:
            if each.began_at_s - REACH_S <= at_s:
                yield each
