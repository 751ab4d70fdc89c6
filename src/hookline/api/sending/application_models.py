"""Applications as the sending API reads and writes them."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field, ValidationError

from hookline.api.present import time
from hookline.api.sending.fields import (
    ApplicationUid,
    Body,
    Flag,
    Lifetime,
    Metadata,
    MetadataOrNull,
    Patch,
    Plain,
    Rate,
    Shape,
    ShownRate,
    ShownUid,
    Time,
    rate_limit,
    throttle_rate,
)
from hookline.api.sending.refusal import wrong_body
from hookline.config.application_spec import ApplicationSpec, SignatureHeaders
from hookline.config.units import format_lifetime
from hookline.storage.stored import StoredApplication

RATE_NAMES = AliasChoices("throttleRate", "rateLimit")

_RATE = "How many tries may begin in a second, over all endpoints of the application. `rateLimit` is its older name."
_UID = "Your own id of this customer; works wherever the application's id does."
_METADATA = "Texts that you want to find here again, at most 4096 bytes."
_SPELLING = "Whether our signature comes in `webhook-*` headers (Standard Webhooks), `svix-*` ones, or both."
_CHALLENGE = "Whether a new endpoint's receiver has to echo a challenge before the endpoint is accepted."
_ENFORCE = "Whether a message must have a known event type and match its schema; null: what the server's settings say."
_RETENTION = "How long messages are kept, as `30d` or in seconds; null: the server's `retention`."

#: The names of an ApplicationSpec's fields in a body.
_NAMES = {
    "title": "name",
    "delivery_rate": "throttleRate",
    "signature_headers": "signatureHeaders",
    "challenge_endpoints": "challengeEndpoints",
    "enforce_schemas": "enforceSchemas",
}

#: Fields that only Hookline has: the SDKs cannot send them, so a PUT without them leaves them as they are.
_OWN = ("signature_headers", "challenge_endpoints", "enforce_schemas", "retention")


class _Application(Body):
    """What both bodies have."""

    uid: ApplicationUid | None = Field(default=None, description=_UID, examples=["customer-42"])
    throttle_rate: Rate | None = Field(default=None, validation_alias=RATE_NAMES, description=_RATE)
    signature_headers: SignatureHeaders | None = Field(default=None, description=_SPELLING)
    challenge_endpoints: Flag = Field(default=False, description=_CHALLENGE)
    enforce_schemas: bool | None = Field(default=None, description=_ENFORCE)
    retention: Lifetime | None = Field(default=None, description=_RETENTION)

    def values(self, fields: set[str]) -> dict[str, Any]:
        """These fields as an ApplicationSpec has them."""
        given = {
            "uid": self.uid or "",
            "delivery_rate": rate_limit(self.throttle_rate),
            "signature_headers": self.signature_headers or "both",
            "challenge_endpoints": self.challenge_endpoints,
            "enforce_schemas": self.enforce_schemas,
            "retention": self.retention,
        }
        wanted = {"delivery_rate" if field == "throttle_rate" else field for field in fields}
        return {name: value for name, value in given.items() if name in wanted}


class ApplicationIn(_Application):
    """An application to create or to replace."""

    name: Plain = Field(min_length=1, max_length=1000, description="For people.", examples=["A customer"])
    metadata: MetadataOrNull = Field(default={}, description=_METADATA)

    def apply(self, known: ApplicationSpec | None = None) -> ApplicationSpec:
        """The application that is meant, ``known`` being the one to replace."""
        fields = {"uid", "throttle_rate"} | {field for field in _OWN if field in self.model_fields_set}
        return _spec(known, {"title": self.name, "metadata": self.metadata, **self.values(fields)})


class ApplicationPatch(Patch, _Application):
    """What is to be changed of an application. What is left out stays as it is; null removes what can be removed."""

    name: Plain = Field(default="", min_length=1, max_length=1000, description="For people.", validate_default=False)
    metadata: Metadata = Field(default={}, description=_METADATA)

    def apply(self, known: ApplicationSpec) -> ApplicationSpec:
        """The application as it is after this."""
        values = self.values(set(self.model_fields_set))
        if "name" in self.model_fields_set:
            values["title"] = self.name
        if "metadata" in self.model_fields_set:
            values["metadata"] = self.metadata
        return _spec(known, values)


def _spec(known: ApplicationSpec | None, values: dict[str, Any]) -> ApplicationSpec:
    before = {} if known is None else dict(known)
    try:
        return ApplicationSpec.model_validate({**before, **values})
    except ValidationError as error:
        raise wrong_body(error, ApplicationSpec, _NAMES) from None


class ApplicationOut(Shape):
    """One customer of your own product, whom you publish for."""

    id: str = Field(examples=["app_019b76da2f800a1b2c3d4e5f60718293"])
    uid: ShownUid | None = Field(description=_UID)
    name: str
    throttle_rate: ShownRate | None = Field(description=_RATE)
    rate_limit: ShownRate | None = Field(description="The older name of `throttleRate`.")
    metadata: dict[str, str]
    created_at: Time
    updated_at: Time
    signature_headers: SignatureHeaders = Field(description=_SPELLING)
    challenge_endpoints: bool = Field(description=_CHALLENGE)
    enforce_schemas: bool | None = Field(description=_ENFORCE)
    retention: str | None = Field(description=_RETENTION)


def application_out(stored: StoredApplication) -> dict[str, Any]:
    """An application as an answer."""
    spec = stored.spec
    rate = throttle_rate(spec.delivery_rate)
    return {
        "id": stored.id,
        "uid": spec.uid or None,
        "name": spec.title,
        "throttleRate": rate,
        "rateLimit": rate,
        "metadata": spec.metadata,
        "createdAt": time(stored.created_at_ms),
        "updatedAt": time(stored.updated_at_ms),
        "signatureHeaders": spec.signature_headers,
        "challengeEndpoints": spec.challenge_endpoints,
        "enforceSchemas": spec.enforce_schemas,
        "retention": None if spec.retention is None else format_lifetime(spec.retention),
    }
