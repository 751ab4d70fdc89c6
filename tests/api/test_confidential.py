from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.api import confidential
from hookline.core.model import Source
from hookline.core.providers import registry
from hookline.core.providers.where import Place

MARK = "[redacted]"


def shown(name: str, value: str = "plain", source: Source | None = None) -> str:
    ((_, value),) = confidential.headers(((name.encode(), value.encode()),), source)
    return value


@pytest.mark.parametrize(
    "name",
    ["Authorization", "COOKIE", "Set-Cookie", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-Hub-Signature-256",
     "webhook-signature", "Stripe-Signature", "X-Shopify-Hmac-Sha256", "X-Slack-Signature", "X-Session-Id", "Password"],
)  # fmt: skip
def test_credentials_and_signatures_are_struck_out(name: str) -> None:
    assert shown(name) == MARK


@pytest.mark.parametrize(
    "name", ["Content-Type", "User-Agent", "X-GitHub-Event", "X-GitHub-Delivery", "webhook-id", "Idempotency-Key"]
)
def test_what_proves_nothing_is_shown(name: str) -> None:
    assert shown(name) == "plain"


def test_the_proof_of_every_provider_of_the_catalogue_is_struck_out() -> None:
    for provider in registry.all_providers():
        for scheme in provider.schemes:
            if scheme.signature is not None and scheme.signature.where.place is Place.HEADER:
                assert shown(scheme.signature.where.name) == MARK, provider.slug


def test_the_proof_of_a_generic_source_is_struck_out_wherever_it_is() -> None:
    signature = {"header": "X-Acme-Proof", "signed": "{raw_body}"}
    source = Source("src_1", "org_default", "acme", "generic", signature=signature)
    assert registry.for_source(source).slug == "generic"
    assert shown("x-acme-proof", source=source) == MARK
    assert shown("x-acme-proof") == "plain"


def test_order_repetition_and_case_of_headers_stay() -> None:
    lines = ((b"B", b"1"), (b"a", b"\xe9"), (b"B", b"2"))
    assert confidential.headers(lines) == [["B", "1"], ["a", "é"], ["B", "2"]]


def test_credentials_in_a_query_are_struck_out_however_they_are_encoded() -> None:
    raw = b"a=1&token=abc&to%6Ben=abc&flag&b=x=y"
    assert confidential.query(raw) == f"a=1&token={MARK}&to%6Ben={MARK}&flag&b=x=y"


@given(st.binary(max_size=100))
def test_any_query_can_be_shown(raw: bytes) -> None:
    assert confidential.query(raw).count("&") == raw.count(b"&")


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=10))
def test_any_headers_can_be_shown(lines: list[tuple[bytes, bytes]]) -> None:
    names = [name.encode("latin-1") for name, _ in confidential.headers(tuple(lines))]
    assert names == [name for name, _ in lines]
