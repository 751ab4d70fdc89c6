"""``…/endpoint/{endpoint}/headers``: what is added to every request. Confidential values are never shown."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, ValidationError
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending import endpoint_actions
from hookline.api.sending.access import App, AppMember, EndpointId
from hookline.api.sending.credentials import with_header, without_header
from hookline.api.sending.fields import Body, Shape
from hookline.api.sending.header_rules import HeaderChanges, Headers
from hookline.api.sending.refusal import wrong_body
from hookline.api.sending.route import SendingRoute
from hookline.config.application_spec import ApplicationEndpointSpec
from hookline.config.endpoint_spec import is_confidential

router = APIRouter(
    prefix="/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers",
    tags=["Application endpoints"],
    route_class=SendingRoute,
)

_EXAMPLE: Any = {"examples": [{"X-Team": "billing"}]}


class EndpointHeadersIn(Body):
    """All headers that are to be added."""

    headers: Headers = Field(repr=False, description="Values by name.", json_schema_extra=_EXAMPLE)


class EndpointHeadersPatchIn(Body):
    """Headers to set; null removes one."""

    headers: HeaderChanges = Field(repr=False, description="Values by name.", json_schema_extra=_EXAMPLE)


class EndpointHeadersOut(Shape):
    """What is added to every request."""

    headers: dict[str, str] = Field(description="Values by name, of those that may be seen.")
    sensitive: Annotated[list[str], Field(json_schema_extra={"uniqueItems": True})] = Field(
        description="Names of the others."
    )


@router.get(
    "",
    response_model=EndpointHeadersOut,
    operation_id="v1.endpoint.get-headers",
    summary="Get the headers of an endpoint",
)
async def get_headers(me: App, endpoint_id: EndpointId) -> Response:
    """Values that could be credentials are not shown; `sensitive` has their names."""
    return await show(me, endpoint_id)


@router.put(
    "",
    status_code=204,
    response_class=Response,
    operation_id="v1.endpoint.update-headers",
    summary="Set the headers of an endpoint",
)
async def put_headers(me: App, endpoint_id: EndpointId, wanted: EndpointHeadersIn) -> Response:
    """Replaces all of them, those that are not shown too."""
    return await replace(me, endpoint_id, wanted)


@router.patch(
    "",
    status_code=204,
    response_class=Response,
    operation_id="v1.endpoint.patch-headers",
    summary="Change some headers of an endpoint",
)
async def patch_headers(me: App, endpoint_id: EndpointId, wanted: EndpointHeadersPatchIn) -> Response:
    """Those that are left out stay as they are."""

    def change(spec: ApplicationEndpointSpec) -> ApplicationEndpointSpec:
        headers = dict(spec.headers)
        for name, value in wanted.headers.items():
            headers = without_header(headers, name) if value is None else with_header(headers, name, value)
        return _with(spec, headers)

    await endpoint_actions.edit(me, endpoint_id, change)
    return nothing()


async def show(me: AppMember, endpoint_id: str) -> Response:
    """The headers of an endpoint as an answer."""
    headers = (await endpoint_actions.get(me, endpoint_id)).spec.headers
    return answer(
        {
            "headers": {name: value for name, value in headers.items() if not is_confidential(name)},
            "sensitive": sorted(filter(is_confidential, headers)),
        }
    )


async def replace(me: AppMember, endpoint_id: str, wanted: EndpointHeadersIn) -> Response:
    """Give an endpoint these headers and no others."""
    await endpoint_actions.edit(me, endpoint_id, lambda spec: _with(spec, dict(wanted.headers)))
    return nothing()


def _with(spec: ApplicationEndpointSpec, headers: dict[str, str]) -> ApplicationEndpointSpec:
    try:
        return ApplicationEndpointSpec.model_validate({**dict(spec), "headers": headers})
    except ValidationError as error:
        raise wrong_body(error, ApplicationEndpointSpec, {}) from None
