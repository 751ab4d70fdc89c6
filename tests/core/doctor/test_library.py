"""``hookline.diagnose``: the same answers without a server, from what frameworks have at hand."""

from __future__ import annotations

import pytest

import hookline
from hookline.core.errors import InvalidInput
from tests.core.doctor.families import BODY, FAMILIES
from tests.core.providers.making import NOW

CASE = FAMILIES[2].case()
HEADERS = {name.decode(): value.decode() for name, value in CASE.request.headers}


def codes(**changes: object) -> list[str]:
    asked = {"headers": HEADERS, "body": BODY, "secrets": CASE.secrets[0], "now": NOW, **changes}
    told = hookline.diagnose("stripe", **asked)  # type: ignore[arg-type]
    assert all(isinstance(one, hookline.Diagnosis) for one in told)
    return [one.code for one in told]


def test_a_request_is_diagnosed_with_the_arguments_of_verify() -> None:
    assert codes() == ["accepted"]
    assert codes(body=BODY + b"\n") == ["body_line_ends"]
    assert codes(secrets=["other", f"{CASE.secrets[0]} "]) == ["secret_has_whitespace"]
    assert codes(now=NOW + 400) == ["stale_timestamp"]
    assert codes(now=NOW + 400, tolerance_s=500) == ["accepted"]
    assert codes(headers={}) == ["missing_header"]


def test_the_address_and_options_count() -> None:
    options = {"header": "X-Sig", "signed": "{url}{raw_body}"}
    case = next(one for one in FAMILIES if one.name == "url-bound").case()
    asked = {"headers": case.request.headers, "body": BODY, "secrets": case.secrets, "now": NOW, "options": options}
    url = "https://hooks.example.com/webhooks/x?a=1"
    assert hookline.diagnose("generic", url=url, **asked)[0].code == "accepted"  # type: ignore[arg-type]
    told = hookline.diagnose("generic", url=url.replace("https", "http"), **asked)  # type: ignore[arg-type]
    assert told[0].code == "wrong_url"


def test_a_provider_that_is_not_known_is_said() -> None:
    with pytest.raises(InvalidInput, match="no provider"):
        hookline.diagnose("stripf", headers={}, body=b"", secrets="s")
