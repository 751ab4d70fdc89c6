"""The endpoints of applications: where a customer's messages go. Each is named by its own id."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from hookline.config.application_spec import ApplicationEndpointSpec, check_name
from hookline.core import ids
from hookline.core.errors import Conflict, LimitReached, NotFound, StoreError
from hookline.core.model import EndpointState
from hookline.core.signature import generate_secret
from hookline.storage import stored
from hookline.storage.base import Made, Once, Row, Slice, Transaction
from hookline.storage.endpoints import delete_endpoint_in, kept_state, tell_of_endpoint, write_endpoint
from hookline.storage.search import LAST
from hookline.storage.seen import made_before
from hookline.storage.snapshot import Changing, Snapshot
from hookline.storage.sources import API
from hookline.storage.stored import StoredApplicationEndpoint

#: How many secrets that were rotated away may still sign.
MOST_OLD_SECRETS = 10


class NewEndpoint(msgspec.Struct, frozen=True):
    """Create an endpoint of an application. Without a ``secret`` one is generated; the name of ``spec`` is ignored."""

    org_id: str
    application_id: str
    spec: ApplicationEndpointSpec
    now_ms: int
    secret: str = ""
    once: Once | None = None


class _Place(msgspec.Struct, frozen=True):
    """An application's endpoint, as a caller names it."""

    org_id: str
    application_id: str
    id_or_uid: str

    def find(self, tx: Transaction) -> Row | None:
        params = {"org_id": self.org_id, "source_id": self.application_id, "key": self.id_or_uid}
        return stored.called(tx.rows("endpoint_get", params), self.id_or_uid)

    def get(self, tx: Transaction) -> Row:
        row = self.find(tx)
        if row is None:
            raise NotFound(f"there is no endpoint {self.id_or_uid!r} of this application")
        return row


class ApplicationEndpoints:
    """The endpoints of all applications, and those for operational webhooks.

    ``application_id`` is always the id; an endpoint's own uid will do wherever its id is asked for.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def get(self, org_id: str, application_id: str, id_or_uid: str) -> StoredApplicationEndpoint:
        """One endpoint. Raises NotFound."""
        place = _Place(org_id, application_id, id_or_uid)
        return self._read(await self._snapshot.database.read(place.get))

    async def list(self, org_id: str, application_id: str, part: Slice) -> list[StoredApplicationEndpoint]:
        """Part of the endpoints of an application, by id."""
        query = "endpoints_newest" if part.descending else "endpoints_oldest"
        params = {
            "org_id": org_id,
            "source_id": application_id,
            "anchor": part.anchor or (LAST if part.descending else ""),
            "limit": part.limit,
        }
        return [self._read(row) for row in await self._snapshot.database.read(lambda tx: tx.rows(query, params))]

    async def create(self, new: NewEndpoint) -> Made[StoredApplicationEndpoint]:
        """Create an endpoint. Raises Conflict when its uid is taken, NotFound when there is no such application."""
        return await self._snapshot.change(lambda changing: self._create(changing, new))

    async def put(
        self,
        org_id: str,
        application_id: str,
        id_or_uid: str,
        make: Callable[[ApplicationEndpointSpec | None], ApplicationEndpointSpec],
        now_ms: int,
    ) -> Made[StoredApplicationEndpoint]:
        """Replace an endpoint, or create one with this uid; ``make`` gets the one there is, as `edit` does.

        One that is called by its uid keeps it, unless ``make`` gives another. Raises NotFound for an id that
        does not exist, Conflict when the uid is taken.
        """
        place = _Place(org_id, application_id, id_or_uid)
        return await self._snapshot.change(lambda changing: self._put(changing, place, make, now_ms))

    async def edit(
        self,
        org_id: str,
        application_id: str,
        id_or_uid: str,
        edit: Callable[[ApplicationEndpointSpec], ApplicationEndpointSpec],
        now_ms: int,
    ) -> StoredApplicationEndpoint:
        """Change an endpoint; nobody changes it in between. Raises NotFound, and Conflict when the uid is taken.

        ``edit`` gets it with ``enabled`` false also when its receiver gave cause; enabling it makes it active again.
        """
        place = _Place(org_id, application_id, id_or_uid)

        def work(changing: Changing) -> StoredApplicationEndpoint:
            row = place.get(changing.tx)
            return self._change(changing, row, edit(self._shown(row)), now_ms)

        return await self._snapshot.change(work)

    async def delete(self, org_id: str, application_id: str, id_or_uid: str, now_ms: int) -> None:
        """Remove an endpoint; what it is still owed becomes dead. Raises NotFound."""
        place = _Place(org_id, application_id, id_or_uid)

        def work(changing: Changing) -> None:
            row = place.get(changing.tx)
            delete_endpoint_in(changing, org_id, row["id"])
            tell_of_endpoint(changing, row, "deleted", now_ms)

        await self._snapshot.change(work)

    async def rotate(
        self,
        org_id: str,
        application_id: str,
        id_or_uid: str,
        *,
        overlap_s: float,
        now_ms: int,
        secret: str = "",
        once: Once | None = None,
    ) -> StoredApplicationEndpoint:
        """Sign with ``secret`` (or a generated one) from now on; the one before signs beside it for ``overlap_s``.

        Raises NotFound, LimitReached when too many old ones still sign, InvalidInput for a secret that cannot.
        """
        place = _Place(org_id, application_id, id_or_uid)
        until_ms = now_ms + round(overlap_s * 1000)
        return await self._snapshot.change(
            lambda changing: self._rotate(changing, place, secret, until_ms, once, now_ms)
        )

    # -- on the writer's thread ------------------------------------------------------------------------

    def _create(self, changing: Changing, new: NewEndpoint) -> Made[StoredApplicationEndpoint]:
        made_id = changing.new_endpoint_id(new.application_id, new.now_ms)
        before = made_before(changing.tx, new.once, made_id, new.now_ms)
        if before is not None:
            row = _Place(new.org_id, new.application_id, before).find(changing.tx)
            if row is None:
                raise Conflict("the endpoint that this Idempotency-Key made was deleted since; use a new key")
            return Made(self._read(row), True)
        place = _Place(new.org_id, new.application_id, made_id)
        return Made(self._insert(changing, place, new.spec, new.secret, new.now_ms), True)

    def _put(
        self,
        changing: Changing,
        place: _Place,
        make: Callable[[ApplicationEndpointSpec | None], ApplicationEndpointSpec],
        now_ms: int,
    ) -> Made[StoredApplicationEndpoint]:
        row = place.find(changing.tx)
        if row is None and place.id_or_uid.startswith(ids.ENDPOINT):
            raise NotFound(f"there is no endpoint {place.id_or_uid!r} of this application")
        spec = make(self._known_spec(row))
        if not spec.uid and (row is None or row["id"] != place.id_or_uid):
            spec = spec.model_copy(update={"uid": check_name(place.id_or_uid)})
        if row is not None:
            return Made(self._change(changing, row, spec, now_ms), False)
        place = msgspec.structs.replace(place, id_or_uid=changing.new_endpoint_id(place.application_id, now_ms))
        return Made(self._insert(changing, place, spec, "", now_ms), True)

    def _insert(
        self, changing: Changing, place: _Place, spec: ApplicationEndpointSpec, secret: str, now_ms: int
    ) -> StoredApplicationEndpoint:
        if changing.tx.row("sender_get", {"org_id": place.org_id, "id": place.application_id}) is None:
            raise NotFound(f"there is no application {place.application_id!r}")
        wanted = StoredApplicationEndpoint(
            id=place.id_or_uid,
            org_id=place.org_id,
            source_id=place.application_id,
            spec=spec,
            secrets=(secret or generate_secret(os.urandom(24)),),
            managed_by=API,
            state=EndpointState.ACTIVE,
            state_reason="",
            state_since_ms=now_ms,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        row = self._write(changing, None, wanted)
        tell_of_endpoint(changing, row, "created", now_ms)
        return self._read(row)

    def _change(
        self, changing: Changing, before: Row, spec: ApplicationEndpointSpec, now_ms: int
    ) -> StoredApplicationEndpoint:
        known = stored.application_endpoint_of(self._snapshot.vault, before, spec)
        state, reason, failing_since_ms = kept_state(before, spec)
        if spec.enabled and stored.is_disabled(before):
            state, reason, failing_since_ms = EndpointState.ACTIVE, "", 0
        row = self._write(
            changing,
            before,
            msgspec.structs.replace(
                known,
                state=state,
                state_reason=reason,
                failing_since_ms=failing_since_ms,
                updated_at_ms=now_ms,
            ),
        )
        tell_of_endpoint(changing, row, "updated", now_ms)
        return self._read(row)

    def _rotate(
        self, changing: Changing, place: _Place, secret: str, until_ms: int, once: Once | None, now_ms: int
    ) -> StoredApplicationEndpoint:
        row = place.get(changing.tx)
        if made_before(changing.tx, once, row["id"], now_ms) is not None:
            return self._read(row)
        known = self._read(row)
        secret = secret or generate_secret(os.urandom(24))
        old = _still_signing(known, now_ms) + tuple((each, until_ms) for each in known.secrets if until_ms > now_ms)
        old = tuple((each, end_ms) for each, end_ms in old if each != secret)
        if len(old) > MOST_OLD_SECRETS:
            raise LimitReached(
                f"{MOST_OLD_SECRETS} old secrets of this endpoint sign still; rotate again when one has expired"
            )
        wanted = msgspec.structs.replace(known, secrets=(secret,), old_secrets=old, updated_at_ms=now_ms)
        row = self._write(changing, row, wanted)
        tell_of_endpoint(changing, row, "updated", now_ms)
        return self._read(row)

    def _write(self, changing: Changing, before: Row | None, wanted: StoredApplicationEndpoint) -> Row:
        spec = wanted.spec.model_copy(update={"name": wanted.id})
        params = {"source_id": wanted.source_id, "uid": spec.uid}
        taken = changing.tx.row("endpoint_of_uid", params) if spec.uid else None
        if taken is not None and taken["id"] != wanted.id:
            raise Conflict(f"the uid {spec.uid!r} belongs to another endpoint of this application")
        wanted = msgspec.structs.replace(wanted, spec=spec)
        return write_endpoint(changing, self._snapshot.vault, before, wanted, spec.uid)

    def _read(self, row: Row) -> StoredApplicationEndpoint:
        return stored.application_endpoint_of(self._snapshot.vault, row)

    def _shown(self, row: Row) -> ApplicationEndpointSpec:
        """What a change begins from: whoever disabled it, it is not enabled."""
        return self._read(row).spec.model_copy(update={"enabled": not stored.is_disabled(row)})

    def _known_spec(self, row: Row | None) -> ApplicationEndpointSpec | None:
        """What a replacement begins from: nothing, where this version cannot read what there is."""
        try:
            return self._shown(row) if row is not None else None
        except StoreError:
            return None


def _still_signing(endpoint: StoredApplicationEndpoint, now_ms: int) -> tuple[tuple[str, int], ...]:
    return tuple((secret, until_ms) for secret, until_ms in endpoint.old_secrets if until_ms > now_ms)
