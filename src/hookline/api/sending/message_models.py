"""Messages, attempts and deliveries in the document of the sending API.

What is published is read by `message.py`, not by these: a message is decoded once, and its payload not at all.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from hookline.api.sending.application_models import ApplicationIn
from hookline.api.sending.attempt_out import MessageStatus, MessageStatusText, Trigger
from hookline.api.sending.fields import (
    Body,
    Channel,
    Name,
    Shape,
    ShownChannels,
    ShownName,
    ShownNames,
    ShownRate,
    ShownUid,
    ShownUrl,
    Time,
)
from hookline.api.sending.message import (
    DEFAULT_RETENTION_DAYS,
    MOST_CHANNELS,
    MOST_TAGS,
    RETENTION_DAYS,
    RETENTION_HOURS,
)

_UNIQUE: Any = {"uniqueItems": True}

Payload = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
Channels = Annotated[list[Channel], Field(min_length=1, max_length=MOST_CHANNELS, json_schema_extra=_UNIQUE)]
Tags = Annotated[list[str], Field(max_length=MOST_TAGS, json_schema_extra=_UNIQUE)]

_CHANNELS = "Only endpoints without channels, and those with one of these, are sent it; null: only the former."
_EVENT_ID = "Your own id of the message, only one of the application has it; works wherever the message's id does."
_RAW = "A body that is not a JSON object, as text."


class TransformationsParams(Body):
    """A body that is not a JSON object. The name is that of the contract."""

    raw_payload: str | None = Field(default=None, description=_RAW + " It is sent instead of `payload`.")
    headers: dict[str, str] | None = Field(default=None, description="`content-type`: the kind of the body.")


class MessageIn(Body):
    """A message to publish."""

    event_type: Name = Field(examples=["invoice.paid"])
    payload: Payload = Field(description="A JSON object, sent byte for byte as it is.", examples=[{"invoice": 42}])
    event_id: ShownUid | None = Field(default=None, description=_EVENT_ID)
    channels: Channels | None = Field(default=None, description=_CHANNELS, examples=[["project-7"]])
    tags: Tags | None = Field(default=None, description="Words to find messages by.")
    application: ApplicationIn | None = Field(
        default=None, description="The application to create when there is none in the path; its `uid` must be that."
    )
    transformations_params: TransformationsParams | None = None
    content_type: str | None = Field(default=None, description="The kind of the body; else `application/json`.")
    payload_retention_period: int = Field(
        default=DEFAULT_RETENTION_DAYS,
        ge=RETENTION_DAYS[0],
        le=RETENTION_DAYS[1],
        description="For how many days the payload is kept, if the message is kept so long.",
    )
    payload_retention_hours: int | None = Field(
        default=None, ge=RETENTION_HOURS[0], le=RETENTION_HOURS[1], description="The same in hours."
    )
    deliver_at: Time | None = Field(default=None, description="Not to be sent before; at most 24 hours ahead.")


class MessageOut(Shape):
    """A message."""

    id: str = Field(examples=["msg_019b76da2f800a1b2c3d4e5f60718293"])
    event_type: ShownName
    event_id: ShownUid | None = Field(default=None, description=_EVENT_ID)
    channels: Channels | None = Field(default=None, description=_CHANNELS)
    tags: Tags | None = None
    timestamp: Time
    payload: Payload = Field(
        description='As it was published; empty when it was not asked for or is in `rawPayload`; `{"expired": true}` '
        "when it is gone."
    )
    raw_payload: str | None = Field(default=None, description=_RAW)
    content_type: str | None = Field(default=None, description="The kind of the body, where it is not JSON.")
    deliver_at: Time | None = Field(default=None, description="Not to be sent before; only told at once.")


class Progress(Shape):
    """What became of a message at one endpoint."""

    status: MessageStatus = Field(description="0 success, 1 pending, 2 fail, 3 sending, 4 canceled.")
    status_text: MessageStatusText
    next_attempt: Time | None = Field(default=None, description="When it is tried next.")


class EndpointMessageOut(Progress, MessageOut):
    """A message, and what became of it at one endpoint."""


class MessageEndpointOut(Progress):
    """An endpoint, and what became of one message there."""

    id: str = Field(examples=["ep_019b76da2f800a1b2c3d4e5f60718293"])
    uid: ShownUid | None
    url: ShownUrl = Field(description="`about:blank` when it was deleted.")
    description: str
    disabled: bool
    event_types: ShownNames | None
    channels: ShownChannels | None
    throttle_rate: ShownRate | None
    created_at: Time
    updated_at: Time


class MessageAttemptOut(Shape):
    """One try to deliver a message to an endpoint."""

    id: str = Field(examples=["atmpt_019b76da2f800a1b2c3d4e5f607182930718293a4b5c6d7e0001"])
    msg_id: str
    endpoint_id: str
    url: ShownUrl = Field(description="The endpoint's present address; `about:blank` when it was deleted.")
    timestamp: Time
    status: MessageStatus = Field(description="0 success, 2 fail: also of a try that is followed by another one.")
    status_text: MessageStatusText
    response_status_code: int = Field(description="0 when no response came; then `response` says why.")
    response_duration_ms: int
    response: str = Field(description="The first part of the response, as text.")
    trigger_type: Trigger = Field(description="0 scheduled, 1 manual: somebody asked for it.")
    msg: MessageOut | None = Field(default=None, description="The message, with `with_msg`.")


class MessagePrecheckIn(Body):
    """What a message would be."""

    event_type: Name
    channels: Channels | None = None


class MessagePrecheckOut(Shape):
    """Whether anybody would be sent such a message."""

    active: bool


class EmptyResponse(Shape):
    """Nothing."""


def body_of_message() -> dict[str, Any]:
    """What the document says of the body of a publish request, which no framework reads."""
    schema = MessageIn.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    inner = schema.pop("$defs", {})
    schema["properties"]["transformationsParams"] = {
        "anyOf": [inner["TransformationsParams"], {"type": "null"}],
        "default": None,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
