"""Prometheus metrics: counted from notices as they happen, gauges read from the store when asked."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from hookline.core import notice
from hookline.core.notice import Notice
from hookline.observe.histogram import HistogramOf

#: From a fast neighbour to the longest timeout, in seconds.
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)

CONTENT_TYPE = CONTENT_TYPE_LATEST

#: Refused requests name sources that may not exist; a scanner must not be able to make endless series.
_MOST_UNKNOWN = "unknown_source"


# A second series per counter, which says when this process began to count: nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics of one server, in a registry of its own. Names begin with ``hookline_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # What was said since it was last counted: the library's counters take a lock each time, a dict does not.
        self._pending: dict[tuple[Counter, tuple[str, ...]], int] = {}
        self._accepted = self._counter("events_accepted", "Events stored, by source.", "source")
        self._ignored = self._counter("events_ignored", "Events that no endpoint wanted.", "source")
        self._review = self._counter("events_held", "Events held back until a person has looked.", "source")
        self._duplicates = self._counter("events_duplicate", "Requests that carried a known event.", "source")
        self._rejected = self._counter("requests_rejected", "Refused requests, by cause.", "source", "cause")
        self._unkept = self._counter("rejections_unkept", "Refused requests that were too many to keep.", "source")
        self._handshakes = self._counter("handshakes", "Handshakes answered.", "source")
        self._attempts = self._counter("attempts", "Attempts, by what became of the delivery.", "state")
        self._errors = self._counter("attempt_errors", "Attempts without a response, by error.", "error")
        self._lost = self._counter("leases_lost", "Attempts that ended after their lease.")
        self._failures = self._counter("service_failures", "Errors that a background service met.", "service")
        self._expired = self._counter("events_expired", "Events removed by retention.")
        durations = HistogramOf("hookline_attempt_duration_seconds", "How long attempts took.", _DURATIONS)
        self.registry.register(durations)
        self._took = durations.observe
        self._depth = self._gauge("queue_depth", "Deliveries that are owed, by endpoint.", "endpoint")
        self._oldest = self._gauge("queue_oldest_age_seconds", "Age of the oldest owed delivery.", "endpoint")
        self._waiting = self._gauge("store_waiting", "Writes that wait for their commit.")
        self._nodes = self._gauge("nodes", "Servers that work on this database, as far as this one knows.")
        self._nodes.set(1)
        self._handlers: dict[type[Notice], Callable[..., None]] = {
            notice.EventAccepted: self._on_accepted,
            notice.EventDuplicate: lambda n: self._add(self._duplicates, n.source),
            notice.RequestRejected: self._on_rejected,
            notice.HandshakeAnswered: lambda n: self._add(self._handshakes, n.source),
            notice.AttemptMade: self._on_attempt,
            notice.LeaseLost: lambda n: self._add(self._lost),
            notice.ServiceFailed: lambda n: self._add(self._failures, n.service),
            notice.RetentionDone: lambda n: self._expired.inc(n.events),
        }

    def sink(self, said: Notice) -> None:
        """Count a notice."""
        handler = self._handlers.get(type(said))
        if handler is not None:
            handler(said)

    def set_queue(self, endpoint: str, depth: int, oldest_age_s: float) -> None:
        """What an endpoint is owed now."""
        self._depth.labels(endpoint).set(depth)
        self._oldest.labels(endpoint).set(oldest_age_s)

    def clear_queue(self) -> None:
        """Forget all endpoints, before they are set anew."""
        self._depth.clear()
        self._oldest.clear()

    def set_waiting(self, writes: int) -> None:
        """How many writes wait for their commit."""
        self._waiting.set(writes)

    def set_nodes(self, servers: int) -> None:
        """How many servers there are."""
        self._nodes.set(servers)

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        self._count_pending()
        return generate_latest(self.registry)

    def _on_accepted(self, said: notice.EventAccepted) -> None:
        self._add(self._accepted, said.source)
        if said.status == "ignored":
            self._add(self._ignored, said.source)
        elif said.status == "needs_review":
            self._add(self._review, said.source)

    def _on_rejected(self, said: notice.RequestRejected) -> None:
        source = "" if said.cause == _MOST_UNKNOWN else said.source
        self._add(self._rejected, source, said.cause)
        if not said.kept:
            self._add(self._unkept, source)

    def _on_attempt(self, said: notice.AttemptMade) -> None:
        self._add(self._attempts, said.state)
        if said.error:
            self._add(self._errors, said.error)
        self._took(said.duration_ms / 1000)

    def _add(self, counter: Counter, *labels: str) -> None:
        key = (counter, labels)
        self._pending[key] = self._pending.get(key, 0) + 1

    def _count_pending(self) -> None:
        for (counter, labels), count in self._pending.items():
            (counter.labels(*labels) if labels else counter).inc(count)
        self._pending.clear()

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"hookline_{name}", words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"hookline_{name}", words, labels, registry=self.registry)
