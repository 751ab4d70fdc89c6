"""Every sender of the catalogue at the door: what it sends is accepted once, and what was tampered with is refused."""

from __future__ import annotations

import pytest

from hookline.core.model import Request, Verification
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers
from hookline.guides import guide_of
from hookline.testing.requests import Bad, sample_request
from tests.core.providers.making import pair_of
from tests.ingest.asking import Reply, Street, street

PUBLIC_URL = "https://hooks.example.com"
PROVIDERS = [one for one in all_providers() if one.slug != "none"]

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])


def name_of(provider: Provider) -> str:
    return provider.slug.replace("_", "-")


def made(place: Street, provider: Provider, bad: Bad | None = None) -> Request:
    return sample_request(
        provider,
        pair_of(provider, provider.usual_scheme)[0],
        now_s=place.clock.now_ms() / 1000,
        event_id="evt_0123456789abcdef01234567",
        url=f"{PUBLIC_URL}/webhooks/{name_of(provider)}",
        bad=bad,
    )


async def send(place: Street, provider: Provider, request: Request) -> Reply:
    more = {"query_string": request.query}
    return await place.ask(name_of(provider), request.body, request.headers, method=request.method, more=more)


async def opened(place: Street, provider: Provider) -> None:
    secret = pair_of(provider, provider.usual_scheme)[1]
    await place.source(name_of(provider), provider.slug, secrets=[secret])


@every_provider
async def test_what_it_sends_is_an_event_of_its_type(provider: Provider) -> None:
    async with street(public_url=PUBLIC_URL) as place:
        await opened(place, provider)
        request = made(place, provider)
        reply = await send(place, provider, request)
        assert 200 <= reply.status < 300, reply
        event = await place.event()
        covered = provider.usual_scheme.covers_body
        assert event.verification == (Verification.VERIFIED if covered else Verification.AUTHENTICATED)
        sample = guide_of(provider.slug).sample()
        assert sample is not None
        assert event.type == (sample.type or "unknown")
        assert event.request.body == request.body
        if provider.reply is not None:
            assert reply.body == provider.reply.body


@every_provider
async def test_the_same_again_is_a_duplicate_unless_the_sender_repeats_itself(provider: Provider) -> None:
    async with street(public_url=PUBLIC_URL) as place:
        await opened(place, provider)
        request = made(place, provider)
        first, second = [await send(place, provider, request) for _ in range(2)]
        assert first.status == second.status
        has_id = bool((await place.events())[0].provider_event_id)
        assert len(await place.events()) == (1 if has_id or not provider.repeats_bodies else 2)


@every_provider
async def test_what_was_tampered_with_is_refused_and_kept(provider: Provider) -> None:
    async with street(public_url=PUBLIC_URL) as place:
        await opened(place, provider)
        reply = await send(place, provider, made(place, provider, Bad.TAMPERED))
        assert reply.status == 401
        assert await place.events() == []
        assert (await place.rejection()).cause != ""
