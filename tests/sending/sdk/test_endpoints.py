from __future__ import annotations

import itertools

import pytest
from svix.api import (
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointIn,
    EndpointListOptions,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventTypeIn,
    Ordering,
    SvixAsync,
)
from svix.exceptions import HttpError, HTTPValidationError

from hookline.testing.receiver import Received

from .customer import Customer, verify
from .walking import backward, forward
from .world import World

URL = "https://shop.example.com/hooks"
OWN_SECRET = "whsec_" + "e" * 32


@pytest.mark.parametrize(
    ("channels", "metadata", "secret"),
    list(itertools.product((None, ["eu"]), (None, {"owner": "team"}), (None, OWN_SECRET))),
)
async def test_an_endpoint_is_created_with_every_combination_of_what_may_be_said(
    shop: Customer, channels: list[str] | None, metadata: dict[str, str] | None, secret: str | None
) -> None:
    """As in the SDK's own tests, which say null for what is not wanted."""
    svix, app = shop.svix, shop.app.id
    await svix.event_type.create(EventTypeIn(name="order.paid", description="An order was paid"))
    made = await svix.endpoint.create(
        app,
        EndpointIn(
            url=URL, uid="hooks", event_types=["order.paid"], channels=channels, metadata=metadata, secret=secret
        ),
    )
    assert (made.url, made.uid, made.event_types) == (URL, "hooks", ["order.paid"])
    assert made.channels == channels and made.metadata == (metadata or {})
    key = (await svix.endpoint.get_secret(app, "hooks")).key
    assert key == secret if secret else key.startswith("whsec_")


async def test_an_endpoint_is_found_by_ids_and_uids_in_any_mixture(shop: Customer) -> None:
    svix = shop.svix
    made = await svix.endpoint.create(shop.app.id, EndpointIn(url=URL, uid="hooks", description="for orders"))
    assert made.id.startswith("ep_") and made.description == "for orders" and made.disabled is False
    for app, endpoint in itertools.product((shop.app.id, "shop"), (made.id, "hooks")):
        assert await svix.endpoint.get(app, endpoint) == made


async def test_an_endpoint_with_a_rate_and_headers_of_its_own_is_created(shop: Customer) -> None:
    wanted = EndpointIn(url=URL, throttle_rate=7, disabled=True, headers={"X-Shop": "1"})
    made = await shop.svix.endpoint.create(shop.app.id, wanted)
    assert (made.throttle_rate, made.disabled) == (7, True)
    assert (await shop.svix.endpoint.get_headers(shop.app.id, made.id)).headers == {"X-Shop": "1"}


async def test_a_uid_is_taken_only_within_its_application(shop: Customer, svix: SvixAsync, world: World) -> None:
    await svix.endpoint.create(shop.app.id, EndpointIn(url=URL, uid="hooks"))
    with pytest.raises(HttpError) as refused:
        await svix.endpoint.create(shop.app.id, EndpointIn(url=URL, uid="hooks"))
    assert refused.value.status_code == 409
    other = await Customer.create(world, svix, "other", uid="hooks")
    assert (await svix.endpoint.get("other", "hooks")).id == other.endpoint.id


async def test_upsert_creates_an_endpoint_and_then_replaces_all_of_it(shop: Customer, world: World) -> None:
    svix, app = shop.svix, shop.app.id
    created = await svix.endpoint.upsert(
        app, "hooks", EndpointUpsertIn(url=URL, uid="hooks", channels=["eu"], throttle_rate=3)
    )
    secret = await svix.endpoint.get_secret(app, "hooks")
    replaced = await svix.endpoint.upsert(app, "hooks", EndpointUpsertIn(url=f"{URL}/2", uid="hooks"))
    assert [one.status for one in world.witness.seen if one.operation.method == "PUT"] == [201, 200]
    assert replaced.id == created.id and replaced.url == f"{URL}/2"
    assert (replaced.channels, replaced.throttle_rate) == (None, None)
    assert await svix.endpoint.get_secret(app, "hooks") == secret


async def test_a_patch_changes_what_it_names_and_null_takes_away(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    made = await svix.endpoint.create(
        app, EndpointIn(url=URL, uid="hooks", channels=["eu"], throttle_rate=3, metadata={"a": "b"})
    )
    patched = await svix.endpoint.patch(app, made.id, EndpointPatch(description="for orders", disabled=True))
    assert (patched.description, patched.disabled) == ("for orders", True)
    assert (patched.url, patched.uid, patched.channels, patched.throttle_rate) == (URL, "hooks", ["eu"], 3)
    assert patched.metadata == {"a": "b"}
    cleared = await svix.endpoint.patch(app, made.id, EndpointPatch(uid=None, channels=None, throttle_rate=None))
    assert (cleared.uid, cleared.channels, cleared.throttle_rate) == (None, None, None)
    assert (cleared.description, cleared.disabled) == ("for orders", True)


async def test_a_deleted_endpoint_is_gone(shop: Customer) -> None:
    await shop.svix.endpoint.delete(shop.app.id, shop.endpoint.id)
    with pytest.raises(HttpError) as refused:
        await shop.svix.endpoint.get(shop.app.id, shop.endpoint.id)
    assert refused.value.status_code == 404
    await shop.publish()
    assert shop.received == []


async def test_endpoints_are_listed_latest_first_or_as_asked_and_paged_both_ways(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    ids = [shop.endpoint.id]
    for number in range(4):
        await shop.world.later(0.001)
        ids.append((await svix.endpoint.create(app, EndpointIn(url=f"{URL}/{number}"))).id)
    assert [one.id for one in (await svix.endpoint.list(app)).data] == ids[::-1]
    options = EndpointListOptions(order=Ordering.ASCENDING, limit=2)
    pages = [page async for page in forward(svix.endpoint.list, options, app)]
    assert [[one.id for one in page.data] for page in pages] == [ids[:2], ids[2:4], ids[4:]]
    before = [page async for page in backward(svix.endpoint.list, options, pages[-1], app)]
    assert [[one.id for one in page.data] for page in before] == [ids[2:4], ids[:2]]


async def test_headers_of_its_own_are_set_patched_and_sent(shop: Customer) -> None:
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    await svix.endpoint.set_headers(app, endpoint, EndpointHeadersIn(headers={"X-Shop": "1", "X-Region": "eu"}))
    await svix.endpoint.patch_headers(app, endpoint, EndpointHeadersPatchIn(headers={"X-Region": "us", "X-New": "n"}))
    found = await svix.endpoint.get_headers(app, endpoint)
    assert found.headers == {"X-Shop": "1", "X-Region": "us", "X-New": "n"} and found.sensitive == []
    await shop.publish()
    assert [shop.received[0].header(name) for name in found.headers] == ["1", "us", "n"]
    await svix.endpoint.set_headers(app, endpoint, EndpointHeadersIn(headers={"X-Only": "1"}))
    assert (await svix.endpoint.get_headers(app, endpoint)).headers == {"X-Only": "1"}


async def test_a_confidential_header_is_named_but_not_shown(shop: Customer) -> None:
    headers = {"Authorization": "Bearer not-a-real-token-of-the-shop", "X-Shop": "1"}
    await shop.svix.endpoint.set_headers(shop.app.id, shop.endpoint.id, EndpointHeadersIn(headers=headers))
    found = await shop.svix.endpoint.get_headers(shop.app.id, shop.endpoint.id)
    assert found.headers == {"X-Shop": "1"} and [name.lower() for name in found.sensitive] == ["authorization"]
    await shop.publish()
    assert shop.received[0].header("authorization") == "Bearer not-a-real-token-of-the-shop"


@pytest.mark.parametrize("name", ["Svix-Id", "webhook-signature", "Content-Length", "Host"])
async def test_a_header_that_is_ours_to_set_is_refused(shop: Customer, name: str) -> None:
    with pytest.raises(HTTPValidationError) as refused:
        await shop.svix.endpoint.set_headers(shop.app.id, shop.endpoint.id, EndpointHeadersIn(headers={name: "1"}))
    assert refused.value.detail[0].loc[:2] == ["body", "headers"]


async def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(shop: Customer, world: World) -> None:
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    old = await shop.secret()
    rotated = await svix.endpoint.rotate_secret(app, endpoint, EndpointSecretRotateIn())
    new = await shop.secret()
    assert rotated.key == new != old
    await shop.publish()
    assert verify(old, shop.received[0]) == verify(new, shop.received[0]) == {"order": 1}
    await world.later(24 * 3600 + 1)
    await shop.publish()
    assert len(signatures(shop.received[0])) == 2 and len(signatures(shop.received[1])) == 1


async def test_a_secret_of_the_customers_own_and_no_grace_period_take_effect_at_once(shop: Customer) -> None:
    old = await shop.secret()
    rotate = EndpointSecretRotateIn(key=OWN_SECRET, grace_period_seconds=0)
    await shop.svix.endpoint.rotate_secret(shop.app.id, shop.endpoint.id, rotate)
    assert await shop.secret() == OWN_SECRET != old
    await shop.publish()
    assert verify(OWN_SECRET, shop.received[0]) == {"order": 1}
    assert len(signatures(shop.received[0])) == 1


def signatures(received: Received) -> list[str]:
    return (received.header("webhook-signature") or "").split()
