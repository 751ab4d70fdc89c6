"""Published and derived signatures: constants of documentation and official tests, verdicts of official SDKs."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hookline.core.errors import VerificationError
from hookline.core.model import Request, Verification
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import get

from .making import request_of

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]

CAUSES = {
    "bad_signature": "bad_signature",
    "wrong_prefix": "malformed_signature",
    "no_known_scheme": "malformed_signature",
    "malformed_signature": "malformed_signature",
    "empty_signature": "missing_signature",
    "missing_header": "missing_signature",
    "duplicate_header": "repeated_signature",
    "missing_timestamp": "missing_timestamp",
    "timestamp_too_old": "stale_timestamp",
    "timestamp_too_new": "future_timestamp",
}

#: Where the vectors' word is broader than our cause.
FINER_CAUSES = {"timestamp not numeric": "malformed_timestamp", "missing id header": "missing_header"}


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["expect"] in kinds]


def as_request(vector: dict[str, Any]) -> Request:
    headers = [(name.encode(), value.encode()) for name, value in vector["headers"]]
    return request_of(headers, b64decode(vector["body_b64"]), method=vector["method"])


def with_its_scheme_alone(vector: dict[str, Any]) -> Provider:
    provider = get(vector["provider"])
    return replace(provider, schemes=tuple(s for s in provider.schemes if s.id == vector["scheme"]), signs_with=())


def test_all_vectors_of_the_catalogue_are_here() -> None:
    assert len(VECTORS) == 221
    assert {vector["expect"] for vector in VECTORS} == {"valid", "invalid", "handshake"}


@pytest.mark.parametrize("vector", of_kind("valid"))
def test_a_genuine_request_is_verified(vector: dict[str, Any]) -> None:
    verified = get(vector["provider"]).verify(as_request(vector), vector["secrets"], vector["now"], None)
    assert verified.level is Verification.VERIFIED
    assert verified.scheme == vector["scheme"]


@pytest.mark.parametrize("vector", of_kind("invalid"))
def test_a_forged_request_is_refused_with_its_cause(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as refusal:
        with_its_scheme_alone(vector).verify(as_request(vector), vector["secrets"], vector["now"], None)
    assert refusal.value.cause == FINER_CAUSES.get(vector["name"], CAUSES[vector["reason"]])


@pytest.mark.parametrize("vector", of_kind("invalid"))
def test_no_other_scheme_of_the_provider_lets_a_forged_request_in(vector: dict[str, Any]) -> None:
    if vector["name"] == "only legacy sha1 header present":
        verified = get("github").verify(as_request(vector), vector["secrets"], vector["now"], None)
        assert verified.scheme == "legacy-sha1"  # genuine, and only where nothing better was sent
        return
    with pytest.raises(VerificationError):
        get(vector["provider"]).verify(as_request(vector), vector["secrets"], vector["now"], None)


@pytest.mark.parametrize("vector", of_kind("handshake"))
def test_a_signed_handshake_is_answered_as_documented(vector: dict[str, Any]) -> None:
    expected = vector["expected_response"]
    answer = get(vector["provider"]).handshake(as_request(vector), vector["secrets"], vector["now"], None)
    assert answer is not None
    assert (answer.status, answer.content_type, answer.body.decode()) == (
        expected["status"],
        expected["content_type"],
        expected["body"],
    )
