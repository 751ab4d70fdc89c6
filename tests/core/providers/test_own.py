"""Proofs that are each sender's own, against digests that are computed here by hand from its documentation."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from hmac import digest as hmac_digest
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Headers, Request, Verification
from hookline.core.providers.jwt import find_key, sign_token
from hookline.core.providers.public_key import load_public_key
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign_request
from hookline.core.providers.where import parsed

from .making import NOW, ec_pair, request_of, rsa_pair

KEY = b"not-a-real-secret"
SECRETS = [KEY.decode()]
JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
URL = "https://hooks.example.com/webhooks/x"


def hexmac(message: bytes, algorithm: str = "sha256", key: bytes = KEY) -> bytes:
    return hmac_digest(key, message, algorithm).hex().encode()


def mac64(message: bytes, algorithm: str = "sha256", key: bytes = KEY) -> bytes:
    return b64encode(hmac_digest(key, message, algorithm))


def at(url: str, headers: Headers, body: bytes = b"", method: str = "POST") -> Request:
    """A request to this address."""
    parts = urlsplit(url)
    request = request_of(headers, body, method=method, query=parts.query.encode())
    return msgspec.structs.replace(request, path=parts.path or "/", scheme=parts.scheme, url=url)


def level(slug: str, request: Request, secrets: list[str] | None = None, block: dict[str, str] | None = None) -> str:
    provider = get(slug).configured(block) if block else get(slug)
    return provider.verify(request, SECRETS if secrets is None else secrets, NOW).level


def scheme(slug: str, request: Request, secrets: list[str] | None = None, block: dict[str, str] | None = None) -> str:
    provider = get(slug).configured(block) if block else get(slug)
    return provider.verify(request, SECRETS if secrets is None else secrets, NOW).scheme


def cause(slug: str, request: Request, secrets: list[str] | None = None, block: dict[str, str] | None = None) -> str:
    with pytest.raises(VerificationError) as refusal:
        level(slug, request, secrets, block)
    return refusal.value.cause


# Mercado Pago: where the request goes and when, each part left out where it is not there.

TS = b"1700000000"


def mercado(message: bytes, query: str = "", request_id: bytes = b"", ts: bytes = TS) -> Request:
    headers: Headers = (JSON, (b"x-signature", b"ts=%b,v1=%b" % (ts, hexmac(message))))
    if request_id:
        headers = (*headers, (b"x-request-id", request_id))
    return at(f"{URL}{query}", headers, b'{"id":1,"type":"payment","data":{"id":"1"}}')


@pytest.mark.parametrize(
    ("message", "query", "request_id"),
    [
        (b"id:123456;request-id:r-1;ts:1700000000;", "?data.id=123456&type=payment", b"r-1"),
        (b"request-id:r-1;ts:1700000000;", "", b"r-1"),
        (b"request-id:r-1;ts:1700000000;", "?id=123456&topic=payment", b"r-1"),
        (b"id:123456;ts:1700000000;", "?data.id=123456", b""),
        (b"ts:1700000000;", "", b""),
        (b"id:abc-7;request-id:r-1;ts:1700000000;", "?data.id=ABC-7", b"r-1"),
        (b"id:ABC-7;request-id:r-1;ts:1700000000;", "?data.id=ABC-7", b"r-1"),
        (b"request-id:r-1;ts:1700000000;", "?data.id=", b"r-1"),
    ],
    ids=["all", "no data.id", "other names", "no request id", "the time alone", "small letters", "as it is", "empty"],
)
def test_mercado_pago_signs_what_is_there(message: bytes, query: str, request_id: bytes) -> None:
    assert level("mercado_pago", mercado(message, query, request_id)) == Verification.AUTHENTICATED


@pytest.mark.parametrize(
    ("message", "query", "request_id", "why"),
    [
        (b"id:1;request-id:r-1;ts:1700000000;", "?data.id=2", b"r-1", "bad_signature"),
        (b"id:1;request-id:r-1;ts:1700000000;", "", b"r-1", "bad_signature"),
        (b"id:1;request-id:r-1;ts:1700000000;", "?data.id=1", b"r-2", "bad_signature"),
        (b"id:1;request-id:r-1;ts:1700000000;", "?data.id=1", b"", "bad_signature"),
        (b"id:1;ts:1700000000;", "?data.id=1&data.id=2", b"", "repeated_signature"),
        (b"id:1;request-id:r-1;ts:1700000000;", "?data.id=1%3Brequest-id%3Ar-1", b"", "bad_signature"),
        (b"request-id:r-1;ts:1;ts:1700000000;", "", b"r-1;ts:1", "bad_signature"),
    ],
    ids=[
        "another id",
        "id taken away",
        "another request",
        "request taken away",
        "two ids",
        "id holds more",
        "header too",
    ],
)
def test_mercado_pago_is_refused_when_something_is_moved(
    message: bytes, query: str, request_id: bytes, why: str
) -> None:
    assert cause("mercado_pago", mercado(message, query, request_id)) == why


def test_mercado_pago_writes_its_time_in_seconds_or_milliseconds() -> None:
    for written in (b"1700000000", b"1700000000000"):
        verified = get("mercado_pago").verify(mercado(b"ts:%b;" % written, ts=written), SECRETS, NOW)
        assert verified.timestamp_s == NOW


# Jira: the hash of the method, the path and the sorted query, in a token.


def connect(method: str, url: str, canonical: str, **changed: Any) -> Request:
    claims = {"iss": "not-real", "iat": int(NOW), "exp": int(NOW) + 60}
    claims |= {"qsh": hashlib.sha256(canonical.encode()).hexdigest(), **changed}
    token = sign_token("HS256", KEY, {name: value for name, value in claims.items() if value is not None})
    return at(url, (JSON, (b"authorization", b"JWT " + token)), b"{}", method)


@pytest.mark.parametrize(
    ("method", "url", "canonical"),
    [
        ("POST", "https://a.example/webhooks/x", "POST&/webhooks/x&"),
        ("POST", "https://a.example/webhooks/x/", "POST&/webhooks/x&"),
        ("POST", "https://a.example", "POST&/&"),
        ("GET", "https://a.example/", "GET&/&"),
        ("post", "https://a.example/x", "POST&/x&"),
        (
            "GET",
            "https://a.example/path/to/service?zee_last=param&repeated=parameter%202&first=param&repeated=parameter+1",
            "GET&/path/to/service&first=param&repeated=parameter%201,parameter%202&zee_last=param",
        ),
        ("POST", "https://a.example/x?jwt=token&user=a", "POST&/x&user=a"),
        ("POST", "https://a.example/x?jwt=token", "POST&/x&"),
        ("POST", "https://a.example/x?empty=&a*=~b", "POST&/x&a%2A=~b&empty="),
        ("POST", "https://a.example/x?q=%C3%BC%2C%26", "POST&/x&q=%C3%BC%2C%26"),
        ("POST", "https://a.example/a&b", "POST&/a%26b&"),
        ("POST", "https://a.example/x?B=1&a=2", "POST&/x&B=1&a=2"),
        ("POST", "https://a.example/x?a=1#part", "POST&/x&a=1"),
    ],
)
def test_jira_is_verified_for_the_request_that_its_token_names(method: str, url: str, canonical: str) -> None:
    request = connect(method, url, canonical)
    assert scheme("jira", request) == "connect-jwt"
    assert level("jira", request) == Verification.AUTHENTICATED


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"qsh": hashlib.sha256(b"POST&/other&").hexdigest()}, "bad_claim"),
        ({"qsh": hashlib.sha256(b"GET&/x&").hexdigest()}, "bad_claim"),
        ({"qsh": "context-qsh"}, "bad_claim"),
        ({"qsh": None}, "bad_claim"),
        ({"qsh": 7}, "bad_claim"),
        ({"exp": None}, "bad_claim"),
        ({"iat": None}, "bad_claim"),
        ({"exp": int(NOW) - 1}, "stale_timestamp"),
    ],
    ids=str,
)
def test_jira_is_refused_with_another_claim(changed: dict[str, Any], why: str) -> None:
    assert cause("jira", connect("POST", "https://a.example/x", "POST&/x&", **changed)) == why


def test_the_address_of_jira_is_the_one_that_the_source_says() -> None:
    request = connect("POST", "http://inside:8080/webhooks/jira", "POST&/in&")
    request = msgspec.structs.replace(request, url="")
    assert cause("jira", request) == "bad_claim"
    assert scheme("jira", request, block={"url": "https://a.example/in"}) == "connect-jwt"


def test_a_query_of_jira_without_end_is_refused() -> None:
    url = "https://a.example/x?" + "&".join(f"n{number}=1" for number in range(1001))
    assert cause("jira", connect("POST", url, "POST&/x&")) == "bad_claim"


# Dropbox Sign: JSON in a field of a multipart form.

EVENT_TIME, EVENT_TYPE = "1700000000", "signature_request_sent"


def sign_event(**changed: Any) -> bytes:
    event = {
        "event_type": EVENT_TYPE,
        "event_time": EVENT_TIME,
        "event_hash": hexmac((EVENT_TIME + EVENT_TYPE).encode()).decode(),
        **changed,
    }
    return json.dumps({"event": event, "signature_request": {"title": "Lease"}}).encode()


def part(name: str, content: bytes, more: bytes = b"") -> bytes:
    head = b'Content-Disposition: form-data; name="%b"%b\r\n\r\n' % (name.encode(), more)
    return b"--not-a-boundary\r\n" + head + content + b"\r\n"


def multipart(*parts: bytes) -> Request:
    kind = (b"content-type", b"multipart/form-data; boundary=not-a-boundary")
    return request_of([kind], b"".join(parts) + b"--not-a-boundary--\r\n")


def test_dropbox_sign_is_verified_in_a_multipart_form() -> None:
    request = multipart(part("json", sign_event()))
    assert level("dropbox_sign", request) == Verification.AUTHENTICATED
    assert get("dropbox_sign").identify(request, parsed(request)).event_type == EVENT_TYPE


@pytest.mark.parametrize(
    "parts",
    [
        (part("other", b"x"), part("json", sign_event())),
        (part("json", sign_event()), part("file", b"\0\xff\r\n\r\n", b'; filename="a.pdf"')),
        (part("other", b'Content-Disposition: form-data; name="json"'), part("json", sign_event())),
        (part("json", sign_event(), b"\r\nContent-Type: application/json"),),
    ],
    ids=["after another", "before a file", "beside a text that looks like one", "with a type"],
)
def test_dropbox_sign_is_found_among_other_parts(parts: tuple[bytes, ...]) -> None:
    assert level("dropbox_sign", multipart(*parts)) == Verification.AUTHENTICATED


@pytest.mark.parametrize(
    "request_",
    [
        request_of([FORM], b"json=" + quote(sign_event()).encode()),
        request_of([JSON], sign_event()),
    ],
    ids=["plain form", "bare json"],
)
def test_dropbox_sign_is_verified_in_other_shapes_too(request_: Request) -> None:
    assert level("dropbox_sign", request_) == Verification.AUTHENTICATED


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((part("json", sign_event(event_type="signature_request_signed")),), "bad_signature"),
        ((part("json", sign_event(event_time="1700000001")),), "bad_signature"),
        ((part("json", sign_event(event_hash="00")),), "bad_signature"),
        ((part("json", sign_event(event_hash=None)),), "missing_signature"),
        ((part("json", sign_event(event_hash="")),), "missing_signature"),
        ((part("json", sign_event(event_type=None)),), "malformed_body"),
        ((part("json", sign_event(event_time="")),), "malformed_body"),
        ((part("json", b'{"event":[]}'),), "missing_signature"),
        ((part("json", b"[]"),), "missing_signature"),
        ((part("json", b"{"),), "missing_signature"),
        ((part("json", b"\xff"),), "missing_signature"),
        ((part("other", sign_event()),), "missing_signature"),
        ((part("json", sign_event()), part("json", sign_event())), "missing_signature"),
        ((), "missing_signature"),
    ],
)
def test_what_dropbox_sign_does_not_write_is_refused(parts: tuple[bytes, ...], why: str) -> None:
    assert cause("dropbox_sign", multipart(*parts)) == why


def test_dropbox_sign_is_refused_under_another_secret_and_without_one() -> None:
    assert cause("dropbox_sign", multipart(part("json", sign_event())), ["other"]) == "bad_signature"
    assert cause("dropbox_sign", multipart(part("json", sign_event())), []) == "no_secret"
    assert get("dropbox_sign").verify(multipart(part("json", sign_event())), ["other", *SECRETS], NOW).secret_index == 1


# HubSpot: three versions.

HUB = b'[{"eventId":1,"subscriptionId":2,"subscriptionType":"contact.creation","objectId":3,"occurredAt":4}]'
MS = b"1700000000000"


def hubspot_v3(url: str, signed_url: str, body: bytes = HUB, time: bytes = MS, method: str = "POST") -> Request:
    message = method.encode() + signed_url.encode() + body + time
    lines = ((b"x-hubspot-signature-v3", mac64(message)), (b"x-hubspot-request-timestamp", time))
    return at(url, (JSON, *lines), body, method)


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        (URL, URL),
        (f"{URL}?mail=a%40b.example", f"{URL}?mail=a@b.example"),
        (f"{URL}?mail=a%40b.example", f"{URL}?mail=a%40b.example"),
        (
            f"{URL}?q=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B",
            f"{URL}?q=:/?@!$'()*,;",
        ),
        (f"{URL}?q=%3a%2f", f"{URL}?q=:/"),
        (f"{URL}?q=%20%26%3D%25%23", f"{URL}?q=%20%26%3D%25%23"),
        (f"{URL}?q=%2540", f"{URL}?q=%2540"),
    ],
)
def test_hubspot_signs_an_address_of_which_it_decodes_some_characters(url: str, signed_url: str) -> None:
    assert scheme("hubspot", hubspot_v3(url, signed_url)) == "v3"
    assert level("hubspot", hubspot_v3(url, signed_url)) == Verification.VERIFIED


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        (f"{URL}?q=%20", f"{URL}?q= "),
        (f"{URL}?a=1%26b=2", f"{URL}?a=1&b=2"),
        (f"{URL}?q=%2540", f"{URL}?q=%40"),
        (URL, "https://hooks.example.com/webhooks/y"),
        (URL, URL.replace("https", "http")),
        (f"{URL}?a=1", URL),
    ],
)
def test_hubspot_is_refused_for_another_address(url: str, signed_url: str) -> None:
    assert cause("hubspot", hubspot_v3(url, signed_url)) == "bad_signature"


def test_hubspot_v3_covers_the_method_the_body_and_the_time() -> None:
    genuine = hubspot_v3(URL, URL)
    assert cause("hubspot", msgspec.structs.replace(genuine, method="PUT")) == "bad_signature"
    assert cause("hubspot", msgspec.structs.replace(genuine, body=HUB + b" ")) == "bad_signature"
    assert cause("hubspot", hubspot_v3(URL, URL, time=b"1699999699000")) == "stale_timestamp"
    assert cause("hubspot", hubspot_v3(URL, URL, time=b"1700000301000")) == "future_timestamp"


def hubspot_old(digest: bytes, version: bytes | None, url: str = URL, method: str = "POST") -> Request:
    version_line: Headers = () if version is None else ((b"x-hubspot-signature-version", version),)
    return at(url, (JSON, (b"x-hubspot-signature", digest), *version_line), HUB, method)


def sha(message: bytes) -> bytes:
    return hashlib.sha256(message).hexdigest().encode()


def test_hubspot_v1_hashes_the_secret_and_the_body() -> None:
    for version in (b"v1", None):
        assert scheme("hubspot", hubspot_old(sha(KEY + HUB), version)) == "v1"
    assert cause("hubspot", hubspot_old(sha(KEY + HUB + b"x"), b"v1")) == "bad_signature"


def test_hubspot_v2_hashes_the_method_and_the_address_too() -> None:
    url = f"{URL}?mail=a%40b.example"
    digest = sha(KEY + b"POST" + url.encode() + HUB)
    assert scheme("hubspot", hubspot_old(digest, b"v2", url)) == "v2"
    assert cause("hubspot", hubspot_old(digest, b"v2")) == "bad_signature"
    assert cause("hubspot", hubspot_old(digest, b"v2", url, "PUT")) == "bad_signature"
    assert cause("hubspot", hubspot_old(digest.upper(), b"v2", url)) == "bad_signature"


def test_a_signature_of_one_version_of_hubspot_does_not_count_as_another() -> None:
    v2 = sha(KEY + b"POST" + URL.encode() + HUB)
    for version in (b"v1", None, b"V2", b"v3"):
        assert cause("hubspot", hubspot_old(v2, version)) == "bad_signature"
    assert cause("hubspot", hubspot_old(sha(KEY + HUB), b"v2")) == "bad_signature"


def test_a_body_of_hubspot_cannot_be_an_address_and_a_body() -> None:
    v2 = sha(KEY + b"POST" + URL.encode() + HUB)
    shifted = at(URL, (JSON, (b"x-hubspot-signature", v2), (b"x-hubspot-signature-version", b"v1")))
    forged = msgspec.structs.replace(shifted, body=b"POST" + URL.encode() + HUB)
    assert cause("hubspot", forged) == "malformed_body"
    assert cause("hubspot", forged, block={"scheme": "v2"}) == "missing_header"


# Twilio: the address with and without its port.

FIELDS = b"CallSid=CA1&From=%2B14158675309&Digits=1234"
CANON = b"CallSidCA1Digits1234From+14158675309"


def twilio(url: str, signed_url: str, body: bytes = FIELDS, fields: bytes = CANON, **how: Any) -> Request:
    signature = mac64(signed_url.encode() + fields, how.get("algorithm", "sha1"))
    lines: Headers = ((b"x-twilio-signature", signature), *how.get("more", ()))
    return at(url, (FORM, *lines), body, how.get("method", "POST"))


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("https://a.example/x", "https://a.example:443/x"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("http://a.example/x", "http://a.example:80/x"),
        ("http://a.example:1234/x?b=1", "http://a.example/x?b=1"),
        ("http://a.example:1234/x?b=1", "http://a.example:1234/x?b=1"),
        ("https://a.example/x?to=http%3A%2F%2Fb:81", "https://a.example:443/x?to=http%3A%2F%2Fb:81"),
        ("https://user:pass@a.example/x", "https://user:pass@a.example:443/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]/x"),
        ("https://a.example", "https://a.example:443"),
    ],
)
def test_twilio_signs_the_address_with_or_without_its_port(url: str, signed_url: str) -> None:
    assert scheme("twilio", twilio(url, signed_url)) == "form"


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        ("https://a.example/x", "https://a.example:80/x"),
        ("http://a.example/x", "http://a.example:443/x"),
        ("https://a.example:8443/x", "https://a.example:443/x"),
        ("https://a.example/x", "http://a.example/x"),
        ("https://a.example/x", "https://a.example/x?"),
        ("https://a.example/x", "https://b.example/x"),
    ],
)
def test_twilio_is_refused_for_another_port_or_host(url: str, signed_url: str) -> None:
    assert cause("twilio", twilio(url, signed_url)) == "bad_signature"


def test_a_get_of_twilio_is_signed_by_its_address_alone() -> None:
    url = "https://a.example/x?CallSid=CA1&CallStatus=ringing"
    request = twilio(url, url, b"", b"", method="GET")
    assert scheme("twilio", request) == "form"
    assert get("twilio").identify(request, parsed(request)).event_type == "ringing"


SETTINGS = b"x-twilio-webhooks-signature-settings"


def test_twilio_says_which_hash_it_signs_with() -> None:
    settings = ((SETTINGS, b"algorithm=HMAC_SHA256"),)
    assert scheme("twilio", twilio(URL, URL, algorithm="sha256", more=settings)) == "sharedkey-sha256"
    assert cause("twilio", twilio(URL, URL, more=settings))
    for unknown in (b"algorithm=HMAC_MD5", b"algorithm=none"):
        assert cause("twilio", twilio(URL, URL, more=((SETTINGS, unknown),))) == "unsupported_algorithm"


def test_a_json_body_of_twilio_is_signed_by_its_hash_in_the_address() -> None:
    body = b'{"property": "value"}'
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    request = at(url, (JSON, (b"x-twilio-signature", mac64(url.encode(), "sha1"))), body)
    assert scheme("twilio", request) == "json-bodysha256"
    assert cause("twilio", msgspec.structs.replace(request, body=body + b" ")) == "body_mismatch"
    without = at(URL, (JSON, (b"x-twilio-signature", mac64(URL.encode(), "sha1"))), body)
    assert cause("twilio", without) == "body_mismatch"


def test_fields_of_twilio_count_though_the_address_speaks_of_a_body() -> None:
    url = f"{URL}?bodySHA256={hashlib.sha256(FIELDS).hexdigest()}"
    assert cause("twilio", twilio(url, url, fields=b"")) == "bad_signature"
    assert scheme("twilio", twilio(url, url)) == "form"


# monday.com: a challenge is a body with nothing else in it.


@pytest.mark.parametrize(
    "body",
    [
        b'{"challenge":"x","event":{}}',
        b'{"challenge":"x","a":null}',
        b'{"challenge":""}',
        b'{"challenge":null}',
        b'{"challenge":{"a":"x"}}',
        b'{"challenge":["x"]}',
        b'[{"challenge":"x"}]',
        b'"challenge"',
        b'{"event":{"challenge":"x"}}',
        b'{"challenge":"' + b"x" * 2049 + b'"}',
        b"challenge=x",
        b'{"challenge":"x"',
    ],
)
def test_what_only_looks_like_a_challenge_of_monday_is_no_handshake(body: bytes) -> None:
    assert get("monday").handshake(request_of([JSON], body), SECRETS, NOW) is None


def test_the_challenge_of_monday_goes_back_as_it_came() -> None:
    answer = get("monday").handshake(request_of([JSON], '{ "challenge" : "é\\"<b>" }'.encode()), SECRETS, NOW)
    assert answer is not None
    assert json.loads(answer.body) == {"challenge": 'é"<b>'}
    assert answer.content_type == "application/json"


def monday(url: str, **claims: Any) -> Request:
    said = {"aud": URL, "exp": int(NOW) + 300, "accountId": 1, **claims}
    token = sign_token("HS256", KEY, {name: value for name, value in said.items() if value is not None})
    return at(url, (JSON, (b"authorization", token)), b'{"event":{"type":"update_column_value","triggerUuid":"t-1"}}')


def test_the_token_of_monday_names_the_address() -> None:
    assert level("monday", monday(URL)) == Verification.AUTHENTICATED
    assert cause("monday", monday("https://other.example/x")) == "wrong_url"
    assert cause("monday", monday(URL, aud=None)) == "wrong_url"
    assert cause("monday", monday(URL, exp=None)) == "bad_claim"
    assert cause("monday", monday(URL, exp=int(NOW) - 1)) == "stale_timestamp"


# Contentful: the headers that it lists, sorted, and a query that is encoded twice.


def contentful(canonical: bytes, headers: Headers, url: str = URL, body: bytes = b'{"sys":{}}') -> Request:
    return at(url, (JSON, *headers, (b"x-contentful-signature", hexmac(canonical))), body)


CONTENTFUL_TIME = (b"x-contentful-timestamp", MS)


def test_contentful_signs_the_headers_that_it_lists_in_their_order() -> None:
    listed = b"x-contentful-topic,content-type"
    names = b"content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"
    lines = (
        (b"X-Contentful-Topic", b" ContentManagement.Entry.publish "),
        (b"x-contentful-signed-headers", listed),
        CONTENTFUL_TIME,
    )
    canonical = (
        b"POST\n/webhooks/x\ncontent-type:application/json;x-contentful-signed-headers:"
        + names
        + b";x-contentful-timestamp:"
        + MS
        + b';x-contentful-topic:ContentManagement.Entry.publish\n{"sys":{}}'
    )
    assert level("contentful", contentful(canonical, lines)) == Verification.VERIFIED
    other = tuple((name, b"Other" if b"Topic" in name else value) for name, value in lines)
    assert cause("contentful", contentful(canonical, other)) == "bad_signature"
    assert cause("contentful", contentful(canonical, lines[1:])) == "missing_header"
    assert cause("contentful", contentful(canonical, (*lines, lines[0]))) == "repeated_signature"


def test_contentful_always_signs_its_list_and_its_time() -> None:
    names = b"x-contentful-signed-headers,x-contentful-timestamp"
    canonical = b"POST\n%b\nx-contentful-signed-headers:" + names + b";x-contentful-timestamp:" + MS + b'\n{"sys":{}}'
    lines = ((b"x-contentful-signed-headers", names), CONTENTFUL_TIME)
    assert level("contentful", contentful(canonical % b"/webhooks/x", lines)) == Verification.VERIFIED
    url = f"{URL}?a=1&b=x%20y"
    assert level("contentful", contentful(canonical % b"/webhooks/x?a%253D1%2526b%253Dx%252520y", lines, url))
    assert cause("contentful", contentful(canonical % b"/webhooks/y", lines)) == "bad_signature"
    assert cause("contentful", contentful(canonical % b"/webhooks/x", lines[:1])) == "missing_timestamp"


# Grafana: the time is signed where a header has it.

ALERT = b'{"status":"firing"}'
GRAFANA = b"x-grafana-alerting-signature"


def grafana(message: bytes, *more: tuple[bytes, bytes], name: bytes = GRAFANA) -> Request:
    return request_of([JSON, (name, hexmac(message)), *more], ALERT)


def test_grafana_signs_the_body_or_the_time_and_the_body() -> None:
    time = (b"x-grafana-alerting-timestamp", TS)
    assert scheme("grafana", grafana(ALERT)) == "hmac"
    assert scheme("grafana", grafana(TS + b":" + ALERT, time)) == "hmac-with-timestamp"
    assert cause("grafana", grafana(ALERT, time)) in ("bad_signature", "malformed_signature")
    assert cause("grafana", grafana(TS + b":" + ALERT)) == "bad_signature"


def test_a_time_cannot_be_moved_into_the_body_of_grafana() -> None:
    genuine = grafana(TS + b":" + ALERT)
    shifted = msgspec.structs.replace(genuine, body=TS + b":" + ALERT)
    assert parsed(shifted).malformed  # genuine bytes, but no JSON that says anything
    assert cause("grafana", shifted, block={"scheme": "hmac-with-timestamp"}) == "missing_timestamp"


def test_an_old_time_of_grafana_is_refused() -> None:
    old = (b"x-grafana-alerting-timestamp", b"1699999699")
    assert cause("grafana", grafana(old[1] + b":" + ALERT, old)) == "stale_timestamp"


def test_headers_of_grafana_may_have_other_names() -> None:
    block = {"header": "X-Sig", "timestamp_header": "X-Time"}
    time = (b"x-time", TS)
    assert scheme("grafana", grafana(TS + b":" + ALERT, time, name=b"x-sig"), block=block) == "hmac-with-timestamp"
    assert scheme("grafana", grafana(ALERT, name=b"x-sig"), block=block) == "hmac"
    assert cause("grafana", grafana(ALERT, time, name=b"x-sig"), block=block) != "no_secret"
    default = (b"x-grafana-alerting-timestamp", TS)  # not the one that was chosen: it says nothing
    assert scheme("grafana", grafana(ALERT, default, name=b"x-sig"), block=block) == "hmac"


# Unisender Go: the MD5 of the body with the key in the place of the MD5.

UNISENDER = b'{"auth":"%b","events_by_user":[{"events":[{"event_name":"transactional_email_status"}]}]}'


def unisender(auth: bytes | None = None, template: bytes = UNISENDER) -> Request:
    digest = hashlib.md5(template % KEY, usedforsecurity=False).hexdigest().encode() if auth is None else auth
    return request_of([JSON], template % digest)


def test_unisender_go_hashes_the_body_with_the_key_in_it() -> None:
    assert level("unisender_go", unisender()) == Verification.VERIFIED
    assert get("unisender_go").verify(unisender(), ["other", *SECRETS], NOW).secret_index == 1
    odd = b'{ "events_by_user" : [],\r\n "auth" : "%b" }'
    assert level("unisender_go", unisender(template=odd)) == Verification.VERIFIED


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (unisender(b"0" * 32), "bad_signature"),
        (unisender(b"0" * 31), "malformed_signature"),
        (unisender(b""), "missing_signature"),
        (unisender(template=b'{"auth":"%b","x":"y"}\n'), "bad_signature"),
        (request_of([JSON], b'{"auth":7}'), "missing_signature"),
        (request_of([JSON], b'{"auth":null}'), "missing_signature"),
        (request_of([JSON], b"[]"), "missing_signature"),
        (request_of([JSON], b"{"), "missing_signature"),
        (request_of([JSON], b'{"auth":"' + b"a" * 32 + b'","copy":"' + b"a" * 32 + b'"}'), "malformed_signature"),
        (request_of([JSON], b'{"auth":"\\u0061' + b"a" * 31 + b'"}'), "malformed_signature"),
    ],
)
def test_what_unisender_go_does_not_write_is_refused(request_: Request, why: str) -> None:
    if request_.body.endswith(b"\n"):
        request_ = msgspec.structs.replace(request_, body=request_.body[:-1])
    assert cause("unisender_go", request_) == why


def test_unisender_go_is_refused_without_a_secret() -> None:
    assert cause("unisender_go", unisender(), []) == "no_secret"
    assert cause("unisender_go", unisender(), [""]) == "no_secret"


def test_what_is_signed_for_unisender_go_is_what_it_would_sign() -> None:
    signed = sign_request(get("unisender_go"), body=UNISENDER % (b"a" * 32), secret=SECRETS[0], now_s=NOW)
    assert signed.body == unisender().body
    with pytest.raises(InvalidInput, match="`auth`"):
        sign_request(get("unisender_go"), body=b"{}", secret=SECRETS[0], now_s=NOW)


# Kinde: the body is a token.

EVENT = {"type": "user.created", "event_id": "event_1"}


def kinde(token: bytes) -> Request:
    return request_of([(b"content-type", b"application/jwt")], token)


def token_of(header: dict[str, Any], claims: object = EVENT) -> bytes:
    """A token with this header and no genuine signature."""
    parts = [urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=") for value in (header, claims)]
    return b".".join([*parts, b"AAAA"])


def rsa_jwk(pem: str, **more: Any) -> dict[str, Any]:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    numbers = key.public_numbers()
    n, e = (urlsafe_b64encode(v.to_bytes(size)).rstrip(b"=").decode() for v, size in ((numbers.n, 256), (numbers.e, 3)))
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e, **more}


def test_kinde_is_verified_under_a_set_of_keys_that_is_the_secret() -> None:
    token = sign_token("RS256", rsa_pair()[0].encode(), EVENT, "k-2")
    keys = [{"kty": "oct", "k": "AAAA"}, rsa_jwk(rsa_pair()[1], kid="k-2")]
    assert level("kinde", kinde(token), [json.dumps({"keys": keys})]) == Verification.VERIFIED
    assert get("kinde").verify(kinde(token), [ec_pair()[1], rsa_pair()[1]], NOW).secret_index == 1
    other = [rsa_jwk(rsa_pair()[1], kid="k-1")]
    assert cause("kinde", kinde(token), [json.dumps({"keys": other})]) == "no_secret"
    get("kinde").check_secret(json.dumps({"keys": keys}))


def test_of_two_addresses_of_kinde_the_first_is_asked() -> None:
    secrets = ["https://a.kinde.com", "https://b.kinde.com"]
    token = sign_token("RS256", rsa_pair()[0].encode(), EVENT)
    wanted = get("kinde").key_request(kinde(token), secrets)
    assert wanted is not None
    assert wanted.url == "https://a.kinde.com/.well-known/jwks.json"
    document = json.dumps({"keys": [rsa_jwk(rsa_pair()[1])]}).encode()
    assert get("kinde").verify(kinde(token), secrets, NOW, None, document).secret_index == 0


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (token_of({"alg": "RS256"}), "bad_signature"),
        (token_of({"alg": "none"}), "unsupported_algorithm"),
        (token_of({"alg": "HS256"}), "unsupported_algorithm"),
        (token_of({"alg": "ES256"}), "unsupported_algorithm"),
        (token_of({"alg": "rs256"}), "unsupported_algorithm"),
        (token_of({"alg": "RS256", "crit": ["x"]}), "malformed_signature"),
        (token_of({"alg": 7}), "malformed_signature"),
        (token_of({}), "malformed_signature"),
        (token_of({"alg": "RS256", "kid": 7}), "malformed_signature"),
        (token_of({"alg": "RS256"}, [1]), "malformed_signature"),
        (token_of({"alg": "RS256"}) + b"=", "missing_signature"),
        (token_of({"alg": "RS256"}) + b".x", "missing_signature"),
        (token_of({"alg": "RS256"}) + b"\n", "missing_signature"),
        (b'{"type":"user.created"}', "missing_signature"),
        (b"", "missing_signature"),
        (b"..", "missing_signature"),
        (b"a.b.c", "malformed_signature"),
    ],
)
def test_a_body_that_kinde_does_not_write_is_refused(token: bytes, why: str) -> None:
    assert cause("kinde", kinde(token), [rsa_pair()[1]]) == why


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "x",
        "http://you.kinde.com",
        "https://a@you.kinde.com",
        "https://you.kinde.com/x",
        "https://",
        "{}",
        '{"keys":[]}',
    ],
)
def test_what_is_no_key_and_no_address_of_kinde_is_no_secret(secret: str) -> None:
    with pytest.raises(InvalidInput, match="Kinde source"):
        get("kinde").check_secret(secret)


# X: whoever asks gets a token signed, and a body could be one.


@pytest.mark.parametrize("token", [b"12345", b"true", b"null", b"abc-DEF_0"])
def test_what_x_signs_for_anybody_is_no_event(token: bytes) -> None:
    x = get("x")
    asked = msgspec.structs.replace(at(URL, (), b"", "GET"), query=b"crc_token=" + token)
    answer = x.handshake(asked, [KEY.decode()], NOW)
    assert answer is not None
    signature = msgspec.json.decode(answer.body)["response_token"].encode()
    assert cause("x", at(URL, (JSON, (b"x-twitter-webhooks-signature", signature)), token)) == "malformed_body"


def test_a_header_that_no_longer_counts_still_stays_here() -> None:
    narrowed = get("gitlab").configured({"scheme": "signing-token"})
    assert narrowed.secret_headers == {b"x-gitlab-token"}


@pytest.mark.parametrize("document", [b'{"keys":"\xff"}', b'{"keys":' + b"[" * 5_000, b"{", b"\xff"])
def test_a_document_that_holds_no_keys_proves_nothing(document: bytes) -> None:
    assert find_key(document, "") == [document]
    with pytest.raises(InvalidInput):
        load_public_key(document)
