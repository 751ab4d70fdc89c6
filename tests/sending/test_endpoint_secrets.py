from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook

from hookline.testing.receiver import Received

from .conftest import Sending

PATH = "/app/customer/endpoint"
URL = "https://shop.example.com/hooks"
PLAIN = b64encode(b"not-a-real-secret-of-anybody").decode()
KEY = Ed25519PrivateKey.from_private_bytes(b"not-a-real-private-key-32-bytes!")
PUBLIC = KEY.public_key().public_bytes_raw()


def of_size(size: int, prefix: str = "whsec_") -> str:
    return prefix + b64encode(b"s" * size).decode()


async def secret(sending: Sending, uid: str = "a") -> str:
    return str((await sending.got("GET", f"{PATH}/{uid}/secret"))["key"])


def signatures(received: Received) -> list[str]:
    return (received.header("webhook-signature") or "").split()


async def test_a_secret_is_made_and_verifies_what_is_sent(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    made = await secret(sending)
    assert made.startswith("whsec_") and len(b64decode(made.removeprefix("whsec_"))) == 24
    await sending.publish()
    (received,) = sending.receiver.requests
    moment = datetime.fromtimestamp(int(received.header("webhook-timestamp") or 0), UTC)
    signature = Webhook(made).sign(received.header("webhook-id") or "", moment, received.body.decode())
    assert signatures(received) == [signature]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (PLAIN, f"whsec_{PLAIN}"),
        (f"whsec_{PLAIN}", f"whsec_{PLAIN}"),
        (of_size(24), of_size(24)),
        (of_size(75), of_size(75)),
        (of_size(75, ""), of_size(75)),
    ],
)
async def test_a_secret_of_ones_own_is_used(sending: Sending, given: str, shown: str) -> None:
    await sending.app()
    await sending.endpoint(uid="a", secret=given)
    assert await secret(sending) == shown
    await sending.publish()
    assert len(signatures(sending.receiver.requests[0])) == 1


@pytest.mark.parametrize("with_public_key", [True, False])
async def test_an_ed25519_key_signs_and_only_its_public_key_is_shown(sending: Sending, with_public_key: bool) -> None:
    private = KEY.private_bytes_raw() + (PUBLIC if with_public_key else b"")
    given = "whsk_" + b64encode(private).decode()
    await sending.app()
    await sending.endpoint(uid="a", secret=given)
    shown = await secret(sending)
    assert shown == "whpk_" + b64encode(PUBLIC).decode()
    await sending.publish()
    (received,) = sending.receiver.requests
    (signature,) = signatures(received)
    signed = f"{received.header('webhook-id')}.{received.header('webhook-timestamp')}.".encode() + received.body
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(b64decode(signature.removeprefix("v1a,")), signed)
    assert not any(given in answer.text for answer in sending.world.answers)


@pytest.mark.parametrize(
    "given",
    [
        "short",
        "",
        of_size(23),
        of_size(76),
        "whsec_not base64 not base64 not base64 not",
        "whpk_" + b64encode(PUBLIC).decode(),
        "whsk_" + b64encode(b"s" * 31).decode(),
        "whsk_" + b64encode(KEY.private_bytes_raw() + b"p" * 32).decode(),
        "env:HOOKLINE_SECRET",
        24,
    ],
)
async def test_what_cannot_be_a_secret_is_refused_and_not_repeated(sending: Sending, given: str) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    for path, field in ((PATH, "secret"), (f"{PATH}/a/secret/rotate", "key")):
        told = await sending.wrong("POST", path, {"url": URL, field: given})
        assert set(told) == {f"body.{field}"}
        assert not given or str(given) not in str(told)


async def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    old = await secret(sending)
    rotated = await sending.got("POST", f"{PATH}/a/secret/rotate", {})
    new = await secret(sending)
    assert rotated == {"key": new} and new != old
    await sending.publish()
    sending.advance(24 * 3600 + 1)
    await sending.publish()
    both, one = sending.receiver.requests
    assert len(signatures(both)) == 2 and len(signatures(one)) == 1


async def test_rotating_with_a_secret_and_an_overlap_of_ones_own(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    wanted = {"key": PLAIN, "gracePeriodSeconds": 0}
    assert await sending.got("POST", f"{PATH}/a/secret/rotate", wanted) == {"key": f"whsec_{PLAIN}"}
    await sending.publish()
    assert len(signatures(sending.receiver.requests[0])) == 1
    for overlap in (-1, 604_801, "60"):
        told = await sending.wrong("POST", f"{PATH}/a/secret/rotate", {"gracePeriodSeconds": overlap})
        assert set(told) == {"body.gracePeriodSeconds"}
    assert await secret(sending) == f"whsec_{PLAIN}"
    await sending.got("POST", f"{PATH}/a/secret/rotate", {"key": None, "gracePeriodSeconds": None})
    await sending.publish()
    assert len(signatures(sending.receiver.requests[1])) == 2


async def test_who_wants_no_answer_gets_none(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    before = await secret(sending)
    minimal = {"Prefer": "return=minimal"}
    assert await sending.got("POST", f"{PATH}/a/secret/rotate", {}, status=204, headers=minimal) is None
    assert await secret(sending) != before


async def test_no_more_than_ten_old_secrets_sign(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    for _ in range(10):
        await sending.got("POST", f"{PATH}/a/secret/rotate", {})
    before = await secret(sending)
    assert (await sending.refused(400, "POST", f"{PATH}/a/secret/rotate", {}))["code"] == "limit_reached"
    assert await secret(sending) == before
    sending.advance(24 * 3600 + 1)
    await sending.got("POST", f"{PATH}/a/secret/rotate", {})


async def test_the_same_rotation_sent_twice_rotates_once(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    key = {"Idempotency-Key": "rotation-1"}
    first = await sending.got("POST", f"{PATH}/a/secret/rotate", {}, headers=key)
    assert await sending.got("POST", f"{PATH}/a/secret/rotate", {}, headers=key) == first
    assert {"key": await secret(sending)} == first
