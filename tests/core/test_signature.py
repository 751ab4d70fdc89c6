"""The signature on what we send."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode, b64encode

import pytest
import standardwebhooks
import svix
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput
from hookline.core.signature import Signer, decode_secret, generate_secret, keyed_hmac, sign_v1

#: The example of the Standard Webhooks libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNATURE = b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
EVENT_ID, SENT_AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330

SEED = bytes(range(32))


def test_the_published_example_comes_out() -> None:
    assert Signer([SECRET]).headers(EVENT_ID, SENT_AT, BODY) == (
        (b"webhook-id", EVENT_ID.encode()),
        (b"webhook-timestamp", b"1614265330"),
        (b"webhook-signature", SIGNATURE),
    )
    assert sign_v1(decode_secret(SECRET), EVENT_ID, SENT_AT, BODY) == SIGNATURE


def test_every_secret_signs_while_they_are_rotated() -> None:
    other = generate_secret(bytes(24))
    value = dict(Signer([SECRET, other]).headers(EVENT_ID, SENT_AT, BODY))[b"webhook-signature"]
    assert value.split(b" ") == [SIGNATURE, sign_v1(bytes(24), EVENT_ID, SENT_AT, BODY)]


def test_the_svix_spelling_differs_only_in_names() -> None:
    lines = Signer([SECRET], spellings=("svix",)).headers(EVENT_ID, SENT_AT, BODY)
    assert [name for name, _ in lines] == [b"svix-id", b"svix-timestamp", b"svix-signature"]
    assert lines[2][1] == SIGNATURE


def test_both_spellings_say_the_same() -> None:
    lines = Signer([SECRET, SECRET], spellings=("webhook", "svix")).headers(EVENT_ID, SENT_AT, BODY)
    assert lines[:3] == Signer([SECRET, SECRET]).headers(EVENT_ID, SENT_AT, BODY)
    assert [name.replace(b"svix", b"webhook") for name, _ in lines[3:]] == [name for name, _ in lines[:3]]
    assert [value for _, value in lines[3:]] == [value for _, value in lines[:3]]


@pytest.mark.parametrize("spellings", [("webhook",), ("svix",), ("webhook", "svix")])
def test_the_official_libraries_accept_every_spelling(spellings: tuple[str, ...]) -> None:
    lines = Signer([SECRET], spellings=spellings).headers(EVENT_ID, int(time.time()), BODY)
    headers = {name.decode(): value.decode() for name, value in lines}
    svix.Webhook(SECRET).verify(BODY, headers)  # raises what it does not accept
    if "webhook" in spellings:
        standardwebhooks.Webhook(SECRET).verify(BODY, headers)
    with pytest.raises(svix.WebhookVerificationError):
        svix.Webhook(SECRET).verify(BODY + b" ", headers)


@pytest.mark.parametrize("stored", [SEED, SEED + bytes(32)])
def test_a_private_key_signs_v1a(stored: bytes) -> None:
    value = dict(Signer(["whsk_" + b64encode(stored).decode()]).headers("msg_1", 7, b"{}"))[b"webhook-signature"]
    version, _, encoded = value.partition(b",")
    assert version == b"v1a"
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(b64decode(encoded), b"msg_1.7.{}")


@given(st.binary(max_size=200), st.binary(max_size=300), st.sampled_from(["sha1", "sha256", "sha384", "sha512"]))
def test_our_hmac_is_that_of_the_standard_library(key: bytes, message: bytes, algorithm: str) -> None:
    assert keyed_hmac(key, algorithm)(message) == hmac.new(key, message, getattr(hashlib, algorithm)).digest()


@given(st.binary(min_size=24, max_size=32))
def test_a_generated_secret_decodes_to_its_entropy(entropy: bytes) -> None:
    secret = generate_secret(entropy)
    assert secret.startswith("whsec_")
    assert decode_secret(secret) == entropy
    assert decode_secret(secret.removeprefix("whsec_").rstrip("=")) == entropy


@pytest.mark.parametrize("size", [0, 23, 33])
def test_a_secret_of_another_size_is_not_made(size: int) -> None:
    with pytest.raises(InvalidInput, match="24 to 32 random bytes"):
        generate_secret(bytes(size))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_???!", "whsec_AAAA=AAA", "whsec_AA AA", "whsec_ünicode", "whsec_A", "\ud800"]
)
def test_an_unusable_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(InvalidInput, match="base64") as refusal:
        Signer([secret])
    assert len(secret) < 8 or secret not in refusal.value.message


@pytest.mark.parametrize("secret", ["whpk_AAAA", "whsk_AAAA"])
def test_a_key_that_cannot_sign_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInput):
        Signer([secret])


@given(st.text(max_size=60))
def test_any_text_is_a_secret_or_refused(secret: str) -> None:
    try:
        assert decode_secret(secret)
    except InvalidInput as refusal:
        assert len(secret) < 12 or secret not in refusal.message


def test_secrets_do_not_show() -> None:
    assert SECRET not in repr(Signer([SECRET]))
