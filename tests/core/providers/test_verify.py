"""What is verified, what is refused, and that nothing else can come out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index
from hookline.core.model import Headers, Request, Verification
from hookline.core.providers.provider import Provider, Verified
from hookline.core.providers.registry import all_providers, build_generic, get
from hookline.core.providers.scheme import Encoding, Kind, Scheme
from hookline.core.providers.sign import sign, sign_request
from hookline.core.providers.signed import Signed
from hookline.core.providers.where import Place

from .making import NOW, SECRETS, SIGNS_MEANING, pair_of, request_of, sample_of

#: Every provider and scheme, with the secret that signs and the secret that verifies.
WAYS: list[tuple[Provider, str, str, str]] = [
    (provider, scheme.id, *pair_of(provider, scheme))
    for provider in all_providers()
    for scheme in provider.schemes
    if scheme.kind is not Kind.NONE
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
        ({"header": "X-Sig", "signed": "{url}{raw_body}", "kind": "hash"}, "s"),
        (
            {
                "header": "X-Sig",
                "format": "positional",
                "signed": "{timestamp}.{raw_body}",
                "timestamp": "field:0",
                "prefix": "a",
            },
            "s",
        ),
    ]
]
ways = pytest.mark.parametrize("way", WAYS, ids=[f"{way[0].slug}-{way[1]}-{n}" for n, way in enumerate(WAYS)])
any_way = st.sampled_from(WAYS)
bodies = st.binary(max_size=300)
PRIVATE_KEY, PUBLIC_KEY = pair_of(get("standard_webhooks"), get("standard_webhooks").schemes[1])


def scheme_of(way: tuple[Provider, str, str, str]) -> Scheme:
    return next(one for one in way[0].schemes if one.id == way[1])


def alone(way: tuple[Provider, str, str, str]) -> Provider:
    """The provider with this scheme only: a request with a broken proof may be in another one, which is not asked."""
    return replace(way[0], schemes=(scheme_of(way),), signs_with=())


def signed_request(way: tuple[Provider, str, str, str], body: bytes | None = None, now_s: float = NOW) -> Request:
    """A genuine request: of the sample that the provider has, or with a body that fits where the proof is in it."""
    provider, scheme, signing, _ = way
    sample_type, sample = sample_of(provider, scheme_of(way))
    return sign_request(
        provider,
        body=sample if body is None else body,
        secret=signing,
        now_s=now_s,
        event_id="evt_1",
        event_type="a.b",
        scheme=scheme,
        content_type=sample_type,
    )


def takes_any_body(way: tuple[Provider, str, str, str]) -> bool:
    """Whether the proof is outside the body, which then may be anything."""
    scheme = scheme_of(way)
    places = [scheme.signature.where] if scheme.signature else []
    places += [scheme.timestamp.where] if scheme.timestamp else []
    in_body = any(place.place in (Place.BODY, Place.FORM) for place in places)
    return not (in_body or scheme.special or isinstance(scheme.signed, Signed)) and "{json:" not in str(scheme.signed)


FREE_WAYS = [way for way in WAYS if takes_any_body(way)]
SIGNED_WAYS = [way for way in WAYS if scheme_of(way).covers_body]


def signed(way: tuple[Provider, str, str, str], body: bytes, now_s: float = NOW) -> Headers:
    return signed_request(way, body, now_s).headers


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
    scheme = scheme_of(way)
    if scheme.signature is None:
        return set()
    places = [scheme.signature.where, *([scheme.timestamp.where] if scheme.timestamp else []), *scheme.event_id]
    if scheme.timestamp and not scheme.covers(scheme.timestamp.where) and "{timestamp}" not in str(scheme.signed):
        places.remove(scheme.timestamp.where)
    return {
        place.name.lower().encode()
        for place in places
        if place.place is Place.HEADER and (place not in scheme.event_id or scheme.covers(place))
    }


@given(st.sampled_from(FREE_WAYS), bodies)
def test_what_was_signed_is_verified(way: tuple[Provider, str, str, str], body: bytes) -> None:
    provider, scheme, _, verifying = way
    verified = provider.verify(signed_request(way, body), ["other", verifying], NOW, None)
    assert (verified.scheme, verified.secret_index) == (scheme, 1)
    assert verified.timestamp_s in (None, NOW)


@ways
def test_a_request_like_those_of_the_provider_is_verified(way: tuple[Provider, str, str, str]) -> None:
    verified = way[0].verify(signed_request(way), ["other", way[3]], NOW, None)
    level = Verification.VERIFIED if scheme_of(way).covers_body else Verification.AUTHENTICATED
    assert (verified.level, verified.scheme, verified.secret_index) == (level, way[1], 1)


@pytest.mark.parametrize("way", SIGNED_WAYS, ids=[f"{w[0].slug}-{w[1]}-{n}" for n, w in enumerate(SIGNED_WAYS)])
@given(st.data())
@settings(max_examples=20)
def test_no_bit_of_the_body_can_change(way: tuple[Provider, str, str, str], data: st.DataObject) -> None:
    body = None if way not in FREE_WAYS else data.draw(st.binary(min_size=1, max_size=300))
    request = signed_request(way, body)
    forged = msgspec.structs.replace(request, body=flip_a_bit(request.body, data.draw(st.integers(min_value=0))))
    assert not changes_what_is_signed(way, request, forged) or cause_of(alone(way), forged, [way[3]])


def changes_what_is_signed(way: tuple[Provider, str, str, str], request: Request, forged: Request) -> bool:
    """Whether a changed body says something else; where decoded fields are signed, another spelling does not."""
    return way[0].slug not in SIGNS_MEANING or SIGNS_MEANING[way[0].slug](request) != SIGNS_MEANING[way[0].slug](forged)


@ways
def test_no_bit_of_the_proof_can_change(way: tuple[Provider, str, str, str]) -> None:
    request = signed_request(way)
    headers, names, provider = list(request.headers), proof_lines(way), alone(way)
    for position, (name, value) in enumerate(headers):
        for bit in range(len(value) * 8 if name in names else 0):
            forged = flip_a_bit(value, bit)
            if is_written_otherwise(scheme_of(way), value, forged):
                continue
            lines = (*headers[:position], (name, forged), *headers[position + 1 :])
            with pytest.raises(VerificationError):
                provider.verify(with_lines(request, lines), [way[3]], NOW, None)


def is_written_otherwise(scheme: Scheme, value: bytes, forged: bytes) -> bool:
    """Whether only capitals changed where they mean nothing: in `Basic` (RFC 9110 §11.1), in some hexadecimal."""
    if scheme.kind is Kind.BASIC_AUTH:
        return forged[:5].lower() == b"basic" and forged[5:] == value[5:]
    any_case = scheme.signature is not None and scheme.signature.encoding is Encoding.HEX_ANY_CASE
    prefix = len(scheme.signature.prefix) if scheme.signature else 0
    return any_case and forged[:prefix] == value[:prefix] and forged.lower() == value.lower()


@pytest.mark.parametrize("way", [way for way in WAYS if scheme_of(way).binds_url], ids=lambda way: way[0].slug)
def test_no_bit_of_an_address_that_is_signed_can_change(way: tuple[Provider, str, str, str]) -> None:
    request = signed_request(way)
    for bit in range(len(request.url) * 8):
        url = flip_a_bit(request.url.encode(), bit).decode("latin-1")
        forged = msgspec.structs.replace(request, url=url)
        with pytest.raises(VerificationError):
            alone(way).verify(forged, [way[3]], NOW, None)


def with_lines(request: Request, lines: Headers) -> Request:
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


def test_a_sender_may_write_hexadecimal_in_capitals_when_its_row_says_so() -> None:
    headers = sign(build_generic({"header": "X"}), body=b"", secret="s", now_s=NOW, event_id="", event_type="")
    capitals = request_of([(name, value.upper()) for name, value in headers])
    tolerant = build_generic({"header": "X", "encoding": "hex_any_case"})
    assert tolerant.verify(capitals, ["s"], NOW).scheme == "generic"
    assert cause_of(build_generic({"header": "X"}), capitals, ["s"]) == "bad_signature"


@ways
def test_a_captured_request_is_worth_nothing_after_its_time(way: tuple[Provider, str, str, str]) -> None:
    provider, verifying = alone(way), way[3]
    request = signed_request(way)
    if provider.tolerance_s is None or scheme_of(way).jwt:
        assert provider.verify(request, [verifying], NOW, 1.0).timestamp_s in (None, NOW)
        return
    documented_s = provider.tolerance_s
    assert provider.verify(request, [verifying], NOW + documented_s, None).timestamp_s == NOW
    assert cause_of(provider, request, [verifying], NOW + documented_s + 1) == "stale_timestamp"
    assert provider.verify(request, [verifying], NOW - documented_s, None).timestamp_s == NOW
    assert cause_of(provider, request, [verifying], NOW - documented_s - 1) == "future_timestamp"
    assert provider.verify(request, [verifying], NOW + 9_000, 10_000).timestamp_s == NOW
    with pytest.raises(VerificationError, match="120 s are allowed"):
        provider.verify(request, [verifying], NOW + 121, 120)


@pytest.mark.parametrize("way", [way for way in WAYS if scheme_of(way).jwt], ids=lambda way: way[0].slug)
def test_a_token_ends(way: tuple[Provider, str, str, str]) -> None:
    request = signed_request(way)
    assert cause_of(alone(way), request, [way[3]], NOW + 10_000) == "stale_timestamp"
    assert cause_of(alone(way), request, [way[3]], NOW - 10_000) == "future_timestamp"


@ways
def test_a_repeated_header_of_the_proof_is_refused(way: tuple[Provider, str, str, str]) -> None:
    request = signed_request(way)
    for name in proof_lines(way):
        value = dict(request.headers)[name]
        again = with_lines(request, (*request.headers, (name.upper(), value)))
        assert cause_of(way[0], again, [way[3]]) == "repeated_signature"


@ways
def test_without_a_usable_secret_nothing_is_verified(way: tuple[Provider, str, str, str]) -> None:
    request = signed_request(way)
    assert cause_of(alone(way), request, []) == "no_secret"
    assert cause_of(alone(way), request, [""]) == "no_secret"


@ways
def test_a_request_without_signature_is_refused(way: tuple[Provider, str, str, str]) -> None:
    assert cause_of(alone(way), request_of((), b"{}"), [way[3]]) == "missing_signature"


header_names = st.sampled_from(sorted({name for way in WAYS for name, _ in signed_request(way).headers})) | st.binary(
    max_size=12
)
header_values = (
    st.binary(max_size=60)
    | st.sampled_from(sorted({value for way in WAYS for _, value in signed_request(way).headers}))
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
    request, wrong = signed_request(way), pair_of(way[0], scheme_of(way))[1] + "x"
    with pytest.raises(VerificationError) as refusal:
        alone(way).verify(request, [wrong], NOW, None)
    assert "Check that" in refusal.value.message or refusal.value.cause == "no_secret"
    right = (value.decode() for name, value in request.headers if name in proof_lines(way))
    for text in (way[2], way[3], wrong, *right):
        assert len(text) < 12 or text not in refusal.value.message


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
        request = signed_request(way)
        headers = list(request.headers)
        dice.shuffle(headers)
        assert way[0].verify(with_lines(request, tuple(headers)), [way[3]], NOW).scheme == way[1]
