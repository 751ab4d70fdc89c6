"""What answers look like, for the documentation. ``present.py`` makes them; a test holds the two together."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.model import EndpointState, EventStatus, ReviewReason, Verification
from hookline.core.state import DeliveryState
from hookline.storage.replays import ReplayState

T = TypeVar("T")

#: Header lines as ``[name, value]`` in their order.
Lines = list[list[str]]

ManagedBy = Literal["api", "file"]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Problem(Shape):
    """One thing that is wrong with a request."""

    field: str = Field(description="Where: `retry.schedule[2]`, or the name of a parameter.")
    problem: str = Field(description="What is wrong and what to write instead.")


class Error(Shape):
    """The one shape of all errors."""

    code: str = Field(description="Stable; programs may rely on it.", examples=["not_found"])
    detail: str = Field(description="What to change, for people.", examples=["there is no source 'githbu'"])
    problems: list[Problem] = Field(default=[], description="With `invalid_input`: everything that is wrong.")


class Page(Shape, Generic[T]):
    """One page of a list, newest first unless the list is sorted by name."""

    data: list[T]
    iterator: str | None = Field(description="Send it as `?iterator=` to get the next page; null on the last.")
    done: bool = Field(description="Whether this is the last page.")


class Event(Shape):
    """One thing that happened."""

    id: str
    type: str
    status: EventStatus
    source: str | None = Field(description="The source's name; null when it was deleted.")
    source_id: str
    received_at: str
    provider_event_id: str | None = Field(description="The id that the sender gave it.")
    verification: Verification = Field(description="How far the sender was proven.")
    review_reason: ReviewReason | None = Field(description="Why it waits for a person.")
    review_detail: str | None
    duplicates: int = Field(description="How many more times it came.")


class Request(Shape):
    """A request as it came; credentials and signatures are struck out."""

    method: str
    path: str
    query: str
    scheme: str
    client: str | None = Field(description="The sender's address.")
    headers: Lines = Field(description="`[name, value]` in the order they came in.")
    body_text: str = Field(default="", description="The body, where it is UTF-8.")
    body_base64: str = Field(default="", description="The body, where it is not.")
    body_size_bytes: int
    body_truncated: bool = Field(description="Whether only the first part is shown.")


class Attempt(Shape):
    """One try of one delivery."""

    id: str
    number: int
    started_at: str
    duration_ms: float
    status: int | None = Field(description="The HTTP status; null when no response came.")
    error: str | None = Field(description="Why no response came: `timeout`, `blocked_address`, …")
    detail: str | None
    address: str | None = Field(description="The address that was connected to.")
    request_headers: Lines | None = Field(
        description="What was sent, by the endpoint's present configuration and without the signature."
    )
    response_headers: Lines
    response_body_text: str = Field(default="", description="The first part of the response's body.")
    response_body_base64: str = ""
    response_body_size_bytes: int = Field(description="How much of it was kept.")
    response_body_truncated: bool


class Delivery(Shape):
    """One event owed to one endpoint."""

    id: str
    event_id: str
    endpoint: str | None = Field(description="The endpoint's name; null when it was deleted.")
    endpoint_id: str
    state: DeliveryState
    reason: str | None = Field(description="Why it is in this state.")
    attempt_count: int = Field(description="How many tries were made.")
    failures: int = Field(description="How many failed since it was last owed anew.")
    next_try_at: str | None
    created_at: str
    finished_at: str | None


class DeliveryStory(Delivery):
    """A delivery with every attempt."""

    attempts: list[Attempt]


class Story(Event):
    """An event's whole story."""

    request: Request
    deliveries: list[DeliveryStory]


class Replayed(Shape):
    """What a replay of one event owes anew."""

    event_id: str
    deliveries: int


class Rejection(Shape):
    """A request that was refused."""

    id: str
    source: str = Field(description="The name in the address, whether there is such a source or not.")
    received_at: str
    cause: str = Field(examples=["bad_signature"])
    detail: str
    status: int = Field(description="The HTTP status it was answered with.")
    method: str
    path: str
    client: str | None
    acceptable: bool = Field(description="Whether it can still become an event.")
    event_id: str | None = Field(description="The event it became.")


class RejectionStory(Rejection):
    """A refused request with all that came."""

    request: Request


class Receipt(Shape):
    """What became of a request that was examined again."""

    event_id: str
    status: EventStatus
    duplicate: bool
    deliveries: int


class Replay(Shape):
    """A replay of many events."""

    id: str
    state: ReplayState
    filter: dict[str, Any]
    total: int = Field(description="Events that fitted when it began.")
    seen: int = Field(description="Events it has looked at.")
    replayed: int = Field(description="Deliveries it owed anew.")
    created_at: str
    finished_at: str | None


class DryRun(Shape):
    """What a replay would do."""

    dry_run: Literal[True]
    events: int
    oldest_at: str | None
    newest_at: str | None


class Secrets(Shape):
    """The secrets that an endpoint's requests are signed with, newest last."""

    secrets: list[str] = Field(examples=[["whsec_…"]])


def _without_endpoints(schema: dict[str, Any]) -> None:
    schema["properties"].pop("endpoints", None)


class Source(SourceSpec):
    """A source. Each of its secrets is shown as `(hidden)`."""

    model_config = ConfigDict(json_schema_extra=_without_endpoints)

    id: str
    address: str = Field(description="The path at which its webhooks arrive.", examples=["/webhooks/github"])
    managed_by: ManagedBy = Field(description="Who may change it: the API, or hookline.yaml.")
    created_at: str
    updated_at: str


class Endpoint(EndpointSpec):
    """An endpoint. Its secrets and the values of confidential headers are shown as `(hidden)`."""

    id: str
    source_id: str
    state: EndpointState
    state_reason: str | None
    state_since: str
    managed_by: ManagedBy
    created_at: str
    updated_at: str


class Health(Shape):
    """All is well."""

    status: Literal["ok"]
