"""Sources as people write them."""

# ruff: noqa: E501 (a table of messages is read line by line)

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hookline.config.problems import explain
from hookline.config.spec import DedupeSpec, SourceSpec
from hookline.core.errors import InvalidInput
from hookline.core.model import Dedupe, RateLimit, Source

MINIMAL: dict[str, Any] = {"name": "github", "provider": "github", "secrets": ["env:GITHUB_WEBHOOK_SECRET"]}
SIGNATURE = {"header": "X-Signature", "algorithm": "sha256", "encoding": "hex"}

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


def problems(**written: Any) -> list[tuple[Any, str]]:
    with pytest.raises(ValidationError) as caught:
        SourceSpec.model_validate({**MINIMAL, **written})
    return [(problem.path, problem.message) for problem in explain(caught.value, SourceSpec)]


def test_a_minimal_source_has_the_defaults_of_the_core() -> None:
    built = SourceSpec.model_validate(MINIMAL).build(id="src_1", org_id="org_1", secrets=("fake",))
    assert built == Source("src_1", "org_1", "github", "github", secrets=("fake",))


EVERYTHING: dict[str, Any] = {
    **MINIMAL,
    "owner": "platform-team",
    "purpose": "start builds",
    "environment": "production",
    "runbook": "https://wiki.example.com/builds\nor ask Ada",
    "rotation": "every January",
    "enabled": False,
    "tolerance": "2m",
    "methods": ["post", "PUT"],
    "content_types": ["json", "form"],
    "max_body": "512KB",
    "require_https": True,
    "allow_ips": ["192.0.2.7", "2001:db8::/32"],
    "rate_limit": "100/s",
    "client_rate_limit": "600/m",
    "dedupe": {
        "by": "header",
        "name": "X-Id",
        "window": "7d",
        "on_conflict": "review",
        "replay_guard": "off",
    },
    "schemas": {"push": {"type": "object"}, "pull_request.*": {"required": ["action"]}},
    "on_schema_mismatch": "refuse",
    "event_types": ["push", "pull_request.*"],
    "retention": "forever",
    "endpoints": [{"name": "build", "url": "http://127.0.0.1:9000/build"}],
}


def test_everything_that_is_written_is_built() -> None:
    assert set(EVERYTHING) | {"signature"} == set(SourceSpec.model_fields)
    spec = SourceSpec.model_validate(EVERYTHING)
    assert spec.build(id="src_1", org_id="org_1", secrets=("fake",)) == Source(
        "src_1",
        "org_1",
        "github",
        "github",
        secrets=("fake",),
        enabled=False,
        tolerance_s=120,
        methods=("POST", "PUT"),
        content_types=("json", "form"),
        max_body_bytes=524_288,
        require_https=True,
        allow_ips=("192.0.2.7/32", "2001:db8::/32"),
        rate_limit=RateLimit(100, 1),
        client_rate_limit=RateLimit(600, 60),
        dedupe=Dedupe("header", "X-Id", 604_800, "review", "off"),
        schemas=(("push", {"type": "object"}), ("pull_request.*", {"required": ["action"]})),
        on_schema_mismatch="refuse",
        known_types=("push", "pull_request.*"),
        retention_s=36_500 * 86_400,
    )


def test_a_source_goes_through_json_and_comes_back_the_same() -> None:
    spec = SourceSpec.model_validate(EVERYTHING)
    assert SourceSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
    assert SourceSpec.model_validate(spec.model_dump()) == spec


def test_the_json_form_is_in_peoples_units() -> None:
    dumped = SourceSpec.model_validate(EVERYTHING).model_dump(mode="json")
    as_written = ("tolerance", "max_body", "rate_limit", "client_rate_limit", "dedupe", "retention")
    assert {key: dumped[key] for key in as_written} == {key: EVERYTHING[key] for key in as_written}


def test_the_schema_for_openapi_describes_every_field_and_accepts_what_we_write() -> None:
    schema = SourceSpec.model_json_schema()
    for name, field in SourceSpec.model_fields.items():
        assert field.description, name
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({**EVERYTHING, "methods": ["POST"]})
    assert validator.is_valid(SourceSpec.model_validate(EVERYTHING).model_dump(mode="json"))
    assert not validator.is_valid({**EVERYTHING, "max_body": []})


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ({"provder": "x"}, "provder", "there is no such key; did you mean `provider`?"),
        ({"xyz": 1}, "xyz", "there is no such key; known here: " + ", ".join(SourceSpec.model_fields)),
        ({"name": "a b"}, "name", "must be 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
        ({"name": "a" * 64}, "name", "must be 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
        ({"name": "a\n"}, "name", "must be 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit"),
        ({"provider": 5}, "provider", "must be text; put it in quotes"),
        ({"secrets": "env:A"}, "secrets", "must be a list, as in [a, b]"),
        ({"secrets": [{"env": "A"}]}, ("secrets", 0), "must be text; put it in quotes"),
        ({"secrets": [""]}, ("secrets", 0), "a secret must not be empty; write `env:NAME`, `file:PATH` or the secret itself"),
        ({"secrets": ["fake"] * 11}, "secrets", "must have at most 10 entries"),
        ({"signature": SIGNATURE}, "signature", "there is no key `header` for this provider; there are scheme"),
        ({"provider": "generic"}, "signature", "`provider: generic` needs a signature that says where and how requests are signed"),
        ({"owner": "a\x1b"}, "owner", "must not have control characters"),
        ({"purpose": "a" * 1001}, "purpose", "must have at most 1000 characters"),
        ({"enabled": "on"}, "enabled", "must be true or false"),
        ({"tolerance": "2d"}, "tolerance", "must be between 1s and 1d"),
        ({"methods": ["FETCH"]}, ("methods", 0), "must be 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD' or 'OPTIONS'"),
        ({"content_types": ["yaml"]}, ("content_types", 0), "must be 'json', 'form', 'xml', 'text' or 'any'"),
        ({"max_body": "lots"}, "max_body", "`lots` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ({"allow_ips": ["192.0.2.7/24"]}, ("allow_ips", 0), "has bits set after the prefix; did you mean `192.0.2.0/24`?"),
        ({"allow_ips": ["localhost"]}, ("allow_ips", 0), "must be an address or a network, as in `192.0.2.7` or `192.0.2.0/24`"),
        ({"rate_limit": "fast"}, "rate_limit", "`fast` is not a rate; write `100/s`, `600/m` or `10/h`"),
        ({"dedupe": "none"}, "dedupe", "must be a mapping of keys to values"),
        ({"dedupe": {"by": "id"}}, ("dedupe", "by"), "must be 'provider', 'header', 'body', 'content' or 'none'"),
        ({"dedupe": {"by": "header"}}, ("dedupe", "name"), "`by: header` needs a name, such as `X-Event-Id`"),
        ({"dedupe": {"by": "body"}}, ("dedupe", "name"), "`by: body` needs a name, such as `/data/id`"),
        ({"dedupe": {"by": "body", "name": "id"}}, ("dedupe", "name"), "must be a JSON pointer, as in `/data/id` (RFC 6901)"),
        ({"dedupe": {"name": "X"}}, ("dedupe", "name"), "belongs only to `by: header` and `by: body`"),
        ({"dedupe": {"windw": "1d"}}, ("dedupe", "windw"), "there is no such key; did you mean `window`?"),
        ({"schemas": {"a*": {}}}, "schemas", "event pattern 'a*': `*` may stand alone or as the last level, as in `order.*`"),
        ({"schemas": {"a": "a.json"}}, ("schemas", "a"), "must be a JSON Schema (a mapping); only hookline.yaml can name a file instead"),
        ({"schemas": {"a": {"type": "objec"}}}, ("schemas", "a"), 'is not a JSON Schema: /type: "objec" is not valid under any of the schemas listed in the \'anyOf\' keyword'),
        ({"on_schema_mismatch": "drop"}, "on_schema_mismatch", "must be 'review' or 'refuse'"),
        ({"event_types": [""]}, ("event_types", 0), "event pattern '' is empty or has spaces around it"),
        ({"retention": "always"}, "retention", "`always` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ({"endpoints": [{**EVERYTHING["endpoints"][0], "urll": 1}]}, ("endpoints", 0, "urll"), "there is no such key; did you mean `url`?"),
        ({"endpoints": EVERYTHING["endpoints"] * 2}, "endpoints", "2 endpoints are named `build`; give each its own name"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_key_and_the_remedy(written: dict[str, Any], path: Any, message: str) -> None:
    assert problems(**written) == [(path if isinstance(path, tuple) else (path,), message)]


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(name="A", max_body="x", endpoints=[{"url": "x"}])
    assert [path for path, _ in found] == [("name",), ("max_body",), ("endpoints", 0, "name"), ("endpoints", 0, "url")]


def test_an_unknown_provider_is_refused() -> None:
    ((path, message),) = problems(provider="githup")
    assert path == ("provider",)
    assert "githup" in message


def test_hyphen_and_underscore_of_a_provider_are_the_same() -> None:
    spelled = [
        SourceSpec.model_validate({**MINIMAL, "provider": slug}).provider
        for slug in ("standard-webhooks", "standard_webhooks")
    ]
    assert spelled[0] == spelled[1]


def test_a_generic_source_carries_its_signature() -> None:
    written = {**MINIMAL, "provider": "generic", "signature": SIGNATURE}
    built = SourceSpec.model_validate(written).build(id="s", org_id="o", secrets=("fake",))
    assert built.signature == SIGNATURE


def test_a_signature_that_cannot_work_is_refused_when_it_is_saved() -> None:
    ((path, message),) = problems(provider="generic", signature={**SIGNATURE, "algorithm": "rot13"})
    assert path == ("signature",)
    assert message == "`algorithm`: 'rot13' is not one of sha1, sha256, sha384, sha512"


def test_a_resolved_secret_that_the_provider_cannot_use_is_refused_without_showing_it() -> None:
    spec = SourceSpec.model_validate({**MINIMAL, "provider": "standard-webhooks"})
    with pytest.raises(InvalidInput) as caught:
        spec.build(id="s", org_id="o", secrets=("fake secret!",))
    assert "fake" not in str(caught.value)


def test_a_source_that_verifies_cannot_be_built_without_a_secret() -> None:
    spec = SourceSpec.model_validate({"name": "git-hub", "provider": "github"})
    message = '`provider: github` needs at least one secret, as in ["env:GIT_HUB_WEBHOOK_SECRET"]'
    assert spec.missing_secret() == message
    with pytest.raises(InvalidInput) as caught:
        spec.build(id="s", org_id="o", secrets=())
    assert str(caught.value) == message


def test_a_source_that_asks_for_no_proof_needs_no_secret() -> None:
    spec = SourceSpec.model_validate({"name": "sensor", "provider": "none"})
    assert spec.missing_secret() == ""
    assert spec.build(id="s", org_id="o", secrets=()).secrets == ()


def test_a_schema_is_never_fetched(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        for reference in (f"http://127.0.0.1:{server.getsockname()[1]}/s", f"file://{tmp_path}/schema.json"):
            ((path, message),) = problems(schemas={"a": {"$ref": reference}})
            assert path == ("schemas", "a")
            assert message.startswith("is not a JSON Schema: /")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_neither_repr_nor_error_nor_public_form_shows_what_is_secret() -> None:
    fake = "fake-secret-nobody-uses"
    spec = SourceSpec.model_validate({**EVERYTHING, "secrets": [fake, "file:s"]})
    assert fake not in repr(spec)
    assert spec.public()["secrets"] == ["(hidden)", "file:s"]
    assert spec.public()["endpoints"][0]["name"] == "build"
    with pytest.raises(ValidationError) as caught:
        SourceSpec.model_validate({**MINIMAL, "secrets": [fake, ""], "name": fake.upper()})
    assert fake not in str(caught.value)
    assert fake.upper() not in str(caught.value)


@given(st.dictionaries(st.sampled_from(list(SourceSpec.model_fields)), json_values))
def test_any_mapping_is_a_source_or_told_in_words(written: dict[str, Any]) -> None:
    try:
        SourceSpec.model_validate({**MINIMAL, **written})
    except ValidationError as error:
        assert all(problem.message for problem in explain(error, SourceSpec))


def test_the_default_dedupe_is_that_of_the_core() -> None:
    assert DedupeSpec().build() == Dedupe()
