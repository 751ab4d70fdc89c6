"""What a door answers to events, whom it lets speak, what it takes for the same event, and which address it goes by."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hookline.config.spec import SourceSpec
from hookline.core.headers import index
from hookline.core.model import Headers, Request
from hookline.core.providers import registry
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import Scheme
from hookline.core.providers.sign import sign_request
from tests.core.providers.making import pair_of, sample_of
from tests.ingest.asking import JSON_LINE, Reply, Street, street

PUBLIC = "https://hooks.example.com"
SECRET = "not-a-real-secret"
SOAP = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    b'<soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)

#: Status, content type and body of the answer to an event, where the sender asks for a certain one.
REPLIES: dict[str, tuple[int, bytes, bytes]] = {
    "adyen": (200, b"text/plain", b"[accepted]"),
    "airtable": (204, b"application/json", b""),
    "discord": (204, b"application/json", b""),
    "dropbox_sign": (200, b"text/plain", b"Hello API Event Received"),
    "ms_teams": (200, b"application/json", b'{"type":"message","text":"Received."}'),
    "salesforce": (200, b"text/xml", SOAP),
    "twilio": (200, b"text/xml", b'<?xml version="1.0" encoding="UTF-8"?><Response/>'),
    "xero": (200, b"text/plain", b""),
}
#: A body where the guide has none with an event in it.
EVENTS = {
    "mollie": b"id=tr_not_real",
    "xero": b'{"events":[{"eventCategory":"INVOICE","eventType":"UPDATE","resourceId":"r-1"}],"entropy":"NOTRANDOM"}',
    "discord": b'{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}',
}


def now_s(place: Street) -> float:
    return place.clock.now_ms() / 1000


def name_of(provider: Provider) -> str:
    return provider.slug.replace("_", "-")


def scheme_of(slug: str) -> Scheme:
    """The scheme that requests are mostly written in. That of Mollie's classic hooks, which say no id."""
    provider = registry.get(slug)
    return provider.usual_scheme if slug != "mollie" else provider.schemes[1]


def genuine(place: Street, slug: str, body: bytes | None = None, url: str = "", **how: Any) -> Request:
    """A request that the provider could send."""
    provider = registry.get(slug)
    scheme = scheme_of(slug)
    kind, sample = sample_of(provider, scheme)
    if body is None:
        body = EVENTS.get(slug, sample)
    how.setdefault("content_type", kind if slug != "mollie" else "application/x-www-form-urlencoded")
    how.setdefault("scheme", None if scheme is provider.usual_scheme else scheme.id)
    how.setdefault("url", url or f"http://hooks.example.com/webhooks/{name_of(provider)}")
    return sign_request(provider, body=body, secret=pair_of(provider, scheme)[0], now_s=now_s(place), **how)


async def make_source(place: Street, slug: str, **spec: Any) -> None:
    provider = registry.get(slug)
    spec.setdefault("secrets", (pair_of(provider, scheme_of(slug))[1],))
    await place.source(name_of(provider), slug, **spec)


async def pass_on(place: Street, slug: str, request: Request, more: Headers = (), **how: Any) -> Reply:
    headers = ((b"host", b"hooks.example.com"), *request.headers, *more)
    path = name_of(registry.get(slug))
    query = {"query_string": request.query}
    return await place.ask(path, request.body, headers, method=request.method, more=query, **how)


# Answers.


def test_the_table_names_every_sender_that_asks_for_a_certain_answer() -> None:
    assert set(REPLIES) == {row.slug for row in registry.all_providers() if row.reply is not None}


@pytest.mark.parametrize("slug", REPLIES)
async def test_a_sender_gets_the_answer_that_it_asks_for(place: Street, slug: str) -> None:
    await make_source(place, slug)
    reply = await pass_on(place, slug, genuine(place, slug))
    assert (reply.status, reply.headers[b"content-type"], reply.body) == REPLIES[slug]
    length = None if reply.status == 204 else b"%d" % len(reply.body)  # RFC 9110 §8.6
    assert reply.headers.get(b"content-length") == length
    assert len(await place.events()) == 1


@pytest.mark.parametrize("slug", REPLIES)
async def test_a_sender_gets_it_for_what_came_before_too(place: Street, slug: str) -> None:
    await make_source(place, slug)
    request = genuine(place, slug)
    for _ in range(2):
        reply = await pass_on(place, slug, request)
        assert (reply.status, reply.headers[b"content-type"], reply.body) == REPLIES[slug]
    assert len(await place.events()) == 1


@pytest.mark.parametrize("slug", REPLIES)
async def test_a_forged_event_does_not_get_the_answer_of_a_genuine_one(place: Street, slug: str) -> None:
    await make_source(place, slug)
    request = genuine(place, slug)
    reply = await pass_on(place, slug, Request("POST", "", b"", request.headers[:1], {}, b"{}"))
    assert reply.status == 401
    assert not await place.events()


def test_xero_alone_wants_its_refusals_bare() -> None:
    assert [row.slug for row in registry.all_providers() if row.bare_refusals] == ["xero"]


@pytest.mark.parametrize("body", [EVENTS["xero"], b'{"events":[],"entropy":"NOTRANDOM"}'], ids=["event", "intent"])
async def test_xero_is_refused_without_a_word_and_the_cause_is_kept(place: Street, body: bytes) -> None:
    await make_source(place, "xero")
    reply = await place.ask("xero", body, (JSON_LINE, (b"x-xero-signature", b"bm90IGEgcmVhbCBzaWduYXR1cmU=")))
    assert (reply.status, reply.body) == (401, b"")
    assert reply.headers == {b"content-length": b"0"}
    assert (await place.rejection()).cause in ("bad_signature", "malformed_signature")


@pytest.mark.parametrize("slug", ["github", "stripe", "shopify", "slack", "adyen", "twilio"])
async def test_others_are_told_in_json_why_they_are_refused(place: Street, slug: str) -> None:
    await make_source(place, slug)
    reply = await place.ask(slug, b"{}")
    assert (reply.status, reply.headers[b"content-type"]) == (401, b"application/json")
    assert set(reply.json) == {"code", "detail"}


@pytest.mark.parametrize("slug", ["github", "stripe", "shopify"])
async def test_a_sender_without_wishes_gets_the_id_of_its_event_in_json(place: Street, slug: str) -> None:
    await make_source(place, slug)
    request = genuine(place, slug, event_id="evt-1")
    replies = [await pass_on(place, slug, request) for _ in range(2)]
    event = await place.event()
    assert [(reply.status, reply.headers[b"content-type"]) for reply in replies] == [(200, b"application/json")] * 2
    assert [reply.json["id"] for reply in replies] == [event.id] * 2
    assert [reply.json["duplicate"] for reply in replies] == [False, True]


# Published addresses.


NETWORKS = {"github": ["192.0.2.0/24", "2001:db8::/32"], "telegram": ["198.51.100.0/24"]}


async def published_source(place: Street, *more: str) -> None:
    await place.source("github", "github", allow_ips=["published", *more])


async def speak(place: Street, client: str, **how: Any) -> int:
    headers = place.signed("github", b"{}", event_id=f"from {client}")
    return (await place.ask("github", b"{}", [*headers, *how.pop("more_headers", ())], client=client, **how)).status


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ("192.0.2.1", 200),
        ("192.0.2.255", 200),
        ("2001:db8::1", 200),
        ("192.0.3.1", 403),
        ("198.51.100.1", 403),
        ("2001:db9::1", 403),
        ("::ffff:192.0.3.1", 403),
        ("127.0.0.1", 403),
        ("", 403),
        ("not an address", 403),
    ],
)
async def test_a_source_may_listen_only_to_the_addresses_that_its_provider_publishes(client: str, status: int) -> None:
    async with street(published=NETWORKS) as place:
        await published_source(place)
        assert await speak(place, client) == status
        if status == 403:
            assert (await place.rejection()).cause == "address_not_allowed"
            assert not await place.events()


@pytest.mark.parametrize("known", [{}, {"telegram": ["192.0.2.0/24"]}, {"github": []}], ids=["none", "others", "empty"])
async def test_where_no_addresses_are_known_nobody_may_speak(known: dict[str, list[str]]) -> None:
    async with street(published=known) as place:
        await published_source(place)
        assert await speak(place, "192.0.2.1") == 403


async def test_addresses_of_ones_own_may_stand_beside_the_published_ones() -> None:
    async with street(published=NETWORKS) as place:
        await published_source(place, "203.0.113.7")
        assert [await speak(place, one) for one in ("203.0.113.7", "192.0.2.1", "203.0.113.8")] == [200, 200, 403]


async def test_the_address_that_counts_is_that_before_the_proxy() -> None:
    async with street(published=NETWORKS, trusted_proxies=["10.0.0.0/8"]) as place:
        await published_source(place)
        inside = ((b"x-forwarded-for", b"192.0.2.1"),)
        outside = ((b"x-forwarded-for", b"192.0.2.1, 203.0.113.8"),)
        assert await speak(place, "10.0.0.1", more_headers=inside) == 200
        assert await speak(place, "10.0.0.1", more_headers=outside) == 403
        assert await speak(place, "203.0.113.8", more_headers=inside) == 403


@pytest.mark.parametrize("provider", ["shopify", "none", "slack"])
def test_a_provider_that_publishes_no_addresses_cannot_be_limited_to_them(provider: str) -> None:
    with pytest.raises(ValidationError, match="publishes no addresses"):
        SourceSpec.model_validate({"name": "shop", "provider": provider, "allow_ips": ["published"]})


def test_a_sender_that_the_catalogue_does_not_know_cannot_be_limited_to_published_addresses() -> None:
    with pytest.raises(ValidationError, match="publishes no addresses"):
        SourceSpec.model_validate(
            {"name": "shop", "provider": "generic", "signature": {"header": "X-Sig"}, "allow_ips": ["published"]}
        )


# What is the same event.


REPEATS = [row.slug for row in registry.all_providers() if row.repeats_bodies and not row.event_id]


def test_the_senders_whose_bodies_say_nothing_about_identity_are_known() -> None:
    assert REPEATS == ["alertmanager", "dropbox", "grafana", "mollie", "plaid"]


@pytest.mark.parametrize("slug", REPEATS)
async def test_a_sender_whose_events_look_alike_sends_two_events_with_one_body(place: Street, slug: str) -> None:
    await make_source(place, slug)
    for _ in range(2):
        reply = await pass_on(place, slug, genuine(place, slug))
        assert (reply.status, reply.json["duplicate"]) == (200, False)
    first, second = await place.events()
    assert first.request.body == second.request.body
    assert {first.status, second.status} == {"ignored"}  # there is no endpoint, and nothing to review


@pytest.mark.parametrize("slug", REPEATS)
async def test_its_events_can_still_be_told_apart_by_their_content_on_demand(place: Street, slug: str) -> None:
    await make_source(place, slug, dedupe={"by": "content"})
    for _ in range(2):
        assert (await pass_on(place, slug, genuine(place, slug))).status == 200
    assert len(await place.events()) == 1


async def test_messages_of_google_are_told_apart_by_channel_and_number(place: Street) -> None:
    await make_source(place, "google_push")

    async def push(channel: bytes, number: bytes) -> Any:
        headers = ((b"x-goog-channel-id", channel), (b"x-goog-message-number", number))
        more = ((b"x-goog-channel-token", SECRET.encode()), (b"x-goog-resource-state", b"exists"))
        reply = await place.ask("google-push", b"", (*headers, *more))
        assert reply.status == 200
        return reply.json["duplicate"]

    said = [await push(*one) for one in ((b"c1", b"7"), (b"c2", b"7"), (b"c1", b"8"), (b"c1", b"7"), (b"c1x", b"7"))]
    assert said == [False, False, False, True, False]
    assert len(await place.events()) == 4


async def test_a_request_without_a_body_is_told_from_another_by_its_query(place: Street) -> None:
    await place.source("shop", "none", methods=["GET"])

    async def get(query: bytes) -> Any:
        reply = await place.ask(method="GET", body=b"", headers=(), more={"query_string": query})
        assert reply.status == 200
        return reply.json["duplicate"]

    assert [await get(query) for query in (b"n=1", b"n=2", b"n=1", b"n=1&n=2")] == [False, False, True, False]


async def test_a_body_is_not_taken_for_the_query_that_it_looks_like(place: Street) -> None:
    await place.source("shop", "none", methods=["GET", "POST"], content_types=["any"])
    await place.ask(method="GET", body=b"", headers=(), more={"query_string": b"n=1"})
    assert (await place.ask(body=b"n=1", headers=())).json["duplicate"] is False


async def test_requests_that_say_nothing_at_all_are_all_events(place: Street) -> None:
    await place.source("shop", "none", methods=["GET"])
    for _ in range(2):
        assert (await place.ask(method="GET", body=b"", headers=())).json["duplicate"] is False


def batch(*ids: str) -> bytes:
    items = ",".join(f'{{"event":"delivered","sg_event_id":"{one}","email":"ines@example.com"}}' for one in ids)
    return f"[{items}]".encode()


async def test_a_batch_that_shares_an_item_with_another_is_not_dropped(place: Street) -> None:
    await make_source(place, "sendgrid")

    async def deliver(body: bytes) -> Any:
        reply = await pass_on(place, "sendgrid", genuine(place, "sendgrid", body))
        assert reply.status == 200
        return reply.json["duplicate"]

    bodies = [batch("a", "b"), batch("b", "c"), batch("b"), batch("b") + b"\n", batch("a", "b")]
    assert [await deliver(body) for body in bodies] == [False, False, False, True, True]
    assert len(await place.events()) == 3


# Senders that sign the address.

BINDING = [row.slug for row in registry.all_providers() if row.binds_url]


def test_the_senders_that_sign_the_address_are_known() -> None:
    assert BINDING == ["hubspot", "mandrill", "messagebird", "monday", "plivo", "square", "trello", "twilio"]


@pytest.mark.parametrize("slug", BINDING)
async def test_the_public_address_of_the_server_is_what_was_signed(slug: str) -> None:
    async with street(public_url=f"{PUBLIC}/") as place:
        await make_source(place, slug)
        url = f"{PUBLIC}/webhooks/{name_of(registry.get(slug))}"
        request = plain(genuine(place, slug, url=f"{url}?tenant=7"))
        reply = await pass_on(place, slug, request, ((b"host", b"inside:8080"),))
        assert reply.status == 200, reply.body
        assert len(await place.events()) == 1


@pytest.mark.parametrize("slug", BINDING)
async def test_the_source_may_say_the_address_that_was_signed(slug: str) -> None:
    url = "https://api.example.com/in/here"
    async with street(public_url=PUBLIC) as place:
        await make_source(place, slug, signature={"url": url})
        reply = await pass_on(place, slug, plain(genuine(place, slug, url=url)))
        assert reply.status == 200, reply.body
        other = f"{PUBLIC}/webhooks/{name_of(registry.get(slug))}"
        reply = await pass_on(place, slug, plain(genuine(place, slug, url=other)))
        assert reply.status == 401


@pytest.mark.parametrize("slug", BINDING)
async def test_behind_a_proxy_the_host_header_says_the_address(slug: str) -> None:
    async with street(trusted_proxies=["10.0.0.0/8"]) as place:
        await make_source(place, slug)
        url = f"{PUBLIC}/webhooks/{name_of(registry.get(slug))}"
        request = plain(genuine(place, slug, url=url))
        forwarded = ((b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"192.0.2.7"))
        reply = await pass_on(place, slug, request, forwarded, client="203.0.113.8")
        assert reply.status == 401  # nobody's word for https
        reply = await pass_on(place, slug, request, forwarded, client="10.0.0.1")
        assert reply.status == 200, reply.body


@pytest.mark.parametrize("slug", BINDING)
async def test_a_request_that_was_signed_for_another_address_is_refused(slug: str) -> None:
    async with street(public_url=PUBLIC) as place:
        await make_source(place, slug)
        for url in (f"{PUBLIC}/webhooks/other", f"https://evil.example/webhooks/{name_of(registry.get(slug))}"):
            reply = await pass_on(place, slug, plain(genuine(place, slug, url=url)))
            assert reply.status == 401
        assert not await place.events()


@pytest.mark.parametrize("slug", [slug for slug in BINDING if slug != "monday"])
async def test_a_query_that_was_added_on_the_way_is_noticed(slug: str) -> None:
    async with street(public_url=PUBLIC) as place:
        await make_source(place, slug)
        url = f"{PUBLIC}/webhooks/{name_of(registry.get(slug))}"
        request = plain(genuine(place, slug, url=url))
        added = Request(request.method, request.path, b"evil=1", request.headers, request.lookup, request.body)
        assert (await pass_on(place, slug, added)).status == 401


def plain(request: Request) -> Request:
    """The request without the address that only its signer knows."""
    return Request(request.method, request.path, request.query, request.headers, index(request.headers), request.body)
