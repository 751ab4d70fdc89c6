"""What people configure as it is stored, and how it is read from its rows.

The endpoints of an application and those of a provider's source share a table. An application's endpoint has its
own id as its name, which no other endpoint can have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.fields import Spec
from hookline.config.spec import SourceSpec
from hookline.core.errors import StoreError
from hookline.core.model import Endpoint, EndpointState, EventType, Source, SourceKind
from hookline.storage.base import Row
from hookline.storage.vault import Vault

S = TypeVar("S", bound=Spec)


class StoredSource(msgspec.Struct, frozen=True):
    """A provider's source as it is stored. ``spec`` has neither secrets nor endpoints."""

    id: str
    org_id: str
    spec: SourceSpec
    secrets: tuple[str, ...]
    managed_by: str
    created_at_ms: int
    updated_at_ms: int

    def __repr__(self) -> str:
        return f"StoredSource({self.id}, {self.spec.name})"

    def build(self) -> Source:
        """The source that the door works by."""
        return self.spec.build(id=self.id, org_id=self.org_id, secrets=self.secrets)


class StoredApplication(msgspec.Struct, frozen=True):
    """An application as it is stored, or an organisation's operational source."""

    id: str
    org_id: str
    kind: SourceKind
    spec: ApplicationSpec
    created_at_ms: int
    updated_at_ms: int

    def build(self) -> Source:
        """The source that the pipeline works by."""
        return self.spec.build(id=self.id, org_id=self.org_id, kind=self.kind)


class StoredEndpoint(msgspec.Struct, frozen=True):
    """An endpoint as it is stored. ``spec`` has no secrets."""

    id: str
    org_id: str
    source_id: str
    spec: EndpointSpec
    secrets: tuple[str, ...]
    managed_by: str
    state: EndpointState
    state_reason: str
    state_since_ms: int
    created_at_ms: int
    updated_at_ms: int
    #: Secrets that were rotated away, each with the UTC millisecond until which it still signs.
    old_secrets: tuple[tuple[str, int], ...] = ()
    failing_since_ms: int = 0  #: when it first failed after its last success; 0 when it does not fail

    def __repr__(self) -> str:
        return f"StoredEndpoint({self.id}, {self.spec.name})"

    @property
    def disabled(self) -> bool:
        """Whether nothing is sent: a person said so, or its receiver gave cause."""
        return not self.spec.enabled or self.state is EndpointState.DISABLED

    def build(self) -> Endpoint:
        """The endpoint that the delivery room works by."""
        return self.spec.build(
            id=self.id,
            org_id=self.org_id,
            source_id=self.source_id,
            secrets=self.secrets,
            state=self.state,
            state_reason=self.state_reason,
            old_secrets=self.old_secrets,
            failing_since_ms=self.failing_since_ms,
        )


class StoredApplicationEndpoint(StoredEndpoint, frozen=True):
    """An endpoint of an application as it is stored."""

    spec: ApplicationEndpointSpec

    def __repr__(self) -> str:
        return f"StoredApplicationEndpoint({self.id})"


def source_of(vault: Vault, row: Row) -> StoredSource:
    """A row of ``source`` as the provider's source it is. Raises StoreError when it cannot be read."""
    return StoredSource(
        id=row["id"],
        org_id=row["org_id"],
        spec=_spec(SourceSpec, row, name=row["name"]),
        secrets=vault.open(row["id"], row["secrets"]).secrets,
        managed_by=row["managed_by"],
        created_at_ms=row["created_at_ms"],
        updated_at_ms=row["updated_at_ms"],
    )


def application_of(row: Row) -> StoredApplication:
    """A row of ``source`` as the application it is. Raises StoreError when it cannot be read."""
    return StoredApplication(
        id=row["id"],
        org_id=row["org_id"],
        kind=SourceKind(row["kind"]),
        spec=_spec(ApplicationSpec, row),
        created_at_ms=row["created_at_ms"],
        updated_at_ms=row["updated_at_ms"],
    )


def endpoint_of(vault: Vault, row: Row) -> StoredEndpoint:
    """A row of ``endpoint`` as the noun it is. Raises StoreError when it cannot be read."""
    if row["name"] == row["id"]:
        return application_endpoint_of(vault, row)
    return StoredEndpoint(**_endpoint_fields(vault, row, EndpointSpec))


def application_endpoint_of(
    vault: Vault, row: Row, spec: ApplicationEndpointSpec | None = None
) -> StoredApplicationEndpoint:
    """A row of ``endpoint`` as the application's endpoint it is, or as it would be with another ``spec``.

    Raises StoreError when it cannot be read.
    """
    return StoredApplicationEndpoint(**_endpoint_fields(vault, row, ApplicationEndpointSpec, spec))


def is_disabled(row: Row) -> bool:
    """Whether nothing is sent to the endpoint of this row: a person said so, or its receiver gave cause."""
    return row["state"] == EndpointState.DISABLED or not json.loads(row["spec"]).get("enabled", True)


def _endpoint_fields(
    vault: Vault, row: Row, kind: type[EndpointSpec], spec: EndpointSpec | None = None
) -> dict[str, Any]:
    sealed = vault.open(row["id"], row["secrets"])
    return {
        "id": row["id"],
        "org_id": row["org_id"],
        "source_id": row["source_id"],
        "spec": spec or _spec(kind, row, name=row["name"], headers=sealed.headers),
        "secrets": sealed.secrets,
        "managed_by": row["managed_by"],
        "state": EndpointState(row["state"]),
        "state_reason": row["state_reason"],
        "state_since_ms": row["state_since_ms"],
        "created_at_ms": row["created_at_ms"],
        "updated_at_ms": row["updated_at_ms"],
        "old_secrets": sealed.old_secrets,
        "failing_since_ms": row["failing_since_ms"],
    }


def event_type_of(row: Row) -> EventType:
    """A row of ``event_type`` as the noun."""
    return EventType(
        org_id=row["org_id"],
        name=row["name"],
        description=row["description"],
        archived=bool(row["archived"]),
        deprecated=bool(row["deprecated"]),
        feature_flag=row["feature_flag"],
        schemas=json.loads(row["schemas"]),
        created_at_ms=row["created_at_ms"],
        updated_at_ms=row["updated_at_ms"],
    )


def called(rows: Sequence[Row], key: str) -> Row | None:
    """Of the rows that are called ``key``, the one whose id it is: an id means one thing only."""
    return next((row for row in rows if row["id"] == key), rows[0] if rows else None)


def dump(spec: Spec, exclude: set[str]) -> str:
    """A spec as the text of its row, without what stands in columns of its own."""
    dumped: dict[str, Any] = spec.model_dump(mode="json", exclude=exclude)
    return json.dumps(dumped, sort_keys=True, separators=(",", ":"))


def _spec(kind: type[S], row: Row, **more: Any) -> S:
    """What was valid when it was stored is validated again: this version may be stricter than the one that wrote it."""
    try:
        return kind.model_validate({**json.loads(row["spec"]), **more})
    except (ValidationError, ValueError) as error:
        what = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "is not JSON"}
        field = ".".join(str(part) for part in what["loc"])
        raise StoreError(
            f"what is stored of {row['id']} cannot be read by this version: {field} {what['msg']}; configure it anew",
            code="unreadable_row",
        ) from None
