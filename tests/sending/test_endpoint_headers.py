from __future__ import annotations

import pytest

from hookline.api.sending.header_rules import FORBIDDEN, FORBIDDEN_BEGINNINGS

from .conftest import Sending

PATH = "/app/customer/endpoint/a"


async def an_endpoint(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")


async def test_headers_are_set_changed_and_sent(sending: Sending) -> None:
    await an_endpoint(sending)
    assert await sending.got("GET", f"{PATH}/headers") == {"headers": {}, "sensitive": []}
    await sending.got(
        "PUT", f"{PATH}/headers", {"headers": {"X-Shop": "1", "X-Region": "eu", "X-Old": "o"}}, status=204
    )
    changes = {"X-New": "n", "x-region": "us", "x-old": None, "X-Never": None}
    await sending.got("PATCH", f"{PATH}/headers", {"headers": changes}, status=204)
    expected = {"X-Shop": "1", "x-region": "us", "X-New": "n"}
    assert (await sending.got("GET", f"{PATH}/headers"))["headers"] == expected
    await sending.publish()
    assert [sending.receiver.requests[0].header(name) for name in expected] == ["1", "us", "n"]
    await sending.got("PUT", f"{PATH}/headers", {"headers": {"X-Only": "1"}}, status=204)
    assert (await sending.got("GET", f"{PATH}/headers"))["headers"] == {"X-Only": "1"}


async def test_headers_can_be_given_with_a_new_endpoint_and_are_not_in_its_answer(sending: Sending) -> None:
    await sending.app()
    created = await sending.endpoint(uid="a", headers={"X-Shop": "1"})
    assert "headers" not in created
    assert (await sending.got("GET", f"{PATH}/headers"))["headers"] == {"X-Shop": "1"}


@pytest.mark.parametrize(
    "name",
    ["Authorization", "X-Auth-Token", "X-API-Key", "WWW-Authenticate", "Cookie", "X-Shop-Secret", "X-Password"],
)
async def test_a_value_that_could_be_a_credential_is_named_but_not_shown(sending: Sending, name: str) -> None:
    await an_endpoint(sending)
    await sending.got("PUT", f"{PATH}/headers", {"headers": {name: "not-a-real-one", "X-Shop": "1"}}, status=204)
    assert await sending.got("GET", f"{PATH}/headers") == {"headers": {"X-Shop": "1"}, "sensitive": [name]}
    await sending.publish()
    assert sending.receiver.requests[0].header(name) == "not-a-real-one"
    await sending.got("PATCH", f"{PATH}/headers", {"headers": {"X-Shop": None}}, status=204)
    assert await sending.got("GET", f"{PATH}/headers") == {"headers": {}, "sensitive": [name]}
    assert not any("not-a-real-one" in answer.text for answer in sending.world.answers)


async def test_headers_that_are_not_for_customers_to_set_are_refused(sending: Sending) -> None:
    await an_endpoint(sending)
    names = [*FORBIDDEN, *(f"{beginning}x" for beginning in FORBIDDEN_BEGINNINGS), "Host", "Connection", "Expect"]
    assert len(FORBIDDEN) == 19
    for name in names:
        for spelt in (name, name.upper()):
            told = await sending.wrong("PUT", f"{PATH}/headers", {"headers": {spelt: "1"}})
            assert [place for place in told if place.startswith("body.headers")], name
            assert spelt in str(told)
    for method, path, body in (
        ("PATCH", f"{PATH}/headers", {"headers": {"Svix-Id": "1"}}),
        ("POST", "/app/customer/endpoint", {"url": "https://a.example.com", "headers": {"Svix-Id": "1"}}),
        ("PATCH", PATH, {"headers": {"Svix-Id": "1"}}),
    ):
        assert [place for place in await sending.wrong(method, path, body) if place.startswith("body.headers")]
    assert (await sending.got("GET", f"{PATH}/headers"))["headers"] == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X A", "1"),
        ("", "1"),
        ("X-Ä", "1"),
        ("X-A", "ä"),
        ("X-A", "a\r\nX-B: 1"),
        ("X-A", " a"),
        ("X-A", "x" * 4097),
        ("X-A", 1),
    ],
)
async def test_a_name_or_value_that_cannot_be_sent_is_refused(sending: Sending, name: str, value: object) -> None:
    await an_endpoint(sending)
    for method in ("PUT", "PATCH"):
        told = await sending.wrong(method, f"{PATH}/headers", {"headers": {name: value}})
        assert all(place.startswith("body.headers") for place in told)
    twice = {"headers": {"X-A": "1", "x-a": "2"}}
    assert set(await sending.wrong("PUT", f"{PATH}/headers", twice)) == {"body.headers"}
    assert set(await sending.wrong("PUT", f"{PATH}/headers", {})) == {"body.headers"}


async def test_the_longest_value_is_sent(sending: Sending) -> None:
    await an_endpoint(sending)
    await sending.got("PUT", f"{PATH}/headers", {"headers": {"X-A": "x" * 4096}}, status=204)
    await sending.publish()
    assert sending.receiver.requests[0].header("x-a") == "x" * 4096
