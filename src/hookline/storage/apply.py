"""Making the store agree with hookline.yaml: one transaction, told as a list of changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.file import FileConfig
from hookline.config.spec import SourceSpec
from hookline.core.errors import StoreError
from hookline.storage.base import Row
from hookline.storage.catalogue import FILE, Catalogue, PutEndpoint, PutSource, StoredEndpoint, StoredSource
from hookline.storage.endpoints import delete_endpoint_in
from hookline.storage.snapshot import Changing


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


async def apply(catalogue: Catalogue, wanted: Wanted) -> list[Change]:
    """Do what has to be done (or, on a dry run, only say it). All or nothing. Applications are none of its business."""
    return await catalogue.change(lambda changing: _apply(changing, catalogue, wanted))


def _apply(changing: Changing, catalogue: Catalogue, wanted: Wanted) -> list[Change]:
    known = {row["name"]: row for row in changing.tx.rows("sources_of_org", {"org_id": wanted.org_id})}
    changes: list[Change] = []
    for source in wanted.sources:
        changes += _apply_source(changing, catalogue, wanted, source, known.pop(source.spec.name, None))
    for name, extra in known.items():
        changes.append(Change("deleted" if wanted.prune else "extra", "source", name))
        if wanted.prune and not wanted.dry_run:
            catalogue.delete_source_in(changing, wanted.org_id, extra["id"])
    return changes


def _apply_source(
    changing: Changing, catalogue: Catalogue, wanted: Wanted, source: WantedSource, row: Row | None
) -> list[Change]:
    source = _with_learned(catalogue, source, row)
    put = PutSource(wanted.org_id, source.spec, source.secrets, wanted.now_ms, FILE)
    action, fields = _compare(row, catalogue.source_of, source, {"endpoints", "secrets", "name"})
    source_id = row["id"] if row is not None else ""
    if action != "unchanged" and not wanted.dry_run:
        source_id = catalogue.put_source_in(changing, put).id
    return [
        Change(action, "source", source.spec.name, fields),
        *_apply_endpoints(changing, catalogue, wanted, source, source_id),
    ]


def _with_learned(catalogue: Catalogue, source: WantedSource, row: Row | None) -> WantedSource:
    """A secret that a handshake brought stays when the file names none."""
    if row is None or source.secrets or not source.spec.find_provider().learns_secret:
        return source
    try:
        return msgspec.structs.replace(source, secrets=catalogue.source_of(row).secrets)
    except StoreError:
        return source


def _apply_endpoints(
    changing: Changing, catalogue: Catalogue, wanted: Wanted, source: WantedSource, source_id: str
) -> list[Change]:
    """``source_id`` is empty on a dry run for a source that does not exist yet."""
    rows = changing.tx.rows("endpoints_of_source", {"org_id": wanted.org_id, "source_id": source_id})
    present = {row["name"]: row for row in rows}
    changes = []
    for endpoint in source.endpoints:
        row = present.pop(endpoint.spec.name, None)
        action, fields = _compare(row, catalogue.endpoint_of, endpoint, {"secrets", "name"})
        changes.append(Change(action, "endpoint", f"{source.spec.name}/{endpoint.spec.name}", fields))
        if action != "unchanged" and not wanted.dry_run:
            put = PutEndpoint(wanted.org_id, source_id, endpoint.spec, endpoint.secrets, wanted.now_ms, FILE)
            catalogue.put_endpoint_in(changing, put)
    for name, extra in present.items():
        changes.append(Change("deleted" if wanted.prune else "extra", "endpoint", f"{source.spec.name}/{name}"))
        if wanted.prune and not wanted.dry_run:
            delete_endpoint_in(changing, wanted.org_id, extra["id"])
    return changes


def _compare(
    row: Row | None,
    read: Callable[[Row], StoredSource | StoredEndpoint],
    wanted: WantedSource | WantedEndpoint,
    exclude: set[str],
) -> tuple[str, tuple[str, ...]]:
    if row is None:
        return "created", ()
    try:
        known = read(row)
    except StoreError:
        return "updated", ()  # what this version cannot read is what it has to replace
    old = known.spec.model_dump(mode="json", exclude=exclude)
    new = wanted.spec.model_dump(mode="json", exclude=exclude)
    fields = [name for name in new if new[name] != old.get(name)]
    # An endpoint without secrets of its own has a generated one, which stays.
    if wanted.secrets != known.secrets and (wanted.secrets or isinstance(wanted, WantedSource)):
        fields.append("secrets")
    if known.managed_by != FILE:
        fields.append("managed_by")
    return ("updated" if fields else "unchanged"), tuple(fields)
