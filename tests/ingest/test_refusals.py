"""Every refusal has its own status and cause, is answered in one shape, counted, and kept with its cause."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hookline.core.model import DEFAULT_ORG, Headers
from hookline.core.notice import RequestRejected
from tests.ingest.asking import JSON_LINE, SECRETS, HungUp, Reply, Street, street

BODY = b'{"n":1}'
OTHER_ORG = "org_other"


async def refused(place: Street, reply: Reply, status: int, cause: str, *, complete: bool = True) -> None:
    """It was refused like this, and all of it is on record."""
    assert (reply.status, reply.json["code"]) == (status, cause)
    assert set(reply.json) == {"code", "detail"}
    assert reply.json["detail"]
    assert reply.headers[b"content-type"] == b"application/json"
    assert reply.headers[b"content-length"] == b"%d" % len(reply.body)
    kept = (await place.rejections())[0]
    assert (kept.cause, kept.status, kept.complete) == (cause, status, complete)
    assert kept.detail == reply.json["detail"]
    assert (kept.received_at_ms, kept.event_id) == (place.clock.now_ms(), "")
    said = place.notices[-1]
    assert said == RequestRejected(kept.source_name, cause, status, kept.request.client, True)


# -- who may speak at all -------------------------------------------------------------------------------


async def test_an_address_without_a_source_is_404(place: Street) -> None:
    await refused(place, await place.ask("nobody"), 404, "unknown_source")
    assert (await place.rejection()).source_name == "nobody"


@pytest.mark.parametrize("path", ["", "/", "shop/", "shop/more", "SHOP", "shop%20", "..", "shop\x00", "é" * 300])
async def test_what_is_not_quite_the_name_of_a_source_is_404(place: Street, path: str) -> None:
    await place.source()
    await refused(place, await place.ask(path), 404, "unknown_source")
    assert len((await place.rejection()).source_name) <= 100


async def test_a_disabled_source_is_404(place: Street) -> None:
    await place.source(enabled=False)
    await refused(place, await place.ask(), 404, "unknown_source")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_a_method_that_the_provider_does_not_use_is_405(place: Street, method: str) -> None:
    await place.source("github", "github")
    reply = await place.ask("github", BODY, place.signed("github", BODY), method=method)
    await refused(place, reply, 405, "method_not_allowed")
    assert reply.headers[b"allow"] == b"POST"  # RFC 9110 §15.5.6
    assert (await place.rejection()).request.method == method


async def test_a_head_request_is_answered_without_a_body(place: Street) -> None:
    await place.source("github", "github")
    reply = await place.ask("github", b"", method="HEAD")
    assert (reply.status, reply.body) == (405, b"")
    assert int(reply.headers[b"content-length"]) > 0


async def test_methods_can_be_chosen(place: Street) -> None:
    await place.source(methods=["PUT"])
    assert (await place.ask(method="PUT")).status == 200
    reply = await place.ask(method="POST")
    await refused(place, reply, 405, "method_not_allowed")


async def test_plain_http_is_403_where_https_is_asked_for(place: Street) -> None:
    await place.source(require_https=True)
    await refused(place, await place.ask(scheme="http"), 403, "https_required")
    assert (await place.ask(scheme="https")).status == 200


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ("192.0.2.7", 200),
        ("192.0.2.8", 403),
        ("198.51.100.255", 200),
        ("2001:db8::1", 200),
        ("2001:db9::1", 403),
        ("::ffff:192.0.2.7", 403),
        (None, 403),
        ("unix-socket", 403),
    ],
)
async def test_an_address_that_is_not_allowed_is_403(place: Street, client: str | None, status: int) -> None:
    await place.source(allow_ips=["192.0.2.7", "198.51.100.0/24", "2001:db8::/32"])
    reply = await place.ask(client=client)
    assert reply.status == status
    if status == 403:
        await refused(place, reply, 403, "address_not_allowed")


@pytest.mark.parametrize("kind", [b"text/plain", b"", b"application/xml", b"application/jsonp", b"\xff", b"json"])
async def test_a_content_type_that_is_not_accepted_is_415(place: Street, kind: bytes) -> None:
    await place.source(content_types=["json", "form"])
    await refused(place, await place.ask(headers=[(b"content-type", kind)]), 415, "unsupported_content_type")


@pytest.mark.parametrize(
    "kind", [b"application/json", b"Application/JSON; charset=utf-8", b"application/cloudevents+json"]
)
async def test_the_spelling_of_a_content_type_does_not_matter(place: Street, kind: bytes) -> None:
    await place.source(content_types=["json"])
    assert (await place.ask(headers=[(b"content-type", kind)])).status == 200


# -- how much -------------------------------------------------------------------------------------------


async def test_a_body_that_says_it_is_too_large_is_413_before_it_is_read(place: Street) -> None:
    await place.source(max_body=1000)
    reply = await place.ask(body=[b"x"] * 9, headers=[JSON_LINE, (b"content-length", b"1001")])
    await refused(place, reply, 413, "body_too_large", complete=False)
    assert place.given == 0
    assert reply.headers[b"connection"] == b"close"


async def test_a_body_that_becomes_too_large_is_413_as_soon_as_it_is(place: Street) -> None:
    await place.source(max_body=1000)
    reply = await place.ask(body=[b"x" * 400] * 100)
    await refused(place, reply, 413, "body_too_large", complete=False)
    assert place.given == 3
    assert (await place.rejection()).request.body == b""


async def test_a_body_that_is_as_large_as_allowed_is_taken(place: Street) -> None:
    await place.source(max_body=1000, content_types=["any"])
    for body in (b"x" * 1000, [b"x" * 500, b"x" * 500]):
        assert (await place.ask(body=body, headers=[(b"content-length", b"1000")])).status == 200
    for body in (b"y" * 1001, [b"y" * 500, b"y" * 501]):
        assert (await place.ask(body=body, headers=())).status == 413


async def test_the_server_bounds_what_a_source_may_allow() -> None:
    async with street(max_body_bytes=100) as place:
        await place.source(max_body="1MB")
        assert (await place.ask(body=b"1" * 101)).status == 413


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"0x10", b" 7", b"9" * 5000, b"", b"\xb2", b"7, 7"])
async def test_a_strange_length_is_no_exception(place: Street, length: bytes) -> None:
    await place.source()
    assert (await place.ask(headers=[JSON_LINE, (b"content-length", length)])).status in (200, 413)


# -- how often ------------------------------------------------------------------------------------------


async def test_more_than_the_limit_of_an_address_is_429_with_the_time_to_wait(place: Street) -> None:
    await place.source(client_rate_limit="2/m", dedupe={"by": "none"})
    assert [(await place.ask()).status for _ in range(2)] == [200, 200]
    reply = await place.ask()
    await refused(place, reply, 429, "rate_limited")
    assert reply.headers[b"retry-after"] in (b"30", b"31")
    assert (await place.ask(client="192.0.2.8")).status == 200
    place.advance(31)
    assert (await place.ask()).status == 200


async def test_more_than_the_limit_of_a_source_is_429_with_the_time_to_wait(place: Street) -> None:
    await place.source("github", "github", rate_limit="2/m")
    for number in range(2):
        assert (await place.genuine("github", BODY, event_id=f"evt-{number}")).status == 200
    reply = await place.genuine("github", BODY, event_id="evt-3")
    await refused(place, reply, 429, "rate_limited")
    assert reply.headers[b"retry-after"] in (b"30", b"31")


async def test_strangers_cannot_use_up_the_limit_of_a_source(place: Street) -> None:
    await place.source("github", "github", rate_limit="1/h")
    for _ in range(5):
        assert (await place.ask("github", BODY, place.signed("github", BODY, secret="guessed"))).status == 401
    assert (await place.genuine("github", BODY)).status == 200


async def test_a_limit_that_was_changed_counts_at_once(place: Street) -> None:
    await place.source(client_rate_limit="1/h", dedupe={"by": "none"})
    assert [(await place.ask()).status for _ in range(2)] == [200, 429]
    await place.source(client_rate_limit="2/h", dedupe={"by": "none"})
    assert [(await place.ask()).status for _ in range(3)] == [200, 200, 429]


# -- whether it speaks the truth ------------------------------------------------------------------------


def without(headers: Headers, *names: bytes) -> Headers:
    return tuple(line for line in headers if line[0].lower() not in names)


def replaced(headers: Headers, name: bytes, value: bytes) -> Headers:
    return tuple((one, value if one.lower() == name else old) for one, old in headers)


@pytest.fixture
async def signed_place(place: Street) -> AsyncIterator[Street]:
    for provider in SECRETS:
        await place.source(provider.replace("_", "-"), provider)
    yield place


GITHUB = b"x-hub-signature-256"


@pytest.mark.parametrize(
    ("provider", "change", "cause"),
    [
        ("github", lambda lines: without(lines, GITHUB, b"x-hub-signature"), "missing_signature"),
        ("github", lambda lines: replaced(lines, GITHUB, b"sha256=" + b"0" * 64), "bad_signature"),
        ("github", lambda lines: replaced(lines, GITHUB, b"sha256=not hexadecimal"), "malformed_signature"),
        ("github", lambda lines: replaced(lines, GITHUB, b""), "missing_signature"),
        ("github", lambda lines: (*lines, (GITHUB, b"sha256=" + b"0" * 64)), "repeated_signature"),
        ("shopify", lambda lines: replaced(lines, b"x-shopify-hmac-sha256", b"AAAA"), "bad_signature"),
        ("stripe", lambda lines: replaced(lines, b"stripe-signature", b"v1=" + b"0" * 64), "missing_timestamp"),
        (
            "stripe",
            lambda lines: replaced(lines, b"stripe-signature", b"t=soon,v1=" + b"0" * 64),
            "malformed_timestamp",
        ),
        ("slack", lambda lines: without(lines, b"x-slack-request-timestamp"), "missing_timestamp"),
        ("slack", lambda lines: replaced(lines, b"x-slack-request-timestamp", b"now"), "malformed_timestamp"),
        ("standard_webhooks", lambda lines: without(lines, b"webhook-id"), "missing_header"),
        ("standard_webhooks", lambda lines: replaced(lines, b"webhook-id", b"another"), "bad_signature"),
    ],
)
async def test_a_signature_that_is_not_right_is_401(
    signed_place: Street, provider: str, change: object, cause: str
) -> None:
    place = signed_place
    lines = change(place.signed(provider, BODY))  # type: ignore[operator]
    reply = await place.ask(provider.replace("_", "-"), BODY, lines)
    await refused(place, reply, 401, cause)
    assert (await place.rejection()).request.body == BODY
    assert await place.events() == []


@pytest.mark.parametrize("provider", SECRETS)
async def test_a_body_that_was_changed_on_its_way_is_401(signed_place: Street, provider: str) -> None:
    place = signed_place
    reply = await place.ask(provider.replace("_", "-"), BODY + b" ", place.signed(provider, BODY))
    await refused(place, reply, 401, "bad_signature")


@pytest.mark.parametrize("provider", SECRETS)
async def test_a_signature_under_another_secret_is_401(signed_place: Street, provider: str) -> None:
    place = signed_place
    secret = "whsec_YW5vdGhlci1ub3QtcmVhbC1zZWNyZXQtMDEyMzQ1Njc="
    await refused(place, await place.genuine(provider, BODY, secret=secret), 401, "bad_signature")


@pytest.mark.parametrize("provider", ["stripe", "slack", "standard_webhooks"])
@pytest.mark.parametrize(
    ("offset_s", "cause"), [(-301, "stale_timestamp"), (301, "future_timestamp"), (-299, None), (299, None)]
)
async def test_a_timestamp_that_is_not_of_now_is_401(
    signed_place: Street, provider: str, offset_s: int, cause: str | None
) -> None:
    place = signed_place
    reply = await place.genuine(provider, BODY, now_s=place.clock.now_ms() / 1000 + offset_s)
    if cause is None:
        assert reply.status == 200
    else:
        await refused(place, reply, 401, cause)


async def test_a_source_may_be_stricter_about_time(place: Street) -> None:
    await place.source("stripe", "stripe", tolerance="2m")
    sent_s = place.clock.now_ms() / 1000 - 121
    await refused(place, await place.genuine("stripe", BODY, now_s=sent_s), 401, "stale_timestamp")


async def test_a_source_without_a_fitting_secret_says_so(place: Street) -> None:
    public = "whpk_" + "A" * 43 + "="
    await place.source("standard-webhooks", "standard_webhooks", secrets=[public])
    await refused(place, await place.genuine("standard_webhooks", BODY), 401, "no_secret")


async def test_what_is_refused_says_nothing_of_the_secret(signed_place: Street) -> None:
    place = signed_place
    for provider in SECRETS:
        reply = await place.ask(provider.replace("_", "-"), BODY + b" ", place.signed(provider, BODY))
        right = {value for _, value in place.signed(provider, BODY + b" ") if len(value) > 40}
        assert SECRETS[provider].encode() not in reply.body
        assert not any(value in reply.body for value in right)


# -- what it says ---------------------------------------------------------------------------------------

SCHEMA = {"order.*": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}}


async def test_a_body_that_contradicts_its_schema_is_422_where_the_source_says_so(place: Street) -> None:
    await place.source("stripe", "stripe", schemas=SCHEMA, on_schema_mismatch="refuse")
    body = b'{"type":"order.paid","id":"seven"}'
    reply = await place.genuine("stripe", body)
    await refused(place, reply, 422, "schema_mismatch")
    assert "/id" in reply.json["detail"]
    assert (await place.genuine("stripe", b'{"type":"order.paid","id":7}')).status == 200


async def test_a_known_body_under_another_unsigned_id_is_409_where_the_source_says_so(place: Street) -> None:
    await place.source("github", "github", dedupe={"replay_guard": "refuse"})
    first = await place.genuine("github", BODY, event_id="one")
    reply = await place.genuine("github", BODY, event_id="two")
    await refused(place, reply, 409, "replayed")
    assert first.json["id"] in reply.json["detail"]
    assert (await place.genuine("github", BODY, event_id="one")).json["duplicate"] is True


# -- senders that do not finish -------------------------------------------------------------------------


async def test_a_body_that_does_not_come_in_time_is_408() -> None:
    async with street(body_timeout_s=0.02) as place:
        await place.source()
        reply = await place.ask(body=[b"{"], end="silent")
        await refused(place, reply, 408, "body_timeout", complete=False)
        assert reply.headers[b"connection"] == b"close"


async def test_a_late_body_is_on_record_at_its_own_organisation() -> None:
    async with street(body_timeout_s=0.02) as place:
        theirs = await place.source(org_id=OTHER_ORG)
        assert (await place.ask(theirs.id, [b"{"], end="silent")).status == 408
        assert await place.rejections(DEFAULT_ORG) == []
        assert (await place.rejection(OTHER_ORG)).source_name == "shop"


async def test_who_is_refused_anyway_gains_nothing_by_being_slow() -> None:
    async with street(body_timeout_s=0.02) as place:
        reply = await place.ask("nobody", [b"{"], end="silent")
        await refused(place, reply, 404, "unknown_source", complete=False)


@pytest.mark.parametrize("chunks", [[], [b'{"n"'], [b"", b""]])
async def test_who_hangs_up_before_the_end_is_not_answered_and_leaves_nothing(
    place: Street, chunks: list[bytes]
) -> None:
    await place.source()
    with pytest.raises(HungUp):
        await place.ask(body=chunks, end="gone")
    assert await place.events() == []
    assert (await place.ask()).status == 200


async def test_more_bodies_at_once_than_there_is_memory_for_are_503(
    place: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.ingest.body.MOST_BYTES_UNDER_WAY", 100)
    await place.source()
    for _ in range(3):  # what was refused takes no room any more
        reply = await place.ask(body=[b"[1,", b"2]" + b" " * 100])
        assert (reply.status, reply.json["code"], reply.headers[b"retry-after"]) == (503, "too_busy", b"1")
    assert await place.events() == []
    for number in range(5):
        assert (await place.ask(body=[b"[%d," % number, b"2]" + b" " * 60])).status == 200


# -- the store ------------------------------------------------------------------------------------------


async def test_a_store_that_is_closed_is_503_and_never_a_promise(place: Street) -> None:
    await place.source()
    await place.store.close()
    reply = await place.ask()
    assert (reply.status, reply.json["code"], reply.headers[b"retry-after"]) == (503, "store_unavailable", b"1")
    assert (await place.ask("nobody")).status == 404  # what needs no store is still said
    assert place.notices[-1] == RequestRejected("nobody", "unknown_source", 404, "192.0.2.7", False)


async def test_a_store_that_is_busy_is_503_and_never_a_promise(place: Street) -> None:
    await place.source()
    place.store.database._writer._most_waiting = 0  # type: ignore[attr-defined]
    reply = await place.ask()
    assert (reply.status, reply.json["code"], reply.headers[b"retry-after"]) == (503, "store_busy", b"1")
    place.store.database._writer._most_waiting = 10  # type: ignore[attr-defined]
    assert await place.events() == []
    assert (await place.ask()).status == 200


async def test_a_disk_that_is_full_is_503_and_never_a_promise(place: Street) -> None:
    await place.source()
    connection = place.store.database._connection  # type: ignore[attr-defined]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    reply = await place.ask(body=b'"' + b"x" * 50_000 + b'"')
    assert (reply.status, reply.json["code"]) == (503, "store_unavailable")
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert await place.events() == []
    assert (await place.ask(body=b'"' + b"x" * 50_000 + b'"')).json["duplicate"] is False


async def test_a_flood_of_refusals_is_counted_but_no_longer_kept(
    place: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.ingest.http.MOST_WAITING_FOR_REJECTIONS", 0)
    reply = await place.ask("nobody")
    assert reply.status == 404
    assert await place.rejections() == []
    assert place.notices == [RequestRejected("nobody", "unknown_source", 404, "192.0.2.7", False)]


async def test_refusals_are_bounded_in_number_also_without_housekeeping() -> None:
    async with street(rejections_max=50) as place:
        for _ in range(300):
            await place.ask("nobody")
        assert len(await place.store.rejections.find(DEFAULT_ORG, limit=1000)) <= 50 + 106


async def test_the_body_of_a_refused_request_is_kept_up_to_a_bound(place: Street) -> None:
    await place.source("github", "github")
    for size, complete in ((262_144, True), (262_145, False)):
        reply = await place.ask("github", b"x" * size, place.signed("github", b""))
        await refused(place, reply, 401, "bad_signature", complete=complete)
        assert len((await place.rejections())[0].request.body) == (size if complete else 0)
