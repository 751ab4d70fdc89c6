"""Applications and their endpoints as people write them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hookline.config.application_spec import LARGEST_METADATA_BYTES, ApplicationEndpointSpec, ApplicationSpec
from hookline.config.problems import explain
from hookline.core.model import Dedupe, Endpoint, EndpointState, RateLimit, Source, SourceKind

FAKE_SECRET = "whsec_" + base64.b64encode(b"fake-secret-nobody-uses!").decode()
ENDPOINT: dict[str, Any] = {"name": "ep_1", "url": "http://127.0.0.1:9000/hook"}


def problems(kind: type[ApplicationSpec] | type[ApplicationEndpointSpec], **written: Any) -> list[tuple[Any, str]]:
    minimal = {"title": "Acme"} if kind is ApplicationSpec else ENDPOINT
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({**minimal, **written})
    return [(problem.path, problem.message) for problem in explain(caught.value, kind)]


def test_a_minimal_application_is_a_source_without_a_door_of_its_own() -> None:
    built = ApplicationSpec(title="Acme").build(id="app_1", org_id="org_1")
    assert built == Source(
        "app_1",
        "org_1",
        "app_1",
        "none",
        dedupe=Dedupe(by="none"),
        kind=SourceKind.APPLICATION,
        signature_headers=("webhook", "svix"),
    )


def test_everything_that_is_written_of_an_application_is_built() -> None:
    spec = ApplicationSpec.model_validate(
        {
            "title": "Acme Ltd, Köln",
            "uid": "customer_7.eu-west",
            "metadata": {"tier": "gold"},
            "delivery_rate": "20/s",
            "signature_headers": "svix",
            "challenge_endpoints": True,
            "enforce_schemas": False,
            "retention": "30d",
        }
    )
    built = spec.build(id="app_1", org_id="org_1", kind=SourceKind.OPERATIONAL)
    assert (built.uid, built.kind, built.delivery_rate) == (
        "customer_7.eu-west",
        SourceKind.OPERATIONAL,
        RateLimit(20, 1.0),
    )
    assert (built.signature_headers, built.challenge_endpoints, built.enforce_schemas) == (("svix",), True, False)
    assert built.retention_s == 30 * 86_400
    assert ApplicationSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert ApplicationSpec.model_validate_json(spec.model_dump_json()) == spec


def test_everything_that_is_written_of_a_customers_endpoint_is_built() -> None:
    spec = ApplicationEndpointSpec.model_validate(
        {
            **ENDPOINT,
            "uid": "hook",
            "description": "The ledger",
            "metadata": {"a": "1"},
            "channels": ["eu", "project_1"],
            "events": ["order.*"],
            "fifo": True,
            "disable_after": "2d",
        }
    )
    built = spec.build(
        id="ep_1",
        org_id="org_1",
        source_id="app_1",
        secrets=(FAKE_SECRET,),
        old_secrets=((FAKE_SECRET, 7),),
        failing_since_ms=5,
    )
    assert built == Endpoint(
        "ep_1",
        "org_1",
        "app_1",
        "ep_1",
        ENDPOINT["url"],
        events=("order.*",),
        secrets=(FAKE_SECRET,),
        uid="hook",
        channels=("eu", "project_1"),
        fifo=True,
        old_secrets=((FAKE_SECRET, 7),),
        failing_since_ms=5,
        disable_after_s=2 * 86_400,
    )
    assert ApplicationEndpointSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_disabled_endpoint_is_disabled_whatever_was_noted_of_it() -> None:
    spec = ApplicationEndpointSpec.model_validate({**ENDPOINT, "enabled": False})
    built = spec.build(id="ep_1", org_id="o", source_id="app_1", secrets=(FAKE_SECRET,), state=EndpointState.FAILING)
    assert built.state is EndpointState.DISABLED


@pytest.mark.parametrize("uid", ["", "a", "customer_7.eu-west", "A" * 256])
def test_a_uid_may_be_what_svix_allows(uid: str) -> None:
    assert ApplicationSpec(title="Acme", uid=uid).uid == uid
    assert ApplicationEndpointSpec.model_validate({**ENDPOINT, "uid": uid}).uid == uid


@pytest.mark.parametrize("uid", [" ", "a b", "a/b", "ä", "a\n", "A" * 257, "customer:7"])
def test_a_uid_that_could_not_stand_in_an_address_is_refused(uid: str) -> None:
    expected = [(("uid",), "must be 1 to 256 letters, digits, `-`, `_` and `.`")]
    assert problems(ApplicationSpec, uid=uid) == expected
    assert problems(ApplicationEndpointSpec, uid=uid) == expected


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"title": ""}, ("title",)),
        ({"title": "A" * 1001}, ("title",)),
        ({"signature_headers": "none"}, ("signature_headers",)),
        ({"delivery_rate": "many"}, ("delivery_rate",)),
        ({"enforce_schemas": "yes"}, ("enforce_schemas",)),
        ({"metadata": {"a": 1}}, ("metadata", "a")),
        ({"name": "acme"}, ("name",)),
    ],
)
def test_what_an_application_cannot_be_is_named_by_its_place(written: dict[str, Any], path: tuple[str, ...]) -> None:
    assert [place for place, _ in problems(ApplicationSpec, **written)] == [path]


def test_an_endpoint_has_at_most_ten_channels_of_letters_and_digits() -> None:
    ApplicationEndpointSpec.model_validate({**ENDPOINT, "channels": [f"c{number}" for number in range(10)]})
    assert problems(ApplicationEndpointSpec, channels=[f"c{number}" for number in range(11)])[0][0] == ("channels",)
    assert problems(ApplicationEndpointSpec, channels=["a", "b c"]) == [
        (("channels", 1), "must be 1 to 128 letters, digits, `-`, `_` and `.`")
    ]


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=400), max_size=20))
def test_metadata_is_limited_by_its_bytes(metadata: dict[str, str]) -> None:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    if size <= LARGEST_METADATA_BYTES:
        assert ApplicationSpec(title="Acme", metadata=metadata).metadata == metadata
    else:
        assert problems(ApplicationSpec, metadata=metadata) == [(("metadata",), "metadata has at most 4096 bytes")]
