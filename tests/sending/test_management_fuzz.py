"""Whatever is sent to the management half is answered: with what was asked for, or with what is wrong."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Sending

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["a", "app_1", "ep_1", "https://a.example.com", "whsec_", "whsk_AAAA", "5d", "1e999", "\0", "x" * 5000]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "name", "uid", "throttleRate", "rateLimit", "metadata", "signatureHeaders", "challengeEndpoints",
        "enforceSchemas", "retention", "url", "description", "disabled", "eventTypes", "filterTypes", "channels",
        "secret", "headers", "concurrency", "fifo", "retrySchedule", "timeoutSeconds", "disableAfter", "archived",
        "deprecated", "featureFlag", "featureFlags", "schemas", "key", "gracePeriodSeconds", "application",
        "readOnly", "capabilities", "expiry", "sessionId",
    ]
)  # fmt: skip
bodies = st.dictionaries(fields, values, max_size=6) | values
#: What makes a body nearly right, so that the rest of it is looked at too.
right = st.sampled_from(
    [
        {},
        {"name": "A"},
        {"url": "https://a.example.com"},
        {"name": "a.b", "description": "a"},
        {"headers": {"X-A": "1"}},
    ]
)
operations = st.sampled_from(
    [
        ("POST", "/app"),
        ("PUT", "/app/fuzzed"),
        ("PATCH", "/app/customer"),
        ("POST", "/app/customer/endpoint"),
        ("PUT", "/app/customer/endpoint/fuzzed"),
        ("PATCH", "/app/customer/endpoint/a"),
        ("PUT", "/app/customer/endpoint/a/headers"),
        ("PATCH", "/app/customer/endpoint/a/headers"),
        ("POST", "/app/customer/endpoint/a/secret/rotate"),
        ("POST", "/operational-webhook/endpoint"),
        ("POST", "/event-type"),
        ("PUT", "/event-type/fuzzed"),
        ("PATCH", "/event-type/a.b"),
        ("POST", "/auth/app-portal-access/customer"),
    ]
)

patient = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@patient
@given(operation=operations, body=bodies, base=right)
async def test_any_body_is_answered(sending: Sending, operation: tuple[str, str], body: Any, base: Any) -> None:
    await prepared(sending)
    method, path = operation
    sent = {**base, **body} if isinstance(body, dict) else body
    answer = await sending.ask(method, path, content=json.dumps(sent), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 201, 204, 400, 404, 409, 422), answer.text
    if answer.status_code >= 400:
        error = answer.json()
        assert set(error) == {"code", "detail"} and error["code"] and error["detail"]
        assert isinstance(error["detail"], list) == (answer.status_code == 422)


@patient
@given(
    beginning=st.sampled_from(["/app", "/app/customer/endpoint", "/event-type", "/operational-webhook/endpoint"]),
    path=st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=4),
    query=st.text(max_size=30),
)
async def test_any_path_and_query_are_answered(sending: Sending, beginning: str, path: list[str], query: str) -> None:
    await prepared(sending)
    asked = "/".join([beginning, *(quote(part, safe="") for part in path)])
    answer = await sending.ask("GET", f"{asked}?{quote(query, safe='&=')}")
    assert answer.status_code in (200, 404, 405, 422), answer.text
    assert answer.status_code == 200 or set(answer.json()) == {"code", "detail"}


async def prepared(sending: Sending) -> None:
    """One of each to be changed, whatever the last example did."""
    for method, path, body in (
        ("PUT", "/app/customer", {"name": "A"}),
        ("PUT", "/app/customer/endpoint/a", {"url": "https://a.example.com"}),
        ("PUT", "/event-type/a.b", {"description": "a"}),
    ):
        assert (await sending.ask(method, path, body)).status_code in (200, 201)
