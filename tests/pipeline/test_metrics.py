"""What monitors are told agrees with what happened."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from hookline.core.model import EndpointState
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop

JSON = ((b"Content-Type", b"application/json"),)


class Metrics:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The value of one series, 0 when there is none yet."""
        return self._samples.get((f"hookline_{name}", *sorted(labels.items())), 0.0)


async def scrape(service: Service) -> Metrics:
    answer = await service.get("/metrics")
    assert answer.status == 200
    return Metrics(answer.body.decode())


async def test_metrics_count_what_happened(serve: Serve, receiver: Receiver, closed_port: str) -> None:
    clock = FakeClock()
    receiver.script([500, 500], path="/bad")
    good = {"name": "good", "url": f"{receiver.url}/good", "events": ["order.*"]}
    bad = {"name": "bad", "url": f"{receiver.url}/bad", "events": ["bad"], "retry": {"schedule": ["1h"]}}
    held = {"name": "held", "url": f"{receiver.url}/held", "events": ["held"]}
    shut = {"name": "shut", "url": closed_port, "events": ["shut"], "retry": {"schedule": []}}
    service = await serve(shop(good, bad, held, shut), clock=clock)
    await service.set_state("held", EndpointState.PAUSED)
    for _ in range(5):
        await service.publish("order.paid", event_id="evt-same")
    await service.publish("order.sent")
    for event_type in ("bad", "held", "held", "shut", "nobody"):
        await service.publish(event_type)
    for _ in range(3):
        assert (await service.send("shop", b"{}", JSON)).status == 401
    for name in ("nowhere", "elsewhere"):
        assert (await service.send(name, b"{}", JSON)).status == 404
    await service.notices.settled("delivered", count=2)
    await service.notices.settled("waiting")
    clock.jump_to(clock.now_ms() + 4_000_000)
    await service.notices.settled("dead", count=2)

    metrics = await scrape(service)
    assert metrics("events_accepted_total", source="shop") == 7
    assert metrics("events_duplicate_total", source="shop") == 4
    assert metrics("events_ignored_total", source="shop") == 1
    assert metrics("requests_rejected_total", source="shop", cause="missing_signature") == 3
    assert metrics("requests_rejected_total", source="", cause="unknown_source") == 2
    states = {state: metrics("attempts_total", state=state) for state in ("delivered", "waiting", "dead")}
    assert states == {"delivered": 2, "waiting": 1, "dead": 2}
    assert metrics("attempt_errors_total", error="connect_refused") == 1
    assert metrics("attempt_duration_seconds_count") == 5
    assert metrics("queue_depth", endpoint="shop/held") == 2
    assert metrics("queue_oldest_age_seconds", endpoint="shop/held") == 4_000
    assert metrics("queue_depth", endpoint="shop/good") == 0
    assert metrics("service_failures_total", service="dispatcher") == 0


async def test_the_queue_empties_in_the_metrics_when_it_empties(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    service = await serve(shop({"name": "held", "url": receiver.url}), clock=clock)
    await service.set_state("held", EndpointState.PAUSED)
    await service.publish()
    assert (await scrape(service))("queue_depth", endpoint="shop/held") == 1
    await service.set_state("held", EndpointState.ACTIVE)
    await service.notices.settled("delivered")
    clock.jump_to(clock.now_ms() + 10_000)
    assert (await scrape(service))("queue_depth", endpoint="shop/held") == 0


async def test_a_server_that_works_is_live_and_ready(serve: Serve) -> None:
    service = await serve(shop())
    for path in ("/healthz", "/readyz"):
        assert (await service.get(path)).json() == {"status": "ok"}
