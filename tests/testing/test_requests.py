"""Requests like those of every provider: genuine ones are accepted as what they are, bad ones are not."""

from __future__ import annotations

import pytest

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers, get
from hookline.core.providers.where import parsed
from hookline.guides import guide_of
from hookline.testing.requests import Bad, put_value, sample_request, signs_time
from hookline.testing.secrets import Pair, new_pair
from tests.core.providers.making import NOW, pair_of

PROVIDERS = [one for one in all_providers() if one.needs_secret or one.learns_secret]
EVENT_ID = "evt_0123456789abcdef01234567"

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])


def pair(provider: Provider) -> Pair:
    """What signs and what verifies requests of this provider."""
    return Pair(*pair_of(provider, provider.usual_scheme))


def made(provider: Provider, keys: Pair, bad: Bad | None = None, event: str = "") -> Request:
    return sample_request(provider, keys.signing, now_s=NOW, event_id=EVENT_ID, event_type=event, bad=bad)


@every_provider
def test_every_provider_has_a_guide_with_steps_and_a_sample(provider: Provider) -> None:
    guide = guide_of(provider.slug)
    assert guide.setup
    assert guide.samples
    assert all(step.endswith((".", ":", ")")) for step in guide.setup)
    assert guide.events == sorted(set(guide.events))


@every_provider
def test_a_sample_of_every_type_is_accepted_as_that_type(provider: Provider) -> None:
    keys = pair(provider)
    first, *others = guide_of(provider.slug).samples
    for sample in [first, *(one for one in others if one.type)]:
        request = made(provider, keys, event=sample.type)
        assert request.method in provider.methods
        verified = provider.verify(request, [keys.verifying], NOW, None)
        assert verified.scheme == provider.usual_scheme.id
        identity = provider.identify(request, parsed(request))
        assert identity.event_type == sample.type


@every_provider
def test_another_request_of_a_provider_is_another_event(provider: Provider) -> None:
    keys = pair(provider)
    first = made(provider, keys)
    second = sample_request(provider, keys.signing, now_s=NOW, event_id=EVENT_ID[::-1])
    ids = [provider.identify(one, parsed(one)).event_id for one in (first, second)]
    assert ids[0] != ids[1] or ids == ["", ""]


@every_provider
def test_what_was_tampered_with_is_refused(provider: Provider) -> None:
    keys = pair(provider)
    with pytest.raises(VerificationError):
        request = made(provider, keys, Bad.TAMPERED)
        provider.verify(request, [keys.verifying], NOW, None)


@every_provider
def test_what_is_stale_is_refused_where_a_time_is_signed(provider: Provider) -> None:
    keys = pair(provider)
    if not signs_time(provider.usual_scheme):
        with pytest.raises(InvalidInput, match="signs no time"):
            made(provider, keys, Bad.STALE)
        return
    with pytest.raises(VerificationError, match="ago"):
        request = made(provider, keys, Bad.STALE)
        provider.verify(request, [keys.verifying], NOW, None)


@every_provider
def test_another_secret_is_refused(provider: Provider) -> None:
    keys = pair(provider)
    request = made(provider, keys, Bad.WRONG_SECRET)
    with pytest.raises(VerificationError):
        provider.verify(request, [keys.verifying], NOW, None)


def test_values_of_the_body_can_be_set_by_pointer_and_by_path() -> None:
    stripe = get("stripe")
    request = sample_request(
        stripe,
        "s",
        now_s=NOW,
        event_id=EVENT_ID,
        changes={"/data/object/amount": 4200, "data.object.note": "a", "livemode": True},
    )
    document = parsed(request).value()
    assert document["id"] == EVENT_ID
    assert document["data"]["object"]["amount"] == 4200
    assert document["data"]["object"]["note"] == "a"
    assert document["livemode"] is True
    assert stripe.verify(request, ["s"], NOW).timestamp_s == NOW


def test_a_type_without_a_sample_is_written_into_another() -> None:
    request = sample_request(get("stripe"), "s", now_s=NOW, event_id=EVENT_ID, event_type="charge.refunded")
    assert parsed(request).value()["type"] == "charge.refunded"
    github = get("github")
    request = sample_request(github, "s", now_s=NOW, event_id=EVENT_ID, event_type="issues.labeled")
    assert github.identify(request, parsed(request)).event_type == "issues.labeled"


def test_a_number_stays_a_number_and_a_barred_way_is_told() -> None:
    document = {"id": 7, "list": [{"a": 1}]}
    put_value(document, "/id", "evt_12ab")
    assert document["id"] == int("".join(str(int(c, 16)) if c in "0123456789abcdef" else "" for c in "evt_12ab"))
    put_value(document, "/list/*/a", 2)
    assert document["list"] == [{"a": 2}]
    with pytest.raises(InvalidInput, match="no place for /id/deeper"):
        put_value(document, "/id/deeper", 1)
    with pytest.raises(InvalidInput, match="no place for /list/3/a"):
        put_value(document, "/list/3/a", 1)


@pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])
def test_a_new_pair_fits_the_provider(provider: Provider) -> None:
    keys = new_pair(provider, provider.usual_scheme)
    provider.check_secret(keys.verifying)
    assert repr(keys) == "Pair(…)"
