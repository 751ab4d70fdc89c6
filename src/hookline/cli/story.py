"""One event's whole story, or one rejection's, as a page to read."""

from __future__ import annotations

from base64 import b64decode
from http import HTTPStatus
from typing import Any

from hookline.api import present
from hookline.api.present import Json
from hookline.cli.output import Page
from hookline.cli.text import age, body_lines, visible
from hookline.core.model import Rejection, Verification
from hookline.storage.events import Story
from hookline.storage.routing import Routing

_VERDICTS = {
    Verification.VERIFIED: "the signature over the body matched",
    Verification.AUTHENTICATED: "the sender proved itself; the body is not signed",
    Verification.UNVERIFIED: "the source asks for no proof",
}


def show_story(whole: Story, routing: Routing, now_ms: int) -> None:
    """Print the page of an event: the request, the verdict, the deliveries with every attempt."""
    told = present.story(whole, routing)
    event, page = whole.event, Page()
    page.heading(f"Event {event.id}", event.status)
    page.fact("source", told["source"] or f"{event.source_id} (removed)")
    page.fact("type", event.type)
    page.fact("received", _when(event.received_at_ms, now_ms))
    page.fact("from", told["request"]["client"] or "")
    page.fact("verdict", _verdict(event.verification))
    page.fact("provider's id", event.provider_event_id)
    page.fact("came again", f"{event.duplicates} times" if event.duplicates else "")
    page.fact("review", f"{event.review_reason}: {event.review_detail}" if event.review_reason else "")
    _request(page, told["request"])
    _deliveries(page, whole, told["deliveries"], now_ms)


def show_message(whole: Story, routing: Routing, now_ms: int) -> None:
    """Print the page of a message: what was published, the deliveries with every attempt."""
    told = present.story(whole, routing)
    event, page = whole.event, Page()
    source = routing.sources.get(event.source_id)
    page.heading(f"Message {event.id}", event.status)
    page.fact("application", (source.uid if source is not None else "") or event.source_id)
    page.fact("type", event.type)
    page.fact("event id", event.provider_event_id)
    page.fact("channels", ", ".join(event.channels))
    page.fact("tags", ", ".join(event.tags))
    page.fact("published", _when(event.received_at_ms, now_ms))
    page.fact("from", told["request"]["client"] or "")
    page.gap()
    page.heading("Body")
    if told["request"]["method"]:
        _headers(page, told["request"]["headers"], 2)
        _body(page, "body", told["request"], 2)
    else:
        page.lines(["The body is no longer kept."])
    for delivery in told["deliveries"]:
        endpoint = routing.endpoints.get(delivery["endpoint_id"])
        delivery["endpoint"] = (endpoint.uid or endpoint.id) if endpoint is not None else None
    _deliveries(page, whole, told["deliveries"], now_ms)


def _deliveries(page: Page, whole: Story, told: list[Json], now_ms: int) -> None:
    if not told:
        page.gap()
        page.lines(["No deliveries: no endpoint wanted it, or it waits for a person."], indent=0)
    for number, (delivery, row) in enumerate(zip(told, whole.deliveries, strict=True), 1):
        page.gap()
        page.heading(f"Delivery {number} of {len(told)} to {_endpoint(delivery)}", delivery["state"])
        page.fact("id", delivery["id"])
        page.fact("reason", delivery["reason"] or "")
        page.fact("next try", _when(row.due_at_ms, now_ms) if delivery["next_try_at"] else "")
        for attempt in delivery["attempts"]:
            _attempt(page, attempt)


def show_rejection(one: Rejection, routing: Routing, now_ms: int) -> None:
    """Print the page of a refused request."""
    told, page = present.rejection(one, routing, full=True), Page()
    page.heading(f"Rejection {one.id}", one.cause)
    page.fact("source", one.source_name)
    page.fact("received", _when(one.received_at_ms, now_ms))
    page.fact("from", told["client"] or "")
    page.fact("answered", str(one.status))
    page.fact("why", one.detail)
    page.fact("accepted as", one.event_id)
    page.fact("acceptable", "" if one.complete else "no: the body was not kept")
    _request(page, told["request"])


def _when(at_ms: int, now_ms: int) -> str:
    return f"{present.time(at_ms)} ({age(at_ms, now_ms)})"


def _verdict(verification: str) -> str:
    return f"{verification}: {_VERDICTS[Verification(verification)]}"


def _endpoint(delivery: Json) -> str:
    return delivery["endpoint"] or f"{delivery['endpoint_id']} (removed)"


def _request(page: Page, request: Json) -> None:
    page.gap()
    page.heading("Request")
    if not request["method"]:
        page.lines(["The request itself is no longer kept."])
        return
    query = f"?{request['query']}" if request["query"] else ""
    page.lines([visible(f"{request['method']} {request['path']}{query}")])
    _headers(page, request["headers"], 2)
    _body(page, "body", request, 2)


def _attempt(page: Page, attempt: Json) -> None:
    page.gap()
    page.heading(f"  Attempt {attempt['number']}", f"{_result(attempt)} in {attempt['duration_ms']:.1f} ms")
    page.fact("began", attempt["started_at"], 4)
    page.fact("connected to", attempt["address"] or "", 4)
    page.fact("detail", attempt["detail"] or "", 4)
    if attempt["request_headers"]:
        page.fact("sent", f"{len(attempt['request_headers'])} header lines (all with --json)", 4)
    _headers(page, attempt["response_headers"], 4)
    _body(page, "response_body", attempt, 4)


def _result(attempt: Json) -> str:
    status = attempt["status"]
    if attempt["error"] or status not in set(HTTPStatus):
        return str(attempt["error"] or status)
    return f"{status} {HTTPStatus(status).phrase}"


def _headers(page: Page, lines: list[list[str]], indent: int) -> None:
    page.lines((f"{visible(name)}: {visible(value)}" for name, value in lines), indent, style="dim")


def _body(page: Page, name: str, told: Json, indent: int) -> None:
    size = told[f"{name}_size_bytes"]
    if not size:
        return
    page.lines(["", *body_lines(_bytes(name, told))], indent)
    if told[f"{name}_truncated"]:
        page.lines([f"… the first part of {size} bytes"], indent)


def _bytes(name: str, told: dict[str, Any]) -> bytes:
    text: str | None = told.get(f"{name}_text")
    return text.encode() if text is not None else b64decode(told[f"{name}_base64"])
