"""The sources of providers: whose webhooks arrive at a door."""

from __future__ import annotations

import msgspec

from hookline.config.spec import SourceSpec
from hookline.core import ids
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import SourceKind
from hookline.storage import stored
from hookline.storage.base import Row
from hookline.storage.snapshot import Changing, Snapshot
from hookline.storage.stored import StoredSource
from hookline.storage.vault import Sealed

API = "api"
FILE = "file"


class PutSource(msgspec.Struct, frozen=True):
    """Create the source of this name, or replace it. ``secrets`` are resolved."""

    org_id: str
    spec: SourceSpec
    secrets: tuple[str, ...]
    now_ms: int
    managed_by: str = API
    create_only: bool = False


class Sources(Snapshot):
    """The providers' sources of all organisations."""

    async def sources(self, org_id: str) -> list[StoredSource]:
        """All sources of an organisation, by name."""
        rows = await self.database.read(lambda tx: tx.rows("sources_of_org", {"org_id": org_id}))
        return [self.source_of(row) for row in rows]

    async def source(self, org_id: str, name_or_id: str) -> StoredSource:
        """One source by its name or id. Raises NotFound."""
        params = {"org_id": org_id, "name_or_id": name_or_id}
        row = await self.database.read(lambda tx: tx.row("source_get", params))
        if row is None:
            raise NotFound(f"there is no source {name_or_id!r}")
        return self.source_of(row)

    async def put_source(self, put: PutSource) -> StoredSource:
        """Create or replace a source. Raises Conflict when it exists and only creating was asked for."""
        return await self.change(lambda changing: self.put_source_in(changing, put))

    async def learn_secret(self, org_id: str, source_id: str, secret: str, now_ms: int) -> None:
        """Keep a secret for a source that has none: of several at once, the first. One that is gone stays gone."""

        def keep(changing: Changing) -> None:
            row = changing.tx.row("source_get", {"org_id": org_id, "name_or_id": source_id})
            known = self.source_of(row) if row is not None else None
            if known is not None and not known.secrets:
                self.put_source_in(changing, PutSource(org_id, known.spec, (secret,), now_ms, known.managed_by))

        await self.change(keep)

    async def delete_source(self, org_id: str, source_id: str) -> None:
        """Remove a source and its endpoints. Raises NotFound."""
        await self.change(lambda changing: self.delete_source_in(changing, org_id, source_id))

    def put_source_in(self, changing: Changing, put: PutSource) -> StoredSource:
        """Create or replace a source as part of a change."""
        tx = changing.tx
        known = tx.row("source_get", {"org_id": put.org_id, "name_or_id": put.spec.name})
        if known is not None and put.create_only:
            raise Conflict(f"a source named {put.spec.name!r} exists already")
        source_id = known["id"] if known is not None else self.new_id(ids.SOURCE, put.now_ms)
        put.spec.build(id=source_id, org_id=put.org_id, secrets=put.secrets)  # what cannot work is not stored
        written = tx.run(
            "put_source",
            {
                "id": source_id,
                "org_id": put.org_id,
                "kind": SourceKind.PROVIDER,
                "name": put.spec.name,
                "uid": "",
                "spec": stored.dump(put.spec, {"name", "secrets", "endpoints"}),
                "secrets": self.vault.seal(source_id, Sealed(put.secrets)),
                "managed_by": put.managed_by,
                "now_ms": put.now_ms,
                "version": changing.version(),
            },
        )
        if not written:
            raise Conflict(f"{put.spec.name!r} is the id of an application; give the source another name")
        row = tx.row("source_get", {"org_id": put.org_id, "name_or_id": source_id})
        assert row is not None
        return self.source_of(row)

    def delete_source_in(self, changing: Changing, org_id: str, source_id: str) -> None:
        """Remove a source and its endpoints as part of a change."""
        known = changing.tx.row("source_get", {"org_id": org_id, "name_or_id": source_id})
        if known is None or known["id"] != source_id:
            raise NotFound(f"there is no source {source_id}")
        delete_with_endpoints(changing, org_id, source_id)

    def source_of(self, row: Row) -> StoredSource:
        """A row of ``source`` as the noun. Raises StoreError."""
        return stored.source_of(self.vault, row)


def delete_with_endpoints(changing: Changing, org_id: str, source_id: str) -> None:
    """Remove a source of any kind with its endpoints; its events stay until retention takes them."""
    tx = changing.tx
    tx.run("bury_endpoints_of_source", {"org_id": org_id, "source_id": source_id, "version": changing.version()})
    tx.run("delete_endpoints_of_source", {"org_id": org_id, "source_id": source_id})
    tx.run("delete_source", {"org_id": org_id, "id": source_id})
    changing.bury(source_id)
