"""What an application's endpoints are sent: signed as they expect it, also while their secrets are rotated."""

from __future__ import annotations

import itertools
import time

import pytest
import standardwebhooks
import svix

from hookline.core.model import DEFAULT_ORG
from hookline.delivery.head import USER_AGENT
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Received, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.product import Product
from tests.pipeline.service import Service, shop

#: The base64 of "first key, only for tests." and its like.
FIRST = "whsec_Zmlyc3Qga2V5LCBvbmx5IGZvciB0ZXN0cy4="
SECOND = "whsec_c2Vjb25kIGtleSwgb25seSBmb3IgdGVzdHMu"
THIRD = "whsec_dGhpcmQga2V5LCBvbmx5IGZvciB0ZXN0cy4h"
#: The libraries refuse what is older than five minutes by the wall clock: whole rotations must fit in that.
MINUTE_MS = 60_000


def present() -> FakeClock:
    """A clock that begins where the wall clock is."""
    return FakeClock(int(time.time() * 1000))


def lines(received: Received) -> dict[str, str]:
    """The headers as libraries want them."""
    return {name.lower().decode(): value.decode() for name, value in received.headers}


def signatures(received: Received) -> int:
    """How many secrets signed it."""
    headers = lines(received)
    return len((headers.get("webhook-signature") or headers["svix-signature"]).split())


def accepted(received: Received, secret: str) -> bool:
    """Whether the official library accepts it under this secret."""
    try:
        svix.Webhook(secret).verify(received.body, lines(received))
    except svix.WebhookVerificationError:
        return False
    return True


async def one_message(serve: Serve, receiver: Receiver, **spec: str) -> Received:
    service = await serve()
    product = Product(service.server)
    customer = await product.customer(**spec)
    await product.endpoint(customer, f"{receiver.url}/hook", secret=FIRST)
    await product.publish(customer, payload={"amount": 1})
    await service.notices.settled("delivered")
    return receiver.requests[0]


async def test_a_message_carries_both_spellings_and_little_else(serve: Serve, receiver: Receiver) -> None:
    received = await one_message(serve, receiver)
    headers = lines(received)
    parts = [f"{spelling}-{part}" for spelling in ("webhook", "svix") for part in ("id", "timestamp", "signature")]
    assert sorted(headers) == sorted(["host", "content-length", "content-type", "user-agent", "accept", *parts])
    assert len(received.headers) == len(headers)
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == USER_AGENT.decode()
    svix.Webhook(FIRST).verify(received.body, {name: headers[name] for name in headers if "webhook" not in name})
    standardwebhooks.Webhook(FIRST).verify(
        received.body, {name: headers[name] for name in headers if "svix" not in name}
    )
    assert not accepted(received, SECOND)


@pytest.mark.parametrize(("wanted", "other"), [("webhook", "svix"), ("svix", "webhook")])
async def test_an_application_may_want_one_spelling(serve: Serve, receiver: Receiver, wanted: str, other: str) -> None:
    headers = lines(await one_message(serve, receiver, signature_headers=wanted))
    assert f"{wanted}-signature" in headers
    assert not [name for name in headers if name.startswith(other)]


async def test_a_change_of_the_spelling_counts_for_the_next_message(serve: Serve, receiver: Receiver) -> None:
    service = await serve()
    product = Product(service.server)
    customer = await product.customer(signature_headers="svix")
    await product.endpoint(customer, receiver.url)
    await service.notices.settled("delivered", event_id=await product.publish(customer))
    await service.store.applications.edit(
        DEFAULT_ORG, customer, lambda spec: spec.model_copy(update={"signature_headers": "webhook"}), product.now_ms
    )
    await service.notices.settled("delivered", event_id=await product.publish(customer))
    before, after = map(lines, receiver.requests)
    assert ("svix-id" in before, "webhook-id" in before) == (True, False)
    assert ("svix-id" in after, "webhook-id" in after) == (False, True)


async def test_neither_spelling_of_a_received_event_goes_on(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "all", "url": receiver.url}))
    foreign = ((b"svix-id", b"foreign"), (b"Svix-Timestamp", b"1"), (b"svix-signature", b"v1,foreign"))
    await service.post("standard_webhooks", b"{}", source="shop", extra=foreign)
    await service.notices.settled("delivered")
    assert not [name for name in lines(receiver.requests[0]) if name.startswith("svix-")]


class Rotating:
    """An endpoint whose secrets are rotated while messages are sent to it."""

    def __init__(self, service: Service, receiver: Receiver) -> None:
        self.service, self.receiver = service, receiver
        self.product = Product(service.server)

    async def open(self) -> Rotating:
        self.customer = await self.product.customer()
        self.endpoint = await self.product.endpoint(self.customer, self.receiver.url, secret=FIRST)
        return self

    async def rotate(self, secret: str, overlap_s: float) -> None:
        await self.service.store.application_endpoints.rotate(
            DEFAULT_ORG, self.customer, self.endpoint, secret=secret, overlap_s=overlap_s, now_ms=self.product.now_ms
        )

    async def sent(self) -> Received:
        """The next message as it came."""
        await self.service.notices.settled("delivered", event_id=await self.product.publish(self.customer))
        return self.receiver.requests[-1]


async def test_while_secrets_overlap_both_sign_and_then_one(serve: Serve, receiver: Receiver) -> None:
    clock = present()
    case = await Rotating(await serve(clock=clock), receiver).open()
    assert signatures(await case.sent()) == 1
    await case.rotate(SECOND, 60)
    both = await case.sent()
    assert signatures(both) == 2
    assert accepted(both, FIRST) and accepted(both, SECOND)
    clock.jump_to(clock.now_ms() + MINUTE_MS - 1)
    assert signatures(await case.sent()) == 2
    clock.jump_to(clock.now_ms() + 1)
    one = await case.sent()
    assert signatures(one) == 1
    assert accepted(one, SECOND) and not accepted(one, FIRST)


async def test_secrets_that_were_rotated_twice_end_one_after_the_other(serve: Serve, receiver: Receiver) -> None:
    clock = present()
    case = await Rotating(await serve(clock=clock), receiver).open()
    await case.rotate(SECOND, 3 * 60)
    await case.rotate(THIRD, 60)
    seen = []
    for _ in range(5):
        received = await case.sent()
        seen.append([accepted(received, secret) for secret in (FIRST, SECOND, THIRD)])
        clock.jump_to(clock.now_ms() + MINUTE_MS)
    assert seen == [
        [True, True, True],
        [True, False, True],
        [True, False, True],
        [False, False, True],
        [False, False, True],
    ]


async def test_a_rotation_without_overlap_counts_at_once(serve: Serve, receiver: Receiver) -> None:
    case = await Rotating(await serve(clock=present()), receiver).open()
    await case.sent()
    await case.rotate(SECOND, 0)
    received = await case.sent()
    assert (signatures(received), accepted(received, SECOND)) == (1, True)


async def test_the_next_server_signs_with_the_old_secret_too(serve: Serve, receiver: Receiver) -> None:
    clock = present()
    case = await Rotating(await serve(clock=clock), receiver).open()
    await case.rotate(SECOND, 60)
    await case.service.stop()
    later = FakeClock(clock.now_ms() + MINUTE_MS // 2)
    case.service = await serve(clock=later)
    case.product.server = case.service.server
    assert signatures(await case.sent()) == 2
    later.jump_to(later.now_ms() + MINUTE_MS)
    assert signatures(await case.sent()) == 1


def test_the_secrets_of_these_tests_differ() -> None:
    assert all(one != other for one, other in itertools.combinations((FIRST, SECOND, THIRD), 2))
