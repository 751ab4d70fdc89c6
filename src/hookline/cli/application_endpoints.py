"""The endpoints of an application, as `hookline endpoints` works on them: by the rules of the sending API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hookline.api.sending.endpoint_models import EndpointIn, EndpointPatch
from hookline.api.sending.fields import check_secret, verifying_key
from hookline.cli import endpoint_options
from hookline.cli.given import Given
from hookline.cli.names import find_customer_endpoint
from hookline.cli.place import Place
from hookline.cli.refusals import by_flags
from hookline.cli.specs import pairs
from hookline.config.application_spec import ApplicationEndpointSpec
from hookline.config.problems import Path, explain
from hookline.config.units import parse_rate
from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.filter import EVERYTHING
from hookline.core.signature import generate_secret
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.base import Slice
from hookline.storage.stored import StoredApplicationEndpoint, StoredEndpoint

M = TypeVar("M", bound=BaseModel)

#: The fields of the API's body, by those of an endpoint's spec.
_NAMES = {
    "events": "eventTypes",
    "disable_after": "disableAfter",
}

#: The flags by the fields of the API's body.
_FLAGS = {
    "url": "--url",
    "eventTypes": "--event-type",
    "channels": "--channel",
    "throttleRate": "--rate",
    "headers": "--header",
    "disabled": "--disabled",
    "disableAfter": "--disable-after",
    "secret": "--secret",
}

_READ_AT_ONCE = 1_000
_CHALLENGE_ANSWER_BYTES = 4_096


class OfApplication:
    """The endpoints of one application."""

    def __init__(self, place: Place, application_id: str) -> None:
        self._place, self._application_id = place, application_id
        self._stored = place.store.application_endpoints

    async def endpoints(self) -> list[StoredEndpoint]:
        part = Slice(limit=_READ_AT_ONCE)
        return list(await self._stored.list(self._place.org_id, self._application_id, part))

    def name(self, endpoint: StoredEndpoint) -> str:
        uid = endpoint.spec.uid if isinstance(endpoint.spec, ApplicationEndpointSpec) else ""
        return uid or endpoint.id

    async def find(self, name: str) -> StoredApplicationEndpoint:
        return await find_customer_endpoint(self._place, self._application_id, name)

    async def create(self, given: Given, secret: str) -> StoredEndpoint:
        if "name" in given:
            raise InvalidInput("--name: endpoints of applications have a --uid and a --description instead")
        if "url" not in given:
            raise InvalidInput("--url: say where it is sent to")
        wanted = _checked(EndpointIn, {**_body(given, {}), **({"secret": secret} if secret else {})})
        with by_flags(_FLAGS):
            spec = _with_rate(wanted.apply(), given)
        secrets = (wanted.secret or generate_secret(os.urandom(24)),)
        await self._check(spec, (), secrets)
        now_ms = self._place.clock.now_ms()
        new = NewEndpoint(self._place.org_id, self._application_id, spec, secret=secrets[0], now_ms=now_ms)
        return (await self._stored.create(new)).value

    async def update(self, known: StoredEndpoint, given: Given) -> StoredEndpoint:
        assert isinstance(known, StoredApplicationEndpoint)

        def change(spec: ApplicationEndpointSpec) -> ApplicationEndpointSpec:
            wanted = _checked(EndpointPatch, _body(given, spec.headers))
            with by_flags(_FLAGS):
                return _with_rate(wanted.apply(spec), given)

        spec = change(known.spec)
        await self._check(spec, known.spec.events, known.secrets, moved=spec.url != known.spec.url)
        now_ms = self._place.clock.now_ms()
        return await self._stored.edit(self._place.org_id, self._application_id, known.id, change, now_ms)

    async def delete(self, known: StoredEndpoint) -> None:
        now_ms = self._place.clock.now_ms()
        await self._stored.delete(self._place.org_id, self._application_id, known.id, now_ms)

    def secret(self, known: StoredEndpoint) -> list[str]:
        return [verifying_key(known.secrets[-1])]

    async def rotate(self, known: StoredEndpoint, secret: str, overlap_s: float) -> StoredEndpoint:
        return await self._stored.rotate(
            self._place.org_id,
            self._application_id,
            known.id,
            secret=_checked_secret(secret) if secret else "",
            overlap_s=overlap_s,
            now_ms=self._place.clock.now_ms(),
        )

    async def _check(
        self,
        spec: ApplicationEndpointSpec,
        subscribed: tuple[str, ...],
        secrets: tuple[str, ...],
        *,
        moved: bool = True,
    ) -> None:
        """What the API checks beyond the body: that event types are there, and who controls the address."""
        from hookline.api.sending.endpoint_actions import check_event_types  # with its framework: much to load

        routing, org_id = self._place.store.routing, self._place.org_id

        def is_known(name: str) -> bool:
            event_type = routing.event_type(org_id, name)
            return event_type is not None and not event_type.archived

        with by_flags(_FLAGS):
            check_event_types(spec, subscribed, is_known)
        if moved and routing.sources[self._application_id].challenge_endpoints:
            await self._challenge(spec, secrets)

    async def _challenge(self, spec: ApplicationEndpointSpec, secrets: tuple[str, ...]) -> None:
        """Have the receiver prove itself to this process. Raises ChallengeFailed."""
        from hookline.app import address_policy  # the whole server: too much to load for all but this
        from hookline.delivery.challenge import challenge
        from hookline.delivery.sender import HttpSender

        place, now_ms = self._place, self._place.clock.now_ms()
        endpoint_id = ids.make(ids.ENDPOINT, now_ms, os.urandom(10))
        asked = spec.build(id=endpoint_id, org_id=place.org_id, source_id=self._application_id, secrets=secrets)
        sender = HttpSender(address_policy(place.settings), response_cap_bytes=_CHALLENGE_ANSWER_BYTES)
        try:
            await challenge(sender, asked, place.store.routing.sources[self._application_id], now_ms)
        finally:
            await sender.close()


def _body(given: Given, known_headers: Mapping[str, str]) -> dict[str, Any]:
    """What was given as the body of a request to the API."""
    body = {_NAMES.get(field, field): value for field, value in given.items()}
    body.pop("rate_limit", None)
    if "enabled" in body:
        body["disabled"] = not body.pop("enabled")
    if "headers" in given:
        body["headers"] = endpoint_options.headers(given, known_headers)
    if "metadata" in given:
        body["metadata"] = pairs("--metadata", given["metadata"])
    for field, all_of_them in (("eventTypes", EVERYTHING), ("channels", "")):
        if field in body and body[field] == [all_of_them]:
            body[field] = None
    if body.get("disableAfter") == "":
        body["disableAfter"] = None
    return body


def _with_rate(spec: ApplicationEndpointSpec, given: Given) -> ApplicationEndpointSpec:
    if "rate_limit" not in given:
        return spec
    try:
        rate = parse_rate(given["rate_limit"]) if given["rate_limit"] else None
    except InvalidInput as error:
        raise InvalidInput(f"--rate: {error.message}") from None
    return spec.model_copy(update={"rate_limit": rate})


def _checked(model: type[M], body: Mapping[str, Any]) -> M:
    """The body, checked as the API checks it. Raises InvalidInput, naming the flags."""
    try:
        return model.model_validate(dict(body))
    except ValidationError as error:
        found = [f"{_flag(each.path[:1])}: {each.message}" for each in explain(error, model)]
        raise InvalidInput("\n".join(dict.fromkeys(found))) from None


def _checked_secret(secret: str) -> str:
    try:
        return check_secret(secret)
    except InvalidInput as error:
        raise InvalidInput(f"--secret: {error.message}") from None


def _flag(place: Path) -> str:
    field = str(place[0]) if place else ""
    return _FLAGS.get(field, f"--{field}")
