"""An application that is created by its first message or portal token, as `application` in a body asks for."""

from __future__ import annotations

from pydantic import ValidationError

from hookline.api.sending.access import find_application
from hookline.api.sending.application_models import ApplicationIn
from hookline.api.sending.refusal import Unprocessable, Wrong
from hookline.config.problems import explain
from hookline.core.errors import NotFound
from hookline.core.model import Source
from hookline.storage.applications import NewApplication
from hookline.storage.store import Store

_PLACE = ("body", "application")


async def create_application(store: Store, org_id: str, name: str, wanted: bytes, now_ms: int) -> Source:
    """As `create_named`, for an application that is still JSON."""
    return await create_named(store, org_id, name, _read(wanted), now_ms)


async def create_named(store: Store, org_id: str, name: str, wanted: ApplicationIn, now_ms: int) -> Source:
    """The application with the uid ``name``, made as ``wanted`` says, or found when another made it.

    Raises Unprocessable when ``wanted`` has not that uid: it would not be found again.
    """
    if not wanted.uid:
        words = "is required: the application is created with the uid in the path"
        raise Unprocessable([Wrong((*_PLACE, "uid"), words, "application_uid_missing")])
    if wanted.uid != name:
        raise Unprocessable([Wrong((*_PLACE, "uid"), "must be that in the path", "application_uid_mismatch")])
    made = await store.applications.create(NewApplication(org_id, wanted.apply(), now_ms, get_if_exists=True))
    source = await find_application(store, org_id, made.value.id)
    if source is None:  # it was deleted since
        raise NotFound(f"there is no application {name!r}")
    return source


def _read(wanted: bytes) -> ApplicationIn:
    try:
        return ApplicationIn.model_validate_json(wanted)
    except ValidationError as error:
        found = explain(error, ApplicationIn)
        raise Unprocessable([Wrong((*_PLACE, *each.path), each.message) for each in found]) from None
