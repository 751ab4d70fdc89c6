"""The lane of one endpoint: its own small queue, its own limits. Nothing in it can slow another endpoint.

A lane holds only what it can send soon; a backlog lives in the database.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import NamedTuple

from hookline.core.bucket import Bucket
from hookline.core.clock import Timer
from hookline.core.errors import InvalidInput
from hookline.core.model import Endpoint, EndpointState, Source, Work
from hookline.core.providers import registry
from hookline.core.target import Target
from hookline.delivery.attempt import signer_of
from hookline.delivery.breaker import Breaker
from hookline.delivery.cluster import ALONE, Cluster
from hookline.delivery.room import Tally

#: A lease covers a wait in the queue as long as one timeout, the attempt itself, and this for good measure.
LEASE_MARGIN_MS = 15_000
#: What a lane that sends in order takes in at once, to send it one by one: so many results share one claim.
IN_ORDER_AT_ONCE = 10


class Finding(NamedTuple):
    """How an endpoint is, as far as its answers tell."""

    state: EndpointState = EndpointState.ACTIVE
    reason: str = ""
    failing_since_ms: int = 0


class Lane:
    """Everything the dispatcher knows of one endpoint. ``shared`` is the rate of all endpoints of its source."""

    def __init__(
        self,
        endpoint: Endpoint,
        source: Source | None,
        shared: Bucket | None,
        now_ms: int,
        cluster: Cluster = ALONE,
    ) -> None:
        self._cluster = cluster
        self.queue: deque[Work] = deque()
        self.workers = 0
        self.claiming = False
        self.next_due_ms: int | None = None  #: when the database owes this endpoint something, as far as we know
        self.hold_until_ms = 0  #: the receiver, or a rate, asks to wait
        self.turn_ms: int | None = None  #: when the turn comes that was booked at the shared rate
        self.timer: Timer | None = None
        self.timer_at_ms = 0
        self.taken = Tally()
        self.used = True  #: since lanes were last forgotten
        self.forgotten = False
        self.removed = False  #: the endpoint is gone
        self.noting = False  #: what was found is being written down
        self.disabling = False  #: that it is disabled is being written down
        self.paused = False  #: nothing is sent, and what it is owed waits
        self.shared: Bucket | None = None
        self.breaker = Breaker(endpoint.pause_after_failures)
        self.configure(endpoint, source, shared, now_ms)
        if endpoint.state is EndpointState.FAILING:
            self.breaker.open(now_ms)

    # -- what it works by --------------------------------------------------------------------------------

    def configure(self, endpoint: Endpoint, source: Source | None, shared: Bucket | None, now_ms: int) -> None:
        """Work by this version of the endpoint from now on."""
        self.origin = endpoint  #: as the routing has it
        self.endpoint = endpoint  #: as the database has it, which the routing is not told of every finding
        self.disabling = False
        self.finding = self.noted = _found_in(endpoint)
        self.hold_until_ms = 0
        if endpoint.state is not EndpointState.FAILING:
            self.breaker = Breaker(endpoint.pause_after_failures)  # also when a person resumed it: begin anew
        self.fifo = endpoint.fifo
        self.bucket = Bucket(endpoint.rate_limit, now_ms) if endpoint.rate_limit is not None else None
        self.timeout_ms = int(endpoint.timeout_s * 1000)
        self.lease_ms = 2 * self.timeout_ms + LEASE_MARGIN_MS
        try:
            self.target: Target | None = Target.parse(endpoint.url)
            self.problem = ""
        except InvalidInput as error:
            self.target, self.problem = None, error.message
        self.belong_to(source, shared, now_ms)

    def belong_to(self, source: Source | None, shared: Bucket | None, now_ms: int) -> None:
        """Work by this version of the source from now on."""
        if shared is not self.shared and self.turn_ms is not None:
            self.give_turn_back()
            self.hold_until_ms = 0
        self.source, self.shared = source, shared
        self.paused = self.disabling or self._is_held()
        self.is_limited = shared is not None or self.bucket is not None
        self.sender_secrets = registry.for_source(source).secret_headers if source is not None else frozenset()
        self.renew_signer(now_ms)
        self.spread(self._cluster)

    def spread(self, cluster: Cluster) -> None:
        """Take this server's part of what may be sent to the endpoint at once, from now on.

        What must be kept as a whole, an order or a rate or a concurrency that is too small for all, the home keeps.
        """
        self._cluster = cluster
        shared = self.source if self.shared is not None else None
        whole = 1 if self.fifo else self.endpoint.concurrency
        self.is_home = cluster.is_home(shared.id if shared is not None else self.endpoint.id)
        self.has_one_sender = self.fifo or self.is_limited or whole < cluster.size
        self.concurrency = whole if self.has_one_sender else whole // cluster.size
        self.capacity = self._most = self._most_held()

    @property
    def is_elsewhere(self) -> bool:
        """Whether another server sends everything to this endpoint."""
        return self.has_one_sender and not self.is_home

    def renew_signer(self, now_ms: int) -> None:
        """Sign with the secrets that count now, until the first of them ends."""
        self.signer, self.signer_until_ms = signer_of(self.endpoint, self.source, now_ms)

    def close(self) -> None:
        """Send nothing more."""
        self.paused = True
        self.give_turn_back()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def reopen(self) -> None:
        """It was closed, and is not disabled after all."""
        self.disabling = False
        self.paused = self.removed or self._is_held()

    def _is_held(self) -> bool:
        """Whether nothing is sent: a person wants it so, or nobody knows what its source keeps secret."""
        return self.source is None or self.endpoint.state in (EndpointState.PAUSED, EndpointState.DISABLED)

    @property
    def is_sent_to(self) -> bool:
        """Whether what it is owed will be sent sooner or later; otherwise it has to be ended."""
        return not self.removed and self.endpoint.state is not EndpointState.DISABLED

    def note_due(self, due_at_ms: int | None) -> None:
        """The database owes this endpoint something at that time."""
        if due_at_ms is not None and (self.next_due_ms is None or due_at_ms < self.next_due_ms):
            self.next_due_ms = due_at_ms

    def note_finding(self, finding: Finding) -> None:
        """What was found is written down: when a person changes it, that is a change."""
        self.noted = finding
        if not self.paused:
            state, reason, failing_since_ms = finding
            self.endpoint = replace(self.endpoint, state=state, state_reason=reason, failing_since_ms=failing_since_ms)

    # -- how much it takes in ----------------------------------------------------------------------------

    def _most_held(self) -> int:
        """What is in flight and as much again; no more than a rate limit lets through within a lease."""
        most = IN_ORDER_AT_ONCE if self.fifo else 2 * self.concurrency
        limit = self.endpoint.rate_limit
        if limit is not None:
            most = min(most, max(1, int(limit.count / limit.per_s * self.endpoint.timeout_s)))
        return most

    @property
    def room(self) -> int:
        """How many more deliveries may be taken in."""
        return self.capacity - self.taken.total

    def takes_new(self, now_ms: int) -> bool:
        """Whether what is being stored may be born leased. Asked on the writer's thread.

        Never what must go in order: there may be older ones in the database.
        """
        return (
            self.room > 0
            and not (self.fifo or self.paused or self.forgotten or self.breaker.is_open or self.is_elsewhere)
            and now_ms >= self.hold_until_ms
        )

    def claims(self) -> int:
        """How many deliveries should be claimed now."""
        if self.is_elsewhere:
            return 0
        if self.fifo:
            if self.workers or self.queue:
                return 0  # the one after the next depends on what becomes of the next
            return 1 if self.breaker.has_failed else self.room  # what stands behind a failure only goes back
        if self.breaker.is_open:
            return 0 if self.workers else 1
        if len(self.queue) * 2 > self.concurrency:
            return 0  # in batches, not one by one
        return self.room

    # -- when it may send --------------------------------------------------------------------------------

    def closed_until_ms(self) -> int:
        """Nothing may be sent before this; 0 when it may."""
        return max(self.hold_until_ms, self.breaker.open_until_ms)

    def may_start(self, now_ms: int) -> bool:
        """Whether one more attempt may run beside those that run."""
        if self.paused or now_ms < self.closed_until_ms():
            return False
        return self.workers < (1 if self.breaker.is_open else self.concurrency)

    def may_go_on(self, now_ms: int) -> bool:
        """Whether a worker of this lane may make a further attempt."""
        if self.paused or now_ms < self.closed_until_ms():
            return False
        return self.workers <= (1 if self.breaker.is_open else self.concurrency)

    def take_turn(self, now_ms: int) -> int:
        """0 when the rates let an attempt begin now, which counts as begun; else the milliseconds to wait.

        At the rate that it shares with others a lane books one turn at a time. So the turns go round.
        """
        if self.bucket is not None and (wait_ms := self.bucket.wait_ms(now_ms)):
            return wait_ms
        if self.shared is not None:
            if self.turn_ms is None:
                wait_ms = self.shared.book(now_ms)
                self.turn_ms = now_ms + wait_ms
                # No more than its turns bring within a timeout: the rest would only wait here for its lease to end.
                self.capacity = min(self._most, max(1, self.timeout_ms // wait_ms)) if wait_ms else self._most
            if self.turn_ms > now_ms:
                return self.turn_ms - now_ms
            self.turn_ms = None
        if self.bucket is not None:
            self.bucket.take(now_ms)
        return 0

    def give_turn_back(self) -> None:
        """A turn that was booked is not needed."""
        if self.turn_ms is not None and self.shared is not None:
            self.shared.give_back()
        self.turn_ms = None

    def needs_turn(self) -> bool:
        """Whether there will be something to send when the turn comes, as far as we know."""
        if self.queue or self.claiming or self.turn_ms is None:
            return True
        return self.next_due_ms is not None and self.next_due_ms <= max(self.turn_ms, self.hold_until_ms)

    def is_idle(self, now_ms: int) -> bool:
        """Whether nothing would be missed: a lane made anew would be the same."""
        if self.queue or self.workers or self.claiming or self.noting or self.disabling or self.taken.total:
            return False
        if self.paused:
            return True
        if self.next_due_ms is not None or self.turn_ms is not None or self.breaker.has_failed:
            return False
        if self.hold_until_ms > now_ms or self.finding != _found_in(self.origin):
            return False
        return self.bucket is None or self.bucket.is_full(now_ms)


def _found_in(endpoint: Endpoint) -> Finding:
    return Finding(endpoint.state, endpoint.state_reason, endpoint.failing_since_ms)
