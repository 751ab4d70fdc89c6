"""Endpoints as the sending API reads and writes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, Field, ValidationError

from hookline.api.present import time
from hookline.api.sending.application_models import RATE_NAMES
from hookline.api.sending.credentials import AUTHORIZATION, with_header, without_credentials
from hookline.api.sending.fields import (
    Body,
    Channels,
    EndpointUid,
    Flag,
    Lifetime,
    Metadata,
    MetadataOrNull,
    Names,
    Patch,
    Rate,
    Secret,
    Shape,
    ShownChannels,
    ShownNames,
    ShownRate,
    ShownUid,
    ShownUrl,
    Text,
    Time,
    Url,
    rate_limit,
    throttle_rate,
)
from hookline.api.sending.header_rules import Headers
from hookline.api.sending.refusal import wrong_body
from hookline.config.application_spec import ApplicationEndpointSpec
from hookline.config.endpoint_spec import EndpointSpec, RetrySpec
from hookline.config.units import format_lifetime
from hookline.core.filter import EVERYTHING
from hookline.core.model import EndpointState
from hookline.storage.stored import StoredApplicationEndpoint

#: The name of an endpoint that is being made: the store gives it its id as name.
UNNAMED = "unnamed"

_TYPE_NAMES = AliasChoices("eventTypes", "filterTypes")

_URL = "`http://` or `https://`. A user name and password become an `Authorization` header."
_RATE = "How many tries may begin in a second. `rateLimit` is its older name."
_TYPES = "Only messages of these event types; null: all. `filterTypes` is its older name."
_CHANNELS = "Only messages of one of these channels; null: all messages."
_UID = "Your own id of this endpoint; works wherever the endpoint's id does."
_METADATA = "Texts that you want to find here again, at most 4096 bytes."
_DISABLED = "When true, nothing is sent."
_FIFO = "Send strictly in the order of publishing, one at a time; a failing message holds the later ones back."
_CONCURRENCY = "How many tries may run at the same time."
_SCHEDULE = "The waits before each further try, in seconds; null: the usual ones."
_TIMEOUT = "How long one try may take as a whole, in seconds."
_DISABLE_AFTER = (
    "After failing for so long (`5d`, or seconds) it is disabled when one more message is given up; "
    "null: the server's `disable_after`."
)

#: The names of an ApplicationEndpointSpec's fields in a body.
_NAMES = {
    "rate_limit": "throttleRate",
    "events": "eventTypes",
    "retry": "retrySchedule",
    "schedule": "",
    "timeout": "timeoutSeconds",
    "disable_after": "disableAfter",
}

_USUAL = {name: field.default for name, field in EndpointSpec.model_fields.items()}

Schedule = Annotated[list[float], Field(max_length=100)]


class _Own(Body):
    """Fields that only Hookline has: the SDKs cannot send them, so a PUT without them leaves them as they are."""

    concurrency: int | None = Field(default=None, ge=1, le=1000, description=_CONCURRENCY)
    fifo: Flag = Field(default=False, description=_FIFO)
    retry_schedule: Schedule | None = Field(default=None, description=_SCHEDULE, examples=[[5, 300, 1800]])
    timeout_seconds: float | None = Field(default=None, ge=0.01, le=300, description=_TIMEOUT)
    disable_after: Lifetime | None = Field(default=None, description=_DISABLE_AFTER)
    headers: Headers | None = Field(default=None, repr=False, description="Headers to add to every request.")

    def own_values(self) -> dict[str, Any]:
        """Those that were given, as an ApplicationEndpointSpec has them."""
        schedule, timeout_s = self.retry_schedule, self.timeout_seconds
        values = {
            "concurrency": _USUAL["concurrency"] if self.concurrency is None else self.concurrency,
            "fifo": self.fifo,
            "retry_schedule": RetrySpec() if schedule is None else {"schedule": tuple(schedule)},
            "timeout_seconds": _USUAL["timeout"] if timeout_s is None else timeout_s,
            "disable_after": self.disable_after,
            "headers": self.headers or {},
        }
        spec_names = {"retry_schedule": "retry", "timeout_seconds": "timeout"}
        return {spec_names.get(name, name): values[name] for name in values if name in self.model_fields_set}


class EndpointUpdate(_Own):
    """An endpoint to replace, or to create."""

    url: Url = Field(description=_URL, examples=["https://example.com/webhooks"])
    description: Text = Field(default="", description="What it is for.")
    uid: EndpointUid | None = Field(default=None, description=_UID, examples=["warehouse"])
    throttle_rate: Rate | None = Field(default=None, validation_alias=RATE_NAMES, description=_RATE)
    disabled: Flag = Field(default=False, description=_DISABLED)
    event_types: Names | None = Field(
        default=None, validation_alias=_TYPE_NAMES, description=_TYPES, examples=[["invoice.paid"]]
    )
    channels: Channels | None = Field(default=None, description=_CHANNELS, examples=[["project-7"]])
    metadata: MetadataOrNull = Field(default={}, description=_METADATA)

    def apply(self, known: ApplicationEndpointSpec | None = None) -> ApplicationEndpointSpec:
        """The endpoint that is meant, ``known`` being the one to replace."""
        values = {
            "url": self.url,
            "description": self.description,
            "uid": self.uid or "",
            "rate_limit": rate_limit(self.throttle_rate),
            "enabled": not self.disabled,
            "events": _events(self.event_types),
            "channels": tuple(self.channels or ()),
            "metadata": self.metadata,
        }
        return _spec(known, {**values, **self.own_values()})


class EndpointIn(EndpointUpdate):
    """An endpoint to create."""

    secret: Secret | None = Field(
        default=None,
        repr=False,
        description="What messages are signed with: base64, with or without `whsec_` before it, or an Ed25519 key "
        "(`whsk_…`). One is made when there is none, which is best.",
    )


class EndpointPatch(Patch, _Own):
    """What is to be changed of an endpoint. What is left out stays as it is; null removes what can be removed."""

    url: Url = Field(default="", description=_URL)
    description: Text = Field(default="", description="What it is for.")
    uid: EndpointUid | None = Field(default=None, description=_UID)
    throttle_rate: Rate | None = Field(default=None, validation_alias=RATE_NAMES, description=_RATE)
    disabled: bool = Field(default=False, description=_DISABLED)
    event_types: Names | None = Field(default=None, validation_alias=_TYPE_NAMES, description=_TYPES)
    channels: Channels | None = Field(default=None, description=_CHANNELS)
    metadata: Metadata = Field(default={}, description=_METADATA)

    def apply(self, known: ApplicationEndpointSpec) -> ApplicationEndpointSpec:
        """The endpoint as it is after this."""
        values = {
            "url": ("url", self.url),
            "description": ("description", self.description),
            "uid": ("uid", self.uid or ""),
            "throttle_rate": ("rate_limit", rate_limit(self.throttle_rate)),
            "disabled": ("enabled", not self.disabled),
            "event_types": ("events", _events(self.event_types)),
            "channels": ("channels", tuple(self.channels or ())),
            "metadata": ("metadata", self.metadata),
        }
        given = dict(value for field, value in values.items() if field in self.model_fields_set)
        return _spec(known, {**given, **self.own_values()})


def _events(names: list[str] | None) -> tuple[str, ...]:
    return (EVERYTHING,) if names is None else tuple(names)


def _spec(known: ApplicationEndpointSpec | None, values: dict[str, Any]) -> ApplicationEndpointSpec:
    before: dict[str, Any] = {"name": UNNAMED} if known is None else dict(known)
    try:
        return ApplicationEndpointSpec.model_validate(_with_credentials({**before, **values}))
    except ValidationError as error:
        raise wrong_body(error, ApplicationEndpointSpec, _NAMES) from None


def _with_credentials(values: dict[str, Any]) -> dict[str, Any]:
    url, authorization = without_credentials(values["url"])
    if not authorization:
        return values
    return {**values, "url": url, "headers": with_header(values.get("headers", {}), AUTHORIZATION, authorization)}


class EndpointOut(Shape):
    """Where the messages of an application go."""

    id: str = Field(examples=["ep_019b76da2f800a1b2c3d4e5f60718293"])
    uid: ShownUid | None = Field(description=_UID)
    url: ShownUrl
    description: str
    throttle_rate: ShownRate | None = Field(description=_RATE)
    rate_limit: ShownRate | None = Field(description="The older name of `throttleRate`.")
    disabled: bool = Field(description="Whether nothing is sent; `stateReason` says why.")
    event_types: ShownNames | None = Field(description=_TYPES)
    filter_types: ShownNames | None = Field(description="The older name of `eventTypes`.")
    channels: ShownChannels | None = Field(description=_CHANNELS)
    metadata: dict[str, str]
    created_at: Time
    updated_at: Time
    version: int = Field(description="Always 1; older clients expect it.")
    concurrency: int = Field(description=_CONCURRENCY)
    fifo: bool = Field(description=_FIFO)
    retry_schedule: list[float] = Field(description=_SCHEDULE)
    timeout_seconds: float = Field(description=_TIMEOUT)
    disable_after: str | None = Field(description=_DISABLE_AFTER)
    state: EndpointState = Field(description="Whether it is sent to, and who decided otherwise.")
    state_reason: str | None = Field(description="Why it is in this state.")


def endpoint_out(stored: StoredApplicationEndpoint) -> dict[str, Any]:
    """An endpoint as an answer. Its secrets and headers have addresses of their own."""
    spec, built = stored.spec, stored.build()
    rate = throttle_rate(spec.rate_limit)
    types = None if spec.events == (EVERYTHING,) else list(spec.events)
    return {
        "id": stored.id,
        "uid": spec.uid or None,
        "url": spec.url,
        "description": spec.description,
        "throttleRate": rate,
        "rateLimit": rate,
        "disabled": stored.disabled,
        "eventTypes": types,
        "filterTypes": types,
        "channels": list(spec.channels) or None,
        "metadata": spec.metadata,
        "createdAt": time(stored.created_at_ms),
        "updatedAt": time(stored.updated_at_ms),
        "version": 1,
        "concurrency": spec.concurrency,
        "fifo": spec.fifo,
        "retrySchedule": list(spec.retry.schedule),
        "timeoutSeconds": spec.timeout,
        "disableAfter": None if spec.disable_after is None else format_lifetime(spec.disable_after),
        "state": built.state,
        "stateReason": built.state_reason or None,
    }
