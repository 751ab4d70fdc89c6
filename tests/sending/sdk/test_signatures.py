"""What arrives is believed by the official libraries, and by neither when anything of it was touched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import standardwebhooks
from svix.webhooks import Webhook, WebhookVerificationError

from hookline.testing.receiver import Received

from .customer import Customer, verify

OTHER_SECRET = "whsec_" + "b3RoZXI" * 6

Tamper = Callable[[Received], Received]


def with_headers(received: Received, change: Callable[[str, str], str]) -> Received:
    """The same webhook with every value of a header changed."""
    changed = [(name, change(name.decode().lower(), value.decode()).encode()) for name, value in received.headers]
    return replace(received, headers=tuple(changed))


def of_header(ending: str, change: Callable[[str], str]) -> Tamper:
    """Change the headers whose name ends like this, in both spellings."""
    return lambda received: with_headers(
        received, lambda name, value: change(value) if name.endswith(ending) else value
    )


TAMPERED: dict[str, Tamper] = {
    "the body has another value": lambda received: replace(received, body=received.body.replace(b"1", b"2")),
    "the body has one more space": lambda received: replace(received, body=received.body + b" "),
    "the id is another": of_header("-id", lambda value: value + "0"),
    "the timestamp is a second later": of_header("-timestamp", lambda value: str(int(value) + 1)),
    "the timestamp is of yesterday": of_header("-timestamp", lambda value: str(int(value) - 86_400)),
    "the signature is another": of_header("-signature", lambda value: value.replace("v1,", "v1,AAAA")),
    "there is no signature": of_header("-signature", lambda _: ""),
}


def believers(secret: str, received: Received) -> list[type]:
    """Those of the official libraries that take this for genuine."""
    headers = {name.decode(): value.decode() for name, value in received.headers}
    found: list[type] = []
    for library in (Webhook, standardwebhooks.Webhook):
        with suppress(WebhookVerificationError):
            library(secret).verify(received.body, headers)
            found.append(library)
    return found


async def test_what_arrives_is_believed(shop: Customer) -> None:
    await shop.publish()
    assert verify(await shop.secret(), shop.received[0]) == {"order": 1}


async def test_what_was_tampered_with_is_refused_by_both_libraries(shop: Customer) -> None:
    await shop.publish()
    secret = await shop.secret()
    for how, tamper in TAMPERED.items():
        tampered = tamper(shop.received[0])
        assert believers(secret, tampered) == [], how


async def test_the_secret_of_another_endpoint_is_refused_by_both_libraries(shop: Customer) -> None:
    await shop.publish()
    assert believers(OTHER_SECRET, shop.received[0]) == []
    assert believers(await shop.secret(), shop.received[0]) == [Webhook, standardwebhooks.Webhook]


async def test_a_retry_has_the_same_id_and_a_signature_of_its_own_time(shop: Customer) -> None:
    shop.world.receiver.script([500, 200])
    await shop.publish()
    await shop.world.later(10)
    first, second = shop.received
    assert first.header("svix-id") == second.header("svix-id")
    assert first.header("svix-timestamp") != second.header("svix-timestamp")
    assert verify(await shop.secret(), first) == verify(await shop.secret(), second)
