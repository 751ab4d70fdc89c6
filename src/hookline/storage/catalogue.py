"""Sources and endpoints: what people configure, by file or through the API."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core import ids
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import Endpoint, EndpointState, Source
from hookline.core.signature import generate_secret
from hookline.storage.base import Batch, Database, Row, Transaction, Worker
from hookline.storage.routing import Routing
from hookline.storage.vault import Sealed, Vault

T = TypeVar("T")

API = "api"
FILE = "file"


class StoredSource(msgspec.Struct, frozen=True):
    """A source as it is stored. ``spec`` has neither secrets nor endpoints."""

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

    def __repr__(self) -> str:
        return f"StoredEndpoint({self.id}, {self.spec.name})"

    def build(self) -> Endpoint:
        """The endpoint that the delivery room works by."""
        return self.spec.build(
            id=self.id,
            org_id=self.org_id,
            source_id=self.source_id,
            secrets=self.secrets,
            state=self.state,
            state_reason=self.state_reason,
        )


class PutSource(msgspec.Struct, frozen=True):
    """Create the source of this name, or replace it. ``secrets`` are resolved."""

    org_id: str
    spec: SourceSpec
    secrets: tuple[str, ...]
    now_ms: int
    managed_by: str = API
    create_only: bool = False


class PutEndpoint(msgspec.Struct, frozen=True):
    """Create the endpoint of this name, or replace it. Without ``secrets`` its old ones stay or one is made."""

    org_id: str
    source_id: str
    spec: EndpointSpec
    secrets: tuple[str, ...]
    now_ms: int
    managed_by: str = API
    create_only: bool = False


class _Built(Generic[T]):
    """What was built from rows; a row that has not changed keeps its very object, so that nobody prepares it anew."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Any, ...], T]] = {}

    def of(self, rows: Sequence[Row], build: Callable[[Row], T]) -> list[T]:
        """One object per row."""
        known, self._known = self._known, {}
        for row in rows:
            values = tuple(row[name] for name in row.keys())  # noqa: SIM118 - a row iterates over its values
            before = known.get(row["id"])
            built = before[1] if before is not None and before[0] == values else build(row)
            self._known[row["id"]] = (values, built)
        return [built for _, built in self._known.values()]


class Catalogue:
    """The sources and endpoints of all organisations."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        #: Told after every change. None in a process that only looks.
        self.worker: Worker | None = None
        #: The newest snapshot. Replaced as a whole on the writer's thread, read on any.
        self.routing = Routing()
        self._outside_version = -1
        self._sources: _Built[Source] = _Built()
        self._endpoints: _Built[Endpoint] = _Built()

    # -- the snapshot: on the writer's thread ----------------------------------------------------------

    def current(self, tx: Transaction) -> Routing:
        """The routing that is true in this transaction, even if another process has just changed it."""
        version = self._database.outside_version(tx)
        if version != self._outside_version:
            self._outside_version = version
            self.refresh(tx)
        return self.routing

    def refresh(self, tx: Transaction) -> None:
        """Load the snapshot when its version is not the stored one."""
        row = tx.row("routing_version")
        assert row is not None
        if row["value"] == self.routing.version:
            return
        before = self.routing
        tx.on_rollback(lambda: self._restore(before))
        sources = self._sources.of(tx.rows("all_sources"), lambda found: self.source_of(found).build())
        endpoints = self._endpoints.of(tx.rows("all_endpoints"), lambda found: self.endpoint_of(found).build())
        self.routing = Routing(row["value"], sources, endpoints)

    def _restore(self, before: Routing) -> None:
        """What was loaded was never committed; the next transaction looks again."""
        self.routing = before
        self._outside_version = -1

    def _changed(self, tx: Transaction) -> None:
        tx.run("bump_routing")
        self.refresh(tx)

    async def load(self) -> Routing:
        """The routing as it is now, also when another process changed it."""
        return await self._database.write(  # type: ignore[no-any-return]
            self._load_batch, None
        )

    def _load_batch(self, tx: Transaction, items: Sequence[None]) -> list[Routing]:
        self.refresh(tx)
        return [self.routing] * len(items)

    # -- sources ---------------------------------------------------------------------------------------

    async def sources(self, org_id: str) -> list[StoredSource]:
        """All sources of an organisation, by name."""
        rows = await self._database.read(lambda tx: tx.rows("sources_of_org", {"org_id": org_id}))
        return [self.source_of(row) for row in rows]

    async def source(self, org_id: str, name_or_id: str) -> StoredSource:
        """One source by its name or id. Raises NotFound."""
        params = {"org_id": org_id, "name_or_id": name_or_id}
        row = await self._database.read(lambda tx: tx.row("source_get", params))
        if row is None:
            raise NotFound(f"there is no source {name_or_id!r}")
        return self.source_of(row)

    async def put_source(self, put: PutSource) -> StoredSource:
        """Create or replace a source. Raises Conflict when it exists and only creating was asked for."""
        return await self._change(self._put_source_batch, put)  # type: ignore[no-any-return]

    async def delete_source(self, org_id: str, source_id: str) -> None:
        """Remove a source and its endpoints. Raises NotFound."""
        await self._change(self._delete_source_batch, (org_id, source_id))

    async def _change(self, batch: Batch, item: Any) -> Any:
        result = await self._database.write(batch, item)
        if self.worker is not None:
            self.worker.look()
        return result

    def _put_source_batch(self, tx: Transaction, puts: Sequence[PutSource]) -> list[StoredSource]:
        results = [self.put_source_in(tx, put) for put in puts]
        self._changed(tx)
        return results

    def put_source_in(self, tx: Transaction, put: PutSource) -> StoredSource:
        """Create or replace a source inside a transaction; the caller refreshes the routing."""
        known = tx.row("source_get", {"org_id": put.org_id, "name_or_id": put.spec.name})
        if known is not None and put.create_only:
            raise Conflict(f"a source named {put.spec.name!r} exists already")
        source_id = known["id"] if known is not None else ids.make(ids.SOURCE, put.now_ms, os.urandom(10))
        put.spec.build(id=source_id, org_id=put.org_id, secrets=put.secrets)  # what cannot work is not stored
        tx.run(
            "put_source",
            {
                "id": source_id,
                "org_id": put.org_id,
                "name": put.spec.name,
                "spec": _dump(put.spec, {"name", "secrets", "endpoints"}),
                "secrets": self._vault.seal(source_id, Sealed(put.secrets)),
                "managed_by": put.managed_by,
                "now_ms": put.now_ms,
            },
        )
        row = tx.row("source_get", {"org_id": put.org_id, "name_or_id": source_id})
        assert row is not None
        return self.source_of(row)

    def _delete_source_batch(self, tx: Transaction, items: Sequence[tuple[str, str]]) -> list[None]:
        for org_id, source_id in items:
            self.delete_source_in(tx, org_id, source_id)
        self._changed(tx)
        return [None] * len(items)

    def delete_source_in(self, tx: Transaction, org_id: str, source_id: str) -> None:
        """Remove a source and its endpoints inside a transaction."""
        if not tx.run("delete_source", {"org_id": org_id, "id": source_id}):
            raise NotFound(f"there is no source {source_id}")
        tx.run("delete_endpoints_of_source", {"org_id": org_id, "source_id": source_id})

    # -- endpoints -------------------------------------------------------------------------------------

    async def endpoints(self, org_id: str, source_id: str) -> list[StoredEndpoint]:
        """All endpoints of a source, by name."""
        params = {"org_id": org_id, "source_id": source_id}
        rows = await self._database.read(lambda tx: tx.rows("endpoints_of_source", params))
        return [self.endpoint_of(row) for row in rows]

    async def endpoint(self, org_id: str, source_id: str, name_or_id: str) -> StoredEndpoint:
        """One endpoint of a source by its name or id. Raises NotFound."""
        for endpoint in await self.endpoints(org_id, source_id):
            if name_or_id in (endpoint.id, endpoint.spec.name):
                return endpoint
        raise NotFound(f"there is no endpoint {name_or_id!r} at this source")

    async def put_endpoint(self, put: PutEndpoint) -> StoredEndpoint:
        """Create or replace an endpoint. Raises Conflict when it exists and only creating was asked for."""
        return await self._change(self._put_endpoint_batch, put)  # type: ignore[no-any-return]

    async def delete_endpoint(self, org_id: str, endpoint_id: str) -> None:
        """Remove an endpoint; what it is still owed becomes dead. Raises NotFound."""
        await self._change(self._delete_endpoint_batch, (org_id, endpoint_id))

    async def set_endpoint_state(self, endpoint_id: str, state: EndpointState, reason: str, now_ms: int) -> None:
        """Pause, resume, or disable an endpoint: what a person does, or a 410."""
        await self._change(self._state_batch, (endpoint_id, state, reason, now_ms))

    async def note_endpoint_state(self, endpoint_id: str, state: EndpointState, reason: str, now_ms: int) -> None:
        """Write down what the breaker found, unless a person or a 410 decided otherwise meanwhile.

        Changes no routing: nobody has to look.
        """
        await self._database.write(_note_state_batch, (endpoint_id, state, reason, now_ms))

    def _put_endpoint_batch(self, tx: Transaction, puts: Sequence[PutEndpoint]) -> list[StoredEndpoint]:
        results = [self.put_endpoint_in(tx, put) for put in puts]
        self._changed(tx)
        return results

    def put_endpoint_in(self, tx: Transaction, put: PutEndpoint) -> StoredEndpoint:
        """Create or replace an endpoint inside a transaction; the caller refreshes the routing."""
        if tx.row("source_get", {"org_id": put.org_id, "name_or_id": put.source_id}) is None:
            raise NotFound(f"there is no source {put.source_id!r}")
        row = tx.row("endpoint_by_name", {"source_id": put.source_id, "name": put.spec.name})
        if row is not None and put.create_only:
            raise Conflict(f"an endpoint named {put.spec.name!r} exists already at this source")
        known = self.endpoint_of(row) if row is not None else None
        endpoint_id = known.id if known is not None else ids.make(ids.ENDPOINT, put.now_ms, os.urandom(10))
        secrets = put.secrets or (known.secrets if known is not None else ())
        secrets = secrets or (generate_secret(os.urandom(24)),)
        state, reason = _kept_state(known, put.spec)
        put.spec.build(id=endpoint_id, org_id=put.org_id, source_id=put.source_id, secrets=secrets)
        tx.run(
            "put_endpoint",
            {
                "id": endpoint_id,
                "org_id": put.org_id,
                "source_id": put.source_id,
                "name": put.spec.name,
                "spec": _dump(put.spec, {"name", "secrets", "headers"}),
                "secrets": self._vault.seal(endpoint_id, Sealed(secrets, dict(put.spec.headers))),
                "managed_by": put.managed_by,
                "state": state,
                "state_reason": reason,
                "now_ms": put.now_ms,
            },
        )
        stored = tx.row("endpoint_by_name", {"source_id": put.source_id, "name": put.spec.name})
        assert stored is not None
        return self.endpoint_of(stored)

    def _delete_endpoint_batch(self, tx: Transaction, items: Sequence[tuple[str, str]]) -> list[None]:
        for org_id, endpoint_id in items:
            if not tx.run("delete_endpoint", {"org_id": org_id, "id": endpoint_id}):
                raise NotFound(f"there is no endpoint {endpoint_id}")
        self._changed(tx)
        return [None] * len(items)

    def _state_batch(self, tx: Transaction, items: Sequence[tuple[str, EndpointState, str, int]]) -> list[None]:
        for endpoint_id, state, reason, now_ms in items:
            tx.run("set_endpoint_state", {"id": endpoint_id, "state": state, "reason": reason, "now_ms": now_ms})
        self._changed(tx)
        return [None] * len(items)

    # -- rows ------------------------------------------------------------------------------------------

    def source_of(self, row: Row) -> StoredSource:
        """A row of ``source`` as the noun. Raises SecretUnreadable."""
        return StoredSource(
            id=row["id"],
            org_id=row["org_id"],
            spec=SourceSpec.model_validate({**json.loads(row["spec"]), "name": row["name"]}),
            secrets=self._vault.open(row["id"], row["secrets"]).secrets,
            managed_by=row["managed_by"],
            created_at_ms=row["created_at_ms"],
            updated_at_ms=row["updated_at_ms"],
        )

    def endpoint_of(self, row: Row) -> StoredEndpoint:
        """A row of ``endpoint`` as the noun. Raises SecretUnreadable."""
        sealed = self._vault.open(row["id"], row["secrets"])
        return StoredEndpoint(
            id=row["id"],
            org_id=row["org_id"],
            source_id=row["source_id"],
            spec=EndpointSpec.model_validate(
                {**json.loads(row["spec"]), "name": row["name"], "headers": sealed.headers}
            ),
            secrets=sealed.secrets,
            managed_by=row["managed_by"],
            state=EndpointState(row["state"]),
            state_reason=row["state_reason"],
            state_since_ms=row["state_since_ms"],
            created_at_ms=row["created_at_ms"],
            updated_at_ms=row["updated_at_ms"],
        )


def _note_state_batch(tx: Transaction, items: Sequence[tuple[str, EndpointState, str, int]]) -> list[None]:
    for endpoint_id, state, reason, now_ms in items:
        tx.run("note_endpoint_state", {"id": endpoint_id, "state": state, "reason": reason, "now_ms": now_ms})
    return [None] * len(items)


def _dump(spec: SourceSpec | EndpointSpec, exclude: set[str]) -> str:
    dumped: dict[str, Any] = spec.model_dump(mode="json", exclude=exclude)
    return json.dumps(dumped, sort_keys=True, separators=(",", ":"))


def _kept_state(known: StoredEndpoint | None, spec: EndpointSpec) -> tuple[EndpointState, str]:
    """A new address begins anew; otherwise a pause outlives a change of the configuration."""
    if known is None or known.spec.url != spec.url:
        return EndpointState.ACTIVE, ""
    return known.state, known.state_reason
