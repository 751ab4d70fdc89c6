"""The endpoints of a source, as `hookline endpoints` works on them."""

from __future__ import annotations

from typing import Any

from hookline.cli import endpoint_options
from hookline.cli.given import Given
from hookline.cli.place import Place
from hookline.cli.specs import checked_spec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.core.errors import Conflict, InvalidInput, NotFound
from hookline.storage.endpoints import PutEndpoint
from hookline.storage.stored import StoredEndpoint, StoredSource


class OfSource:
    """The endpoints of one source."""

    def __init__(self, place: Place, source: StoredSource) -> None:
        self._place, self._source = place, source

    async def endpoints(self) -> list[StoredEndpoint]:
        return await self._place.store.catalogue.endpoints(self._source.org_id, self._source.id)

    def name(self, endpoint: StoredEndpoint) -> str:
        return f"{self._source.spec.name}/{endpoint.spec.name}"

    async def find(self, name: str) -> StoredEndpoint:
        for endpoint in await self.endpoints():
            if name in (endpoint.spec.name, endpoint.id):
                return endpoint
        words = f"there is no endpoint {name!r} at {self._source.spec.name}"
        raise NotFound(f"{words}; `hookline endpoints list` shows all")

    async def create(self, given: Given, secret: str) -> StoredEndpoint:
        if "name" not in given:
            raise InvalidInput("--name: give the endpoint a name, unique within its source")
        spec = checked_spec(EndpointSpec, self._values(given, {}), endpoint_options.FLAGS)
        secrets = (secret,) if secret else ()
        org_id, source_id, now_ms = self._source.org_id, self._source.id, self._place.clock.now_ms()
        put = PutEndpoint(org_id, source_id, spec, secrets, now_ms, create_only=True)
        return await self._place.store.catalogue.put_endpoint(put)

    async def update(self, known: StoredEndpoint, given: Given) -> StoredEndpoint:
        _refuse_if_from_file(known)
        values = {**dict(known.spec), **self._values(given, known.spec.headers)}
        spec = checked_spec(EndpointSpec, values, endpoint_options.FLAGS)
        put = PutEndpoint(known.org_id, known.source_id, spec, known.secrets, self._place.clock.now_ms())
        return await self._place.store.catalogue.put_endpoint(put)

    async def delete(self, known: StoredEndpoint) -> None:
        _refuse_if_from_file(known)
        await self._place.store.catalogue.delete_endpoint(known.org_id, known.id)

    def secret(self, known: StoredEndpoint) -> list[str]:
        return list(known.secrets)

    async def rotate(self, known: StoredEndpoint, secret: str, overlap_s: float) -> StoredEndpoint:
        raise Conflict(
            f"the secrets of {self.name(known)} are rotated by naming two of them in `secrets`, in hookline.yaml "
            "or through the API"
        )

    def _values(self, given: Given, known_headers: dict[str, str]) -> dict[str, Any]:
        for field in endpoint_options.OF_APPLICATIONS:
            if field in given:
                flag = endpoint_options.FLAGS.get(field, f"--{field}")
                raise InvalidInput(f"{flag}: only endpoints of applications have it")
        values = {field: None if value == "" else value for field, value in given.items()}
        if "headers" in given:
            values["headers"] = endpoint_options.headers(given, known_headers)
        return values


def _refuse_if_from_file(known: StoredEndpoint) -> None:
    from hookline.api.sources import refuse_if_from_file  # with the API's framework: much to load

    refuse_if_from_file(known)
