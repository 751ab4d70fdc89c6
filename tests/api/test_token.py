from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from hookline.api.token import AuthenticationFailed, TokenSigner, create_token
from hookline.core.errors import InvalidInput

SECRET = "not-a-real-server-secret-0123456789"
NOW = 1_767_225_600

signer = TokenSigner(SECRET)


def forged(claims: dict[str, Any], key: bytes | str | None = None, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, signer._key if key is None else key, algorithm=algorithm)


def test_a_token_speaks_for_its_organisation() -> None:
    assert signer.organisation(create_token(SECRET, "org_acme", NOW), NOW) == "org_acme"


def test_a_token_without_an_end_is_valid_for_ever() -> None:
    assert signer.organisation(create_token(SECRET, "org_acme", NOW), NOW + 10**9) == "org_acme"


def test_a_token_ends_at_the_second_it_says() -> None:
    token = create_token(SECRET, "org_acme", NOW, lifetime_s=60)
    assert signer.organisation(token, NOW + 59.999) == "org_acme"
    with pytest.raises(AuthenticationFailed, match="expired"):
        signer.organisation(token, NOW + 60)


def test_a_token_of_another_server_is_refused() -> None:
    token = create_token("another-not-real-secret-0123456789", "org_acme", NOW)
    with pytest.raises(AuthenticationFailed, match="not one of this server"):
        signer.organisation(token, NOW)


def test_the_key_of_tokens_is_neither_the_secret_nor_the_key_of_the_vault() -> None:
    vault = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hookline vault v1").derive(SECRET.encode())
    for key in (SECRET, vault):
        with pytest.raises(AuthenticationFailed):
            signer.organisation(forged({"iss": "hookline", "sub": "org_acme", "iat": NOW}, key), NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "hookline", "sub": "user_1", "iat": NOW},
        {"iss": "hookline", "sub": "org_", "iat": NOW},
        {"iss": "hookline", "sub": "org_a/../b", "iat": NOW},
        {"iss": "hookline", "sub": ["org_acme"], "iat": NOW},
        {"iss": "hookline", "iat": NOW},
        {"iss": "somebody", "sub": "org_acme", "iat": NOW},
        {"sub": "org_acme", "iat": NOW},
        {"iss": "hookline", "sub": "org_acme"},
        {"iss": "hookline", "sub": "org_acme", "iat": NOW, "exp": NOW - 1},
        {"iss": "hookline", "sub": "org_acme", "iat": NOW, "exp": None},
        {"iss": "hookline", "sub": "org_acme", "iat": NOW, "exp": str(NOW + 60)},
        {"iss": "hookline", "sub": "org_acme", "iat": NOW, "exp": True},
        {"iss": "hookline", "sub": "org_acme", "iat": NOW, "nbf": NOW + 1},
    ],
)
def test_a_token_that_we_would_not_make_is_refused_although_we_signed_it(claims: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationFailed):
        signer.organisation(forged(claims), NOW)


def test_no_other_algorithm_is_accepted() -> None:
    claims = {"iss": "hookline", "sub": "org_acme", "iat": NOW}
    for token in (
        forged(claims, "k" * 64, "HS512"),
        forged(claims, signer._key * 2, "HS512"),
        jwt.encode(claims, "", "none"),
    ):
        with pytest.raises(AuthenticationFailed):
            signer.organisation(token, NOW)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_with_one_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(AuthenticationFailed) as error:
        signer.organisation(text, NOW)
    assert len(text) < 8 or text not in error.value.message


@given(st.data())
def test_no_change_of_a_token_is_accepted(data: st.DataObject) -> None:
    token = create_token(SECRET, "org_acme", NOW)
    place = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that do not count
    other = data.draw(st.sampled_from("ABCdef019-_.").filter(lambda c: c != token[place]))
    with pytest.raises(AuthenticationFailed):
        signer.organisation(token[:place] + other + token[place + 1 :], NOW)


@pytest.mark.parametrize("org_id", ["", "acme", "org_", "org_ü", "org_a b", "org_" + "x" * 61])
def test_no_token_is_made_for_what_is_no_organisation(org_id: str) -> None:
    with pytest.raises(InvalidInput, match="org_"):
        create_token(SECRET, org_id, NOW)
