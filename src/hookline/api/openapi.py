"""The OpenAPI document of the API, at ``/api/v1/openapi.json``.

OpenAPI 3.0 (https://spec.openapis.org/oas/v3.0.3.html), because that is what Swagger UI as packaged for Python
and most generators of clients read. FastAPI writes 3.1, so what 3.1 says in another way is translated.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from hookline.api import shapes
from hookline.api.answer import answer
from hookline.api.docs import OPENAPI_PATH
from hookline.api.sending import refusal
from hookline.api.sending.route import is_sending

Json: TypeAlias = dict[str, Any]

_ABOUT = """Receive: manage sources and endpoints, see what came and what became of it, send it again.
Send: applications are your customers, endpoints are theirs, messages are what you publish. That half is
wire-compatible with the Svix SDKs.

Everything under `/api/v1` needs `Authorization: Bearer …` with a token from `hookline token create`, and shows
only what belongs to the token's organisation.

Lists answer `{"data": […], "iterator": …, "done": …}`; send `iterator` back as `?iterator=` for the next page.
Every error is `{"code": …, "detail": …}`: the code is stable, the detail says what to change. Where messages are
sent, the detail of a 422 is a list of `{"loc": […], "msg": …, "type": …}`.
"""

_TAGS = {
    "Sources": "Where events come from.",
    "Endpoints": "Where the events of a source go.",
    "Events": "What came, and what became of it.",
    "Deliveries": "Events owed to endpoints, with every attempt.",
    "Rejections": "Requests that were refused, kept for a while.",
    "Replays": "Sending many events again.",
    "System": "For machines that watch the server. No token.",
    "Applications": "Your customers, whom you publish for.",
    "Application endpoints": "Where the messages of an application go.",
    "Event types": "The kinds of message that customers can choose.",
    "Messages": "What you publish.",
    "Attempts": "What became of messages, and sending them again.",
    "Background tasks": "Jobs that send many messages again. They survive a restart.",
    "Authentication": "Tokens for your customers.",
    "Operational webhooks": "Where Hookline tells you about your customers' endpoints and messages.",
    "Health": "Does the server work? No token.",
}

_IN_PATH = {
    "source": "A source's name or id.",
    "endpoint": "An endpoint's name or id.",
    "event": "An event's id.",
    "delivery": "A delivery's id.",
    "rejection": "A rejection's id.",
    "replay": "A replay's id.",
}

_REFERENCE = "#/components/schemas/"

_DONE = {"200": "Done", "201": "Created", "202": "Begun; it goes on in the background", "204": "Done, nothing to say"}

#: Which errors an operation can answer with, by what it is like.
_ALWAYS = {"401": "The token is missing, wrong or expired", "503": "The store cannot do its work now; try again"}
_WITH_PATH = {"404": "There is no such thing in this organisation"}
_WITH_INPUT = {"422": "Something in the request cannot be used; `problems` lists everything"}
_WITH_BODY = {
    "400": "The body is not JSON",
    "413": "The body is larger than 1 MB",
    "415": "The body is not said to be JSON",
}
_WITH_CHANGE = {"409": "It contradicts what is stored"}

#: The sending API says the same of every operation, as its contract does.
_SENDING = {
    **_ALWAYS,
    **_WITH_PATH,
    **_WITH_CHANGE,
    "403": "The token is a right one, but not for this",
    "422": "Something in the request cannot be used; `detail` lists everything",
    "429": "Too many requests; come again later. Hookline itself has no such limit, a proxy before it may",
}


def describe(app: FastAPI) -> None:
    """Serve the document of all routes of ``app``. It is written when it is first asked for."""

    @cache
    def document() -> Json:
        return build(app)

    async def openapi() -> Response:
        return answer(await asyncio.to_thread(document))  # it takes a third of a second, once

    app.add_api_route(OPENAPI_PATH, openapi, include_in_schema=False)


def build(app: FastAPI) -> Json:
    """The document."""
    written = get_openapi(
        title="Hookline",
        version=_version(),
        description=_ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
    )
    components = written.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for error in (shapes.Error, refusal.HttpErrorOut, refusal.HTTPValidationError):
        schema = error.model_json_schema(ref_template=_REFERENCE + "{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[error.__name__] = schema
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`hookline token create`"}
    }
    for path, operations in written["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    document = _translated(written)
    assert isinstance(document, dict)
    return _without_unused({**document, "openapi": "3.0.3"})


def _version() -> str:
    try:
        return version("hookline")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"


def _complete(path: str, method: str, operation: Json) -> None:
    """Say of one operation whether it needs a token, and which errors it can answer with."""
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own shape, which is not ours
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = _DONE[status]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault("description", _IN_PATH.get(parameter["name"], ""))
    if not is_sending(path):
        operation["operationId"] = operation["operationId"].partition("_api_v1_")[0]
    if not path.startswith("/api/v1/") or path.startswith("/api/v1/health"):
        operation["security"] = []
        if path in ("/readyz", "/api/v1/health"):
            responses["503"] = _error("The store cannot be written now")
    else:
        operation["security"] = [{"token": []}]
    if path == "/api/v1/health/ping":
        return
    if is_sending(path):
        _complete_sending(operation)
    elif path.startswith("/api/v1/"):
        _complete_errors(path, method, operation)


def _complete_sending(operation: Json) -> None:
    errors = dict(_SENDING)
    if "requestBody" in operation:
        errors |= _WITH_BODY
    for status in sorted(errors):
        schema = "HTTPValidationError" if status == "422" else "HttpErrorOut"
        operation["responses"].setdefault(status, _error(errors[status], schema))


def _complete_errors(path: str, method: str, operation: Json) -> None:
    responses = operation["responses"]
    errors = dict(_ALWAYS)
    if "{" in path:
        errors |= _WITH_PATH
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        errors |= _WITH_INPUT
    if "requestBody" in operation:
        errors |= _WITH_INPUT | _WITH_BODY
    if method != "get":
        errors |= _WITH_CHANGE
    for status in sorted(errors):
        responses.setdefault(status, _error(errors[status]))


def _error(words: str, schema: str = "Error") -> Json:
    return {
        "description": words,
        "content": {"application/json": {"schema": {"$ref": _REFERENCE + schema}}},
    }


# -- from 3.1 to 3.0 -----------------------------------------------------------------------------------


def _translated(part: Any) -> Any:
    """A document or any part of it, where every schema says in 3.0 what it said in 3.1."""
    if isinstance(part, list):
        return [_translated(one) for one in part]
    if not isinstance(part, dict):
        return part
    translated = {key: one if key in ("default", "example", "enum") else _translated(one) for key, one in part.items()}
    for step in (_examples, _const, _types, _null, _reference):
        step(translated)
    return translated


def _examples(schema: Json) -> None:
    """3.0 knows one example of a schema."""
    if isinstance(schema.get("examples"), list):
        schema["example"] = schema.pop("examples")[0]


def _const(schema: Json) -> None:
    if "const" in schema and "properties" not in schema:
        schema["enum"] = [schema.pop("const")]


def _types(schema: Json) -> None:
    """3.0 knows one type of a schema."""
    if isinstance(schema.get("type"), list):
        schema["anyOf"] = [{"type": one} for one in schema.pop("type")]


def _null(schema: Json) -> None:
    """3.0 has no type `null`."""
    choices = schema.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices:
        return
    others = [one for one in choices if one != {"type": "null"}]
    del schema["anyOf"]
    schema["nullable"] = True
    if len(others) > 1:
        schema["anyOf"] = others
    elif "$ref" in others[0]:
        schema["allOf"] = others
    else:
        schema.update({**others[0], **schema})


def _reference(schema: Json) -> None:
    """In 3.0, what stands beside a reference is not seen."""
    if isinstance(schema.get("$ref"), str) and len(schema) > 1:
        schema["allOf"] = [{"$ref": schema.pop("$ref")}]


def _without_unused(document: Json) -> Json:
    """Without the schemas that nothing refers to."""
    schemas = document["components"]["schemas"]
    while unused := set(schemas) - _referred(document):
        for name in unused:
            del schemas[name]
    return document


def _referred(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_referred, part.values()))
    return set().union(*map(_referred, part)) if isinstance(part, list) else set()
