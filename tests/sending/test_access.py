"""Every route says who may call it, and what another process made is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hookline.api.app import SENDING
from hookline.api.sending import access
from hookline.api.sending.route import SendingRoute
from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.core.model import DEFAULT_ORG, EventType
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.store import Store, open_store

from .conftest import Sending

ROUTES = [route for room in SENDING for route in room.router.routes if isinstance(route, APIRoute)]


def below(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from below(each)


def test_every_route_but_health_says_by_its_parameter_who_may_call_it() -> None:
    for route in ROUTES:
        called = set(below(route.dependant))
        if route.path.startswith("/api/v1/health"):
            assert not called
        else:
            assert isinstance(route, SendingRoute) and access._anyone in called, route.path


def test_every_route_below_an_application_finds_it_for_whoever_asks() -> None:
    open_to_organisations = {"PUT", "PATCH", "DELETE"}
    for route in ROUTES:
        called = set(below(route.dependant))
        if route.path.startswith("/api/v1/app/{app_id}/"):
            assert access._app in called, route.path
        elif route.path == "/api/v1/app/{app_id}":
            assert (access._org if route.methods and route.methods <= open_to_organisations else access._app) in called


@pytest.fixture
async def elsewhere(sending: Sending) -> AsyncIterator[Store]:
    """Another process, as the command line is."""
    store = open_store(sending.server.settings.database, sending.server.settings.secret)
    yield store
    await store.close()


async def test_an_application_that_another_process_made_is_found_at_once(sending: Sending, elsewhere: Store) -> None:
    spec = ApplicationSpec(title="A customer", uid="customer")
    made = (await elsewhere.applications.create(NewApplication(DEFAULT_ORG, spec, 1))).value
    assert (await sending.got("GET", "/app/customer"))["id"] == made.id
    await sending.endpoint("customer", uid="a")
    token = await sending.portal("customer")
    assert len((await sending.got("GET", "/app/customer/endpoint", token=token))["data"]) == 1


async def test_an_event_type_that_another_process_made_can_be_subscribed_to_at_once(
    sending: Sending, elsewhere: Store
) -> None:
    await sending.app()
    await elsewhere.event_types.create(EventType(DEFAULT_ORG, "a.b", created_at_ms=1, updated_at_ms=1))
    assert (await sending.endpoint(eventTypes=["a.b"]))["eventTypes"] == ["a.b"]


async def test_an_operational_source_that_another_process_made_is_found_at_once(
    sending: Sending, elsewhere: Store
) -> None:
    source = await elsewhere.applications.operational(DEFAULT_ORG, 1)
    spec = ApplicationEndpointSpec(name="unnamed", url="https://a.example.com")
    made = (await elsewhere.application_endpoints.create(NewEndpoint(DEFAULT_ORG, source.id, spec, 1))).value
    assert [one["id"] for one in (await sending.got("GET", "/operational-webhook/endpoint"))["data"]] == [made.id]
