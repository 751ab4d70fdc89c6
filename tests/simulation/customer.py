"""A customer in the simulated world: an application, its endpoints, and a book of what its publisher knows."""

from __future__ import annotations

import contextlib
import json
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from hookline.api.token import create_token
from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.core.errors import Conflict, LimitReached, NotFound
from hookline.core.model import DEFAULT_ORG, EndpointState, Headers
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.base import EventFilter
from tests.simulation.world import SECRET, World, request

APPLICATION = "customer"
OPERATIONAL = "operational"


@dataclass(slots=True)
class Known:
    """An endpoint as its owner knows it."""

    id: str
    uid: str
    url: str
    secret: str
    old_secrets: list[tuple[str, int]] = field(default_factory=list)  #: and until when each still signs
    rotating: bool = False  #: under way: it may have happened, or not
    ever_off: bool = False  #: it was disabled or deleted at some time
    deleted: bool = False
    order_is_off: bool = False  #: something was done to it that changes the order: jobs, or not FIFO for a while
    recovered: int = 0  #: how often its dead deliveries were all owed again
    filled: bool = False  #: what it never got was sent to it


@dataclass(slots=True)
class Published:
    """One message that was acknowledged."""

    id: str
    type: str
    channels: tuple[str, ...]
    wanted: frozenset[str]  #: the ids of the endpoints that it has to go to; empty also when that is not known


class Customer:
    """Publishes for one application and does to it whatever people do. Survives the crashes of the server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.application_id = ""
        self.endpoints: dict[str, Known] = {}  #: by uid, also those that are gone
        self.published: dict[str, Published] = {}  #: by id
        self.resent: Counter[tuple[str, str]] = Counter()  #: by message and endpoint
        self.expunged: set[str] = set()
        self.deleted = 0
        self.added = 0
        self._keys: dict[str, tuple[bytes, str]] = {}  #: what each key stands for, and the id it was answered with
        self._unsure: dict[str, set[bytes]] = {}  #: bodies that were sent with a key and never answered
        self._numbers = 0
        self._secrets = 0

    # -- making ----------------------------------------------------------------------------------------

    async def open(self, endpoints: list[dict[str, Any]], **spec: Any) -> None:
        """Make the application with its endpoints, then the endpoint of the operational webhooks."""
        store, now_ms = self.world.server.store, self.world.clock.now_ms()
        made = await store.applications.create(
            NewApplication(DEFAULT_ORG, ApplicationSpec(title="A customer", uid=APPLICATION, **spec), now_ms)
        )
        self.application_id = made.value.id
        for each in endpoints:
            await self.add(each)
        self.added = 0  # nobody was told of those
        told = await store.applications.operational(DEFAULT_ORG, now_ms)
        await self._add(told.id, {"uid": OPERATIONAL, "url": f"http://{OPERATIONAL}.example/"})

    async def add(self, endpoint: dict[str, Any]) -> None:
        """One more endpoint of the application."""
        await self._add(self.application_id, endpoint)
        self.added += 1

    async def _add(self, application_id: str, endpoint: dict[str, Any]) -> None:
        spec = ApplicationEndpointSpec.model_validate({"name": endpoint["uid"], **endpoint})
        secret = self._new_secret()
        new = NewEndpoint(DEFAULT_ORG, application_id, spec, self.world.clock.now_ms(), secret=secret)
        made = await self.world.server.store.application_endpoints.create(new)
        self.endpoints[spec.uid] = Known(made.value.id, spec.uid, spec.url, secret)

    def _new_secret(self) -> str:
        self._secrets += 1
        return "whsec_" + b64encode(b"simulated key, number %06d" % self._secrets).decode()

    # -- publishing ------------------------------------------------------------------------------------

    async def publish(self, type: str, key: str = "", variant: int = 0, channels: tuple[str, ...] = ()) -> None:
        """One message over HTTP. With a ``key`` the same ``variant`` is the same request again."""
        body = self._body(type, key, variant, channels)
        unsure = self._unsure.setdefault(key, set()) if key and key not in self._keys else set()
        # What was sent before and never answered may be stored, as things were then.
        wanted = frozenset[str]() if body in unsure else self._wanting(type, channels)
        unsure.add(body)
        status, answer = await self._post(body, key)
        if status == 202:
            self._acknowledged(answer["id"], key, body, Published(answer["id"], type, channels, wanted))
        else:
            assert status in (409, 422), (status, answer)
            self._refused(key, body)

    def _body(self, type: str, key: str, variant: int, channels: tuple[str, ...]) -> bytes:
        self._numbers += 1
        payload = {"key": key, "variant": variant} if key else {"number": self._numbers}
        content: dict[str, Any] = {"eventType": type, "payload": payload}
        if channels:
            content["channels"] = channels
        return json.dumps(content).encode()

    async def _post(self, body: bytes, key: str) -> tuple[int, dict[str, Any]]:
        token = create_token(SECRET, DEFAULT_ORG, self.world.clock.now_ms() // 1000)
        headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {token}".encode())]
        if key:
            headers.append((b"idempotency-key", key.encode()))
        return await request(self.world.server, f"/api/v1/app/{APPLICATION}/msg", body, tuple(headers))

    def _acknowledged(self, event_id: str, key: str, body: bytes, published: Published) -> None:
        if key and key in self._keys:
            assert self._keys[key] == (body, event_id), f"{key} stands for another message now"
            return
        assert event_id not in self.published, "two messages have one id"
        if key:
            self._keys[key] = (body, event_id)
        self.published[event_id] = published
        self.world.acknowledged.add(event_id)

    def _refused(self, key: str, body: bytes) -> None:
        """Only a key that stands, or may stand, for another body is refused."""
        if key in self._keys:
            assert self._keys[key][0] != body, f"{key} was refused for its own body"
        else:
            assert self._unsure[key] - {body}, f"{key} was refused and had never been used"

    def _wanting(self, type: str, channels: tuple[str, ...]) -> frozenset[str]:
        routing = self.world.server.store.routing
        return frozenset(endpoint.id for endpoint in routing.wanting(self.application_id, type, channels))

    # -- operating -------------------------------------------------------------------------------------

    async def operate(self, action: str, uid: str) -> None:
        """Do something to an endpoint that is there."""
        known = self.endpoints.get(uid)
        with contextlib.suppress(NotFound):  # it was deleted
            if known is not None:
                await getattr(self, f"_{action}")(known)

    async def _pause(self, known: Known) -> None:
        await self._set_state(known, EndpointState.PAUSED)

    async def _resume(self, known: Known) -> None:
        await self._set_state(known, EndpointState.ACTIVE)

    async def _set_state(self, known: Known, state: EndpointState) -> None:
        store = self.world.server.store
        endpoint = store.routing.endpoints.get(known.id)
        if endpoint is not None and endpoint.state is not EndpointState.DISABLED:
            await store.catalogue.set_endpoint_state(known.id, state, "by a person", self.world.clock.now_ms())

    async def _disable(self, known: Known) -> None:
        known.ever_off = True
        await self._edit(known, enabled=False)

    async def _enable(self, known: Known) -> None:
        await self._edit(known, enabled=True)

    async def _unorder(self, known: Known) -> None:
        known.order_is_off = True
        await self._edit(known, fifo=False)

    async def _reorder(self, known: Known) -> None:
        known.order_is_off = True
        await self._edit(known, fifo=True)

    async def _edit(self, known: Known, **changes: Any) -> None:
        def edit(spec: ApplicationEndpointSpec) -> ApplicationEndpointSpec:
            return spec.model_copy(update=changes)

        now_ms = self.world.clock.now_ms()
        await self.world.server.store.application_endpoints.edit(
            DEFAULT_ORG, self.application_id, known.id, edit, now_ms
        )

    async def _delete(self, known: Known) -> None:
        known.ever_off = known.deleted = True
        await self.world.server.store.application_endpoints.delete(
            DEFAULT_ORG, self.application_id, known.id, self.world.clock.now_ms()
        )
        self.deleted += 1

    async def _rotate(self, known: Known, overlap_s: float = 60) -> None:
        secret, now_ms = self._new_secret(), self.world.clock.now_ms()
        known.rotating = True
        with contextlib.suppress(LimitReached):
            await self.world.server.store.application_endpoints.rotate(
                DEFAULT_ORG, self.application_id, known.id, overlap_s=overlap_s, now_ms=now_ms, secret=secret
            )
            known.old_secrets.append((known.secret, now_ms + round(overlap_s * 1000)))
            known.secret = secret
        known.rotating = False

    async def _resend(self, known: Known) -> None:
        """The newest message that was acknowledged."""
        if not self.published:
            return
        message = max(self.published)
        self.resent[message, known.id] += 1
        with contextlib.suppress(Conflict):  # its payload was expunged
            await self.world.server.store.deliveries.resend(DEFAULT_ORG, message, known.id, self.world.clock.now_ms())

    async def _recover(self, known: Known) -> None:
        known.order_is_off = True
        known.recovered += 1
        await self._start("recover", known)

    async def _fill(self, known: Known) -> None:
        known.order_is_off = True
        known.filled = True
        await self._start("missing", known)

    async def _start(self, kind: str, known: Known) -> None:
        server, now_ms = self.world.server, self.world.clock.now_ms()
        where = EventFilter(source_id=self.application_id, endpoint_id=known.id, until_ms=now_ms + 1)
        await server.store.replays.start(DEFAULT_ORG, where, now_ms, kind=kind)
        server.replayer.wake()

    async def expunge(self) -> None:
        """Forget what the newest message said."""
        if self.published:
            message = max(self.published)
            self.expunged.add(message)
            await self.world.server.store.messages.expunge(
                DEFAULT_ORG, self.application_id, message, self.world.clock.now_ms()
            )

    # -- what the wire sees ----------------------------------------------------------------------------

    def check_signature(self, url: str, headers: Headers, body: bytes, now_ms: int) -> None:
        """Each request is signed with the endpoint's secret, and with the ones before as long as they count."""
        known = next((one for one in self.endpoints.values() if one.url == url), None)
        if known is None or known.rotating:
            return
        values = {name.lower(): value.decode() for name, value in headers}
        secrets = [known.secret, *(secret for secret, until_ms in known.old_secrets if until_ms > now_ms)]
        signed_at = datetime.fromtimestamp(now_ms // 1000, UTC)
        expected = {Webhook(secret).sign(values[b"webhook-id"], signed_at, body.decode()) for secret in secrets}
        assert set(values[b"webhook-signature"].split(" ")) == expected, f"{url} is signed with other secrets"
        assert values[b"svix-signature"] == values[b"webhook-signature"]
