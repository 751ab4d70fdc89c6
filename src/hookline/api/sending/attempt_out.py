"""Attempts and deliveries as the sending API shows them, in the numbers and words of Svix."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

from hookline.api import present
from hookline.core import ids
from hookline.core.model import Attempt, Delivery
from hookline.core.state import DeliveryState
from hookline.storage.routing import Routing

Json: TypeAlias = dict[str, Any]


class MessageStatus(IntEnum):
    """What became of an attempt, or of a message at one endpoint. `CANCELED` is told only to who knows it."""

    SUCCESS = 0
    PENDING = 1
    FAIL = 2
    SENDING = 3
    CANCELED = 4


class MessageStatusText(StrEnum):
    """The same in words."""

    SUCCESS = "success"
    PENDING = "pending"
    FAIL = "fail"
    SENDING = "sending"
    CANCELED = "canceled"


class StatusCodeClass(IntEnum):
    """The hundred of a response's status; `NONE` when no response came."""

    NONE = 0
    INFORMATIONAL = 100
    SUCCESSFUL = 200
    REDIRECTION = 300
    CLIENT_ERROR = 400
    SERVER_ERROR = 500


class Trigger(IntEnum):
    """Why an attempt was made."""

    SCHEDULED = 0
    MANUAL = 1


_STATUS = {
    DeliveryState.WAITING: MessageStatus.PENDING,
    DeliveryState.LEASED: MessageStatus.SENDING,
    DeliveryState.DELIVERED: MessageStatus.SUCCESS,
    DeliveryState.DEAD: MessageStatus.FAIL,
    DeliveryState.CANCELLED: MessageStatus.CANCELED,
}

_OF_DESTINATION = (
    "id",
    "uid",
    "url",
    "description",
    "disabled",
    "eventTypes",
    "channels",
    "throttleRate",
    "createdAt",
    "updatedAt",
)

#: In place of a response that was not asked for, as Svix shows it.
NOT_SHOWN = "{}"

#: In place of the address of an endpoint that was deleted.
NO_URL = "about:blank"


def attempt(one: Attempt, endpoint_id: str, routing: Routing, *, with_content: bool = True) -> Json:
    """One try. An attempt that failed is a failure, also when another one will follow."""
    endpoint = routing.endpoints.get(endpoint_id)
    succeeded = 200 <= one.status < 300
    return {
        "id": ids.attempt(one.delivery_id, one.number),
        "msgId": ids.event_of(one.delivery_id),
        "endpointId": endpoint_id,
        "url": endpoint.url if endpoint is not None else NO_URL,
        "timestamp": present.time(one.started_at_ms),
        **_status(MessageStatus.SUCCESS if succeeded else MessageStatus.FAIL),
        "responseStatusCode": one.status,
        "responseDurationMs": round(one.duration_ms),
        "response": response(one) if with_content else NOT_SHOWN,
        "triggerType": Trigger.MANUAL if one.manual else Trigger.SCHEDULED,
    }


def response(one: Attempt) -> str:
    """The first part of the body that came, as text; in words why none came."""
    if one.status or one.response_body:
        return one.response_body.decode("utf-8", "replace")
    return f"{one.error}: {one.detail}" if one.detail else one.error


def progress(one: Delivery, *, expanded: bool) -> Json:
    """What became of a message at one endpoint, and when it is tried next.

    ``expanded``: whoever asks knows that something can be cancelled; others are told that it failed.
    """
    status = _status_of(DeliveryState(one.state), expanded=expanded)
    waits = one.state == DeliveryState.WAITING
    return {**_status(status), "nextAttempt": present.time(one.due_at_ms) if waits else None}


def destination(endpoint: Json) -> Json:
    """What the list of a message's endpoints shows of one."""
    return {name: endpoint[name] for name in _OF_DESTINATION}


def deleted_destination(one: Delivery) -> Json:
    """What is known of an endpoint that was deleted after it was owed something."""
    then = present.time(one.created_at_ms)
    known = {
        "id": one.endpoint_id,
        "url": NO_URL,
        "description": "This endpoint was deleted.",
        "disabled": True,
        "createdAt": then,
        "updatedAt": then,
    }
    return {name: known.get(name) for name in _OF_DESTINATION}


def states(status: MessageStatus, *, expanded: bool) -> tuple[DeliveryState, ...]:
    """The states of deliveries that are shown with this status."""
    return tuple(state for state in DeliveryState if _status_of(state, expanded=expanded) is status)


def _status_of(state: DeliveryState, *, expanded: bool) -> MessageStatus:
    status = _STATUS[state]
    return MessageStatus.FAIL if status is MessageStatus.CANCELED and not expanded else status


def _status(status: MessageStatus) -> Json:
    return {"status": status, "statusText": MessageStatusText[status.name]}
