"""Whatever is asked, something is said: in order, without exception, without secrets, and in bounded time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.doctor import diagnose
from hookline.core.doctor.case import Budget
from hookline.core.doctor.diagnosis import Cure
from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.providers.registry import all_providers, build_generic, get
from tests.core.doctor.families import BODY, FAMILIES, made_request
from tests.core.providers.making import NOW, request_of

PROVIDERS = [*all_providers(), *(family.case().provider for family in FAMILIES)]
NAMES = sorted(
    {
        place.name.lower().encode()
        for provider in PROVIDERS
        for scheme in provider.schemes
        for place in (scheme.signature and scheme.signature.where, scheme.timestamp and scheme.timestamp.where)
        if place
    }
    | {b"host", b"forwarded", b"x-forwarded-host", b"x-forwarded-prefix", b"content-length", b"content-type"}
)
SECRETS = ["s", "whsec_bm90", "a:b", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----", "'q' \n", "\ud800"]
VALUES = [
    b"sha256=00",
    b"t=1,v1=00",
    b"v1,AAAA v1a,AAAA",
    b"Bearer a.b.c",
    b"Basic YTpi",
    b"1700000000",
    b"http://[",
    b'"',
]

requests = st.builds(
    lambda method, path, query, lines, body, url: Request(
        method, path, query, tuple(lines), index(tuple(lines)), body, url=url
    ),
    st.sampled_from(["POST", "GET", "\xff"]),
    st.text(max_size=10).map(lambda text: "/" + text),
    st.binary(max_size=20),
    st.lists(
        st.tuples(
            st.sampled_from(NAMES) | st.binary(min_size=1, max_size=8), st.sampled_from(VALUES) | st.binary(max_size=40)
        ),
        max_size=8,
    ),
    st.binary(max_size=60)
    | st.sampled_from([b"{}", b'{"a":[1,{"b":"\xc3\xa9"}]}', b"a=b&c=d", b"[" * 300, b'"\\ud800"']),
    st.sampled_from(["", "https://x.example/a?b=c", "http://[", "\x00"]),
)


@given(
    st.sampled_from(PROVIDERS),
    requests,
    st.lists(st.sampled_from(SECRETS) | st.text(max_size=20), max_size=3),
    st.sampled_from([NOW, 0.0, -1e12, 1e18]),
    st.none() | st.binary(max_size=20) | st.just(b'{"keys":[{}]}'),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_diagnoses_and_never_an_exception(
    provider: object, request: Request, secrets: list[str], now_s: float, certificate: bytes | None
) -> None:
    assert isinstance(provider, type(PROVIDERS[0]))
    told = diagnose(provider, request, secrets, now_s, certificate=certificate, others=[("other", secrets[:1])])
    assert told
    assert all(one.code and one.problem.endswith(".") and one.remedy.endswith((".", "`")) for one in told), told
    assert [one.certain for one in told] == sorted((one.certain for one in told), reverse=True)


def test_two_faults_are_both_said_when_one_is_the_clock() -> None:
    case = FAMILIES[2].case()
    told = replace(case.with_body(BODY + b"\n"), now_s=NOW + 1_000).told()
    assert [(one.code, one.certain) for one in told] == [("body_line_ends", True), ("stale_timestamp", True)]


def test_a_handshake_is_no_fault() -> None:
    challenge = b'{"type":"url_verification","challenge":"c"}'
    slack = get("slack")
    request = made_request(slack, "s", challenge)
    assert [one.code for one in diagnose(slack, request, ["s"], NOW)] == ["handshake"]
    assert diagnose(slack, request, ["t"], NOW)[0].code == "wrong_secret"


def test_a_source_that_asks_for_no_proof_says_so() -> None:
    (told,) = diagnose(get("none"), request_of([]), [], NOW)
    assert told.code == "accepted" and "no proof" in told.problem


def test_a_request_that_has_the_header_of_its_own_provider_is_not_taken_for_another() -> None:
    case = FAMILIES[0].case().with_header(b"x-shopify-hmac-sha256", b"AAAA")
    assert [one.code for one in replace(case, secrets=("other",)).told()] == ["wrong_secret", "body_changed"]


def test_which_of_several_secrets_fitted_is_said() -> None:
    case = FAMILIES[0].case()
    (told,) = replace(case, secrets=("other", *case.secrets)).told()
    assert "secret 2 of 2" in told.problem


def test_only_the_first_ten_secrets_count() -> None:
    case = FAMILIES[0].case()
    many = tuple(f"secret-{n}" for n in range(10))
    assert replace(case, secrets=(*many, *case.secrets)).told()[0].code == "wrong_secret"


def test_the_work_is_bounded() -> None:
    budget = Budget(10_000)
    cure = Cure(request_of([], b"x" * 4_000), ("s",), get("github"))
    assert [budget.take(cure) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_large_body_under_ten_wrong_secrets_ends(size: int) -> None:
    body = b'{"a":"' + b"x" * size + b'"}'
    request = request_of([(b"x-sig", b"0" * 64), (b"host", b"h")], body)
    provider = build_generic({"header": "X-Sig", "signed": "{url}{raw_body}"})
    told = diagnose(provider, request, [f"secret-{n}" for n in range(10)], NOW)
    assert [one.code for one in told] == ["wrong_secret", "wrong_url", "body_changed"]
