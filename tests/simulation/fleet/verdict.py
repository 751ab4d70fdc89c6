"""What must be true of a fleet in the end, whatever happened to its servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from hookline.core.notice import LeaseLost, NodeDied, NodeLost, ServiceFailed
from tests.simulation.fleet.fleet import Fleet
from tests.simulation.fleet.wire import Attempt

#: So long after the last thing that happened to the cluster all of its servers agree on who is there: what is dead is
#: found out by five beats, and told with the next.
AGREED_MS = 8_000
#: An attempt that was answered is on record so soon, unless its server was disturbed.
RECORDED_MS = 3_000


class Verdict:
    """Holds what receivers saw against what is stored. ``faults`` is what was wrong, in words."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.faults = list(fleet.faults)
        self.doubles = 0  #: attempts that were made although one before had succeeded, or was under way
        self._by_delivery = defaultdict[tuple[str, str], list[Attempt]](list)
        self._by_url = defaultdict[str, list[Attempt]](list)
        for attempt in fleet.receivers.attempts:
            self._by_delivery[attempt.event_id, attempt.url].append(attempt)
            self._by_url[attempt.url].append(attempt)

    def everything_arrived(self, wanted: dict[str, list[str]], most_attempts: int) -> None:
        """Each message that was acknowledged went to those who want its type (``wanted``), or died by its schedule."""
        for event_id, accepted in self._fleet.accepted.items():
            for uid in wanted[accepted.type]:
                url = f"http://{uid}.example/"
                rows = self._fleet.ask(
                    "SELECT state, failures FROM delivery WHERE event_id = ? AND endpoint_id = ?",
                    event_id,
                    self._fleet.endpoint_ids[url],
                )
                states = [(row["state"], row["failures"]) for row in rows]
                arrived = any(attempt.succeeded for attempt in self._by_delivery[event_id, url])
                if states == [("dead", most_attempts)]:
                    continue
                if not (arrived and [state for state, _ in states] == ["delivered"]):
                    self.faults.append(f"{event_id} is lost to {uid}: {states}, arrived: {arrived}")

    def doubles_are_explained(self) -> None:
        """No delivery is attempted again after a success, or beside itself, unless its server was disturbed in it."""
        for attempts in self._by_delivery.values():
            for place, later in enumerate(attempts):
                before = [one for one in attempts[:place] if one.succeeded or _is_under_way(one, later.began_ms)]
                self.doubles += bool(before)
                for one in before:
                    if not self._is_explained(one):
                        self.faults.append(
                            f"{one.event_id} was sent to {one.url} by {one.process.name} at {one.began_ms}, and again "
                            f"by {later.process.name} at {later.began_ms}, for no reason"
                        )

    def _is_explained(self, attempt: Attempt) -> bool:
        ended_ms = attempt.ended_ms + RECORDED_MS if attempt.ended_ms >= 0 else 1 << 60
        return any(
            one.from_ms <= ended_ms and one.until_ms >= attempt.began_ms
            for one in self._fleet.of(attempt.process).disturbances
        )

    def first_tries_were_prompt(self, url: str, within_ms: int) -> None:
        """Whoever could be sent to at once was tried so soon after the message was acknowledged."""
        first = dict[str, Attempt]()
        for attempt in self._by_url[url]:
            first.setdefault(attempt.event_id, attempt)
        for event_id, accepted in self._fleet.accepted.items():
            if event_id in first and (waited_ms := first[event_id].began_ms - accepted.at_ms) > within_ms:
                self.faults.append(f"{event_id}, accepted at {accepted.at_ms}, waited {waited_ms} ms for {url}")

    def order_was_kept(self, url: str) -> None:
        """Each attempt is for the oldest that is not over; and they are made one at a time."""
        places = {
            row["event_id"]: row["fifo"]
            for row in self._fleet.ask(
                "SELECT event_id, fifo FROM delivery WHERE endpoint_id = ?", self._fleet.endpoint_ids[url]
            )
        }
        latest = 0
        for attempt in self._by_url[url]:
            place = places[attempt.event_id]
            if place < latest:
                self.faults.append(f"{attempt.began_ms}: {attempt.event_id} came to {url} after a later one")
            latest = max(latest, place)
            for other in attempt.beside:
                if not self._is_explained(other):
                    self.faults.append(f"{attempt.began_ms}: {url} was sent two at once")

    def has_one_sender(self, url: str) -> None:
        """While nothing happens to the cluster, one server sends everything to this address."""
        for attempts in self._agreed(url, AGREED_MS):
            senders = {attempt.process.name for attempt in attempts}
            if len(senders) > 1:
                self.faults.append(f"{url} was sent to by {sorted(senders)} from {attempts[0].began_ms} on")

    def concurrency_was_kept(self, url: str, most: int, timeout_ms: int) -> None:
        """While nothing happens to the cluster, no more attempts are under way than the endpoint allows."""
        for attempts in self._agreed(url, AGREED_MS + timeout_ms):
            at_once = max(len(attempt.beside) + 1 for attempt in attempts)
            if at_once > most:
                self.faults.append(f"{url} was sent {at_once} at once after {attempts[0].began_ms}, {most} are allowed")

    def rate_was_kept(self, url: str, count: int, per_s: float) -> None:
        """No server begins more than the rate lets through; and while nothing happens to the cluster, one sends."""
        self.has_one_sender(url)
        by_process = defaultdict[str, list[int]](list)
        for attempt in self._by_url[url]:
            by_process[attempt.process.name].append(attempt.began_ms)
        for name, times in by_process.items():
            for first, begin_ms in enumerate(times):
                for last in range(first + count, len(times)):
                    allowed = count + (times[last] - begin_ms + 2) * count / (per_s * 1000)
                    if last - first + 1 > allowed:
                        self.faults.append(f"{name} sent {url} {last - first + 1} from {begin_ms} to {times[last]}")
                        return

    def nothing_was_disturbed(self) -> None:
        """Nothing was done twice, no lease was lost, nobody was declared dead and no service failed."""
        if self.doubles:
            self.faults.append(f"{self.doubles} attempts were made twice")
        for at_ms, node, said in self._fleet.notices:
            if isinstance(said, ServiceFailed) and node.is_leaving and said.error == "the store is closed":
                continue  # a look that was due when it ended
            if isinstance(said, LeaseLost | NodeDied | NodeLost | ServiceFailed):
                self.faults.append(f"{at_ms}: {node.process.name} says {said}")

    def _agreed(self, url: str, after_ms: int) -> Iterator[list[Attempt]]:
        """The attempts of each stretch of time in which all servers agreed."""
        changes = [*self._fleet.changes_ms, 1 << 60]
        for change_ms, next_ms in pairwise(changes):
            attempts = [one for one in self._by_url[url] if change_ms + after_ms <= one.began_ms < next_ms]
            if attempts:
                yield attempts


def _is_under_way(attempt: Attempt, at_ms: int) -> bool:
    return attempt.ended_ms < 0 or attempt.ended_ms > at_ms
