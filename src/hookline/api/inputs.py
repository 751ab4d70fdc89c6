"""What a caller may send: sources and endpoints as in hookline.yaml, but with the secrets themselves.

References (``env:``, ``file:``) are refused: whoever holds a token must not be able to read the server's
environment and files through a signature. What an answer shows as ``(hidden)`` may be sent back and means
"as it is", so that an answer, edited, is a valid request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from hookline.api.answer import invalid
from hookline.config.endpoint_spec import HIDDEN, EndpointSpec
from hookline.config.fields import check_signing_secret, checked
from hookline.config.problems import Path
from hookline.config.secrets import check_reference, is_reference
from hookline.config.spec import SourceSpec
from hookline.core.errors import InvalidInput
from hookline.core.filter import check as check_pattern
from hookline.core.model import EventStatus

#: What answers have beyond what may be set.
READ_ONLY = frozenset(
    {
        "id",
        "source_id",
        "address",
        "managed_by",
        "state",
        "state_reason",
        "state_since",
        "created_at",
        "updated_at",
    }
)


def _literal(secret: str) -> str:
    if is_reference(secret):
        raise InvalidInput(
            "only hookline.yaml can name a variable or a file of the server (`env:`, `file:`); send the secret itself"
        )
    return check_reference(secret)


def _signing_literal(secret: str) -> str:
    return secret if secret == HIDDEN else check_signing_secret(_literal(secret))


Secret = Annotated[str, AfterValidator(checked(_literal))]
SigningSecret = Annotated[str, AfterValidator(checked(_signing_literal))]


def _without_read_only(given: Any) -> Any:
    if isinstance(given, dict):
        return {key: value for key, value in given.items() if key not in READ_ONLY}
    return given


def _as_source(schema: dict[str, Any]) -> None:
    schema["properties"].pop("endpoints")
    schema["examples"] = [
        {"name": "github", "provider": "github", "secrets": ["the secret you gave GitHub"], "owner": "platform-team"}
    ]


_ENDPOINT_EXAMPLE: JsonDict = {
    "name": "build",
    "url": "https://builds.example.com/hooks",
    "events": ["push", "pull_request.*"],
    "retry": {"schedule": ["5s", "5m", "30m", "2h"]},
}


class SourceInput(SourceSpec):
    """A source to create or to replace. Its endpoints have an address of their own."""

    model_config = ConfigDict(json_schema_extra=_as_source)

    secrets: Annotated[tuple[Secret, ...], Field(max_length=10)] = Field(
        default=(),
        repr=False,
        description="The secrets that webhooks are verified with, several while rotating. When a source is "
        "replaced, `(hidden)` stands for the stored secret at the same place, and none for all stored ones.",
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_read_only(cls, given: Any) -> Any:
        return _without_read_only(given)


class EndpointInput(EndpointSpec):
    """An endpoint to create or to replace."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT_EXAMPLE]})

    secrets: Annotated[tuple[SigningSecret, ...], Field(max_length=10)] = Field(
        default=(),
        repr=False,
        description="The secrets (`whsec_…`) that requests are signed with, several while rotating. One is made "
        "when there is none. When an endpoint is replaced, `(hidden)` stands for the stored secret at the same "
        "place, and none for all stored ones.",
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_read_only(cls, given: Any) -> Any:
        return _without_read_only(given)

    def with_headers(self, stored: Mapping[str, str]) -> EndpointSpec:
        """The endpoint, each hidden header with its stored value. Raises InvalidRequest for one that has none."""
        headers = {name: _kept(("headers", name), value, stored.get(name)) for name, value in self.headers.items()}
        return self.model_copy(update={"headers": headers})


def kept_secrets(given: tuple[str, ...], stored: tuple[str, ...]) -> tuple[str, ...]:
    """The secrets that are meant. Raises InvalidRequest for a hidden one that has no stored one at its place."""
    if not given:
        return stored
    return tuple(
        _kept(("secrets", place), secret, stored[place] if place < len(stored) else None)
        for place, secret in enumerate(given)
    )


def _kept(path: Path, given: str, stored: str | None) -> str:
    if given != HIDDEN:
        return given
    if stored is None:
        words = f"`{HIDDEN}` stands for a stored value, and none is stored here; send the value itself"
        raise invalid(*path, words=words)
    return stored


class Body(BaseModel):
    """A small request body."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReplayOneInput(Body):
    """Send one event again."""

    endpoint: str = Field(
        default="", max_length=100, description="Only to this endpoint (name or id); to all that want it when absent."
    )


def _as_text(moment: object) -> object:
    return str(moment) if isinstance(moment, (int, float)) and not isinstance(moment, bool) else moment


Moment = Annotated[
    str,
    Field(max_length=40),
    BeforeValidator(_as_text),
    WithJsonSchema({"type": ["string", "number"], "examples": ["2026-01-31T09:30:00Z", 1769851800, "2h"]}),
]
EventType = Annotated[str, Field(max_length=200, examples=["push", "pull_request.*"])]


class Selection(BaseModel):
    """Which events. What is left out does not restrict."""

    source: str = Field(default="", max_length=100, description="Name or id of a source.")
    status: EventStatus | None = Field(default=None, description="What became of the event.")
    type: Annotated[EventType, AfterValidator(checked(lambda text: check_pattern(text) if text else ""))] = Field(
        default="", description="An event type, or a pattern such as `pull_request.*`."
    )
    provider_event_id: str = Field(default="", max_length=1000, description="The id that the sender gave the event.")
    since: Moment = Field(default="", description="Received at this moment or later: ISO 8601, Unix time, or an age.")
    until: Moment = Field(default="", description="Received before this moment: ISO 8601, Unix time, or an age.")


class ReplayInput(Selection, Body):
    """Send every event again that fits. At least one restriction is needed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "github", "status": "failed", "since": "2h", "dry_run": True}]}
    )

    endpoint: str = Field(
        default="",
        max_length=200,
        description="Only to this endpoint: an id, `source/endpoint`, or with `source` just a name.",
    )
    dry_run: bool = Field(default=False, strict=True, description="Only say how many events it would be.")
