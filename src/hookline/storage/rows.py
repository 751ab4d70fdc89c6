"""Rows of the large tables as the nouns they stand for."""

from __future__ import annotations

import msgspec

from hookline.core.model import Attempt, Delivery, Event, Headers, Request
from hookline.storage.base import Row

unpack_headers = msgspec.msgpack.Decoder(Headers).decode


def words(several: tuple[str, ...]) -> str:
    """Several words as one text, in which each is found by the space before and after it."""
    return f" {' '.join(several)} " if several else ""


#: What an event has instead of its request when that was not read, or is gone.
NO_REQUEST = Request("", "", b"", (), {}, b"")


def event_of(row: Row, request: Request) -> Event:
    """A row of ``event`` as the noun."""
    return Event(
        id=row["id"],
        org_id=row["org_id"],
        source_id=row["source_id"],
        type=row["type"],
        received_at_ms=row["received_at_ms"],
        status=row["status"],
        request=request,
        provider_event_id=row["provider_event_id"],
        verification=row["verification"],
        review_reason=row["review_reason"],
        review_detail=row["review_detail"],
        duplicates=row["duplicates"],
        channels=tuple(row["channels"].split()),
        tags=tuple(row["tags"].split()),
    )


def request_of(row: Row) -> Request:
    """The request of a row of ``event`` with its ``payload``; an empty one when the bytes are gone."""
    if row["headers"] is None:
        return NO_REQUEST
    headers = unpack_headers(row["headers"])
    return Request(
        method=row["method"],
        path=row["path"],
        query=bytes(row["query"]),
        headers=headers,
        lookup={name.lower(): value for name, value in headers},
        body=bytes(row["body"]),
        client=row["client"],
        scheme=row["scheme"],
    )


def delivery_of(row: Row) -> Delivery:
    """A row of ``delivery`` as the noun."""
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
        state=row["state"],
        attempts=row["attempts"],
        failures=row["failures"],
        due_at_ms=row["due_at_ms"],
        created_at_ms=row["created_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        reason=row["reason"],
    )


def attempt_of(row: Row) -> Attempt:
    """A row of ``attempt`` as the noun."""
    return Attempt(
        delivery_id=row["delivery_id"],
        number=row["number"],
        started_at_ms=row["started_at_ms"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        error=row["error"],
        detail=row["detail"],
        response_headers=unpack_headers(row["response_headers"]),
        response_body=bytes(row["response_body"]),
        address=row["address"],
        manual=bool(row["manual"]),
    )
