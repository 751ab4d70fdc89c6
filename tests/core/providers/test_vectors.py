"""Published and derived signatures: constants of documentation and official tests, verdicts of official SDKs."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request, Verification
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import build_generic, get

from .making import NOW, request_of

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]

#: Senders whose scheme no official source confirms, so they are not in the catalogue (docs/providers.md says so), as
#: people would describe them.
DESCRIBED: dict[str, dict[str, Any]] = {
    "linkedin": {"header": "X-LI-Signature", "signed": "hmacsha256={raw_body}"},
}

CAUSES = {
    "bad_signature": {"bad_signature"},
    "wrong_prefix": {"malformed_signature"},
    "no_known_scheme": {"malformed_signature"},
    "malformed_signature": {"malformed_signature"},
    "bad_or_malformed_signature": {"bad_signature", "malformed_signature"},
    "malformed_body": {"malformed_body"},
    "empty_signature": {"missing_signature"},
    "missing_signature": {"missing_signature"},
    "missing_header": {"missing_signature"},
    "duplicate_header": {"repeated_signature"},
    "missing_timestamp": {"missing_timestamp"},
    "timestamp_too_old": {"stale_timestamp"},
    "timestamp_too_new": {"future_timestamp"},
    "body_mismatch": {"body_mismatch"},
    "bad_claim": {"bad_claim", "body_mismatch"},
    "unsupported_algorithm": {"unsupported_algorithm"},
    "bad_cert_url": {"untrusted_key"},
    "see name": {"bad_signature", "missing_timestamp"},
    "invalid jwt: claim exp is in the past": {"stale_timestamp"},
    "invalid jwt: claim url_hash is invalid": {"wrong_url"},
    "invalid jwt: claim payload_hash is invalid": {"body_mismatch"},
    "invalid jwt: claim payload_hash is not set but payload is present": {"body_mismatch"},
    "invalid jwt: signature is invalid": {"bad_signature"},
    "invalid jwt: signing method none is invalid": {"unsupported_algorithm"},
}

#: Where the vectors' word is broader than our cause.
FINER_CAUSES = {"timestamp not numeric": {"malformed_timestamp"}, "missing id header": {"missing_header"}}


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["expect"] in kinds]


def as_request(vector: dict[str, Any]) -> Request:
    url = urlsplit(vector.get("configured_url", vector["url"]))
    headers = [(name.encode(), value.encode("latin-1")) for name, value in vector["headers"]]
    request = request_of(headers, b64decode(vector["body_b64"]), method=vector["method"], query=url.query.encode())
    return msgspec.structs.replace(request, path=url.path or "/", scheme=url.scheme, url=url.geturl())


def provider_of(vector: dict[str, Any]) -> Provider:
    if vector["provider"] in DESCRIBED:
        generic = build_generic(DESCRIBED[vector["provider"]])
        return replace(generic, schemes=(replace(generic.schemes[0], id=vector["scheme"]),))
    provider = get(vector["provider"])
    public_key = vector.get("public_key")
    return provider.configured({"public_key": public_key}) if public_key else provider


def certificate_of(vector: dict[str, Any]) -> bytes | None:
    return vector["cert_pem"].encode() if "cert_pem" in vector else None


def verdict(provider: Provider, vector: dict[str, Any]) -> Any:
    """What verifying says, as a server does it: first the address of the key, then the signature."""
    request = as_request(vector)
    provider.key_url(request)
    return provider.verify(request, vector["secrets"], vector.get("now", NOW), None, certificate_of(vector))


def with_its_scheme_alone(vector: dict[str, Any]) -> Provider:
    """Where we have one scheme for each variant of a sender's, all of them."""
    provider, wanted = provider_of(vector), vector["scheme"]
    schemes = [s for s in provider.schemes if s.id == wanted]
    schemes = schemes or [s for s in provider.schemes if s.id.startswith(wanted + "-")]
    return replace(provider, schemes=tuple(schemes), signs_with=())


def test_all_vectors_are_here() -> None:
    assert len(VECTORS) == 578


@pytest.mark.parametrize("vector", of_kind("valid"))
def test_a_genuine_request_is_verified(vector: dict[str, Any]) -> None:
    provider = provider_of(vector)
    verified = verdict(provider, vector)
    assert verified.scheme == vector["scheme"] or verified.scheme.startswith(vector["scheme"] + "-")
    scheme = next(one for one in provider.schemes if one.id == verified.scheme)
    assert verified.level is (Verification.VERIFIED if scheme.covers_body else Verification.AUTHENTICATED)


@pytest.mark.parametrize("vector", of_kind("invalid"))
def test_a_forged_request_is_refused_with_its_cause(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as refusal:
        verdict(with_its_scheme_alone(vector), vector)
    assert refusal.value.cause in FINER_CAUSES.get(vector["name"], CAUSES[vector["reason"]])


@pytest.mark.parametrize("vector", of_kind("invalid"))
def test_no_other_scheme_of_the_provider_lets_a_forged_request_in(vector: dict[str, Any]) -> None:
    if vector["name"] == "only legacy sha1 header present":
        assert "sha1" in verdict(provider_of(vector), vector).scheme  # genuine, and only where nothing better was sent
        return
    with pytest.raises(VerificationError):
        verdict(provider_of(vector), vector)


@pytest.mark.parametrize("vector", of_kind("implementation_defined"))
def test_a_signature_is_written_in_one_way_only(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError, match=r"bad_signature|malformed_signature|signature"):
        verdict(provider_of(vector), vector)


@pytest.mark.parametrize("vector", of_kind("handshake"))
def test_a_handshake_is_answered_as_documented(vector: dict[str, Any]) -> None:
    expected = vector["expected_response"]
    answer = provider_of(vector).handshake(
        as_request(vector), vector["secrets"], vector.get("now", NOW), None, certificate_of(vector)
    )
    assert answer is not None
    assert answer.status == expected["status"]
    if "content_type" in expected:
        assert answer.content_type == expected["content_type"]
    if "body" in expected:
        assert answer.body.decode() == expected["body"]
    if "json" in expected:
        assert msgspec.json.decode(answer.body) == expected["json"]
    sent = {name.decode(): value.decode() for name, value in answer.headers}
    for name, value in expected.get("headers", {}).items():
        assert sent[name.lower()] == value
    assert bool(answer.learned) == vector.get("stores_secret", False)
    assert bool(answer.visit) == ("action" in vector)


@pytest.mark.parametrize("vector", of_kind("no_handshake", "rejected"))
def test_what_only_looks_like_a_handshake_is_refused(vector: dict[str, Any]) -> None:
    provider, request = provider_of(vector), as_request(vector)
    assert provider.handshake(request, vector["secrets"], vector.get("now", NOW), None) is None
    with pytest.raises((VerificationError, InvalidInput)):
        provider.verify(request, vector["secrets"], vector.get("now", NOW), None)
