"""Making the store agree with hookline.yaml: one transaction, told as a list of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.file import FileConfig
from hookline.config.spec import SourceSpec
from hookline.storage.base import Database, Transaction
from hookline.storage.catalogue import FILE, Catalogue, PutEndpoint, PutSource, StoredEndpoint, StoredSource


class WantedEndpoint(msgspec.Struct, frozen=True):
    """An endpoint as the file wants it, its own secrets resolved."""

    spec: EndpointSpec
    secrets: tuple[str, ...]


class WantedSource(msgspec.Struct, frozen=True):
    """A source as the file wants it, its secrets resolved."""

    spec: SourceSpec
    secrets: tuple[str, ...]
    endpoints: tuple[WantedEndpoint, ...]


class Change(msgspec.Struct, frozen=True):
    """What happens to one source or endpoint: ``created``, ``updated``, ``unchanged``, ``deleted`` or ``extra``.

    ``extra`` is something the file does not name: it stays unless pruning was asked for.
    """

    action: str
    kind: str
    name: str
    fields: tuple[str, ...] = ()  #: what differs, by the name of the field; never a value


class Wanted(msgspec.Struct, frozen=True):
    """All that a file wants of one organisation."""

    org_id: str
    sources: tuple[WantedSource, ...]
    now_ms: int
    prune: bool = False
    dry_run: bool = False


def wanted_from(
    file: FileConfig,
    environ: Mapping[str, str],
    org_id: str,
    now_ms: int,
    *,
    prune: bool = False,
    dry_run: bool = False,
) -> Wanted:
    """What a file asks for, its secrets resolved. Raises ConfigError naming every secret that is missing."""
    resolved = file.resolve_secrets(environ)
    sources = tuple(
        WantedSource(
            spec=source,
            secrets=resolved.sources[source.name],
            endpoints=tuple(
                WantedEndpoint(endpoint, resolved.endpoints[source.name, endpoint.name])
                for endpoint in source.endpoints
            ),
        )
        for source in file.sources
    )
    return Wanted(org_id, sources, now_ms, prune, dry_run)


async def apply(database: Database, catalogue: Catalogue, wanted: Wanted) -> list[Change]:
    """Do what has to be done (or, on a dry run, only say it). All or nothing."""

    def batch(tx: Transaction, items: Sequence[Wanted]) -> list[list[Change]]:
        changes = [_apply_in(tx, catalogue, item) for item in items]
        if any(change.action not in ("unchanged", "extra") for done in changes for change in done):
            if not wanted.dry_run:
                tx.run("bump_routing")
            catalogue.refresh(tx)
        return changes

    return await database.write(batch, wanted)  # type: ignore[no-any-return]


def _apply_in(tx: Transaction, catalogue: Catalogue, wanted: Wanted) -> list[Change]:
    rows = tx.rows("sources_of_org", {"org_id": wanted.org_id})
    known = {row["name"]: catalogue.source_of(row) for row in rows}
    changes: list[Change] = []
    for source in wanted.sources:
        changes += _apply_source(tx, catalogue, wanted, source, known.pop(source.spec.name, None))
    for extra in known.values():
        changes.append(Change("deleted" if wanted.prune else "extra", "source", extra.spec.name))
        if wanted.prune and not wanted.dry_run:
            catalogue.delete_source_in(tx, wanted.org_id, extra.id)
    return changes


def _apply_source(
    tx: Transaction, catalogue: Catalogue, wanted: Wanted, source: WantedSource, known: StoredSource | None
) -> list[Change]:
    put = PutSource(wanted.org_id, source.spec, source.secrets, wanted.now_ms, FILE)
    action, fields = _compare(known, source, {"endpoints", "secrets", "name"})
    stored = known
    if action != "unchanged" and not wanted.dry_run:
        stored = catalogue.put_source_in(tx, put)
    changes = [Change(action, "source", source.spec.name, fields)]
    rows = []
    if stored is not None:
        rows = tx.rows("endpoints_of_source", {"org_id": wanted.org_id, "source_id": stored.id})
    present = {row["name"]: catalogue.endpoint_of(row) for row in rows}
    for endpoint in source.endpoints:
        name = f"{source.spec.name}/{endpoint.spec.name}"
        action, fields = _compare(present.pop(endpoint.spec.name, None), endpoint, {"secrets", "name"})
        changes.append(Change(action, "endpoint", name, fields))
        if action != "unchanged" and not wanted.dry_run:
            assert stored is not None
            catalogue.put_endpoint_in(
                tx,
                PutEndpoint(wanted.org_id, stored.id, endpoint.spec, endpoint.secrets, wanted.now_ms, FILE),
            )
    for extra in present.values():
        name = f"{source.spec.name}/{extra.spec.name}"
        changes.append(Change("deleted" if wanted.prune else "extra", "endpoint", name))
        if wanted.prune and not wanted.dry_run:
            tx.run("delete_endpoint", {"org_id": wanted.org_id, "id": extra.id})
    return changes


def _compare(
    known: StoredSource | StoredEndpoint | None, wanted: WantedSource | WantedEndpoint, exclude: set[str]
) -> tuple[str, tuple[str, ...]]:
    if known is None:
        return "created", ()
    old = known.spec.model_dump(mode="json", exclude=exclude)
    new = wanted.spec.model_dump(mode="json", exclude=exclude)
    fields = [name for name in new if new[name] != old.get(name)]
    # An endpoint without secrets of its own has a generated one, which stays.
    if wanted.secrets != known.secrets and (wanted.secrets or isinstance(wanted, WantedSource)):
        fields.append("secrets")
    if known.managed_by != FILE:
        fields.append("managed_by")
    return ("updated" if fields else "unchanged"), tuple(fields)
