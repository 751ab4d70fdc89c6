"""What is verified, what is refused, and that nothing else can come out."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Headers, Request, Verification
from hookline.core.providers.provider import Provider, Verified
from hookline.core.providers.registry import all_providers, build_generic, get
from hookline.core.providers.sign import sign

from .making import NOW, SECRETS, request_of, secret_of

SEED = bytes(range(32))
PRIVATE_KEY = "whsk_" + b64encode(SEED).decode()
PUBLIC_KEY = "whpk_" + b64encode(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()).decode()

#: Every provider and scheme, with the secret that signs and the secret that verifies.
WAYS: list[tuple[Provider, str, str, str]] = [
    (provider, scheme.id, *((PRIVATE_KEY, PUBLIC_KEY) if "v1a" in scheme.id else (secret_of(provider.slug),) * 2))
    for provider in all_providers()
    for scheme in provider.schemes
    if provider.needs_secret
] + [
    (build_generic(block), "generic", secret, secret)
    for block, secret in [
        ({"header": "X-Sig"}, "s"),
        ({"header": "X-Sig", "algorithm": "sha512", "encoding": "base64", "key_encoding": "hex"}, "0a0b"),
        (
            {
                "header": "X-Sig",
                "format": "kv",
                "tag": "v1",
                "delimiter": ";",
                "signed": "{timestamp}:{raw_body}",
                "timestamp": "field:ts",
                "timestamp_unit": "ms",
            },
            "s",
        ),
        (
            {
                "header": "X-Sig",
                "format": "list",
                "prefix": "a=",
                "encoding": "base64url",
                "signed": "{method}.{timestamp}.{raw_body}",
                "timestamp": "header:X-At",
                "timestamp_unit": "iso",
            },
            "s",
        ),
    ]
]
ways = pytest.mark.parametrize("way", WAYS, ids=[f"{way[0].slug}-{way[1]}-{n}" for n, way in enumerate(WAYS)])
any_way = st.sampled_from(WAYS)
bodies = st.binary(max_size=300)


def signed(way: tuple[Provider, str, str, str], body: bytes, now_s: float = NOW) -> Headers:
    provider, scheme, signing, _ = way
    return sign(provider, body=body, secret=signing, now_s=now_s, event_id="evt_1", event_type="a.b", scheme=scheme)


def cause_of(provider: Provider, request: Request, secrets: Sequence[str], now_s: float = NOW) -> str:
    with pytest.raises(VerificationError) as refusal:
        provider.verify(request, secrets, now_s, None)
    return refusal.value.cause


def flip_a_bit(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def proof_lines(way: tuple[Provider, str, str, str]) -> set[bytes]:
    """The headers that the proof is made of: signature, timestamp, and whatever else is signed."""
    scheme = next(one for one in way[0].schemes if one.id == way[1])
    assert scheme.signature is not None
    names = {scheme.signature.where.name.lower().encode()}
    if scheme.timestamp and scheme.timestamp.where.place == "header":
        names.add(scheme.timestamp.where.name.lower().encode())
    return names | {place.name.encode() for place in scheme.event_id if scheme.covers(place)}


@given(any_way, bodies)
def test_what_was_signed_is_verified(way: tuple[Provider, str, str, str], body: bytes) -> None:
    provider, scheme, _, verifying = way
    verified = provider.verify(request_of(signed(way, body), body), ["other", verifying], NOW, None)
    assert (verified.level, verified.scheme, verified.secret_index) == (Verification.VERIFIED, scheme, 1)
    assert verified.timestamp_s in (None, NOW)


@given(any_way, st.binary(min_size=1, max_size=300), st.integers(min_value=0))
def test_no_bit_of_the_body_can_change(way: tuple[Provider, str, str, str], body: bytes, bit: int) -> None:
    request = request_of(signed(way, body), flip_a_bit(body, bit))
    assert cause_of(way[0], request, [way[3]]) == "bad_signature"


@ways
def test_no_bit_of_the_proof_can_change(way: tuple[Provider, str, str, str]) -> None:
    headers = list(signed(way, b"{}"))
    names = proof_lines(way)
    for position, (name, value) in enumerate(headers):
        for bit in range(len(value) * 8 if name in names else 0):
            forged = [*headers[:position], (name, flip_a_bit(value, bit)), *headers[position + 1 :]]
            with pytest.raises(VerificationError):
                way[0].verify(request_of(forged, b"{}"), [way[3]], NOW, None)


def test_a_sender_may_write_hexadecimal_in_capitals_when_its_row_says_so() -> None:
    headers = sign(build_generic({"header": "X"}), body=b"", secret="s", now_s=NOW, event_id="", event_type="")
    capitals = request_of([(name, value.upper()) for name, value in headers])
    tolerant = build_generic({"header": "X", "encoding": "hex_any_case"})
    assert tolerant.verify(capitals, ["s"], NOW).scheme == "generic"
    assert cause_of(build_generic({"header": "X"}), capitals, ["s"]) == "bad_signature"


@ways
def test_a_captured_request_is_worth_nothing_after_its_time(way: tuple[Provider, str, str, str]) -> None:
    provider, _, _, verifying = way
    request = request_of(signed(way, b"{}"), b"{}")
    if provider.tolerance_s is None:
        assert provider.verify(request, [verifying], NOW + 1e6, 1.0).timestamp_s is None
        return
    documented_s = provider.tolerance_s
    assert provider.verify(request, [verifying], NOW + documented_s, None).timestamp_s == NOW
    assert cause_of(provider, request, [verifying], NOW + documented_s + 1) == "stale_timestamp"
    assert provider.verify(request, [verifying], NOW - documented_s, None).timestamp_s == NOW
    assert cause_of(provider, request, [verifying], NOW - documented_s - 1) == "future_timestamp"
    assert provider.verify(request, [verifying], NOW + 9_000, 10_000).timestamp_s == NOW
    with pytest.raises(VerificationError, match="120 s are allowed"):
        provider.verify(request, [verifying], NOW + 121, 120)


@ways
def test_a_repeated_header_of_the_proof_is_refused(way: tuple[Provider, str, str, str]) -> None:
    headers = signed(way, b"{}")
    for name in proof_lines(way):
        value = dict(headers)[name]
        again = request_of((*headers, (name.upper(), value)), b"{}")
        assert cause_of(way[0], again, [way[3]]) == "repeated_signature"


@ways
def test_without_a_usable_secret_nothing_is_verified(way: tuple[Provider, str, str, str]) -> None:
    request = request_of(signed(way, b"{}"), b"{}")
    assert cause_of(way[0], request, []) == "no_secret"
    assert cause_of(way[0], request, [""]) == "no_secret"


@ways
def test_a_request_without_signature_is_refused(way: tuple[Provider, str, str, str]) -> None:
    assert cause_of(way[0], request_of((), b"{}"), [way[3]]) == "missing_signature"


header_names = st.sampled_from(sorted({name for way in WAYS for name, _ in signed(way, b"")})) | st.binary(max_size=12)
header_values = (
    st.binary(max_size=60)
    | st.sampled_from(sorted({value for way in WAYS for _, value in signed(way, b"")}))
    | st.sampled_from([b"", b"v1,", b"v1a,", b"t=,v1=", b"t=1700000000,v1=", b"sha256=", b"v0=", b"9" * 5000, b"\xb2"])
)
secrets = st.text(st.characters(), max_size=40) | st.sampled_from(
    [way[3] for way in WAYS] + ["whsec_", "whpk_", "whpk_AAAA"]
)


@given(
    st.sampled_from([way[0] for way in WAYS]),
    st.lists(st.tuples(header_names, header_values), max_size=6),
    bodies,
    st.lists(secrets, max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.floats(0, 1e9),
)
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_a_verdict(
    provider: Provider,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    given_secrets: list[str],
    now_s: float,
    tolerance_s: float | None,
) -> None:
    request = request_of(headers, body)
    try:
        assert isinstance(provider.verify(request, given_secrets, now_s, tolerance_s), Verified)
    except VerificationError as refusal:
        assert refusal.code == refusal.cause
        assert all(secret not in refusal.message for secret in given_secrets if len(secret) > 12)
    assert provider.handshake(request, given_secrets, now_s, tolerance_s) is None


@ways
def test_a_refusal_holds_neither_the_secret_nor_the_right_signature(way: tuple[Provider, str, str, str]) -> None:
    headers = signed(way, b"{}")
    request = request_of(headers, b"[]")
    right = signed(way, b"[]")
    with pytest.raises(VerificationError) as refusal:
        way[0].verify(request, [way[3]], NOW, None)
    assert "Check that" in refusal.value.message
    for text in (way[2], way[3], *(value.decode() for _, value in {*headers, *right})):
        assert len(text) < 24 or text not in refusal.value.message


def test_the_weaker_header_of_github_counts_only_where_the_stronger_is_absent() -> None:
    github = get("github")
    secret = SECRETS["github"]
    both = sign(github, body=b"{}", secret=secret, now_s=NOW, event_id="1", event_type="push")
    assert github.verify(request_of(both, b"{}"), [secret], NOW).scheme == "default"
    forged = [(n, b"sha256=" + b"0" * 64 if n == b"x-hub-signature-256" else v) for n, v in both]
    assert cause_of(github, request_of(forged, b"{}"), [secret]) == "bad_signature"
    emptied = [(n, b"" if n == b"x-hub-signature-256" else v) for n, v in both]
    assert cause_of(github, request_of(emptied, b"{}"), [secret]) == "missing_signature"
    legacy = [line for line in both if line[0] != b"x-hub-signature-256"]
    assert github.verify(request_of(legacy, b"{}"), [secret], NOW).scheme == "legacy-sha1"


def test_both_secrets_are_accepted_while_they_are_rotated() -> None:
    stripe = get("stripe")
    for position, secret in enumerate(("whsec_old", "whsec_new")):
        headers = sign(stripe, body=b"{}", secret=secret, now_s=NOW, event_id="", event_type="")
        verified = stripe.verify(request_of(headers, b"{}"), ["whsec_old", "whsec_new"], NOW)
        assert verified.secret_index == position


def test_a_sender_that_signs_v1a_is_told_apart_from_one_that_signs_v1() -> None:
    provider = get("standard-webhooks")
    headers = sign(provider, body=b"{}", secret=PRIVATE_KEY, now_s=NOW, event_id="msg_1", event_type="a")
    assert dict(headers)[b"webhook-signature"].startswith(b"v1a,")
    request = request_of(headers, b"{}")
    assert provider.verify(request, [SECRETS["standard_webhooks"], PUBLIC_KEY], NOW).scheme == "v1a-ed25519"
    assert cause_of(provider, request, [SECRETS["standard_webhooks"]]) == "no_secret"


def test_a_very_long_list_of_signatures_is_refused_before_it_costs_time() -> None:
    provider = get("standard_webhooks")
    headers = dict(sign(provider, body=b"", secret=PRIVATE_KEY, now_s=NOW, event_id="m", event_type="a"))
    headers[b"webhook-signature"] = b" ".join([headers[b"webhook-signature"]] * 50)
    assert cause_of(provider, request_of(headers.items()), [PUBLIC_KEY]) == "malformed_signature"


def test_a_source_without_proof_says_so() -> None:
    verified = get("none").verify(request_of([]), [], NOW, None)
    assert verified.level is Verification.UNVERIFIED


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_a_static_token_authenticates_and_stays_here(prefix: str) -> None:
    provider = build_generic({"kind": "static_token", "header": "X-Token", "prefix": prefix})
    headers = sign(provider, body=b"{}", secret="not-a-real-token", now_s=NOW, event_id="", event_type="")
    verified = provider.verify(request_of(headers, b"{}"), ["other", "not-a-real-token"], NOW)
    assert (verified.level, verified.secret_index) == (Verification.AUTHENTICATED, 1)
    assert provider.secret_headers == {b"x-token"}
    assert cause_of(provider, request_of(headers, b"{}"), ["other"]) == "bad_signature"
    assert cause_of(provider, request_of([(b"x-token", b"")]), ["other"]) == "missing_signature"


def test_a_token_in_the_address_or_the_body_authenticates() -> None:
    in_query = build_generic({"kind": "static_token", "in": "query:token"})
    assert in_query.verify(request_of([], query=b"a=1&token=t%20k"), ["t k"], NOW).scheme == "generic"
    assert cause_of(in_query, request_of([], query=b"token=t&token=x"), ["t"]) == "repeated_signature"
    assert cause_of(in_query, request_of([], query=b"token=&x=%ff"), ["t"]) == "missing_signature"
    in_body = build_generic({"kind": "static_token", "in": "body:/passcode"})
    json_type = [(b"content-type", b"application/json")]
    assert in_body.verify(request_of(json_type, b'{"passcode": "p"}'), ["p"], NOW).scheme == "generic"
    assert cause_of(in_body, request_of(json_type, b'{"passcode":'), ["p"]) == "missing_signature"


def test_basic_auth_authenticates_and_stays_here() -> None:
    provider = build_generic({"kind": "basic_auth"})
    headers = sign(provider, body=b"", secret="ada:not-real", now_s=NOW, event_id="", event_type="")
    assert provider.verify(request_of(headers), ["ada:not-real"], NOW).level is Verification.AUTHENTICATED
    assert provider.secret_headers == {b"authorization"}
    assert cause_of(provider, request_of(headers), ["ada:other"]) == "bad_signature"
    for value in (b"Bearer x", b"Basic ???", b"Basic"):
        assert cause_of(provider, request_of([(b"authorization", value)]), ["a:b"]) == "malformed_signature"


@pytest.mark.parametrize(
    ("slug", "bad"),
    [("standard_webhooks", "whsec_???"), ("standard_webhooks", "whpk_AAAA"), ("github", ""), ("slack", "")],
)
def test_an_unusable_secret_is_refused_when_the_source_is_made(slug: str, bad: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        get(slug).check_secret(bad)
    assert not bad or bad not in refusal.value.message


@ways
def test_a_usable_secret_is_accepted_when_the_source_is_made(way: tuple[Provider, str, str, str]) -> None:
    way[0].check_secret(way[3])


def test_a_row_can_be_narrowed_to_one_scheme() -> None:
    github = get("github")
    strict = replace(github, schemes=github.schemes[:1], signs_with=())
    headers = sign(github, body=b"", secret="s", now_s=NOW, event_id="1", event_type="push", scheme="legacy-sha1")
    assert cause_of(strict, request_of(headers), ["s"]) == "missing_signature"


def test_random_shuffles_of_the_headers_change_nothing() -> None:
    dice = random.Random(4)
    for way in WAYS:
        headers = list(signed(way, b"{}"))
        dice.shuffle(headers)
        assert way[0].verify(request_of(headers, b"{}"), [way[3]], NOW).scheme == way[1]
