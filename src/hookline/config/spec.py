"""A source as people write it: in hookline.yaml, through the HTTP API, and in its database row."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from hookline.config.endpoint_spec import HIDDEN, EndpointSpec, RetrySpec, hide
from hookline.config.fields import (
    AllowedAddress,
    Flag,
    JsonSchema,
    Lifetime,
    Pattern,
    Rate,
    SecretReference,
    Size,
    Slug,
    Spec,
    Tolerance,
    Words,
    checked,
    problem,
)
from hookline.core import filter as patterns
from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.model import PUBLISHED_ADDRESSES, Dedupe, Source
from hookline.core.providers import registry
from hookline.core.providers.generic import SLUG as GENERIC
from hookline.core.providers.provider import Provider

__all__ = ["DedupeSpec", "EndpointSpec", "RetrySpec", "SignatureSpec", "SourceSpec"]

#: The scheme of a ``provider: generic`` source, checked by ``core.providers.generic``.
SignatureSpec: TypeAlias = dict[str, Any]


Method = Annotated[
    Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
ContentType = Literal["json", "form", "xml", "text", "any"]


class DedupeSpec(Spec):
    """How two requests are known to carry the same event."""

    by: Literal["provider", "header", "body", "content", "none"] = Field(
        default="provider",
        description="What tells events apart: the event id that the provider documents, a `header`, a value in "
        "the JSON `body`, the hash of the whole `content`, or `none` for no deduplication.",
    )
    name: str = Field(
        default="",
        max_length=200,
        description="With `by: header` the header's name, with `by: body` a JSON pointer such as `/data/id`.",
    )
    window: Lifetime | None = Field(
        default=None, description="How long an event is remembered; `dedupe_window` of the server when absent."
    )
    on_conflict: Literal["ignore", "review"] = Field(
        default="ignore",
        description="What a known id with another body is: a duplicate to `ignore`, or for `review`.",
    )
    replay_guard: Literal["review", "refuse", "off"] = Field(
        default="review", description="What becomes of a known body that comes again under another, unsigned id."
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str, info: ValidationInfo) -> str:
        by = info.data.get("by")
        if by in ("header", "body") and not name:
            raise problem(f"`by: {by}` needs a name, such as `{'X-Event-Id' if by == 'header' else '/data/id'}`")
        if by not in ("header", "body", None) and name:
            raise problem("belongs only to `by: header` and `by: body`")
        if by == "body" and not name.startswith("/"):
            raise problem("must be a JSON pointer, as in `/data/id` (RFC 6901)")
        return name

    def build(self) -> Dedupe:
        """The rule that the door works by."""
        return Dedupe(self.by, self.name, self.window, self.on_conflict, self.replay_guard)


class SourceSpec(Spec):
    """Where events come from, the rules of its door, and where its events go."""

    name: Slug = Field(description="The source's name; its webhooks arrive at `/webhooks/{name}`.")
    provider: str = Field(
        max_length=63,
        description="Who sends: a slug of the catalogue, `generic` with `signature`, or `none` for no proof.",
    )
    signature: SignatureSpec | None = Field(
        default=None,
        repr=False,
        description="With `provider: generic` where the signature stands and how it is made; with any other "
        "provider its options, and `scheme`, which narrows it to one of its schemes.",
    )
    secrets: Annotated[tuple[SecretReference, ...], Field(max_length=10)] = Field(
        default=(),
        repr=False,
        description="Secrets that webhooks are verified with, several while rotating: `env:NAME`, "
        "`file:PATH` or the secret itself.",
    )
    owner: Words = Field(default="", description="Who is asked when it breaks.")
    purpose: Words = Field(default="", description="What the events are for.")
    environment: Words = Field(default="", description="Such as `production` or `test`.")
    runbook: Words = Field(default="", description="What to do when it fails, or the address of a page that says so.")
    rotation: Words = Field(default="", description="How and when the secret is rotated.")
    enabled: Flag = Field(default=True, description="When false, the door answers as if the source did not exist.")
    tolerance: Tolerance | None = Field(
        default=None, description="How old a signed timestamp may be; what the provider documents when absent."
    )
    methods: tuple[Method, ...] = Field(
        default=(), max_length=7, description="Accepted HTTP methods; what the provider documents when empty."
    )
    content_types: tuple[ContentType, ...] = Field(
        default=(), max_length=5, description="Accepted kinds of body; what the provider documents when empty."
    )
    max_body: Size = Field(default=1_048_576, description="The largest body that is accepted.")
    require_https: Flag = Field(default=False, description="Refuse requests that did not come over HTTPS.")
    allow_ips: Annotated[tuple[AllowedAddress, ...], Field(max_length=1000)] = Field(
        default=(),
        description="Addresses and networks that requests may come from, `published` for those that the provider "
        "publishes; any when empty.",
    )
    rate_limit: Rate | None = Field(
        default=None, description="How many requests are accepted in a time, as in `100/s`."
    )
    client_rate_limit: Rate | None = Field(default=None, description="The same for each client address.")
    dedupe: DedupeSpec = Field(default=DedupeSpec(), description="How two requests are known to carry the same event.")
    schemas: dict[str, JsonSchema] = Field(
        default={},
        description="JSON Schema by event-type pattern: the schema, or in a file the path of one beside it.",
    )
    on_schema_mismatch: Literal["review", "refuse"] = Field(
        default="review", description="What becomes of a body that does not match: accepted for review, or refused."
    )
    event_types: Annotated[tuple[Pattern, ...], Field(max_length=1000)] = Field(
        default=(),
        description="Types or patterns the source is expected to send; others need review. Any when empty.",
    )
    retention: Lifetime | None = Field(
        default=None, description="How long events are kept; the server's `retention` when absent."
    )
    endpoints: Annotated[tuple[EndpointSpec, ...], Field(max_length=1000)] = Field(
        default=(), description="Where the events go."
    )

    @field_validator("provider")
    @classmethod
    def _check_provider(cls, slug: str) -> str:
        return GENERIC if slug.lower() == GENERIC else checked(registry.get)(slug).slug

    @field_validator("signature")
    @classmethod
    def _check_signature(cls, signature: SignatureSpec | None, info: ValidationInfo) -> SignatureSpec | None:
        provider = info.data.get("provider")
        if provider == GENERIC and signature is None:
            raise problem("`provider: generic` needs a signature that says where and how requests are signed")
        if signature is not None and provider is not None:
            _check_scheme(provider, signature)
        return signature

    @field_validator("allow_ips")
    @classmethod
    def _check_addresses(cls, addresses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        provider = info.data.get("provider")
        if PUBLISHED_ADDRESSES in addresses and provider is not None:
            known = provider != GENERIC and registry.get(provider).ip_ranges
            if not known:
                raise problem(f"`{provider}` publishes no addresses; name the networks, or leave this out")
        return addresses

    @field_validator("schemas")
    @classmethod
    def _check_patterns(cls, schemas: dict[str, Any]) -> dict[str, Any]:
        for pattern in schemas:
            checked(patterns.check)(pattern)
        return schemas

    @field_validator("endpoints")
    @classmethod
    def _check_names(cls, endpoints: tuple[EndpointSpec, ...]) -> tuple[EndpointSpec, ...]:
        for name, count in Counter(endpoint.name for endpoint in endpoints).items():
            if count > 1:
                raise problem(f"{count} endpoints are named `{name}`; give each its own name")
        return endpoints

    def find_provider(self) -> Provider:
        """The provider whose knowledge this source's door uses."""
        if self.provider == GENERIC:
            return registry.build_generic(self.signature or {})
        provider = registry.get(self.provider)
        return provider.configured(self.signature) if self.signature else provider

    def missing_secret(self) -> str:
        """Why this source cannot do without a secret that it does not have, or an empty string."""
        if self.secrets or not self.find_provider().needs_secret:
            return ""
        return f'`provider: {self.provider}` needs at least one secret, as in ["env:{self._variable()}"]'

    def _variable(self) -> str:
        return f"{self.name.upper().replace('-', '_')}_WEBHOOK_SECRET"

    def public(self) -> dict[str, Any]:
        """The JSON form that may be shown: secrets and confidential header values are hidden."""
        shown = self.model_dump(mode="json")
        shown["secrets"] = hide(self.secrets)
        hidden = {option.name for option in self.find_provider().options if option.secret}
        if self.signature:
            shown["signature"] = {key: HIDDEN if key in hidden else value for key, value in self.signature.items()}
        shown["endpoints"] = [endpoint.public() for endpoint in self.endpoints]
        return shown

    def build(self, *, id: str, org_id: str, secrets: tuple[str, ...]) -> Source:
        """The source that the door works by; ``secrets`` are resolved. Raises InvalidInput without one
        where one is needed, and for one that the provider cannot use.
        """
        if not secrets and (missing := self.model_copy(update={"secrets": ()}).missing_secret()):
            raise InvalidInput(missing)
        for secret in secrets:
            self.find_provider().check_secret(secret)
        return Source(
            id=id,
            org_id=org_id,
            name=self.name,
            provider=self.provider,
            secrets=secrets,
            signature=self.signature,
            enabled=self.enabled,
            tolerance_s=self.tolerance,
            methods=self.methods,
            content_types=self.content_types,
            max_body_bytes=self.max_body,
            require_https=self.require_https,
            allow_ips=self.allow_ips,
            rate_limit=self.rate_limit,
            client_rate_limit=self.client_rate_limit,
            dedupe=self.dedupe.build(),
            schemas=tuple(self.schemas.items()),
            on_schema_mismatch=self.on_schema_mismatch,
            known_types=self.event_types,
            retention_s=self.retention,
        )


def _check_scheme(provider: str, signature: SignatureSpec) -> None:
    try:
        if provider == GENERIC:
            registry.build_generic(signature)
        else:
            registry.get(provider).configured(signature)
    except ConfigError as error:
        key = error.where.removeprefix("signature").removeprefix(".")
        message = error.message.rpartition(f"{error.where}: ")[2]
        raise problem(f"`{key}`: {message}" if key else message) from None
