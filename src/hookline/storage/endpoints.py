"""The endpoints of providers' sources, and what all endpoints have in common: how they are written, and their state."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import msgspec

from hookline.config.endpoint_spec import EndpointSpec
from hookline.core import rfc3339
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import EndpointState, SourceKind
from hookline.core.signature import generate_secret
from hookline.storage import stored
from hookline.storage.base import Row, Transaction
from hookline.storage.snapshot import Changing, Snapshot
from hookline.storage.sources import API
from hookline.storage.stored import StoredEndpoint
from hookline.storage.vault import Sealed, Vault

#: What is owed to an endpoint is marked when its order begins or ends to count; this many in some tens of milliseconds.
MOST_REORDERED = 10_000

_EVER_MS = 1 << 62


class PutEndpoint(msgspec.Struct, frozen=True):
    """Create the endpoint of this name, or replace it. Without ``secrets`` its old ones stay or one is made."""

    org_id: str
    source_id: str
    spec: EndpointSpec
    secrets: tuple[str, ...]
    now_ms: int
    managed_by: str = API
    create_only: bool = False


class Endpoints(Snapshot):
    """The endpoints of the providers' sources of all organisations, and the state of every endpoint."""

    async def endpoints(self, org_id: str, source_id: str) -> list[StoredEndpoint]:
        """All endpoints of a source, by name."""
        params = {"org_id": org_id, "source_id": source_id}
        rows = await self.database.read(lambda tx: tx.rows("endpoints_of_source", params))
        return [self.endpoint_of(row) for row in rows]

    async def endpoint(self, org_id: str, source_id: str, name_or_id: str) -> StoredEndpoint:
        """One endpoint of a source by its name or id. Raises NotFound."""
        params = {"org_id": org_id, "source_id": source_id, "key": name_or_id}
        rows = await self.database.read(lambda tx: tx.rows("endpoint_get", params))
        row = stored.called(rows, name_or_id)
        if row is None:
            raise NotFound(f"there is no endpoint {name_or_id!r} at this source")
        return self.endpoint_of(row)

    async def put_endpoint(self, put: PutEndpoint) -> StoredEndpoint:
        """Create or replace an endpoint. Raises Conflict when it exists and only creating was asked for."""
        return await self.change(lambda changing: self.put_endpoint_in(changing, put))

    async def delete_endpoint(self, org_id: str, endpoint_id: str) -> None:
        """Remove an endpoint; what it is still owed becomes dead. Raises NotFound."""
        await self.change(lambda changing: delete_endpoint_in(changing, org_id, endpoint_id))

    async def set_endpoint_state(self, endpoint_id: str, state: EndpointState, reason: str, now_ms: int) -> None:
        """Pause, resume, or disable an endpoint: what a person does, a 410, or failing for too long.

        The organisation is told of it when it is an application's. One that is active again has not failed yet.
        """
        await self.change(lambda changing: _set_state_in(changing, endpoint_id, state, reason, now_ms))

    async def note_endpoint_state(
        self, endpoint_id: str, state: EndpointState, reason: str, now_ms: int, failing_since_ms: int | None = None
    ) -> None:
        """Write down what the breaker found, unless a person or a 410 decided otherwise meanwhile.

        ``failing_since_ms`` None leaves what is stored, except that an active endpoint does not fail. Changes no
        routing: nobody has to look, and the routing learns of it when the endpoint is changed or the server starts.
        """
        if failing_since_ms is None and state is EndpointState.ACTIVE:
            failing_since_ms = 0
        await self.database.write(_note_state_batch, (endpoint_id, state, reason, now_ms, failing_since_ms))

    def put_endpoint_in(self, changing: Changing, put: PutEndpoint) -> StoredEndpoint:
        """Create or replace an endpoint as part of a change."""
        tx = changing.tx
        if tx.row("source_get", {"org_id": put.org_id, "name_or_id": put.source_id}) is None:
            raise NotFound(f"there is no source {put.source_id!r}")
        row = tx.row("endpoint_by_name", {"source_id": put.source_id, "name": put.spec.name})
        if row is not None and put.create_only:
            raise Conflict(f"an endpoint named {put.spec.name!r} exists already at this source")
        sealed = self.vault.open(row["id"], row["secrets"]) if row is not None else Sealed()
        state, reason, failing_since_ms = kept_state(row, put.spec)
        wanted = StoredEndpoint(
            id=row["id"] if row is not None else changing.new_endpoint_id(put.source_id, put.now_ms),
            org_id=put.org_id,
            source_id=put.source_id,
            spec=put.spec,
            secrets=put.secrets or sealed.secrets or (generate_secret(os.urandom(24)),),
            managed_by=put.managed_by,
            state=state,
            state_reason=reason,
            state_since_ms=put.now_ms,
            created_at_ms=put.now_ms,
            updated_at_ms=put.now_ms,
            old_secrets=sealed.old_secrets,
            failing_since_ms=failing_since_ms,
        )
        return self.endpoint_of(write_endpoint(changing, self.vault, row, wanted))

    def endpoint_of(self, row: Row) -> StoredEndpoint:
        """A row of ``endpoint`` as the noun. Raises StoreError."""
        return stored.endpoint_of(self.vault, row)


def kept_state(row: Row | None, spec: EndpointSpec) -> tuple[EndpointState, str, int]:
    """State, reason and since when it fails: a new address begins anew, else a change of the rest changes nothing."""
    if row is None or json.loads(row["spec"]).get("url") != spec.url:
        return EndpointState.ACTIVE, "", 0
    return EndpointState(row["state"]), row["state_reason"], row["failing_since_ms"]


def write_endpoint(changing: Changing, vault: Vault, before: Row | None, wanted: StoredEndpoint, uid: str = "") -> Row:
    """Store an endpoint in place of ``before``; its new row. Raises InvalidInput for what cannot work.

    ``wanted.updated_at_ms`` is now: old secrets whose time is over are dropped.
    """
    tx, now_ms = changing.tx, wanted.updated_at_ms
    wanted.build()
    old_secrets = tuple((secret, until_ms) for secret, until_ms in wanted.old_secrets if until_ms > now_ms)
    tx.run(
        "put_endpoint",
        {
            "id": wanted.id,
            "org_id": wanted.org_id,
            "source_id": wanted.source_id,
            "name": wanted.spec.name,
            "uid": uid,
            "spec": stored.dump(wanted.spec, {"name", "secrets", "headers"}),
            "secrets": vault.seal(wanted.id, Sealed(wanted.secrets, dict(wanted.spec.headers), old_secrets)),
            "managed_by": wanted.managed_by,
            "state": wanted.state,
            "state_reason": wanted.state_reason,
            "failing_since_ms": wanted.failing_since_ms,
            "now_ms": now_ms,
            "version": changing.version(),
        },
    )
    if before is not None and bool(json.loads(before["spec"]).get("fifo")) != wanted.spec.fifo:
        owed = {"endpoint_id": wanted.id, "now_ms": _EVER_MS, "limit": MOST_REORDERED + 1}
        if len(tx.rows("owed_to_endpoint", owed)) > MOST_REORDERED:
            raise Conflict(
                f"`fifo` can be changed while the endpoint is owed at most {MOST_REORDERED:,} messages; "
                "let it catch up, or cancel what it is owed"
            )
        tx.run("set_fifo_of_owed", {"endpoint_id": wanted.id, "fifo": int(wanted.spec.fifo)})
    row = tx.row("endpoint_by_name", {"source_id": wanted.source_id, "name": wanted.spec.name})
    assert row is not None
    return row


def delete_endpoint_in(changing: Changing, org_id: str, endpoint_id: str) -> None:
    """Remove an endpoint as part of a change. Raises NotFound."""
    if not changing.tx.run("delete_endpoint", {"org_id": org_id, "id": endpoint_id}):
        raise NotFound(f"there is no endpoint {endpoint_id}")
    changing.bury(endpoint_id)


def tell_of_endpoint(changing: Changing, row: Row, what: str, now_ms: int, **more: Any) -> None:
    """Tell an organisation what became of an endpoint of one of its applications.

    About the endpoints by which it is told, it is not told: those could call each other for ever.
    """
    sender = changing.tx.row("sender_get", {"org_id": row["org_id"], "id": row["source_id"]})
    if sender is None or sender["kind"] != SourceKind.APPLICATION:
        return
    data = {"appId": sender["id"], "endpointId": row["id"], **more}
    if sender["uid"]:
        data["appUid"] = sender["uid"]
    if row["uid"]:
        data["endpointUid"] = row["uid"]
    changing.tell(row["org_id"], f"endpoint.{what}", data, now_ms)


def _set_state_in(changing: Changing, endpoint_id: str, state: EndpointState, reason: str, now_ms: int) -> None:
    tx = changing.tx
    before = tx.row("endpoint_by_id", {"id": endpoint_id})
    if before is None:
        return  # it was deleted meanwhile
    params = {"id": endpoint_id, "state": state, "reason": reason, "now_ms": now_ms, "version": changing.version()}
    tx.run("set_endpoint_state", params)
    if before["state"] == state:
        return
    if state is EndpointState.DISABLED:
        fail_since = rfc3339.text(before["failing_since_ms"] or now_ms)
        tell_of_endpoint(changing, before, "disabled", now_ms, failSince=fail_since)
    else:
        tell_of_endpoint(changing, before, "updated", now_ms)


def _note_state_batch(tx: Transaction, items: Sequence[tuple[str, EndpointState, str, int, int | None]]) -> list[None]:
    for endpoint_id, state, reason, now_ms, failing_since_ms in items:
        tx.run(
            "note_endpoint_state",
            {
                "id": endpoint_id,
                "state": state,
                "reason": reason,
                "now_ms": now_ms,
                "failing_since_ms": failing_since_ms,
            },
        )
    return [None] * len(items)
