"""Which lanes there are: made when first needed, agreeing with the routing, forgotten when they have nothing to do.

Tens of thousands of endpoints may be known and few of them busy, so an endpoint costs nothing until something is
owed to it. The first delivery after that finds no lane, is stored unleased and claimed: one query more than those
that follow.

The store's writer asks for lanes while the event loop forgets them. A reservation that the writer makes at that
very moment must not be lost with the lane: the writer takes its place and then looks whether the lane is
forgotten, the loop marks it forgotten and then looks whether a place was taken. Whichever comes second sees it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hookline.core.bucket import Bucket
from hookline.core.clock import Clock
from hookline.core.model import Endpoint, EndpointState, Source
from hookline.delivery.cluster import ALONE, Cluster
from hookline.delivery.lane import Lane
from hookline.storage.routing import Routing
from hookline.storage.store import Store

#: Lanes that may be made before those that were not used meanwhile are forgotten.
MADE_BEFORE_FORGETTING = 1_000


class Lanes:
    """The lanes of all endpoints that are sent to, or were a moment ago."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lanes: dict[str, Lane] = {}
        self._leaving: dict[str, Lane] = {}  #: of endpoints that are gone, while attempts are under way
        self._shared: dict[str, Bucket] = {}  #: the rates of sources
        self._routing: Routing | None = None  #: what the lanes agree with
        self._forget_at = MADE_BEFORE_FORGETTING
        self.cluster = ALONE

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def get(self, endpoint_id: str) -> Lane | None:
        """The lane of an endpoint, if there is one. May be asked on any thread."""
        return self._lanes.get(endpoint_id)

    def need(self, endpoint_id: str) -> Lane | None:
        """The lane of an endpoint; None when nothing is sent to it: there is no such endpoint, or it is disabled."""
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            endpoint = self._known(endpoint_id)
            if endpoint is None or endpoint.state is EndpointState.DISABLED:
                return None
            lane = self._make(endpoint)
        lane.used = True
        return lane if lane.is_sent_to else None

    def knows(self, endpoint_id: str) -> bool:
        """Whether there is such an endpoint."""
        return self._known(endpoint_id) is not None

    def has_under_way(self, endpoint_id: str) -> bool:
        """Whether attempts are still under way, whose end is to be recorded as it is."""
        lane = self._lanes.get(endpoint_id) or self._leaving.get(endpoint_id)
        return lane is not None and lane.workers > 0

    def left(self, lane: Lane) -> None:
        """The last attempt to an endpoint that is not sent to any more has ended."""
        self._leaving.pop(lane.endpoint.id, None)

    # -- agreeing with the routing -----------------------------------------------------------------------

    def agree(self) -> list[Lane]:
        """Make the lanes agree with the routing, when it is a new one; those that changed.

        The same one again would know less than the lanes do: what an endpoint's answers tell changes no routing.
        """
        routing = self._store.routing
        if routing is self._routing:
            return []
        self._routing = routing
        differing = [lane for lane in self._lanes.values() if not _agrees(lane, routing)]
        return [lane for lane in differing if self._change(lane, routing)]

    def _change(self, lane: Lane, routing: Routing) -> bool:
        endpoint = routing.endpoints.get(lane.endpoint.id)
        if endpoint is None:
            self._remove(lane)
            return True
        now_ms = self._clock.now_ms()
        source = routing.sources.get(endpoint.source_id)
        shared = self._shared_by(source, now_ms)
        if endpoint is not lane.origin and endpoint != lane.endpoint:  # the very same one may know less than the lane
            lane.configure(endpoint, source, shared, now_ms)
            return True
        lane.origin = endpoint
        if source is lane.source:
            return False
        lane.belong_to(source, shared, now_ms)
        return True

    def _remove(self, lane: Lane) -> None:
        del self._lanes[lane.endpoint.id]
        lane.removed = True
        lane.close()
        if lane.workers:
            self._leaving[lane.endpoint.id] = lane

    def _known(self, endpoint_id: str) -> Endpoint | None:
        return self._routing.endpoints.get(endpoint_id) if self._routing is not None else None

    # -- making and forgetting ---------------------------------------------------------------------------

    def _make(self, endpoint: Endpoint) -> Lane:
        assert self._routing is not None
        if len(self._lanes) >= self._forget_at:
            self._forget_idle()
        now_ms = self._clock.now_ms()
        source = self._routing.sources.get(endpoint.source_id)
        shared = self._shared_by(source, now_ms)
        lane = self._lanes[endpoint.id] = Lane(endpoint, source, shared, now_ms, self.cluster)
        return lane

    def is_home(self, endpoint_id: str) -> bool:
        """Whether this server is the home of an endpoint; those that share a rate have the same one."""
        endpoint = self._known(endpoint_id)
        source = self._routing.sources.get(endpoint.source_id) if endpoint is not None and self._routing else None
        shares_rate = source is not None and source.delivery_rate is not None
        return self.cluster.is_home(source.id if source is not None and shares_rate else endpoint_id)

    def spread(self, cluster: Cluster) -> None:
        """Share the work with these servers from now on."""
        self.cluster = cluster
        for lane in self:
            lane.spread(cluster)

    def _shared_by(self, source: Source | None, now_ms: int) -> Bucket | None:
        """The bucket that all endpoints of a source draw from."""
        if source is None or source.delivery_rate is None:
            return None
        bucket = self._shared.get(source.id)
        if bucket is None or bucket.limit != source.delivery_rate:
            bucket = self._shared[source.id] = Bucket(source.delivery_rate, now_ms)
        return bucket

    def _forget_idle(self) -> None:
        """Forget the lanes that were not used since this was last done and would be made anew as they are."""
        now_ms = self._clock.now_ms()
        for lane in self:
            if lane.used:
                lane.used = False
            elif lane.is_idle(now_ms):
                self._forget(lane)
        self._forget_at = len(self._lanes) + max(MADE_BEFORE_FORGETTING, len(self._lanes) // 2)
        in_use = {id(lane.shared) for lane in self._lanes.values()}
        self._shared = {
            source_id: bucket
            for source_id, bucket in self._shared.items()
            if id(bucket) in in_use or not bucket.is_full(now_ms)
        }

    def _forget(self, lane: Lane) -> None:
        lane.forgotten = True
        if lane.taken.total:  # the writer took a place just now: it stays
            lane.forgotten = False
            return
        lane.close()
        del self._lanes[lane.endpoint.id]


def _agrees(lane: Lane, routing: Routing) -> bool:
    return routing.endpoints.get(lane.origin.id) is lane.origin and (
        routing.sources.get(lane.origin.source_id) is lane.source
    )
