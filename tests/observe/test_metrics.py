"""Metrics: what Prometheus reads after notices were said."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hookline.core import notice
from hookline.core.notice import Notice
from hookline.observe.metrics import CONTENT_TYPE, Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample as ``name{label="value"}``, without times of creation."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def after(*said: Notice) -> dict[str, float]:
    metrics = Metrics()
    for one in said:
        metrics.sink(one)
    return samples(metrics)


def attempt(state: str, duration_ms: float = 30.0, error: str = "") -> notice.AttemptMade:
    return notice.AttemptMade("dlv_1", "msg_1", "ep_1", 1, 0 if error else 200, error, duration_ms, state)


def test_accepted_events_are_counted_by_source_and_by_what_becomes_of_them() -> None:
    found = after(
        notice.EventAccepted("msg_1", "shop", "a", "pending", 1),
        notice.EventAccepted("msg_2", "shop", "a", "ignored", 0),
        notice.EventAccepted("msg_3", "forum", "a", "needs_review", 0),
        notice.EventDuplicate("msg_1", "shop"),
    )
    assert found["hookline_events_accepted_total{source=shop}"] == 2
    assert found["hookline_events_accepted_total{source=forum}"] == 1
    assert found["hookline_events_ignored_total{source=shop}"] == 1
    assert found["hookline_events_held_total{source=forum}"] == 1
    assert found["hookline_events_duplicate_total{source=shop}"] == 1


def test_refused_requests_are_counted_by_cause() -> None:
    found = after(
        notice.RequestRejected("shop", "bad_signature", 401, "192.0.2.7", True),
        notice.RequestRejected("shop", "bad_signature", 401, "192.0.2.7", False),
        notice.RequestRejected("shop", "body_too_large", 413, "192.0.2.7", True),
    )
    assert found["hookline_requests_rejected_total{cause=bad_signature,source=shop}"] == 2
    assert found["hookline_requests_rejected_total{cause=body_too_large,source=shop}"] == 1
    assert found["hookline_rejections_unkept_total{source=shop}"] == 1


def test_a_scanner_cannot_make_endless_series() -> None:
    found = after(*(notice.RequestRejected(f"guess-{n}", "unknown_source", 404, "192.0.2.7", False) for n in range(50)))
    assert found["hookline_requests_rejected_total{cause=unknown_source,source=}"] == 50
    assert found["hookline_rejections_unkept_total{source=}"] == 50
    assert not [name for name in found if "guess" in name]


def test_attempts_are_counted_and_their_durations_fall_into_buckets() -> None:
    found = after(attempt("delivered", 30), attempt("waiting", 700), attempt("dead", 15_000, "timeout"))
    assert found["hookline_attempts_total{state=delivered}"] == 1
    assert found["hookline_attempts_total{state=waiting}"] == 1
    assert found["hookline_attempts_total{state=dead}"] == 1
    assert found["hookline_attempt_errors_total{error=timeout}"] == 1
    assert found["hookline_attempt_duration_seconds_bucket{le=0.025}"] == 0
    assert found["hookline_attempt_duration_seconds_bucket{le=0.05}"] == 1
    assert found["hookline_attempt_duration_seconds_bucket{le=1.0}"] == 2
    assert found["hookline_attempt_duration_seconds_bucket{le=+Inf}"] == 3
    assert found["hookline_attempt_duration_seconds_sum"] == pytest.approx(15.73)


def test_what_goes_wrong_inside_is_counted() -> None:
    found = after(
        notice.LeaseLost("dlv_1"),
        notice.ServiceFailed("watch", "the disk is full"),
        notice.RetentionDone(events=200, rejections=3, keys=4),
        notice.HandshakeAnswered("chat", "slack"),
    )
    assert found["hookline_leases_lost_total"] == 1
    assert found["hookline_service_failures_total{service=watch}"] == 1
    assert found["hookline_events_expired_total"] == 200
    assert found["hookline_handshakes_total{source=chat}"] == 1


def test_gauges_are_set_anew_and_endpoints_that_are_owed_nothing_vanish() -> None:
    metrics = Metrics()
    metrics.set_queue("ep_1", 7, 12.5)
    metrics.set_waiting(3)
    found = samples(metrics)
    assert found["hookline_queue_depth{endpoint=ep_1}"] == 7
    assert found["hookline_queue_oldest_age_seconds{endpoint=ep_1}"] == 12.5
    assert found["hookline_store_waiting"] == 3
    metrics.clear_queue()
    assert "hookline_queue_depth{endpoint=ep_1}" not in samples(metrics)


def test_notices_that_count_nothing_are_let_pass() -> None:
    assert after(notice.Stopped(0), notice.EndpointPaused("ep_1", "x")) == after()


def test_two_servers_in_one_process_count_apart() -> None:
    one, two = Metrics(), Metrics()
    one.sink(notice.LeaseLost("dlv_1"))
    assert samples(one)["hookline_leases_lost_total"] == 1
    assert samples(two)["hookline_leases_lost_total"] == 0


def test_a_label_cannot_break_the_text() -> None:
    found = after(notice.RequestRejected('a"b\\c\nd', "bad_signature", 401, "192.0.2.7", True))
    assert found['hookline_requests_rejected_total{cause=bad_signature,source=a"b\\c\nd}'] == 1


def test_the_text_says_which_format_it_is() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
    for line in Metrics().text().decode().splitlines():
        assert line.startswith(("# HELP hookline_", "# TYPE hookline_", "hookline_"))
