"""An application and its endpoints as people write them: through the sending API, and in their database rows.

An application is one customer of your own product. The names and limits of what the sending API shares with
Svix's are Svix's; what is Hookline's own says so in its description.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.fields import Flag, Lifetime, Rate, Spec, Words, checked
from hookline.core import filter as patterns
from hookline.core.errors import InvalidInput
from hookline.core.model import Dedupe, Endpoint, Source, SourceKind

#: Ids that callers choose, names of event types, channels and tags.
NAME = re.compile(r"[a-zA-Z0-9\-_.]+")
LONGEST_UID = 256
LONGEST_CHANNEL = 128
LARGEST_METADATA_BYTES = 4096

SignatureHeaders = Literal["both", "svix", "webhook"]

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "both": ("webhook", "svix"),
    "svix": ("svix",),
    "webhook": ("webhook",),
}


def check_name(text: str, longest: int = LONGEST_UID) -> str:
    """A name of the kind that Svix allows. Raises InvalidInput."""
    if not NAME.fullmatch(text) or len(text) > longest:
        raise InvalidInput(f"must be 1 to {longest} letters, digits, `-`, `_` and `.`")
    return text


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Texts by name, at most 4096 bytes in all. Raises InvalidInput."""
    if sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items()) > LARGEST_METADATA_BYTES:
        raise InvalidInput(f"metadata has at most {LARGEST_METADATA_BYTES} bytes")
    return metadata


Uid = Annotated[str, AfterValidator(checked(lambda text: check_name(text) if text else ""))]
Channel = Annotated[str, AfterValidator(checked(lambda text: check_name(text, LONGEST_CHANNEL)))]
EventPattern = Annotated[str, Field(max_length=LONGEST_UID), AfterValidator(checked(patterns.check))]
Metadata = Annotated[dict[str, str], AfterValidator(checked(check_metadata))]


class ApplicationSpec(Spec):
    """One customer of your own product, whom you publish for."""

    title: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="The application's name, for people."
    )
    uid: Uid = Field(default="", description="Your own id of this customer; works wherever the application's id does.")
    metadata: Metadata = Field(default={}, description="Texts that you want to find here again.")
    delivery_rate: Rate | None = Field(default=None, description="How many tries may begin in a time, in all.")
    signature_headers: SignatureHeaders = Field(
        default="both",
        description="Whether our signature comes in `webhook-*` headers (Standard Webhooks), `svix-*` ones, or both.",
    )
    challenge_endpoints: Flag = Field(
        default=False, description="Whether a new endpoint's receiver has to echo a challenge before it is accepted."
    )
    enforce_schemas: Annotated[bool, Field(strict=True)] | None = Field(
        default=None,
        description="Whether a message must have a known event type and match its schema; when absent, what the "
        "server's settings say.",
    )
    retention: Lifetime | None = Field(default=None, description="How long messages are kept; else the server's.")

    def build(self, *, id: str, org_id: str, kind: SourceKind = SourceKind.APPLICATION) -> Source:
        """The source that the pipeline works by."""
        return Source(
            id=id,
            org_id=org_id,
            name=id,
            provider="none",
            dedupe=Dedupe(by="none"),
            retention_s=self.retention,
            kind=kind,
            uid=self.uid,
            delivery_rate=self.delivery_rate,
            signature_headers=_SPELLINGS[self.signature_headers],
            challenge_endpoints=self.challenge_endpoints,
            enforce_schemas=self.enforce_schemas,
        )


class ApplicationEndpointSpec(EndpointSpec):
    """An endpoint of a customer. ``name`` is the endpoint's own id."""

    #: Event types by their exact names, or ``*``: longer ones, and more of them, than people write into a file.
    events: Annotated[tuple[EventPattern, ...], Field(min_length=1, max_length=2000)] = Field(
        default=("*",), description="Which event types are sent; `*` for all."
    )
    uid: Uid = Field(default="", description="Your own id of this endpoint; works wherever the endpoint's id does.")
    description: Words = Field(default="", description="What it is for.")
    metadata: Metadata = Field(default={}, description="Texts that you want to find here again.")
    channels: Annotated[tuple[Channel, ...], Field(max_length=10)] = Field(
        default=(), description="Only messages of one of these channels are sent; none means all messages."
    )

    def build(self, **stored: Any) -> Endpoint:
        """The endpoint that the delivery room works by; see `EndpointSpec.build`."""
        return dataclasses.replace(super().build(**stored), uid=self.uid, channels=self.channels)
