"""``/api/v1/app``: the customers you publish for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending.access import App, AppId, Org
from hookline.api.sending.application_models import ApplicationIn, ApplicationOut, ApplicationPatch, application_out
from hookline.api.sending.fields import check_application_uid
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, OrderedQuery, SendingQuery, page
from hookline.api.sending.refusal import check_in_path
from hookline.api.sending.route import SendingRoute
from hookline.core import ids
from hookline.storage.applications import NewApplication
from hookline.storage.base import Made

router = APIRouter(prefix="/api/v1/app", tags=["Applications"], route_class=SendingRoute)


class CreateQuery(SendingQuery):
    """How to create."""

    get_if_exists: bool = Field(
        default=False, description="Answer 200 with the application that has this `uid` already, unchanged."
    )


@router.get(
    "",
    response_model=ListResponse[ApplicationOut],
    operation_id="v1.application.list",
    summary="List applications, oldest first",
)
async def list_applications(me: Org, query: Annotated[OrderedQuery, Query()]) -> Response:
    """All applications of the organisation."""
    found = await me.store.applications.list(me.org_id, query.ordered(descending=False))
    return page(query, found, application_out, lambda one: one.id)


@router.post(
    "",
    status_code=201,
    response_model=ApplicationOut,
    responses={200: {"model": ApplicationOut, "description": "With `get_if_exists`: it was there already"}},
    operation_id="v1.application.create",
    summary="Create an application",
)
async def create_application(
    me: Org, wanted: ApplicationIn, query: Annotated[CreateQuery, Query()], key: Idempotency
) -> Response:
    """A `uid` that is taken is refused with 409, or found with `get_if_exists`."""
    new = NewApplication(
        me.org_id, wanted.apply(), me.now_ms(), get_if_exists=query.get_if_exists, once=key.once(me.org_id)
    )
    made = await me.store.applications.create(new)
    return answer(application_out(made.value), _status(made))


@router.get("/{app_id}", response_model=ApplicationOut, operation_id="v1.application.get", summary="Get an application")
async def get_application(me: App) -> Response:
    """By id or uid."""
    return answer(application_out(await me.store.applications.get(me.org_id, me.application.id)))


@router.put(
    "/{app_id}",
    response_model=ApplicationOut,
    responses={201: {"model": ApplicationOut, "description": "There was none, so it was created"}},
    operation_id="v1.application.update",
    summary="Replace an application, or create it",
)
async def put_application(me: Org, app_id: AppId, wanted: ApplicationIn) -> Response:
    """Replaces everything but the fields that only Hookline has, which stay as they are when they are left out.
    An application that is not there is created with the uid in the path; one that is called by its uid keeps it,
    unless the body has another."""
    if not app_id.startswith(ids.APPLICATION):
        check_in_path("app_id", app_id, check_application_uid)
    made = await me.store.applications.put(me.org_id, app_id, wanted.apply, me.now_ms())
    return answer(application_out(made.value), _status(made))


@router.patch(
    "/{app_id}", response_model=ApplicationOut, operation_id="patch_application", summary="Change an application"
)
async def patch_application(me: Org, app_id: AppId, wanted: ApplicationPatch) -> Response:
    """What is left out stays as it is; null removes what can be removed."""
    changed = await me.store.applications.edit(me.org_id, app_id, wanted.apply, me.now_ms())
    return answer(application_out(changed))


@router.delete(
    "/{app_id}",
    status_code=204,
    response_class=Response,
    operation_id="v1.application.delete",
    summary="Delete an application",
)
async def delete_application(me: Org, app_id: AppId) -> Response:
    """Its endpoints go with it; what they are still owed becomes dead. Its messages stay until retention ends."""
    await me.store.applications.delete(me.org_id, app_id, me.now_ms())
    return nothing()


def _status(made: Made[object]) -> int:
    return 201 if made.created else 200
