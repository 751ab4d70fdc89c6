"""Judging: what the outcome of an attempt means for the endpoint as a whole.

What is found is written down when it changes, so that a restart forgets none of it:

- since when it fails: from the first failure after a success until the next success;
- whether its breaker holds it back;
- that it is disabled, by a 410, or because it has failed for ``disable_after`` and a delivery died of it or a probe
  of the breaker failed. (An endpoint that is owed much may be probed for weeks before any one delivery has used up
  its schedule, each probe being another delivery.)

While one note of a lane is being written, further ones wait and become one: an endpoint that fails every other time
costs no more than one write per commit.
"""

from __future__ import annotations

import math

from hookline.core import rfc3339
from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.model import Endpoint, EndpointState, Settlement, Source, SourceKind
from hookline.core.notice import EndpointDisabled, EndpointPaused, EndpointResumed, Notify, ServiceFailed
from hookline.core.state import DeliveryState
from hookline.delivery import attempt
from hookline.delivery.busy import Busy
from hookline.delivery.claims import Claims
from hookline.delivery.lane import Finding, Lane
from hookline.delivery.outcome import Outcome
from hookline.delivery.settler import STORE_PAUSE_MS
from hookline.storage.store import Store

FAILING = "failing"

#: The longest that a whole endpoint is left alone because one answer asked to wait.
LONGEST_HOLD_S = 300.0


class Judge:
    """Judges endpoints. ``disable_after_s`` is for endpoints of applications that do not say."""

    def __init__(
        self, store: Store, clock: Clock, notify: Notify, busy: Busy, claims: Claims, *, disable_after_s: float
    ) -> None:
        self._store, self._clock, self._notify, self._busy = store, clock, notify, busy
        self._claims, self._disable_after_s = claims, disable_after_s

    def judge(self, lane: Lane, outcome: Outcome, settlement: Settlement, now_ms: int) -> None:
        """Draw the conclusions from one attempt."""
        if attempt.succeeded(outcome):
            self._succeeded(lane)
        else:
            self._failed(lane, outcome, settlement, now_ms)

    def _succeeded(self, lane: Lane) -> None:
        if lane.breaker.succeeded():
            self._notify(EndpointResumed(lane.endpoint.id))
        if lane.finding.failing_since_ms or lane.finding.state is EndpointState.FAILING:
            self._find(lane, Finding())

    def _failed(self, lane: Lane, outcome: Outcome, settlement: Settlement, now_ms: int) -> None:
        state, reason, failing_since_ms = lane.finding
        found = Finding(state, reason, failing_since_ms or now_ms)
        last = outcome.error or f"http_{outcome.status}"
        if outcome.status == 410:
            self._disable(lane, found, "410 Gone", "the endpoint answered 410 Gone")
            return
        wait_s = attempt.retry_after_s(outcome, now_ms)
        if wait_s is not None:
            lane.hold_until_ms = max(lane.hold_until_ms, now_ms + round(min(wait_s, LONGEST_HOLD_S) * 1000))
        died = settlement.state == DeliveryState.DEAD or lane.breaker.is_open
        if died and self._failed_for_long(lane, found, now_ms):
            words = f"nothing but failures since {rfc3339.text(found.failing_since_ms)}, the last: {last}"
            self._disable(lane, found, FAILING, words)
            return
        if lane.breaker.failed(now_ms):
            self._notify(EndpointPaused(lane.endpoint.id, last))
            words = f"{lane.endpoint.pause_after_failures} failures in a row, the last: {last}"
            found = found._replace(state=EndpointState.FAILING, reason=words)
        self._find(lane, found)

    def _failed_for_long(self, lane: Lane, found: Finding, now_ms: int) -> bool:
        limit_s = self._limit_s(lane.endpoint, lane.source)
        return now_ms - found.failing_since_ms >= limit_s * 1000

    def _limit_s(self, endpoint: Endpoint, source: Source | None) -> float:
        if endpoint.disable_after_s is not None:
            return endpoint.disable_after_s
        if source is None or source.kind is SourceKind.PROVIDER:
            return math.inf
        return self._disable_after_s

    # -- writing it down -------------------------------------------------------------------------------

    def _find(self, lane: Lane, finding: Finding) -> None:
        lane.finding = finding
        if finding != lane.noted and not lane.noting:
            lane.noting = True
            self._busy.spawn(self._note(lane))

    async def _note(self, lane: Lane) -> None:
        """Write down what was found, and what was found meanwhile. When it is refused, the next attempt tries again."""
        try:
            while (finding := lane.finding) != lane.noted and not lane.paused:
                await self._write(lane, finding)
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
        finally:
            lane.noting = False

    async def _write(self, lane: Lane, finding: Finding) -> None:
        await self._store.catalogue.note_endpoint_state(
            lane.endpoint.id,
            finding.state,
            finding.reason,
            self._clock.now_ms(),
            failing_since_ms=finding.failing_since_ms,
        )
        lane.note_finding(finding)

    def _disable(self, lane: Lane, finding: Finding, reason: str, words: str) -> None:
        """Send nothing more from this moment on, and have that recorded."""
        lane.finding = finding
        lane.disabling = True
        lane.close()
        self._busy.spawn(self._record_disabled(lane, reason, words))

    async def _record_disabled(self, lane: Lane, reason: str, words: str) -> None:
        endpoint_id, now_ms = lane.endpoint.id, self._clock.now_ms()
        try:
            if reason == FAILING and await self._succeeded_elsewhere(lane):
                return
            self._notify(EndpointDisabled(endpoint_id, reason))
            if lane.finding != lane.noted:  # whoever is told of it is told since when
                await self._write(lane, lane.finding)
            await self._store.catalogue.set_endpoint_state(endpoint_id, EndpointState.DISABLED, words, now_ms)
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            lane.reopen()  # the next answer will say the same
            self._claims.wake_at(lane, now_ms + STORE_PAUSE_MS)

    async def _succeeded_elsewhere(self, lane: Lane) -> bool:
        """Whether the endpoint answered another server meanwhile: then it has failed only since that."""
        if not self._store.database.shared:
            return False
        answered_ms = await self._store.attempts.last_success_ms(lane.endpoint.id, lane.finding.failing_since_ms)
        if answered_ms is None:
            return False
        lane.finding = lane.finding._replace(failing_since_ms=answered_ms + 1)
        lane.reopen()
        self._find(lane, lane.finding)
        self._claims.refill(lane)
        return True
