"""Why a request was refused: of a rejection, and of a request that was captured elsewhere."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response

from hookline.api import shapes
from hookline.api.answer import answer, invalid
from hookline.api.dependencies import Caller, Me
from hookline.api.inputs import Body, Moment
from hookline.api.route import ApiRoute
from hookline.api.when import parse_moment
from hookline.config.fields import checked
from hookline.core.doctor import Diagnosis, diagnose, diagnose_rejection
from hookline.core.doctor.capture import request_of
from hookline.core.doctor.report import report
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Request, Source
from hookline.core.providers import registry

router = APIRouter(prefix="/api/v1", route_class=ApiRoute)

_METHOD = re.compile(r"[A-Za-z]{1,20}")


class ReportedDiagnosis(shapes.Shape):
    """One thing that is wrong."""

    code: str = Field(description="Stable; all are in the documentation.", examples=["body_json_rewritten"])
    problem: str = Field(description="What is wrong, for people.")
    remedy: str = Field(description="What to change.")
    certain: bool = Field(description="Whether the request verifies once this is undone; else it is only likely.")


class DiagnosisReport(shapes.Shape):
    """Why a request is refused, or that nothing is wrong with it."""

    accepted: bool = Field(description="Whether nothing is wrong.")
    diagnoses: list[ReportedDiagnosis] = Field(description="The certain ones first, then the likely ones. Never empty.")


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise InvalidInput("is not an HTTP method; write one as `POST`")
    return text.upper()


def _line(parts: list[str]) -> list[str]:
    if len(parts) != 2:
        raise InvalidInput("is not a header line; write `[name, value]`")
    return parts


Line = Annotated[list[str], AfterValidator(checked(_line))]


class CapturedRequest(Body):
    """A request as it arrived, byte for byte where that is possible."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "method": "POST",
                    "url": "https://hooks.example.com/webhooks/github",
                    "headers": [["X-Hub-Signature-256", "sha256=…"], ["Content-Type", "application/json"]],
                    "body": '{"zen":"Keep it logically awesome."}',
                    "at": "2026-01-31T09:30:00Z",
                }
            ]
        }
    )

    method: Annotated[str, AfterValidator(checked(_method))] = Field(default="POST", description="The HTTP method.")
    url: str = Field(
        default="/", max_length=8_000, description="The path with its query, or the whole address that was called."
    )
    headers: list[Line] = Field(
        default=[], max_length=200, description="`[name, value]` in the order they came in, repeated ones too."
    )
    body: str = Field(default="", description="The body, where it is text; it is sent on as UTF-8.")
    body_base64: str = Field(default="", description="The body in base64 instead, where it is not text.")
    at: Moment = Field(
        default="",
        description="When it arrived, for signed timestamps: ISO 8601, Unix time, or an age; now when absent.",
    )


@router.get(
    "/rejections/{rejection}/diagnosis",
    response_model=DiagnosisReport,
    tags=["Rejections"],
    summary="Say why a request was refused",
)
async def diagnose_one_rejection(me: Me, rejection: str) -> Response:
    """Every fault that is known is undone to see whether the request verifies then: by the present configuration, as of
    its arrival, with the secrets of your other sources too. No secret is in the answer, and nothing of the request."""
    kept = await me.store.rejections.get(me.org_id, rejection)
    if kept is None:
        raise NotFound(f"there is no rejection {rejection!r}")
    sources = me.routing.sources_of(me.org_id)
    public_url = me.given.settings.public_url
    return await _told(lambda: diagnose_rejection(kept, sources, public_url=public_url))


@router.post(
    "/sources/{source}/diagnosis",
    response_model=DiagnosisReport,
    tags=["Sources"],
    summary="Say what is wrong with a captured request",
)
async def diagnose_captured_request(me: Me, source: str, captured: CapturedRequest) -> Response:
    """As if it had come to this source at that time. Nothing is kept or delivered."""
    known = _source(me, source)
    request = _request(captured)
    now_ms = me.now_ms()
    at_ms = _at(captured.at, now_ms) if captured.at else now_ms
    others = [(one.name, one.secrets) for one in me.routing.sources_of(me.org_id) if one.id != known.id and one.secrets]
    provider = registry.for_source(known, me.given.settings.public_url)
    return await _told(
        lambda: diagnose(provider, request, known.secrets, at_ms / 1000, tolerance_s=known.tolerance_s, others=others)
    )


async def _told(examine: Callable[[], list[Diagnosis]]) -> Response:
    return answer(report(await asyncio.to_thread(examine)))  # up to half a second of hashing


def _source(me: Caller, name: str) -> Source:
    known = me.routing.source(me.org_id, name)
    if known is None:
        raise NotFound(f"there is no source {name!r}")
    return known


def _request(captured: CapturedRequest) -> Request:
    lines = tuple(
        (name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in captured.headers
    )
    body = _body(captured)
    try:
        return request_of(captured.method, captured.url, lines, body)
    except InvalidInput as error:
        raise invalid("url", words=error.message) from None


def _body(captured: CapturedRequest) -> bytes:
    if not captured.body_base64:
        return captured.body.encode("utf-8", "replace")
    if captured.body:
        raise invalid("body_base64", words="stands for the body instead of `body`; leave one of them out")
    try:
        return b64decode(captured.body_base64, validate=True)
    except Base64Error:
        raise invalid("body_base64", words="is not base64") from None


def _at(text: str, now_ms: int) -> int:
    try:
        return parse_moment(text, now_ms)
    except InvalidInput as error:
        raise invalid("at", words=error.message) from None
