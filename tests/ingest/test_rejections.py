"""A second chance: what was refused becomes an event when the configuration was mended."""

from __future__ import annotations

import pytest

from hookline.config.endpoint_spec import EndpointSpec
from hookline.core.errors import NotFound, VerificationError
from hookline.core.model import DEFAULT_ORG
from hookline.storage.base import Receipt
from hookline.storage.catalogue import PutEndpoint
from hookline.testing.store_suite.world import FakeWorker
from tests.ingest.asking import JSON_LINE, SECRETS, Street

BODY = b'{"n":1}'
TEXT = (b"content-type", b"text/plain")


async def accept(place: Street) -> Receipt:
    """Accept the only rejection."""
    return await place.door.accept_rejection(DEFAULT_ORG, (await place.rejection()).id)


async def still_refused(place: Street, cause: str) -> None:
    with pytest.raises(VerificationError) as refused:
        await accept(place)
    assert refused.value.cause == cause
    assert (await place.rejection()).event_id == ""
    assert await place.events() == []


async def accepted(place: Street) -> None:
    receipt = await accept(place)
    event = await place.event()
    assert (receipt.event_id, receipt.duplicate) == (event.id, False)
    kept = await place.rejection()
    assert kept.event_id == event.id
    assert event.request == kept.request
    assert event.received_at_ms == place.clock.now_ms()


async def test_a_wrong_secret_that_was_mended(place: Street) -> None:
    await place.source("github", "github", secrets=["not-the-right-one-0123456789"])
    assert (await place.genuine("github", BODY)).status == 401
    await still_refused(place, "bad_signature")
    await place.source("github", "github")
    place.advance(3600)
    await accepted(place)
    assert (await place.event()).verification == "verified"


async def test_a_signature_is_as_fresh_as_it_was_when_it_came(place: Street) -> None:
    await place.source("stripe", "stripe", secrets=["whsec_not-the-right-one-0123456789"])
    assert (await place.genuine("stripe", b'{"id":"evt-1","type":"a"}')).status == 401
    await place.source("stripe", "stripe")
    place.advance(7 * 86_400)
    await accepted(place)


async def test_a_stale_signature_stays_stale_until_the_tolerance_is_raised(place: Street) -> None:
    await place.source("stripe", "stripe")
    sent_s = place.clock.now_ms() / 1000 - 3600
    assert (await place.genuine("stripe", b'{"id":"evt-1","type":"a"}', now_s=sent_s)).status == 401
    await still_refused(place, "stale_timestamp")
    await place.source("stripe", "stripe", tolerance="2h")
    await accepted(place)


async def test_a_source_that_was_missing(place: Street) -> None:
    assert (await place.genuine("github", BODY)).status == 404
    await still_refused(place, "unknown_source")
    await place.source("github", "github")
    await accepted(place)


async def test_a_source_that_was_missing_still_asks_for_a_signature(place: Street) -> None:
    assert (await place.ask("github", BODY)).status == 404
    await place.source("github", "github")
    await still_refused(place, "missing_signature")


@pytest.mark.parametrize(
    ("before", "after", "how", "cause"),
    [
        ({"methods": ["POST"]}, {"methods": ["PUT"]}, {"method": "PUT"}, "method_not_allowed"),
        ({"content_types": ["json"]}, {"content_types": ["text"]}, {"headers": [TEXT]}, "unsupported_content_type"),
        ({"require_https": True}, {}, {}, "https_required"),
        ({"allow_ips": ["198.51.100.1"]}, {"allow_ips": ["192.0.2.0/24"]}, {}, "address_not_allowed"),
    ],
)
async def test_a_rule_that_was_too_strict(
    place: Street, before: dict[str, object], after: dict[str, object], how: dict[str, object], cause: str
) -> None:
    await place.source(**before)  # type: ignore[arg-type]
    assert (await place.ask(**how)).json["code"] == cause  # type: ignore[arg-type]
    await still_refused(place, cause)
    await place.source(**after)  # type: ignore[arg-type]
    await accepted(place)


async def test_a_request_that_came_too_often_is_accepted_by_hand(place: Street) -> None:
    await place.source(client_rate_limit="1/h", rate_limit="1/h", dedupe={"by": "none"})
    assert [(await place.ask()).status for _ in range(2)] == [200, 429]
    first = await place.event()
    receipt = await accept(place)
    assert {event.id for event in await place.events()} == {first.id, receipt.event_id}


async def test_a_schema_that_was_wrong(place: Street) -> None:
    await place.source(schemas={"*": {"type": "array"}}, on_schema_mismatch="refuse")
    assert (await place.ask()).status == 422
    await still_refused(place, "schema_mismatch")
    await place.source(schemas={"*": {"type": "object"}}, on_schema_mismatch="refuse")
    await accepted(place)


async def test_a_body_that_was_not_kept_cannot_be_accepted(place: Street) -> None:
    await place.source(max_body=1000)
    assert (await place.ask(body=b"x" * 1001)).status == 413
    await place.source(max_body=5000)
    await still_refused(place, "body_too_large")


async def test_what_arrived_in_between_is_not_stored_twice(place: Street) -> None:
    await place.source("github", "github", secrets=["not-the-right-one-0123456789"])
    await place.genuine("github", BODY, event_id="evt-1")
    await place.source("github", "github")
    assert (await place.genuine("github", BODY, event_id="evt-1")).status == 200  # the provider tried again
    receipt = await accept(place)
    assert (receipt.event_id, receipt.duplicate) == ((await place.event()).id, True)


async def test_a_rejection_that_was_accepted_is_accepted_only_once(place: Street) -> None:
    await place.source(allow_ips=["198.51.100.1"], dedupe={"by": "none"})
    await place.ask()
    await place.source(dedupe={"by": "none"})
    first = await accept(place)
    again = await accept(place)
    assert (again.event_id, again.duplicate, again.status) == (first.event_id, True, "ignored")
    assert len(await place.events()) == 1


async def test_an_accepted_rejection_is_delivered(place: Street) -> None:
    worker = FakeWorker()
    place.store.hand_over_to(worker)
    await place.ask("shop")
    source = await place.source()
    spec = EndpointSpec.model_validate({"name": "ledger", "url": "http://127.0.0.1:9/"})
    endpoint = await place.store.catalogue.put_endpoint(PutEndpoint(DEFAULT_ORG, source.id, spec, (), 0))
    assert (await accept(place)).deliveries == 1
    assert worker.owed_to == [endpoint.id]


async def test_a_handshake_has_no_event_in_it(place: Street) -> None:
    await place.source("slack", "slack", secrets=["not-the-right-one-0123456789"])
    await place.genuine("slack", b'{"type":"url_verification","challenge":"fake"}')
    await place.source("slack", "slack")
    await still_refused(place, "handshake")


async def test_a_replay_stays_a_replay(place: Street) -> None:
    await place.source("github", "github", dedupe={"replay_guard": "refuse"})
    await place.genuine("github", BODY, event_id="one")
    assert (await place.genuine("github", BODY, event_id="two")).status == 409
    with pytest.raises(VerificationError, match="under another id"):
        await accept(place)
    assert len(await place.events()) == 1


async def test_only_its_own_organisation_accepts_a_rejection(place: Street) -> None:
    await place.ask("shop")
    rejection_id = (await place.rejection()).id
    for org_id, wanted in (("org_other", rejection_id), (DEFAULT_ORG, "rej_0")):
        with pytest.raises(NotFound):
            await place.door.accept_rejection(org_id, wanted)


async def test_a_refused_request_is_kept_exactly_as_it_came(place: Street) -> None:
    wire = [(b"X-B", b"\xff"), (b"x-a", b""), (b"X-B", b"2"), (b"Content-Type", b"application/json")]
    await place.ask("nobody", b"\x00\xff", wire, more={"hookline.wire_headers": wire, "query_string": b"a=%20"})
    request = (await place.rejection()).request
    assert (request.headers, request.body, request.query) == (tuple(wire), b"\x00\xff", b"a=%20")
    assert SECRETS["github"].encode() not in request.body
    assert JSON_LINE not in request.headers  # the names keep their case
