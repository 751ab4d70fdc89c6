"""An endpoint as people write it: in hookline.yaml, through the HTTP API, and in its database row."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, field_validator

from hookline.config.fields import (
    Flag,
    Lifetime,
    Pattern,
    Rate,
    SigningSecretReference,
    Slug,
    Spec,
    Timeout,
    Url,
    Wait,
    check_signing_secret,
    problem,
)
from hookline.config.secrets import is_reference
from hookline.core.model import Endpoint, EndpointState, RetryPolicy

HIDDEN = "(hidden)"

#: RFC 9110 §7.6.1 and what frames the message: these belong to the connection, not to the request.
RESERVED_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110 §5.6.2
_CONFIDENTIAL = re.compile(r"auth|token|key|secret|cookie|passw|signature|session", re.IGNORECASE)


class RetrySpec(Spec):
    """When a failed delivery is tried again."""

    schedule: Annotated[tuple[Wait, ...], Field(max_length=100)] = Field(
        default=RetryPolicy().schedule_s,
        description="The wait before each further try. After the last the delivery is dead.",
    )
    jitter: float = Field(
        default=RetryPolicy().jitter,
        ge=0,
        le=1,
        strict=True,
        allow_inf_nan=False,
        description="The share by which each wait is spread at random; 0.1 is ten percent up or down.",
    )

    def build(self) -> RetryPolicy:
        """The policy that the dispatcher works by."""
        return RetryPolicy(self.schedule, self.jitter)


class EndpointSpec(Spec):
    """Where events of a source go."""

    name: Slug = Field(description="The endpoint's name, unique within its source.")
    url: Url = Field(description="Where events are sent, `http://` or `https://`.")
    events: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=500)] = Field(
        default=("*",),
        description="Which event types are sent: exact, `pull_request.*` for everything below, `*` for all.",
    )
    headers: Annotated[dict[str, str], Field(max_length=50)] = Field(
        default={}, repr=False, description="Headers that are added to every request."
    )
    secrets: Annotated[tuple[SigningSecretReference, ...], Field(max_length=10)] = Field(
        default=(),
        repr=False,
        description="Secrets (`whsec_…`, `env:NAME` or `file:PATH`) that requests are signed with, "
        "several while rotating. One is generated when there is none.",
    )
    retry: RetrySpec = Field(default=RetrySpec(), description="When a failed delivery is tried again.")
    timeout: Timeout = Field(default=15.0, description="How long one try may take as a whole.")
    connect_timeout: Timeout = Field(
        default=5.0, description="How long connecting may take; never longer than `timeout`."
    )
    concurrency: int = Field(
        default=10, ge=1, le=1000, strict=True, description="How many tries may run at the same time."
    )
    rate_limit: Rate | None = Field(default=None, description="How many tries may begin in a time, as in `100/s`.")
    pause_after_failures: int = Field(
        default=20,
        ge=0,
        le=1_000_000,
        strict=True,
        description="After so many failures in a row only one try at a time probes the endpoint; 0 is never.",
    )
    fifo: Flag = Field(
        default=False,
        description="Send strictly in the order of arrival, one at a time; a failing event holds the later ones back.",
    )
    disable_after: Lifetime | None = Field(
        default=None,
        description="An endpoint that failed for so long is disabled when one more delivery dies or probe fails. "
        "Never for the endpoints of a provider source; for those of applications what the server's settings say.",
    )
    enabled: Flag = Field(default=True, description="When false, nothing is sent.")

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        seen: set[str] = set()
        for name, value in headers.items():
            _check_header(name, value)
            if name.lower() in seen:
                raise problem(f"header `{name}` is given twice")
            seen.add(name.lower())
        return headers

    def public(self) -> dict[str, Any]:
        """The JSON form that may be shown: secrets and confidential header values are hidden."""
        shown = self.model_dump(mode="json")
        shown["secrets"] = hide(self.secrets)
        shown["headers"] = {name: HIDDEN if is_confidential(name) else value for name, value in self.headers.items()}
        return shown

    def build(
        self,
        *,
        id: str,
        org_id: str,
        source_id: str,
        secrets: tuple[str, ...],
        state: EndpointState = EndpointState.ACTIVE,
        state_reason: str = "",
        old_secrets: tuple[tuple[str, int], ...] = (),
        failing_since_ms: int = 0,
    ) -> Endpoint:
        """The endpoint that the delivery room works by. ``secrets`` are resolved: ``whsec_…``, at least one.

        ``old_secrets`` still sign until their UTC millisecond; ``enabled: false`` wins over ``state``.

        Raises InvalidInput for a secret that cannot sign.
        """
        if not self.enabled:
            state, state_reason = EndpointState.DISABLED, "disabled in the configuration"
        return Endpoint(
            id=id,
            org_id=org_id,
            source_id=source_id,
            name=self.name,
            url=self.url,
            events=self.events,
            headers=tuple(self.headers.items()),
            secrets=tuple(check_signing_secret(secret) for secret in secrets),
            retry=self.retry.build(),
            connect_timeout_s=min(self.connect_timeout, self.timeout),
            timeout_s=self.timeout,
            concurrency=self.concurrency,
            rate_limit=self.rate_limit,
            pause_after_failures=self.pause_after_failures,
            state=state,
            state_reason=state_reason,
            fifo=self.fifo,
            old_secrets=old_secrets,
            failing_since_ms=failing_since_ms,
            disable_after_s=self.disable_after,
        )


def is_confidential(name: str) -> bool:
    """Whether the value of a header of this name is a credential, by custom."""
    return _CONFIDENTIAL.search(name) is not None


def hide(secrets: tuple[str, ...]) -> list[str]:
    """References as they are, secrets hidden."""
    return [reference if is_reference(reference) else HIDDEN for reference in secrets]


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise problem("a header name has only letters, digits and `-` (RFC 9110 §5.6.2)")
    if name.lower() in RESERVED_HEADERS or name.lower().startswith("webhook-"):
        raise problem(f"header `{name}` is set by Hookline itself; leave it out")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise problem(f"the value of header `{name}` must be printable ASCII without spaces around it")
