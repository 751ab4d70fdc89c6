"""What is exported can be applied again, and has no secret in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.export import yaml_of
from hookline.config.document import read
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.model import EndpointState
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from tests.cli.conftest import Run
from tests.cli.running import GITHUB_SECRET


def _source(spec: dict[str, Any], secrets: tuple[str, ...] = ()) -> StoredSource:
    return StoredSource("src_1", "org_default", SourceSpec.model_validate(spec), secrets, "api", 0, 0)


def _endpoint(spec: dict[str, Any]) -> StoredEndpoint:
    checked = EndpointSpec.model_validate(spec)
    return StoredEndpoint(
        "ep_1", "org_default", "src_1", checked, ("whsec_x",), "api", EndpointState.ACTIVE, "", 0, 0, 0
    )


def test_what_was_exported_is_what_is_stored(
    run: Run, worked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = run("export").out
    (worked / "exported.yaml").write_text(text.replace("# headers: X-Api-Key: (hidden)", ""))
    plan = run("plan", "-f", "exported.yaml").out
    assert "= unchanged source github\n" in plan
    assert "~ update endpoint github/build (headers)\n" in plan  # the hidden one has to be given by hand
    assert "= unchanged source open\n" in plan


def test_no_secret_is_exported(run: Run, worked: Path, ask: Callable[..., Any]) -> None:
    for told in (run("export").out, str(ask("export")), str(ask("sources", "show", "github"))):
        assert GITHUB_SECRET not in told
        assert "not-a-real-api-key" not in told
        assert "whsec_" not in told
        assert "blue" in told


def test_secrets_become_variables_named_after_their_source() -> None:
    text = yaml_of([(_source({"name": "2nd-shop", "provider": "github"}, ("a", "b")), [])])
    assert 'secrets: ["env:_2ND_SHOP_WEBHOOK_SECRET", "env:_2ND_SHOP_WEBHOOK_SECRET_2"]' in text


def test_confidential_headers_are_comments() -> None:
    endpoint = _endpoint({"name": "a", "url": "https://example.com", "headers": {"Authorization": "Bearer fake"}})
    text = yaml_of([(_source({"name": "s", "provider": "none"}), [endpoint])])
    assert "# headers: Authorization: (hidden)" in text
    assert "Bearer" not in text


def test_an_empty_store_is_a_file_without_sources() -> None:
    document = read(yaml_of([]).encode())
    assert (document.value, document.problems) == ({"version": 1, "sources": []}, [])


words = st.text(max_size=50)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=10,
)


@given(properties=st.dictionaries(words, st.fixed_dictionaries({"const": values}), max_size=4))
def test_any_schema_is_read_back_as_it_was(properties: dict[str, Any]) -> None:
    schema = {"properties": properties}
    source = _source({"name": "s", "provider": "none", "schemas": {"*": schema}})
    document = read(yaml_of([(source, [])]).encode())
    assert document.problems == []
    assert document.value["sources"][0]["schemas"] == {"*": schema}


@given(purpose=st.sampled_from(["on", "12:30", "1e3", "null", "~", "- a: b", "#", "\"'", "Größe 🎉", "{x}", "*a"]))
def test_texts_that_yaml_would_take_for_something_else_stay_texts(purpose: str) -> None:
    text = yaml_of([(_source({"name": "s", "provider": "none", "purpose": purpose}), [])])
    assert read(text.encode()).value["sources"][0]["purpose"] == purpose
