"""The lane of one endpoint: its own small queue, its own limits. Nothing in it can slow another endpoint.

A lane holds only what it can send soon; a backlog lives in the database.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from hookline.core.bucket import Bucket
from hookline.core.clock import Timer
from hookline.core.errors import InvalidInput
from hookline.core.model import Endpoint, EndpointState, Work
from hookline.core.signature import Signer
from hookline.core.target import Target
from hookline.delivery.breaker import Breaker
from hookline.delivery.room import Tally

#: A lease covers a wait in the queue as long as one timeout, the attempt itself, and this for good measure.
LEASE_MARGIN_MS = 15_000


class Lane:
    """Everything the dispatcher knows of one endpoint."""

    def __init__(self, endpoint: Endpoint, sender_secrets: frozenset[bytes], now_ms: int) -> None:
        self.queue: deque[Work] = deque()
        self.workers = 0
        self.claiming = False
        self.next_due_ms: int | None = None  #: when the database owes this endpoint something, as far as we know
        self.hold_until_ms = 0  #: the receiver, or our own rate limit, asks to wait
        self.timer: Timer | None = None
        self.timer_at_ms = 0
        self.taken = Tally()
        self.configure(endpoint, sender_secrets, now_ms)
        if endpoint.state is EndpointState.FAILING:
            self.breaker.open(now_ms)

    def configure(self, endpoint: Endpoint, sender_secrets: frozenset[bytes], now_ms: int) -> None:
        """Work by this version of the endpoint from now on."""
        self.endpoint = endpoint
        #: A person holds it, or it is not sent to at all.
        self.paused = endpoint.state in (EndpointState.PAUSED, EndpointState.DISABLED)
        self.sender_secrets = sender_secrets
        self.signer = Signer(endpoint.secrets)
        if not (endpoint.state is EndpointState.FAILING and hasattr(self, "breaker")):
            self.breaker = Breaker(endpoint.pause_after_failures)  # also when a person resumed it: begin anew
        self.bucket = Bucket(endpoint.rate_limit, now_ms) if endpoint.rate_limit is not None else None
        self.timeout_ms = int(endpoint.timeout_s * 1000)
        self.lease_ms = 2 * self.timeout_ms + LEASE_MARGIN_MS
        self.capacity = self._capacity()
        try:
            self.target: Target | None = Target.parse(endpoint.url)
            self.problem = ""
        except InvalidInput as error:
            self.target, self.problem = None, error.message

    def note_due(self, due_at_ms: int | None) -> None:
        """The database owes this endpoint something at that time."""
        if due_at_ms is not None and (self.next_due_ms is None or due_at_ms < self.next_due_ms):
            self.next_due_ms = due_at_ms

    def note_state(self, state: EndpointState, reason: str) -> None:
        """What the breaker found is written down: when a person changes it, that is a change."""
        if not self.paused:
            self.endpoint = replace(self.endpoint, state=state, state_reason=reason)

    def _capacity(self) -> int:
        """What is in flight and as much again; no more than a rate limit lets through within a lease."""
        capacity = 2 * self.endpoint.concurrency
        limit = self.endpoint.rate_limit
        if limit is not None:
            capacity = min(capacity, max(1, int(limit.count / limit.per_s * self.endpoint.timeout_s)))
        return capacity

    @property
    def room(self) -> int:
        """How many more deliveries may be taken in."""
        return self.capacity - self.taken.total

    def closed_until_ms(self) -> int:
        """Nothing may be sent before this; 0 when it may."""
        return max(self.hold_until_ms, self.breaker.open_until_ms)

    def may_start(self, now_ms: int) -> bool:
        """Whether one more attempt may run beside those that run."""
        if self.paused or now_ms < self.closed_until_ms():
            return False
        return self.workers < (1 if self.breaker.is_open else self.endpoint.concurrency)

    def may_go_on(self, now_ms: int) -> bool:
        """Whether a worker of this lane may make a further attempt."""
        if self.paused or now_ms < self.closed_until_ms():
            return False
        return self.workers <= (1 if self.breaker.is_open else self.endpoint.concurrency)
