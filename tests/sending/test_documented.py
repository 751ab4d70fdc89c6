"""What the management half of the sending API answers is what its document says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.test_openapi import check, document

from .conftest import Json, Sending

__all__ = ["document"]

URL = {"url": "https://a.example.com"}
APP = "/api/v1/app/{app_id}"
ENDPOINT = f"{APP}/endpoint/{{endpoint_id}}"
OFFICE = "/api/v1/operational-webhook/endpoint"
TYPE = "/api/v1/event-type/{event_type_name}"
NAMES = {"app_id": "customer", "endpoint_id": "a", "event_type_name": "a.b"}

FULL_ENDPOINT = {
    **URL,
    "uid": "full",
    "eventTypes": ["a.b"],
    "channels": ["c"],
    "throttleRate": 3,
    "disableAfter": "1d",
    "disabled": True,
}
FULL_TYPE = {"name": "full", "description": "a", "schemas": {"1": {}}, "featureFlag": "f", "archived": True}

#: In this order: what is deleted comes last.
ASKED: list[tuple[str, str, Any]] = [
    ("POST", "/api/v1/app", {"name": "A"}),
    ("POST", "/api/v1/app", {"name": "A", "uid": "full", "throttleRate": 3, "retention": "1d"}),
    ("POST", "/api/v1/app?get_if_exists=true", {"name": "A", "uid": "full"}),
    ("POST", "/api/v1/app", {"name": "A", "uid": "full"}),
    ("POST", "/api/v1/app", {}),
    ("GET", "/api/v1/app", None),
    ("GET", "/api/v1/app?limit=0", None),
    ("GET", APP, None),
    ("PUT", APP, {"name": "B"}),
    ("PATCH", APP, {"name": "C"}),
    ("POST", "/api/v1/event-type", {"name": "other", "description": "a"}),
    ("POST", "/api/v1/event-type", FULL_TYPE),
    ("GET", "/api/v1/event-type?include_archived=true&with_content=true", None),
    ("GET", TYPE, None),
    ("PUT", TYPE, {"description": "b", "schemas": {"1": {}}}),
    ("PATCH", TYPE, {"description": "b"}),
    ("POST", f"{APP}/endpoint", FULL_ENDPOINT),
    ("POST", f"{APP}/endpoint", {"url": 7}),
    ("GET", f"{APP}/endpoint", None),
    ("GET", ENDPOINT, None),
    ("PUT", ENDPOINT, URL),
    ("PATCH", ENDPOINT, {}),
    ("PUT", f"{ENDPOINT}/headers", {"headers": {"X-A": "1", "Authorization": "not-a-real-one"}}),
    ("PATCH", f"{ENDPOINT}/headers", {"headers": {"X-A": None}}),
    ("GET", f"{ENDPOINT}/headers", None),
    ("GET", f"{ENDPOINT}/secret", None),
    ("POST", f"{ENDPOINT}/secret/rotate", {}),
    ("POST", OFFICE, {**URL, "uid": "a"}),
    ("GET", OFFICE, None),
    ("GET", f"{OFFICE}/{{endpoint_id}}", None),
    ("PUT", f"{OFFICE}/{{endpoint_id}}", URL),
    ("PATCH", f"{OFFICE}/{{endpoint_id}}", {}),
    ("PUT", f"{OFFICE}/{{endpoint_id}}/headers", {"headers": {}}),
    ("GET", f"{OFFICE}/{{endpoint_id}}/headers", None),
    ("GET", f"{OFFICE}/{{endpoint_id}}/secret", None),
    ("POST", f"{OFFICE}/{{endpoint_id}}/secret/rotate", {}),
    ("POST", "/api/v1/auth/app-portal-access/{app_id}", {}),
    ("POST", "/api/v1/auth/app-portal-access/{app_id}", {"expiry": 1}),
    ("POST", "/api/v1/auth/dashboard-access/{app_id}", None),
    ("POST", "/api/v1/auth/logout", None),
    ("GET", "/api/v1/health", None),
    ("HEAD", "/api/v1/health", None),
    ("GET", "/api/v1/health/ping", None),
    ("HEAD", "/api/v1/health/ping", None),
    ("DELETE", f"{OFFICE}/{{endpoint_id}}", None),
    ("DELETE", ENDPOINT, None),
    ("DELETE", TYPE, None),
    ("DELETE", APP, None),
    ("DELETE", APP, None),
]


async def test_every_answer_is_as_documented(sending: Sending, document: Json) -> None:
    await sending.app()
    await sending.event_type("a.b")
    await sending.endpoint(uid="a")
    other = await sending.portal()
    for method, template, body in ASKED:
        path, _, query = template.partition("?")
        asked = path.format(**NAMES).removeprefix("/api/v1") + (f"?{query}" if query else "")
        await check(document, method, path, await sending.ask(method, asked, body))
        if not path.startswith("/api/v1/health"):
            for token in (other, "not-a-real-token"):
                await check(document, method, path, await sending.ask("GET", "/app", token=token))


@pytest.mark.parametrize(
    "name",
    [
        "ApplicationIn",
        "ApplicationPatch",
        "EndpointIn",
        "EndpointUpdate",
        "EndpointPatch",
        "EndpointHeadersIn",
        "EndpointHeadersPatchIn",
        "EndpointSecretRotateIn",
        "EventTypeIn",
        "EventTypeUpdate",
        "EventTypePatch",
        "AppPortalAccessIn",
    ],
)
def test_every_property_that_can_be_sent_is_described_and_a_patch_has_no_defaults(document: Json, name: str) -> None:
    for key, schema in document["components"]["schemas"][name]["properties"].items():
        assert schema.get("description"), f"{name}.{key}"
        assert not name.endswith("Patch") or "default" not in schema, f"{name}.{key}"


def test_no_parameter_or_property_is_in_another_spelling_than_the_contracts(document: Json) -> None:
    sent = [
        schema for name, schema in document["components"]["schemas"].items() if name.endswith(("In", "Out", "Patch"))
    ]
    names = {key for schema in sent for key in schema.get("properties", {})}
    assert not [name for name in names if "_" in name], names
    assert "throttle_rate" not in json.dumps(document)
