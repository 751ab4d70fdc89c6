"""Names of providers, generic ones out of configuration, and rows that cannot work."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.model import Source
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers, build_generic, for_source, get
from hookline.core.providers.scheme import Format, Kind, Scheme, Signature, Timestamp
from hookline.core.providers.sign import sign
from hookline.core.providers.where import body, field, header

from .making import NOW, SECRETS, request_of


@pytest.mark.parametrize("name", ["standard_webhooks", "standard-webhooks", "Standard-Webhooks", " svix "])
def test_a_name_is_found_however_it_is_spelled(name: str) -> None:
    assert get(name).slug == "standard_webhooks"


@pytest.mark.parametrize(("name", "hint"), [("githb", "`github`"), ("strip", "`stripe`"), ("genric", "`generic`")])
def test_a_misspelled_name_gets_a_hint(name: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="did you mean") as refusal:
        get(name)
    assert hint in refusal.value.message
    assert refusal.value.code == "unknown_provider"


def test_a_strange_name_gets_the_whole_list() -> None:
    with pytest.raises(
        InvalidInput,
        match=r"there are github, .*, zoom, none, generic",
    ):
        get("zzzzzzzzz")


def test_a_source_finds_its_provider() -> None:
    assert for_source(Source("s", "o", "n", "github")).slug == "github"
    generic = Source("s", "o", "n", "generic", signature={"header": "X-Sig"})
    assert for_source(generic).slug == "generic"
    with pytest.raises(ConfigError, match=r"signature\.header"):
        for_source(Source("s", "o", "n", "generic"))
    with pytest.raises(InvalidInput, match="`signature` block"):
        get("generic")


#: Senders whose requests are all of one kind.
WITHOUT_TYPE = {"airtable", "messagebird", "plivo"}


def test_all_senders_that_the_facts_are_certain_of_are_here() -> None:
    assert len(all_providers()) == 157  # with `none`


def test_every_row_says_what_people_must_know() -> None:
    slugs = [provider.slug for provider in all_providers()]
    assert len(set(slugs)) == len(slugs)
    for provider in all_providers():
        assert provider.name
        if provider.needs_secret:
            assert provider.docs
            assert provider.retries
            assert provider.event_type or any(s.event_type for s in provider.schemes) or provider.slug in WITHOUT_TYPE


def test_secrets_are_not_part_of_a_row() -> None:
    assert not [one.name for one in fields(Provider) if "secret" in one.name]
    assert "closure" not in repr(get("github"))


BAD_BLOCKS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "signature.header", "name the header"),
    ({"header": "X", "in": "query:a"}, "signature.header", "not both"),
    ({"header": 3}, "signature.header", "must be text"),
    ({"header": ""}, "signature.header", "must be followed by"),
    ({"header": "X-Ünicode"}, "signature.header", "ASCII"),
    ({"in": "cookie:a"}, "signature.in", "header, query, body, form"),
    ({"in": "body:id"}, "signature.in", "must be empty or begin with `/`"),
    ({"in": "field:a"}, "signature", "field of itself"),
    ({"header": "X", "algoritm": "sha256"}, "signature", "did you mean `algorithm`?"),
    ({"header": "X", "zzz": 1}, "signature", "there are kind, header"),
    ({"header": "X", "algorithm": "md5"}, "signature.algorithm", "sha1, sha256, sha384, sha512"),
    ({"header": "X", "algorithm": None}, "signature.algorithm", "sha256"),
    ({"header": "X", "encoding": "hexx"}, "signature.encoding", "hex, hex_any_case, base64, base64url"),
    ({"header": "X", "format": "kv"}, "signature", "goes with a tag"),
    ({"header": "X", "format": "pairs", "tag": "v1"}, "signature.format", "plain, list, kv, space_list"),
    ({"header": "X", "tag": "v1"}, "signature", "goes without a tag"),
    ({"header": "X", "format": "list", "delimiter": ""}, "signature", "delimiter"),
    ({"header": "X", "prefix": "ü"}, "signature", "ASCII"),
    ({"header": "X", "signed": "{body}"}, "signature", "{raw_body}, {timestamp}"),
    ({"header": "X", "signed": "{raw_body"}, "signature", "no partner"),
    ({"header": "X", "signed": "{uri}{raw_body}"}, "signature", "not a field of a signed template"),
    ({"header": "X", "signed": "constant"}, "signature", "names nothing of the request"),
    ({"header": "X", "signed": ""}, "signature", "with a signed template"),
    ({"header": "X", "signed": "{timestamp}.{raw_body}"}, "signature", "no place of a timestamp"),
    ({"header": "X", "signed": "{json:id}"}, "signature", "begin with `/`"),
    ({"header": "X", "timestamp": "header:T"}, "signature.timestamp", "is not signed"),
    ({"header": "X", "timestamp": "T", "signed": "{timestamp}"}, "signature.timestamp", "place:name"),
    ({"header": "X", "timestamp": "field:t", "signed": "{timestamp}"}, "signature", "only when its format is `kv`"),
    ({"header": "X", "timestamp_unit": "ms"}, "signature.timestamp_unit", "without `timestamp`"),
    (
        {"header": "X", "timestamp": "header:T", "signed": "{timestamp}", "timestamp_unit": "h"},
        "signature.timestamp_unit",
        "s, ms, ns, iso",
    ),
    (
        {"header": "X", "timestamp": "header:T", "signed": "{timestamp}", "tolerance_s": -1},
        "signature.tolerance_s",
        "zero or more",
    ),
    ({"header": "X", "key_encoding": "rot13"}, "signature.key_encoding", "utf8, base64, hex"),
    ({"header": "X", "event_id": "id"}, "signature.event_id", "place:name"),
    ({"header": "X", "event_type": ["body:/a", 3]}, "signature.event_type", "place:name"),
    ({"header": "X", "event_id": "field:t"}, "signature.event_id", "only for `timestamp`"),
    ({"kind": "jwt", "header": "X"}, "signature.kind", "hmac, ed25519, rsa, ecdsa, hash, static_token, basic_auth"),
    ({"kind": "none"}, "signature.kind", "`provider: none`"),
    ({"kind": "static_token", "header": "X", "algorithm": "sha256"}, "signature.algorithm", "leave it out"),
]


@pytest.mark.parametrize(("block", "where", "remedy"), BAD_BLOCKS, ids=[str(block) for block, _, _ in BAD_BLOCKS])
def test_a_wrong_signature_block_is_refused_with_its_key_and_the_remedy(
    block: dict[str, Any], where: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        build_generic(block)
    assert refusal.value.where == where
    assert remedy in refusal.value.message or remedy in str(refusal.value)


def test_a_timestamp_in_a_signed_body_is_judged() -> None:
    provider = build_generic({"header": "X-Sig", "timestamp": "body:/at", "timestamp_unit": "ms", "tolerance_s": 60})
    text = b'{"at": 1700000000000}'
    headers = sign(provider, body=text, secret="s", now_s=NOW, event_id="", event_type="")
    assert provider.verify(request_of(headers, text), ["s"], NOW).timestamp_s == NOW
    with pytest.raises(Exception, match="60 s are allowed"):
        provider.verify(request_of(headers, text), ["s"], NOW + 61)


def test_a_signature_that_leaves_the_body_out_only_authenticates() -> None:
    provider = build_generic({"header": "X-Sig", "signed": "{json:/token}"})
    text = b'{"token": "abc", "amount": 1}'
    headers = sign(provider, body=text, secret="s", now_s=NOW, event_id="", event_type="")
    assert provider.verify(request_of(headers, text), ["s"], NOW).level == "authenticated"
    assert not provider.id_is_signed


BAD_ROWS: list[tuple[Any, str]] = [
    (lambda: Provider("x", "X", schemes=()), "at least one scheme"),
    (lambda: Scheme("a", Kind.HMAC), "with a signature place"),
    (lambda: Scheme("a", Kind.NONE, Signature(header("X"))), "without a signature place"),
    (lambda: Scheme("a", Kind.STATIC_TOKEN, Signature(header("X")), signed="{raw_body}"), "without a signed template"),
    (lambda: Scheme("a", Kind.STATIC_TOKEN, Signature(header("X")), timestamp=Timestamp(header("T"))), "cannot prove"),
    (lambda: Scheme("a", Kind.HMAC, Signature(header("X")), signed="{raw_body}{crc32}"), "not a field"),
    (lambda: Signature(header("X"), format=Format.SPACE_LIST), "with a tag"),
    (lambda: Signature(field("t")), "field of itself"),
    (lambda: Timestamp(header("T"), tolerance_s=float("nan")), "zero or more"),
    (lambda: body("no-slash"), "begin with `/`"),
    (lambda: header(""), "ASCII name"),
    (lambda: Provider("x", "X", schemes=get("none").schemes * 2), "same id"),
    (lambda: Provider("x", "X", schemes=get("none").schemes, content_types=("yaml",)), "unknown content type"),
    (lambda: Provider("x", "X", schemes=get("none").schemes, signs_with=("y",)), "no scheme 'y'"),
    (lambda: Provider("x", "X", schemes=get("none").schemes, event_type_sub="a"), "begin with `/`"),
    (lambda: Provider("x", "X", get("none").schemes, event_id=(field("t"),)), "only be the place"),
]


@pytest.mark.parametrize(("build", "problem"), BAD_ROWS, ids=[problem for _, problem in BAD_ROWS])
def test_a_row_that_cannot_work_is_refused_when_it_is_built(build: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build()


def test_signing_says_why_it_cannot() -> None:
    def attempt(provider: Provider, secret: str = "s", scheme: str | None = None) -> None:
        sign(provider, body=b"{}", secret=secret, now_s=NOW, event_id="", event_type="", scheme=scheme)

    with pytest.raises(InvalidInput, match="has no scheme 'md5'; there are default, legacy-sha1"):
        attempt(get("github"), scheme="md5")
    with pytest.raises(InvalidInput, match="header lines alone"):
        attempt(build_generic({"in": "query:sig"}))
    with pytest.raises(InvalidInput, match="X-Missing"):
        attempt(build_generic({"header": "X-Sig", "signed": "{header:X-Missing}{raw_body}"}))
    with pytest.raises(InvalidInput, match="header lines alone"):
        attempt(build_generic({"header": "X", "signed": "{timestamp}{raw_body}", "timestamp": "body:/t"}))


def test_a_signed_github_request_looks_like_one_of_github() -> None:
    headers = sign(
        get("github"), body=b"{}", secret=SECRETS["github"], now_s=NOW, event_id="d", event_type="issues.opened"
    )
    lines = dict(headers)
    assert lines[b"user-agent"].startswith(b"GitHub-Hookshot/")
    assert lines[b"x-github-event"] == b"issues"
    assert {b"x-hub-signature", b"x-hub-signature-256", b"x-github-delivery", b"content-type"} <= set(lines)
