"""What a token says, and what is said about one that says nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.api.token import LONGEST, AuthenticationFailed, Claims, InsufficientAccess, TokenSigner
from hookline.core.errors import InvalidInput

from .conftest import Sending

SECRET = "not-a-real-server-secret-0123456789"
NOW = 1_767_225_600
APP = "app_019b76da2f800a1b2c3d4e5f60718293"

signer = TokenSigner(SECRET)
words = st.frozensets(st.text("abcXYZ._-", min_size=1, max_size=20), max_size=5)


def forged(**claims: Any) -> str:
    content = {"iss": "hookline", "sub": APP, "org": "org_acme", "iat": NOW, **claims}
    return jwt.encode({key: value for key, value in content.items() if value is not ...}, signer._key, "HS256")


@given(words, st.booleans(), st.none() | words)
def test_a_token_of_an_application_says_what_it_was_made_for(
    flags: frozenset[str], read_only: bool, capabilities: frozenset[str] | None
) -> None:
    claims = Claims("org_acme", APP, flags, read_only, capabilities)
    token = signer.create_for_application(claims, NOW, 60)
    assert signer.claims(token, NOW) == claims
    with pytest.raises(InsufficientAccess):
        signer.organisation(token, NOW)
    with pytest.raises(AuthenticationFailed, match="expired"):
        signer.claims(token, NOW + 60)


def test_a_token_of_an_organisation_is_for_no_application() -> None:
    assert signer.claims(signer.create("org_acme", NOW), NOW) == Claims("org_acme")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "org_acme"},
        {"sub": "app_"},
        {"sub": "app_a/b"},
        {"sub": 7},
        {"org": "acme"},
        {"org": None},
        {"org": ["org_acme"]},
        {"org": APP},
        {"org": ...},
        {"feature_flags": "beta"},
        {"feature_flags": [1]},
        {"capabilities": None},
        {"capabilities": "ViewBase"},
        {"exp": NOW},
        {"iat": ...},
    ],
)
def test_a_token_that_we_would_not_make_is_refused_although_we_signed_it(claims: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationFailed):
        signer.claims(forged(**claims), NOW)


def test_anything_but_false_makes_a_token_read_only() -> None:
    for value in (True, 1, "yes", None):
        assert signer.claims(forged(read_only=value), NOW).read_only is True
    assert signer.claims(forged(read_only=False), NOW).read_only is False


def test_no_token_is_longer_than_what_is_read() -> None:
    flags = frozenset(f"{n:05}" + "x" * 200 for n in range(200))
    with pytest.raises(InvalidInput, match=str(LONGEST)):
        signer.create_for_application(Claims("org_acme", APP, flags), NOW, 60)


async def test_the_servers_secret_as_a_token_is_told_apart_and_not_repeated(sending: Sending) -> None:
    secret = sending.server.settings.secret
    for path in ("/app", "/sources"):
        error = await sending.refused(401, "GET", path, token=secret)
        assert error["code"] == "authentication_failed" and "hookline token create" in error["detail"]
        assert "HOOKLINE_SECRET" in error["detail"] and secret not in sending.world.answers[-1].text


async def test_without_a_token_nothing_of_the_sending_api_answers_but_its_health(sending: Sending) -> None:
    await sending.app()
    for token in ("not-a-real-token", "a.b.c", SECRET):
        for method, path, body in (
            ("GET", "/app", None),
            ("POST", "/app", {"name": ""}),
            ("GET", "/app/customer", None),
            ("GET", "/app/nobody/endpoint", None),
            ("GET", "/event-type", None),
            ("POST", "/auth/logout", None),
            ("GET", "/operational-webhook/endpoint", None),
        ):
            error = await sending.refused(401, method, path, body, token=token)
            assert error["code"] == "authentication_failed"
            assert sending.world.answers[-1].headers["www-authenticate"].startswith("Bearer")


async def test_any_organisation_works_without_being_set_up(sending: Sending) -> None:
    tokens = [sending.token(f"org_{name}") for name in ("one", "two", "Some-Name_3")]
    ids = await asyncio.gather(*(sending.app("customer", token=token) for token in tokens))
    assert len(set(ids)) == 3
    for app_id, token in zip(ids, tokens, strict=True):
        assert [one["id"] for one in (await sending.got("GET", "/app", token=token))["data"]] == [app_id]
