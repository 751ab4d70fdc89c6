"""Any bytes and any JSON at door 2: a documented answer, never a 5xx, and what was accepted is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .office import HungUp, Office, Reply, office

#: Everything that the door may say.
STATUSES = {202, 400, 401, 403, 404, 409, 413, 422}

APPLICATIONS = ("plain", "strict")
SCHEMAS: dict[str, Any] = {
    "a": {"properties": {"a": {"type": ["string", "integer"], "pattern": "^(a+)+$"}}},
    "b": {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a"}}}},
    "c": {"examples": [{"a": 1}]},
}

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab") | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("ab") | st.text(max_size=4), documents, max_size=4)
names = st.sampled_from(["a", "b", "c", "evt-1", "x" * 256]) | st.text("aZ0-_.", max_size=5)
anything = names | documents

#: Messages that are nearly right: every field is what it should be, or anything at all.
messages = st.fixed_dictionaries(
    {"eventType": names | anything, "payload": objects | anything},
    optional={
        "eventId": names | anything,
        "channels": st.lists(names, max_size=6) | anything,
        "tags": st.lists(names | st.text(max_size=3), max_size=6) | anything,
        "contentType": st.sampled_from(["text/xml", "application/json", "a/b;c", "\r\n"]) | anything,
        "transformationsParams": st.fixed_dictionaries(
            {},
            optional={
                "rawPayload": st.text() | documents.map(json.dumps) | anything,
                "headers": st.dictionaries(st.sampled_from(["content-type", "CONTENT-TYPE", "x"]), anything) | anything,
            },
        )
        | anything,
        "payloadRetentionPeriod": st.integers() | anything,
        "payloadRetentionHours": st.integers() | anything,
        "deliverAt": st.datetimes().map(lambda moment: moment.isoformat() + "Z") | anything,
        "application": objects | anything,
        "somethingNew": anything,
    },
)
PIECES = b'{|}|[|]|"eventType":"a"|"payload":{}|,|"payload":{"a":"\\ud800"}|\xff|\xef\xbb\xbf|1e999|\\u0000|"|nul'
bodies = (
    messages.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | documents.map(lambda value: json.dumps(value).encode())
    | st.lists(st.sampled_from(PIECES.split(b"|")), max_size=14).map(b"".join)
    | st.binary(max_size=60)
)
applications = st.sampled_from(APPLICATIONS) | st.text(st.characters(exclude_characters="/"), max_size=20)

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])


class Publishers:
    """One server, for as many publishers as hypothesis sends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = office(max_body_bytes=2_000)
        self.place: Office = self.loop.run_until_complete(self.context.__aenter__())
        self.loop.run_until_complete(self._set_up())
        self.token = self.place.token()
        self.accepted = 0

    async def _set_up(self) -> None:
        for uid in APPLICATIONS:
            await self.place.application(uid, enforceSchemas=uid == "strict")
        for name, schema in SCHEMAS.items():
            await self.place.event_type(name, schemas={"1": schema})

    def close(self) -> None:
        self.loop.run_until_complete(self.context.__aexit__(None, None, None))
        self.loop.close()

    def ask(self, *args: Any, **how: Any) -> Reply:
        return self.loop.run_until_complete(self.place.ask(*args, **how))

    def publish(self, app: str, body: bytes | list[bytes], **how: Any) -> Reply | None:
        """One request; None when the publisher hung up. What was accepted is found again."""
        self.place.advance(0.001)
        try:
            reply = self.ask("POST", f"/api/v1/app/{app}/msg", body, **{"token": self.token, **how})
        except HungUp:
            assert how.get("end") == "gone"
            return None
        sound(reply)
        if reply.status == 202:
            self.accepted += 1
            self.find(app, body if isinstance(body, bytes) else b"".join(body), reply)
        return reply

    def find(self, app: str, body: bytes, reply: Reply) -> None:
        """The message is there, with the bytes that were published."""
        shown = self.ask("GET", f"/api/v1/app/{app}/msg/{reply.json['id']}", token=self.token)
        assert shown.status == 200
        assert {**shown.json, "deliverAt": None} == {**reply.json, "deliverAt": None}
        event = self.loop.run_until_complete(self.place.store.events.get("org_default", reply.json["id"]))
        assert event is not None
        payload = event.request.body
        raw = (json.loads(body).get("transformationsParams") or {}).get("rawPayload")
        if raw is None:
            assert payload in body and payload in reply.body and payload in shown.body
            assert reply.json["payload"] == json.loads(payload)
        else:
            assert payload == raw.encode()
            assert raw in (reply.json.get("rawPayload"), payload.decode())


def sound(reply: Reply) -> None:
    assert reply.status in STATUSES, reply.body
    assert reply.headers[b"content-type"] == b"application/json"
    if reply.status == 202:
        assert {"id", "eventType", "eventId", "channels", "timestamp", "payload"} <= set(reply.json)
        assert isinstance(reply.json["payload"], dict)
    else:
        assert set(reply.json) == {"code", "detail"}
        assert isinstance(reply.json["detail"], list if reply.status == 422 else str)
    for name, value in reply.headers.items():
        assert not set(b"\r\n\0") & set(name + value)


@pytest.fixture(scope="module")
def publishers() -> Iterator[Publishers]:
    made = Publishers()
    yield made
    made.close()


@given(applications, bodies)
@settings(quick, max_examples=600)
def test_any_body_is_answered_and_what_is_accepted_is_there(publishers: Publishers, app: str, body: bytes) -> None:
    publishers.publish(app, body)


@given(
    st.fixed_dictionaries(
        {"eventType": st.sampled_from("abc"), "payload": objects},
        optional={
            "eventId": st.text("ab", min_size=1, max_size=2),
            "channels": st.lists(st.sampled_from(["eu", "us"]), min_size=1, max_size=2),
            "tags": st.lists(st.sampled_from(["red", "a/b\\c#"]), max_size=2),
            "transformationsParams": st.fixed_dictionaries({"rawPayload": st.text() | documents.map(json.dumps)}),
        },
    ),
    st.sampled_from([b"", b"1", b"2"]),
)
@settings(quick, max_examples=400)
def test_any_right_message_is_accepted_or_known(publishers: Publishers, message: dict[str, Any], key: bytes) -> None:
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    reply = publishers.publish("plain", body, headers=((b"idempotency-key", key),))
    assert reply is not None
    assert reply.status in (202, 409)


names_of_headers = st.sampled_from([b"authorization", b"idempotency-key", b"content-length", b"x-forwarded-for"])


@given(
    applications,
    st.lists(bodies, max_size=3),
    st.lists(st.tuples(names_of_headers, st.binary(max_size=30)), max_size=4),
    st.binary(max_size=20)
    | st.sampled_from([b"with_content=%ff", b"with_content", b"with_content=true&with_content="]),
    st.booleans(),
    st.sampled_from(["", "Bearer", None]),
)
@settings(quick, max_examples=400)
def test_any_request_at_all_is_answered(
    publishers: Publishers,
    app: str,
    chunks: list[bytes],
    lines: list[tuple[bytes, bytes]],
    query: bytes,
    gone: bool,
    token: str | None,
) -> None:
    publishers.publish(
        app,
        chunks,
        headers=lines,
        query=query,
        end="gone" if gone or not chunks else "complete",
        token=publishers.token if token is None else token,
    )


def test_a_good_message_is_still_welcome_after_all_that(publishers: Publishers) -> None:
    before = publishers.accepted
    reply = publishers.publish("strict", b'{"eventType":"c","payload":{"good":true}}')
    assert reply is not None and reply.status == 202
    assert before > 100, "the fuzz never got past the door"
