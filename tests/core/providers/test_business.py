"""Shops and banks that prove themselves, or ask, as nobody else does: eBay, Plaid and their handshakes."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import DEFAULT_ORG, Request, Source
from hookline.core.providers import jwt
from hookline.core.providers.registry import for_source, get
from hookline.core.providers.sign import sign_request
from hookline.core.providers.where import parsed

from .making import NOW, ec_pair, request_of, rsa_pair

#: Constants of the tests of eBay's official library event-notification-nodejs-sdk.
EBAY_KEY = (
    "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgBB7IsYOyf76ilExJ/upAa"
    "/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==-----END PUBLIC KEY-----"
)
EBAY_SIGNATURE = (
    b"eyJhbGciOiJlY2RzYSIsImtpZCI6Ijk5MzYyNjFhLTdkN2ItNDYyMS1hMGYxLTk2Y2NiNDI4YWY0OSIsInNpZ25hdHVyZSI6Ik1FWUNJUUNmeGZJ"
    b"V3V4bVdjSUJRSjljNS9YN2lHREpxczJSQ0dzQkVhQWppbnlycmZBSWhBSVY2d0djVGlCdVY1S0pVaWYyaG9reXJMK1E5c3NIa2FkK214Mm5FRTI1"
    b"dyIsImRpZ2VzdCI6IlNIQTEifQ=="
)
EBAY_BODY = (
    b'{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION","schemaVersion":"1.0","deprecated":false},"notification":'
    b'{"notificationId":"49feeaeb-4982-42d9-a377-9645b8479411_33f7e043-fed8-442b-9d44-791923bd9a6d",'
    b'"eventDate":"2021-03-19T20:43:59.462Z","publishDate":"2021-03-19T20:43:59.679Z","publishAttemptCount":1,'
    b'"data":{"username":"test_user","userId":"ma8vp1jySJC",'
    b'"eiasToken":"nY+sHZ2PrBmdj6wVnY+sEZ2PrA2dj6wJnY+gAZGEpwmdj6x9nY+seQ=="}}}'
)
CREDENTIALS = "not-a-client-id:not-a-real-secret"
XERO_KEY = "not-a-real-key"


def cause_of(request: Request, secrets: list[str], certificate: bytes | None = None, slug: str = "ebay") -> str:
    with pytest.raises(VerificationError) as refusal:
        get(slug).verify(request, secrets, NOW, None, certificate)
    return refusal.value.cause


def of_ebay(value: bytes = EBAY_SIGNATURE, body: bytes = EBAY_BODY) -> Request:
    return request_of([(b"content-type", b"application/json"), (b"x-ebay-signature", value)], body)


def header_of(**changed: Any) -> bytes:
    document = msgspec.json.decode(urlsafe_b64decode(EBAY_SIGNATURE))
    return urlsafe_b64encode(msgspec.json.encode(document | changed)).translate(bytes.maketrans(b"-_", b"+/"))


def test_a_notification_of_ebays_own_tests_is_verified() -> None:
    assert get("ebay").verify(of_ebay(), [EBAY_KEY], NOW).scheme == "ecdsa"
    answer = msgspec.json.encode({"key": EBAY_KEY, "algorithm": "ECDSA", "digest": "SHA1"})
    assert get("ebay").verify(of_ebay(), [answer.decode()], NOW).secret_index == 0
    assert get("ebay").verify(of_ebay(), [], NOW, None, answer).secret_index == -1
    get("ebay").check_secret(answer.decode())


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (header_of(digest="SHA256"), "unsupported_algorithm"),
        (header_of(alg="none"), "unsupported_algorithm"),
        (header_of(alg=3), "unsupported_algorithm"),
        (header_of(signature=3), "malformed_signature"),
        (header_of(signature="?"), "malformed_signature"),
        (urlsafe_b64encode(b'{"alg":"ecdsa","digest":"SHA1","signature":"\\ud800"}'), "malformed_signature"),
        (header_of(signature="AAAA"), "bad_signature"),
        (b"W10=", "malformed_signature"),
        (b"bm8=", "malformed_signature"),
        (b"???", "malformed_signature"),
        (urlsafe_b64encode(b"[" * 3000), "malformed_signature"),
        (b"A" * 8000, "malformed_signature"),
        (b"", "missing_signature"),
    ],
    ids=str,
)
def test_a_header_that_ebay_does_not_write_is_refused(value: bytes, cause: str) -> None:
    assert cause_of(of_ebay(value), [EBAY_KEY]) == cause


def test_another_body_or_key_of_ebay_is_refused() -> None:
    assert cause_of(of_ebay(body=EBAY_BODY + b" "), [EBAY_KEY]) == "bad_signature"
    assert cause_of(of_ebay(), [ec_pair()[1]]) == "bad_signature"
    assert cause_of(of_ebay(), [rsa_pair()[1], "{", '{"key": "x"}', "{}"]) == "no_secret"
    assert cause_of(of_ebay(), [], b"{}") == "key_unavailable"


def challenge(
    block: dict[str, Any], question: bytes = b"a8628072-3d33", public_url: str = "", org_id: str = DEFAULT_ORG
) -> bytes | None:
    provider = for_source(Source("src_1", org_id, "ebay", "ebay", signature=block), public_url)
    request = request_of([(b"host", b"inside")], method="GET", query=b"challenge_code=" + question)
    answer = provider.handshake(request, [EBAY_KEY], NOW)
    return None if answer is None else answer.body


def hashed(address: str) -> bytes:
    digest = hashlib.sha256(b"a8628072-3d33" + b"not-a-real-token" + address.encode()).hexdigest()
    return b'{"challengeResponse":"' + digest.encode() + b'"}'


def test_the_challenge_of_ebay_is_answered_for_the_address_that_it_knows() -> None:
    token = {"verification_token": "not-a-real-token"}
    assert challenge(token) == hashed("http://inside/webhooks/x")
    public_url = "https://hooks.example.com"
    assert challenge(token, public_url=public_url) == hashed("https://hooks.example.com/webhooks/ebay")
    # The sources of another organisation have their doors under their ids.
    elsewhere = challenge(token, public_url=public_url, org_id="org_other")
    assert elsewhere == hashed("https://hooks.example.com/webhooks/src_1")
    assert challenge({**token, "url": "https://a.example/?b=1"}, public_url="https://c") == hashed(
        "https://a.example/?b=1"
    )
    assert challenge({}) is None
    assert challenge(token, b"a%20b") is None
    assert challenge(token, b"a" * 300) is None


def plaid_request(key_id: str = "bfbd5111-8e33-4643-8ced-b2e642a72f3c", **changed: Any) -> Request:
    rules = get("plaid").schemes[0].jwt
    assert rules is not None
    request = request_of([(b"content-type", b"application/json")], b'{\n  "webhook_type": "ITEM"\n}')
    claims = {**jwt.make_claims(rules, request, "", NOW), **changed}
    token = jwt.sign_token("ES256", ec_pair()[0].encode(), {k: v for k, v in claims.items() if v is not None}, key_id)
    return request_of([*request.headers, (b"plaid-verification", token)], request.body)


def jwk(**more: Any) -> dict[str, Any]:
    key = load_pem_public_key(ec_pair()[1].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    numbers = key.public_numbers()
    x, y = (urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    kid = "bfbd5111-8e33-4643-8ced-b2e642a72f3c"
    return {"alg": "ES256", "crv": "P-256", "kid": kid, "kty": "EC", "use": "sig", "x": x, "y": y, **more}


def test_the_key_of_plaid_is_asked_for_with_the_credentials_and_used() -> None:
    plaid = get("plaid")
    wanted = plaid.key_request(plaid_request(), ["other", CREDENTIALS])
    assert wanted is not None
    assert (wanted.method, wanted.url) == ("POST", "https://production.plaid.com/webhook_verification_key/get")
    assert msgspec.json.decode(wanted.body) == {
        "key_id": "bfbd5111-8e33-4643-8ced-b2e642a72f3c",
        "client_id": "not-a-client-id",
        "secret": "not-a-real-secret",
    }
    answer = msgspec.json.encode({"key": jwk(expired_at=None), "request_id": "x"})
    verified = plaid.verify(plaid_request(), [CREDENTIALS], NOW, None, answer)
    assert (verified.secret_index, verified.timestamp_s) == (-1, NOW)
    assert plaid.key_url(plaid_request()) == wanted.url
    sandbox = plaid.configured({"environment": "sandbox"})
    assert sandbox.key_url(plaid_request()) == "https://sandbox.plaid.com/webhook_verification_key/get"


def test_a_public_key_of_plaid_needs_no_fetching() -> None:
    plaid = get("plaid")
    for secret in (msgspec.json.encode(jwk()).decode(), ec_pair()[1]):
        plaid.check_secret(secret)
        assert plaid.key_request(plaid_request(), [secret]) is None
        assert plaid.verify(plaid_request(), [secret], NOW).secret_index == 0


@pytest.mark.parametrize(
    "key",
    [jwk(expired_at=1_600_000_000), jwk(kid="other"), jwk(kty="oct"), {}, None],
    ids=["expired", "another", "no public key", "empty", "none"],
)
def test_a_key_of_plaid_that_does_not_count_proves_nothing(key: object) -> None:
    assert cause_of(plaid_request(), [CREDENTIALS], msgspec.json.encode({"key": key}), "plaid") == "bad_signature"


def test_plaid_is_refused_without_its_key_or_with_another_id_or_time() -> None:
    assert cause_of(plaid_request(), [CREDENTIALS], None, "plaid") == "key_unavailable"
    assert cause_of(plaid_request(), [""], None, "plaid") == "no_secret"
    assert cause_of(plaid_request(iat=None), [ec_pair()[1]], None, "plaid") == "bad_claim"
    assert cause_of(plaid_request(iat=NOW - 301), [ec_pair()[1]], None, "plaid") == "stale_timestamp"
    assert cause_of(plaid_request(request_body_sha256="0" * 64), [ec_pair()[1]], None, "plaid") == "body_mismatch"
    with pytest.raises(VerificationError, match="none of Plaid"):
        get("plaid").key_url(plaid_request('../x"'))
    with pytest.raises(VerificationError, match="`environment`"):
        get("plaid").configured({"environment": "evil.example"}).key_url(plaid_request())
    get("plaid").check_secret(CREDENTIALS)
    for bad in ("", "no-colon", "a:b:c", "{}", "\ud800:x"):
        with pytest.raises(InvalidInput, match="client_id:secret"):
            get("plaid").check_secret(bad)


def test_onfleet_gets_its_check_back() -> None:
    answer = get("onfleet").handshake(request_of([], method="GET", query=b"check=6pEQ"), [], NOW)
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, b"6pEQ", "text/plain")


def test_the_ping_of_woocommerce_is_answered_and_an_order_is_not_one() -> None:
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    answer = get("woocommerce").handshake(request_of(form, b"webhook_id=7"), ["s"], NOW)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")
    assert get("woocommerce").handshake(request_of([], b'{"webhook_id": 7}'), ["s"], NOW) is None


@pytest.mark.parametrize(("secret", "answered"), [(XERO_KEY, True), ("other", False)])
def test_xero_and_wise_are_answered_only_when_they_sign(secret: str, answered: bool) -> None:
    body = b'{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"X"}'
    xero = sign_request(get("xero"), body=body, secret=XERO_KEY, now_s=NOW)
    assert (get("xero").handshake(xero, [secret], NOW) is not None) is answered
    test = [(b"x-test-notification", b"true")]
    wise = sign_request(get("wise"), body=b"{}", secret=rsa_pair()[0], now_s=NOW, headers=tuple(test))
    key = rsa_pair()[1] if answered else ec_pair()[1]
    assert (get("wise").handshake(wise, [key], NOW) is not None) is answered


def test_quickbooks_and_xero_name_events_in_their_own_words() -> None:
    old = (
        b'{"eventNotifications":[{"realmId":"1","dataChangeEvent":{"entities":'
        b'[{"name":"Customer","id":"1","operation":"Create"}]}}]}'
    )
    new = b'[{"id":"e1","type":"qbo.invoice.created.v1"},{"id":"e2","type":"qbo.invoice.created.v1"}]'
    xero = b'{"events":[{"eventType":"UPDATE","eventCategory":"INVOICE"}]}'
    assert named("quickbooks", old) == ("", "Customer.Create")
    assert named("quickbooks", new) == ("", "qbo.invoice.created.v1")
    assert named("quickbooks", new.partition(b",{")[0] + b"]") == ("e1", "qbo.invoice.created.v1")
    assert named("xero", xero) == ("", "UPDATE.INVOICE")


def named(slug: str, text: bytes) -> tuple[str, str]:
    request = request_of([(b"content-type", b"application/json")], text)
    identity = get(slug).identify(request, parsed(request))
    return identity.event_id, identity.event_type
