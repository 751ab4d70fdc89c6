"""Nobody sees or changes what belongs to somebody else: asked of every route that our document has.

A new route is asked too. One that needs an id or a body that nobody thought of fails until it is thought of.
"""

from __future__ import annotations

import itertools

import httpx
import jwt
import pytest

from hookline.api.token import ISSUER, Claims, TokenSigner
from tests.api.conftest import SERVER_SECRET

from .belongings import Belongings, Operation, belongings, everything, operations
from .conftest import DEFAULT_ORG, OTHER_ORG, Json, Sending

#: What the token of an application may read of its whole organisation, and what asks for nothing of anybody.
OF_EVERY_MEMBER = {
    "GET /api/v1/event-type",
    "GET /api/v1/event-type/{event_type_name}",
    "POST /api/v1/auth/logout",
}

#: What was done once already when the right token asks.
DONE_BEFORE = ("/cancel", "/accept", "/sources", "/sources/{source}/endpoints")

BY = pytest.mark.parametrize("by_uid", [False, True], ids=["by id", "by uid"])


def signed(sending: Sending, application_id: str = "", *, org: str = DEFAULT_ORG, secret: str = SERVER_SECRET) -> str:
    """A token that ends in an hour."""
    signer, now_s = TokenSigner(secret), sending.clock.now_ms() // 1000
    if application_id:
        return signer.create_for_application(Claims(org, application_id), now_s, 3600)
    return signer.create(org, now_s, 3600)


def unsigned(sending: Sending) -> str:
    """A token that says it needs no signature (RFC 7519 §6)."""
    return jwt.encode({"iss": ISSUER, "sub": DEFAULT_ORG, "iat": sending.clock.now_ms() // 1000}, "", algorithm="none")


class Asking:
    """Whoever holds this token, at the routes of a server on which somebody else has one of everything."""

    def __init__(self, sending: Sending, has: Belongings, token: str) -> None:
        self._sending, self._has, self._token = sending, has, token

    async def at(self, operation: Operation, path: str, body: Json | None = None) -> httpx.Response:
        """What they are answered, in which there is nothing of somebody else's."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        response = await self._sending.world.ask(operation.method, path, body, org=None, headers=headers)
        seen = self._has.seen_in(response.text, f"{path} {body}")
        assert not seen, f"{operation.name}: {response.status_code} shows {seen}: {response.text[:500]}"
        return response

    async def refused(self, operation: Operation, path: str, *statuses: int) -> None:
        """They are refused with one of these, where a token is needed."""
        response = await self.at(operation, path, self._has.body(operation))
        told = f"{operation.name}: {response.status_code} {response.text[:500]}"
        if operation.needs_token:
            assert response.status_code in statuses, told
        else:
            assert response.is_success, told


async def test_with_the_right_token_every_route_answers(sending: Sending) -> None:
    """So that the refusals below are not for another reason."""
    has = await belongings(sending)
    for operation in await operations(sending):
        path, body = has.path(operation), has.body(operation)
        headers = {"Authorization": f"Bearer {sending.token()}"}
        response = await sending.world.ask(operation.method, path, body, org=None, headers=headers)
        told = f"{operation.name}: {response.status_code} {response.text[:500]}"
        if response.status_code == 409:
            assert operation.path.endswith(DONE_BEFORE), told
        else:
            assert response.is_success, told


@BY
async def test_no_route_answers_without_a_token_of_this_server(sending: Sending, by_uid: bool) -> None:
    has = await belongings(sending)
    before = await everything(sending, has)
    another = "not-a-real-secret-of-another-server-0123456789"
    for token in (
        "",
        "not-a-token",
        unsigned(sending),
        signed(sending, secret=another),
        signed(sending, has.ids["app_id"], secret=another),
    ):
        for operation in await operations(sending):
            await Asking(sending, has, token).refused(operation, has.path(operation, by_uid=by_uid), 401)
    assert await everything(sending, has) == before


async def test_no_route_answers_a_token_that_has_expired(sending: Sending) -> None:
    has = await belongings(sending)
    tokens = signed(sending), signed(sending, has.ids["app_id"])
    for token in tokens:  # so that the server knows them already
        await sending.ask("GET", f"/app/{has.ids['app_id']}", token=token)
        await sending.ask("POST", f"/app/{has.ids['app_id']}/msg", {"eventType": "a", "payload": {}}, token=token)
    sending.advance(3601)
    before = await everything(sending, has)
    for token, operation in itertools.product(tokens, await operations(sending)):
        await Asking(sending, has, token).refused(operation, has.path(operation), 401)
    assert await everything(sending, has) == before


@BY
async def test_no_route_shows_or_changes_what_belongs_to_another_organisation(sending: Sending, by_uid: bool) -> None:
    has = await belongings(sending)
    before = await everything(sending, has)
    stranger = Asking(sending, has, sending.token(OTHER_ORG))
    made: set[str] = set()
    for operation in await operations(sending):
        path = has.path(operation, by_uid=by_uid)
        response = await stranger.at(operation, path, has.body(operation))
        told = f"{operation.name}: {response.status_code} {response.text[:500]}"
        if operation.method == "PUT" and response.status_code == 201:
            made.add(path)  # one of their own, under a name that somebody else uses too
            assert "id" not in response.json() or response.json()["id"] not in has.ids.values(), told
        elif operation.parameters and operation.needs_token and path not in made:
            assert response.status_code == 404, told
        elif operation.method == "GET" and operation.needs_token:
            assert response.json()["data"] == [], told
    assert len(made) <= 3
    assert await everything(sending, has) == before


@BY
async def test_no_route_answers_an_application_of_another_organisation(sending: Sending, by_uid: bool) -> None:
    has = await belongings(sending)
    before = await everything(sending, has)
    theirs = await sending.app("theirs", token=sending.token(OTHER_ORG))
    stranger = Asking(sending, has, signed(sending, theirs, org=OTHER_ORG))
    for operation in await operations(sending):
        path = has.path(operation, by_uid=by_uid)
        if operation.name in OF_EVERY_MEMBER:
            await stranger.at(operation, path, has.body(operation))
        else:
            await stranger.refused(operation, path, 403, 404)
    assert await everything(sending, has) == before


@BY
async def test_no_route_answers_another_application_of_the_same_organisation(sending: Sending, by_uid: bool) -> None:
    has = await belongings(sending)
    neighbour = await sending.app("neighbour")
    before = await everything(sending, has)
    stranger = Asking(sending, has, signed(sending, neighbour))
    for operation in await operations(sending):
        if operation.name not in OF_EVERY_MEMBER:
            await stranger.refused(operation, has.path(operation, by_uid=by_uid), 403, 404)
    assert await everything(sending, has) == before


@BY
@pytest.mark.parametrize("whole", [True, False], ids=["organisation", "application"])
async def test_nothing_of_one_application_is_found_at_another(sending: Sending, by_uid: bool, whole: bool) -> None:
    """Neither with the organisation's own token nor with that of the other application."""
    has = await belongings(sending)
    neighbour = await sending.app("neighbour")
    before = await everything(sending, has)
    asking = Asking(sending, has, sending.token() if whole else signed(sending, neighbour))
    for operation in await operations(sending):
        if operation.parameters > {"app_id"}:
            path = has.path(operation, by_uid=by_uid, app_id="neighbour" if by_uid else neighbour)
            if not (by_uid and operation.method == "PUT" and path.endswith("/endpoint/own-endpoint")):
                await asking.refused(operation, path, 403, 404)
    assert await everything(sending, has) == before


async def test_no_question_reaches_what_belongs_to_somebody_else(sending: Sending) -> None:
    """Every text that a list can be asked by, with every id of somebody else."""
    has = await belongings(sending)
    neighbour = await sending.app("neighbour")
    strangers = {
        "": Asking(sending, has, sending.token(OTHER_ORG)),
        "app_id": Asking(sending, has, signed(sending, neighbour)),
    }
    for operation in await operations(sending):
        stranger = strangers.get(" ".join(operation.parameters))
        if stranger is None or operation.method != "GET" or not operation.needs_token:
            continue
        path = has.path(operation, app_id=neighbour)
        for name, value in itertools.product(operation.query, (*has.ids.values(), *has.uids.values())):
            response = await stranger.at(operation, f"{path}?{httpx.QueryParams({name: value})}")
            if response.status_code == 200 and "data" in response.json():
                assert response.json()["data"] == [], f"{operation.name}?{name}={value}: {response.text[:500]}"


async def test_a_route_that_nobody_thought_of_is_noticed(sending: Sending) -> None:
    has = await belongings(sending)
    for new in (
        Operation("GET", "/api/v1/app/{app_id}/novelty/{novelty_id}", False, True, ()),
        Operation("POST", "/api/v1/app/{app_id}/novelty", True, True, ()),
    ):
        with pytest.raises(AssertionError, match="is not covered"):
            await Asking(sending, has, "").refused(new, has.path(new), 401)


async def test_the_token_of_a_deleted_application_is_good_for_nothing(sending: Sending) -> None:
    has = await belongings(sending)
    gone = await sending.app("gone")
    stranger = Asking(sending, has, signed(sending, gone))
    await sending.got("DELETE", "/app/gone", status=204)
    for operation in await operations(sending):
        await stranger.refused(operation, has.path(operation), 401, 403, 404)
