"""Faults: what people and proxies do to requests and secrets, and what the doctor must say first."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.providers.registry import get
from hookline.core.providers.scheme import Algorithm, Encoding, Format, KeyEncoding, Kind, Signature
from tests.core.doctor.families import BODY, CREDENTIALS, FAMILIES, PUBLIC, SHARED, SIGNED, Break, Case, Family
from tests.core.providers.making import NOW

Where = Callable[[Case], bool]


@dataclass(frozen=True)
class Fault:
    """One fault. ``where`` says whether it makes sense for a sender."""

    name: str
    code: str
    do: Break
    certain: bool = True
    where: Where = lambda case: case.scheme.kind in SIGNED

    def __str__(self) -> str:
        return self.name


def _has(*formats: Format) -> Where:
    return lambda case: case.scheme.kind in SIGNED and _written(case).format in formats


def _written(case: Case) -> Signature:
    assert case.scheme.signature is not None
    return case.scheme.signature


def _of(*kinds: Kind) -> Where:
    return lambda case: case.scheme.kind in kinds


def _secret(change: Callable[[str], str]) -> Break:
    return lambda case: replace(case, secrets=tuple(map(change, case.secrets)))


def _text_key(case: Case) -> bool:
    return case.scheme.kind in SHARED and case.scheme.key is KeyEncoding.UTF8


def _timed(case: Case) -> bool:
    return case.scheme.timestamp is not None


def _is_family(*names: str) -> Where:
    cases = {family.name: family.case() for family in FAMILIES if family.name in names}
    return lambda case: any(case.header == one.header and case.scheme == one.scheme for one in cases.values())


def _signed_over(write: Callable[[Any], str]) -> Break:
    """The sender signed what ``write`` makes; on the way it became compact."""

    def do(case: Case) -> Case:
        body = write(json.loads(BODY)).replace("1.1,", "1.10,")  # a float forgets how it was written
        return case.signed_anew(body=body.encode()).with_body(BODY)

    return do


def _changed(change: Callable[[bytes], bytes]) -> Break:
    return lambda case: case.with_body(change(case.request.body))


def _form(case: Case) -> Case:
    return case.signed_anew(body=b"b=x+y%2Fz&a=caf%C3%A9*~").with_body(b"b=x%20y%2fz&a=caf%c3%a9%2A~")


def _truncated(case: Case) -> Case:
    body = case.request.body
    return case.with_header(b"content-length", b"%d" % len(body)).with_body(body[:-7])


@cache
def _other_public_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _other_secret(case: Case) -> tuple[str, ...]:
    """Right in form, wrong in content."""
    if case.scheme.key is KeyEncoding.PUBLIC_KEY:
        return (_other_public_key(),)
    if case.scheme.key is KeyEncoding.WHPK_BASE64:
        raw = Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key().public_bytes_raw()
        return ("whpk_" + b64encode(raw).decode(),)
    if case.scheme.key is KeyEncoding.WHSEC_BASE64:
        return ("whsec_" + b64encode(b"another secret that is not real").decode(),)
    return ("ada:another-not-real-password" if case.scheme.kind is Kind.BASIC_AUTH else "another-not-real-secret",)


def _repeated(case: Case) -> Case:
    return case.with_lines(*case.request.headers, (case.header, b"0" * len(case.value)))


def _renamed(make: Callable[[bytes], bytes]) -> Break:
    def do(case: Case) -> Case:
        mine = {b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"x-slack-request-timestamp", case.header}
        return case.with_lines(*((make(n) if n in mine else n, v) for n, v in case.request.headers))

    return do


def _without(case: Case, *names: bytes) -> Case:
    return case.with_lines(*(line for line in case.request.headers if line[0] not in (names or (case.header,))))


def _signature_of(case: Case) -> bytes:
    return case.value[len(_written(case).prefix) :]


def _at(**parts: str) -> Break:
    return lambda case: replace(case, request=msgspec.structs.replace(case.request, **parts))


def _basic(userinfo: bytes) -> bytes:
    return b"Basic " + b64encode(userinfo)


def _shared_hex(case: Case) -> bool:
    return case.scheme.kind in SHARED and _written(case).encoding is Encoding.HEX


def _any(case: Case) -> bool:
    return True


_B64 = b64encode(b"not a real secret 1").decode()
_HEX = b"not a real secret 2".hex()


def _legacy() -> Any:
    row = get("github")
    return replace(row, schemes=(row.schemes[1],), signs_with=())


def _py(body: bytes) -> bytes:
    return json.dumps(json.loads(body)).replace("1.1,", "1.10,").encode()


def _php(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).replace("/", "\\/").replace("1.1,", "1.10,").encode()


def _go(body: bytes) -> bytes:
    text = body.decode()
    for character in "<>&\u2028":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode() + b"\n"


def _other_encoding(case: Case) -> Case:
    signature = _written(case)
    other = Encoding.HEX if signature.encoding is Encoding.BASE64 else Encoding.BASE64
    return case.signed_by(replace(case.scheme, signature=replace(signature, encoding=other)))


FAULTS: tuple[Fault, ...] = (
    # -- secrets
    Fault(
        "line-end", "secret_has_whitespace", _secret(lambda s: s + "\n"), where=lambda c: c.scheme.kind not in PUBLIC
    ),
    Fault(
        "blanks", "secret_has_whitespace", _secret(lambda s: f" {s}\u00a0"), where=lambda c: c.scheme.kind not in PUBLIC
    ),
    Fault("escaped-line-end", "secret_has_whitespace", _secret(lambda s: s + "\\n"), where=_of(*SHARED, *CREDENTIALS)),
    Fault(
        "sender-has-line-end",
        "secret_has_whitespace",
        lambda c: c.signed_anew(secret=c.signing + "\n"),
        where=_text_key,
    ),
    Fault(
        "pem-on-one-line",
        "secret_has_whitespace",
        _secret(lambda s: s.replace("\n", "\\n")),
        where=_of(Kind.RSA, Kind.ECDSA),
    ),
    Fault(
        "quotes",
        "secret_has_quotes",
        _secret(lambda s: f'"{s}"'),
        where=lambda c: c.scheme.kind not in (Kind.RSA, Kind.ECDSA),
    ),
    Fault(
        "decoded-by-sender",
        "secret_must_be_decoded",
        lambda c: replace(c.signed_by(replace(c.scheme, key=KeyEncoding.BASE64), _B64), secrets=(_B64,)),
        where=_text_key,
    ),
    Fault(
        "hex-decoded-by-sender",
        "secret_must_be_decoded",
        lambda c: replace(c.signed_by(replace(c.scheme, key=KeyEncoding.HEX), _HEX), secrets=(_HEX,)),
        where=_text_key,
    ),
    Fault(
        "kubernetes",
        "secret_must_be_decoded",
        _secret(lambda s: b64encode(s.encode()).decode()),
        where=_of(*SHARED, *CREDENTIALS),
    ),
    Fault(
        "text-by-sender",
        "secret_must_not_be_decoded",
        lambda c: c.signed_by(replace(c.scheme, key=KeyEncoding.UTF8)),
        where=lambda c: c.scheme.key is KeyEncoding.WHSEC_BASE64,
    ),
    Fault(
        "decoded-here",
        "secret_must_not_be_decoded",
        lambda c: replace(c.signed_anew(secret=_B64), secrets=(b64decode(_B64).decode(),)),
        where=_text_key,
    ),
    Fault(
        "prefix-lost",
        "secret_prefix",
        _secret(lambda s: s.removeprefix("whsec_").removeprefix("whpk_")),
        where=lambda c: c.secrets[0].startswith(("whsec_", "whpk_")) and c.scheme.key is not KeyEncoding.WHSEC_BASE64,
    ),
    Fault(
        "prefix-added",
        "secret_prefix",
        _secret(lambda s: "whsec_" + s),
        where=lambda c: _text_key(c) and not c.secrets[0].startswith("whsec_"),
    ),
    Fault("whole-assignment", "secret_prefix", _secret(lambda s: f"SECRET={s}"), where=_of(*SHARED, *CREDENTIALS)),
    Fault("private-key", "secret_of_other_kind", lambda c: replace(c, secrets=(c.signing,)), where=_of(*PUBLIC)),
    Fault("api-key", "secret_of_other_kind", _secret(lambda s: "sk_live_not-a-real-key"), False, _text_key),
    Fault("pem-for-hmac", "secret_of_other_kind", _secret(lambda s: "-----BEGIN PUBLIC KEY-----"), False, _of(*SHARED)),
    Fault("shared-for-public", "secret_of_other_kind", _secret(lambda s: "whsec_bm90IHJlYWw="), False, _of(*PUBLIC)),
    Fault(
        "twin",
        "secret_of_other_source",
        lambda c: replace(c, secrets=_other_secret(c), others=(("other", ("x",)), ("github-test", c.secrets))),
        where=_any,
    ),
    Fault("wrong", "wrong_secret", lambda c: replace(c, secrets=_other_secret(c)), False, _any),
    Fault("none", "no_secret", lambda c: replace(c, secrets=()), False, _any),
    Fault(
        "unusable",
        "secret_unusable",
        _secret(lambda s: "whsec_?"),
        False,
        lambda c: c.scheme.key is KeyEncoding.WHSEC_BASE64,
    ),
    # -- body
    Fault("json-indent-2", "body_json_rewritten", _signed_over(lambda v: json.dumps(v, indent=2, ensure_ascii=False))),
    Fault("json-indent-4", "body_json_rewritten", _signed_over(lambda v: json.dumps(v, indent=4, ensure_ascii=False))),
    Fault("json-spaces", "body_json_rewritten", _signed_over(lambda v: json.dumps(v, ensure_ascii=False))),
    Fault("json-python", "body_json_rewritten", lambda c: c.signed_anew(body=_py(BODY)).with_body(BODY)),
    Fault("json-php", "body_json_rewritten", lambda c: c.signed_anew(body=_php(BODY)).with_body(BODY)),
    Fault("json-go", "body_json_rewritten", lambda c: c.signed_anew(body=_go(BODY)).with_body(BODY)),
    Fault(
        "json-compacted",
        "body_json_rewritten",
        lambda c: c.signed_anew(body=BODY).with_body(
            json.dumps(json.loads(BODY), indent=3).replace("1.1,", "1.10,").encode()
        ),
    ),
    Fault(
        "json-sorted",
        "body_json_rewritten",
        lambda c: c.signed_anew(body=b'{"a":{"b":1,"c":[{"x":1,"y":2}]},"d":1.0}').with_body(
            b'{"d": 1.0, "a": {"c": [{"y": 2, "x": 1}], "b": 1}}'
        ),
    ),
    Fault("line-end-added", "body_line_ends", _changed(lambda b: b + b"\n")),
    Fault("line-end-removed", "body_line_ends", lambda c: c.signed_anew(body=BODY + b"\n").with_body(BODY)),
    Fault("crlf", "body_line_ends", lambda c: c.signed_anew(body=b'{"a":\n1}\n').with_body(b'{"a":\r\n1}\r\n')),
    Fault("lf", "body_line_ends", lambda c: c.signed_anew(body=b'{"a":\r\n1}\r\n').with_body(b'{"a":\n1}\n')),
    Fault("latin-1", "body_charset", lambda c: c.signed_anew(body="é".encode()).with_body(b"\xe9")),
    Fault("double-utf-8", "body_charset", _changed(lambda b: b.decode("latin-1").encode())),
    Fault("bom", "body_charset", _changed(lambda b: b"\xef\xbb\xbf" + b)),
    Fault("bom-removed", "body_charset", lambda c: c.signed_anew(body=b"\xef\xbb\xbf" + BODY).with_body(BODY)),
    Fault("gzip", "body_compressed", _changed(gzip.compress)),
    Fault("deflate", "body_compressed", _changed(zlib.compress)),
    Fault("gunzip", "body_compressed", lambda c: c.signed_anew(body=gzip.compress(BODY, mtime=0)).with_body(BODY)),
    Fault(
        "content-encoding",
        "body_compressed",
        lambda c: c.with_header(b"content-encoding", b"br").with_body(b"other"),
        False,
    ),
    Fault("form", "body_form_rewritten", _form),
    Fault("truncated", "body_truncated", _truncated, False),
    Fault("empty", "body_empty", _changed(lambda b: b""), False),
    # -- clocks
    Fault("late", "stale_timestamp", lambda c: replace(c, now_s=NOW + 400), where=_timed),
    Fault("early", "future_timestamp", lambda c: replace(c, now_s=NOW - 400), where=_timed),
    # -- headers
    Fault("missing", "missing_header", _without, False, _any),
    Fault(
        "time-missing",
        "missing_header",
        lambda c: _without(c, b"webhook-timestamp", b"x-slack-request-timestamp"),
        False,
        _is_family("standard-webhooks", "ed25519", "header-timestamp"),
    ),
    Fault(
        "id-missing",
        "missing_header",
        lambda c: _without(c, b"webhook-id"),
        False,
        _is_family("standard-webhooks", "ed25519"),
    ),
    Fault("underscores", "renamed_header", _renamed(lambda n: n.replace(b"-", b"_")), where=lambda c: b"-" in c.header),
    Fault("x-original", "renamed_header", _renamed(lambda n: b"x-original-" + n), where=_any),
    Fault("cgi", "renamed_header", _renamed(lambda n: b"HTTP_" + n.upper().replace(b"-", b"_")), where=_any),
    Fault("other-name", "renamed_header", lambda c: _without(c).with_header(b"zzz", c.value), where=_of(*SIGNED)),
    Fault(
        "quoted",
        "altered_header",
        lambda c: c.with_value(b'"' + c.value + b'"'),
        where=lambda c: c.scheme.kind in SIGNED,
    ),
    Fault("spaced", "altered_header", lambda c: c.with_value(b" " + c.value + b"  "), where=_has(Format.PLAIN)),
    Fault(
        "prefix-missing",
        "altered_header",
        lambda c: c.with_value(_signature_of(c)),
        where=lambda c: c.scheme.kind in SIGNED and bool(_written(c).prefix),
    ),
    Fault(
        "prefix-unwanted",
        "altered_header",
        lambda c: c.with_value(b"sha256=" + c.value),
        where=lambda c: _has(Format.PLAIN)(c) and not _written(c).prefix,
    ),
    Fault(
        "tag-missing",
        "altered_header",
        lambda c: c.with_value(c.value.partition(b",")[2]),
        where=_has(Format.SPACE_LIST),
    ),
    Fault("python-bytes", "altered_header", lambda c: c.with_value(repr(c.value).encode())),
    Fault(
        "padding-lost",
        "altered_header",
        lambda c: c.with_value(c.value.rstrip(b"=")),
        # The length of an ECDSA signature differs from one to the next, and which tests there are must not.
        where=lambda c: c.value.endswith(b"=") and c.scheme.kind is not Kind.ECDSA,
    ),
    Fault(
        "cut",
        "truncated_header",
        lambda c: c.with_value(c.value[:-5]),
        False,
        lambda c: c.scheme.kind in (*SHARED, Kind.ED25519),
    ),
    Fault("repeated", "repeated_header", _repeated, where=_any),
    Fault(
        "joined",
        "repeated_header",
        lambda c: c.with_value(c.value + b", " + c.value),
        where=lambda c: _has(Format.PLAIN)(c) or c.scheme.kind in CREDENTIALS,
    ),
    # -- how it is signed
    Fault(
        "sha1",
        "wrong_algorithm",
        lambda c: c.signed_by(replace(c.scheme, algorithm=Algorithm.SHA1)),
        where=_of(*SHARED, Kind.RSA),
    ),
    Fault(
        "sha512",
        "wrong_algorithm",
        lambda c: c.signed_by(replace(c.scheme, algorithm=Algorithm.SHA512)),
        where=_of(*SHARED, Kind.RSA),
    ),
    Fault(
        "sha1-and-secret",
        "wrong_algorithm",
        lambda c: replace(c.signed_by(replace(c.scheme, algorithm=Algorithm.SHA1)), secrets=_other_secret(c)),
        False,
        _of(*SHARED),
    ),
    Fault(
        "capitals",
        "wrong_encoding",
        lambda c: c.with_value(_written(c).prefix.encode() + _signature_of(c).upper()),
        where=lambda c: c.scheme.kind is Kind.HMAC and _shared_hex(c) and _has(Format.PLAIN)(c),
    ),
    Fault("encoding", "wrong_encoding", _other_encoding),
    # -- addresses
    Fault("plain-http", "wrong_url", _at(scheme="http"), where=_is_family("url-bound")),
    Fault(
        "inner-host",
        "wrong_url",
        lambda c: c.with_header(b"host", b"10.0.0.7:8400").with_header(b"x-forwarded-host", b"hooks.example.com"),
        where=_is_family("url-bound"),
    ),
    Fault(
        "port", "wrong_url", lambda c: c.with_header(b"host", b"hooks.example.com:8443"), where=_is_family("url-bound")
    ),
    Fault("slash", "wrong_url", _at(path="/webhooks/x/"), where=_is_family("url-bound")),
    Fault(
        "path-prefix",
        "wrong_url",
        lambda c: _at(path="/x")(c).with_header(b"x-forwarded-prefix", b"/webhooks"),
        where=_is_family("url-bound"),
    ),
    Fault(
        "rewritten-path",
        "wrong_url",
        lambda c: _at(path="/")(c).with_header(b"x-original-uri", b"/webhooks/x?a=1"),
        where=_is_family("url-bound"),
    ),
    Fault(
        "query",
        "wrong_url",
        lambda c: replace(c.signed_anew(query=""), request=c.request).with_value(c.signed_anew(query="").value),
        where=_is_family("url-bound"),
    ),
    # -- credentials
    Fault(
        "bearer-missing",
        "bearer_prefix",
        lambda c: c.with_value(c.value.removeprefix(b"Bearer ")),
        where=_is_family("static-token"),
    ),
    Fault("bearer-twice", "bearer_prefix", lambda c: c.with_value(b"Bearer " + c.value), where=_of(Kind.STATIC_TOKEN)),
    Fault(
        "bearer-small",
        "bearer_prefix",
        lambda c: c.with_value(c.value.replace(b"B", b"b")),
        where=_is_family("static-token"),
    ),
    Fault("bearer-in-secret", "bearer_prefix", _secret(lambda s: "Bearer " + s), where=_of(Kind.STATIC_TOKEN)),
    Fault(
        "basic-for-token",
        "basic_instead_of_token",
        lambda c: c.with_value(_basic(b"user:" + c.signing.encode())),
        where=_of(Kind.STATIC_TOKEN),
    ),
    Fault(
        "token-for-basic",
        "token_instead_of_basic",
        lambda c: c.with_value(b"Bearer not-a-real-password"),
        where=_of(Kind.BASIC_AUTH),
    ),
    Fault(
        "whole-token-for-basic",
        "token_instead_of_basic",
        lambda c: c.with_value(c.signing.encode()),
        where=_of(Kind.BASIC_AUTH),
    ),
    Fault(
        "swapped",
        "basic_swapped",
        lambda c: c.with_value(_basic(b"not-a-real-password:ada")),
        where=_of(Kind.BASIC_AUTH),
    ),
    Fault(
        "not-encoded",
        "altered_header",
        lambda c: c.with_value(b"Basic " + c.signing.encode()),
        where=_of(Kind.BASIC_AUTH),
    ),
    Fault(
        "echoed",
        "altered_header",
        lambda c: c.with_value(_basic(c.signing.encode() + b"\n")),
        where=_of(Kind.BASIC_AUTH),
    ),
    # -- senders
    Fault(
        "narrowed",
        "legacy_scheme",
        lambda c: replace(c, request=replace(c, provider=_legacy()).signed_anew().request),
        where=_is_family("prefixed-hex"),
    ),
    Fault(
        "other-sender",
        "other_provider",
        lambda c: replace(c, secrets=("s",), request=c.signed_anew(get("shopify"), "s").request),
        where=_is_family("prefixed-hex", "kv", "header-timestamp", "url-bound"),
    ),
    Fault(
        "looks-like-other",
        "other_provider",
        lambda c: replace(c, secrets=("t",), request=c.signed_anew(get("shopify"), "s").request),
        False,
        _is_family("prefixed-hex", "kv", "header-timestamp", "url-bound"),
    ),
)


def all_faults() -> Iterator[tuple[Family, Fault]]:
    """Every fault in every family where it makes sense."""
    for family in FAMILIES:
        case = family.case()
        yield from ((family, fault) for fault in FAULTS if fault.where(case))
