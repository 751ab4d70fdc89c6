"""Applications: the customers of a product, for each of whom it publishes. A source each, of its own kind."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hookline.config.application_spec import ApplicationSpec, check_name
from hookline.core import ids
from hookline.core.errors import Conflict, NotFound, StoreError
from hookline.core.model import SourceKind
from hookline.storage import stored
from hookline.storage.base import Made, Once, Row, Slice, Transaction
from hookline.storage.search import LAST
from hookline.storage.seen import forget, made_before
from hookline.storage.snapshot import Changing, Snapshot
from hookline.storage.sources import API, delete_with_endpoints
from hookline.storage.stored import StoredApplication, application_of
from hookline.storage.vault import Sealed

#: What the one operational source of an organisation is called; no other source can be.
OPERATIONAL = "hookline.operational"


class NewApplication(msgspec.Struct, frozen=True):
    """Create an application. ``get_if_exists``: the one that has this uid will do."""

    org_id: str
    spec: ApplicationSpec
    now_ms: int
    get_if_exists: bool = False
    once: Once | None = None


class Applications:
    """The applications of all organisations. Wherever an id is asked for, the organisation's own will do."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def get(self, org_id: str, id_or_uid: str) -> StoredApplication:
        """One application. Raises NotFound."""
        return application_of(await self._snapshot.database.read(lambda tx: _get(tx, org_id, id_or_uid)))

    async def list(self, org_id: str, part: Slice) -> list[StoredApplication]:
        """Part of the applications of an organisation, by id."""
        query = "applications_newest" if part.descending else "applications_oldest"
        anchor = part.anchor or (LAST if part.descending else "")
        params = {"org_id": org_id, "anchor": anchor, "limit": part.limit}
        return [application_of(row) for row in await self._snapshot.database.read(lambda tx: tx.rows(query, params))]

    async def create(self, new: NewApplication) -> Made[StoredApplication]:
        """Create an application. Raises Conflict when its uid is taken."""
        return await self._snapshot.change(lambda changing: self._create(changing, new))

    async def put(
        self, org_id: str, id_or_uid: str, make: Callable[[ApplicationSpec | None], ApplicationSpec], now_ms: int
    ) -> Made[StoredApplication]:
        """Replace an application, or create one with this uid; ``make`` gets the one there is.

        One that is called by its uid keeps it, unless ``make`` gives another. Raises NotFound for an id that
        does not exist, Conflict when the uid is taken.
        """
        return await self._snapshot.change(lambda changing: self._put(changing, org_id, id_or_uid, make, now_ms))

    async def edit(
        self, org_id: str, id_or_uid: str, edit: Callable[[ApplicationSpec], ApplicationSpec], now_ms: int
    ) -> StoredApplication:
        """Change an application; nobody changes it in between. Raises NotFound, and Conflict when the uid is taken."""
        return await self._snapshot.change(lambda changing: self._edit(changing, org_id, id_or_uid, edit, now_ms))

    async def delete(self, org_id: str, id_or_uid: str, now_ms: int) -> None:
        """Remove an application and its endpoints; what those are owed becomes dead. Raises NotFound."""

        def work(changing: Changing) -> None:
            delete_with_endpoints(changing, org_id, _get(changing.tx, org_id, id_or_uid)["id"])

        await self._snapshot.change(work)

    async def operational(self, org_id: str, now_ms: int) -> StoredApplication:
        """The source by which an organisation is told of its own endpoints and messages; made when first asked for."""
        known = await self._snapshot.database.read(lambda tx: tx.row("operational_get", {"org_id": org_id}))
        if known is not None:
            return application_of(known)
        return await self._snapshot.change(lambda changing: self._operational(changing, org_id, now_ms))

    # -- on the writer's thread ------------------------------------------------------------------------

    def _create(self, changing: Changing, new: NewApplication) -> Made[StoredApplication]:
        made_id = self._snapshot.new_id(ids.APPLICATION, new.now_ms)
        before = made_before(changing.tx, new.once, made_id, new.now_ms)
        if before is not None:
            return Made(application_of(_made(changing.tx, new.org_id, before)), True)
        if new.get_if_exists and new.spec.uid:
            known = changing.tx.row("application_of_uid", {"org_id": new.org_id, "uid": new.spec.uid})
            if known is not None:
                _forget(changing.tx, new.once)
                return Made(application_of(known), False)
        return Made(self._write(changing, new.org_id, made_id, new.spec, new.now_ms), True)

    def _put(
        self,
        changing: Changing,
        org_id: str,
        id_or_uid: str,
        make: Callable[[ApplicationSpec | None], ApplicationSpec],
        now_ms: int,
    ) -> Made[StoredApplication]:
        row = _find(changing.tx, org_id, id_or_uid)
        if row is None and id_or_uid.startswith(ids.APPLICATION):
            raise _unknown(id_or_uid)
        spec = make(_spec_of(row))
        if not spec.uid and (row is None or row["id"] != id_or_uid):
            spec = spec.model_copy(update={"uid": check_name(id_or_uid)})
        made_id = row["id"] if row is not None else self._snapshot.new_id(ids.APPLICATION, now_ms)
        return Made(self._write(changing, org_id, made_id, spec, now_ms), row is None)

    def _edit(
        self,
        changing: Changing,
        org_id: str,
        id_or_uid: str,
        edit: Callable[[ApplicationSpec], ApplicationSpec],
        now_ms: int,
    ) -> StoredApplication:
        known = application_of(_get(changing.tx, org_id, id_or_uid))
        return self._write(changing, org_id, known.id, edit(known.spec), now_ms)

    def _operational(self, changing: Changing, org_id: str, now_ms: int) -> StoredApplication:
        known = changing.tx.row("operational_get", {"org_id": org_id})
        if known is not None:
            return application_of(known)
        spec = ApplicationSpec(title="Operational webhooks")
        made_id = self._snapshot.new_id(ids.APPLICATION, now_ms)
        return self._write(changing, org_id, made_id, spec, now_ms, SourceKind.OPERATIONAL)

    def _write(
        self,
        changing: Changing,
        org_id: str,
        id: str,
        spec: ApplicationSpec,
        now_ms: int,
        kind: SourceKind = SourceKind.APPLICATION,
    ) -> StoredApplication:
        tx = changing.tx
        taken = tx.row("application_of_uid", {"org_id": org_id, "uid": spec.uid}) if spec.uid else None
        if taken is not None and taken["id"] != id:
            raise Conflict(f"the uid {spec.uid!r} belongs to another application")
        tx.run(
            "put_source",
            {
                "id": id,
                "org_id": org_id,
                "kind": kind,
                "name": OPERATIONAL if kind is SourceKind.OPERATIONAL else id,
                "uid": spec.uid,
                "spec": stored.dump(spec, set()),
                "secrets": self._snapshot.vault.seal(id, Sealed()),
                "managed_by": API,
                "now_ms": now_ms,
                "version": changing.version(),
            },
        )
        row = tx.row("sender_get", {"org_id": org_id, "id": id})
        assert row is not None
        return application_of(row)


def _find(tx: Transaction, org_id: str, id_or_uid: str) -> Row | None:
    rows = tx.rows("application_get", {"org_id": org_id, "id_or_uid": id_or_uid})
    return stored.called(rows, id_or_uid)


def _get(tx: Transaction, org_id: str, id_or_uid: str) -> Row:
    row = _find(tx, org_id, id_or_uid)
    if row is None:
        raise _unknown(id_or_uid)
    return row


def _made(tx: Transaction, org_id: str, id: str) -> Row:
    """What a request made that came before."""
    row = _find(tx, org_id, id)
    if row is None:
        raise Conflict("the application that this Idempotency-Key made was deleted since; use a new key")
    return row


def _spec_of(row: Row | None) -> ApplicationSpec | None:
    """What a replacement begins from: nothing, where this version cannot read what there is."""
    try:
        return application_of(row).spec if row is not None else None
    except StoreError:
        return None


def _forget(tx: Transaction, once: Once | None) -> None:
    """Nothing was made that the key could stand for."""
    if once is not None:
        forget(tx, once.scope, once.key)


def _unknown(id_or_uid: str) -> NotFound:
    return NotFound(f"there is no application {id_or_uid!r}")
