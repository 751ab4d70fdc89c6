"""Every row of the catalogue can be examined: faults that make sense for all are found in all."""

from __future__ import annotations

import msgspec
import pytest

from hookline.core.doctor import diagnose
from hookline.core.model import Request
from hookline.core.providers.provider import Provider
from tests.core.providers.making import NOW, SIGNS_MEANING
from tests.core.providers.test_verify import WAYS, alone, scheme_of, signed_request

Way = tuple[Provider, str, str, str]

ways = pytest.mark.parametrize("way", WAYS, ids=[f"{way[0].slug}-{way[1]}-{n}" for n, way in enumerate(WAYS)])


def first(way: Way, request: Request, now_s: float = NOW) -> tuple[str, bool]:
    told = diagnose(alone(way), request, [way[3]], now_s)
    return told[0].code, told[0].certain


@ways
def test_a_genuine_request_is_accepted_and_a_late_one_is_late(way: Way) -> None:
    request = signed_request(way)
    assert first(way, request) == ("accepted", True)
    assert first(way, request, NOW + 400_000) in (("stale_timestamp", True), ("accepted", True))


@ways
def test_the_secret_of_another_source_is_recognised(way: Way) -> None:
    told = diagnose(alone(way), signed_request(way), ["not-the-secret"], NOW, others=[("a", ["x"]), ("twin", [way[3]])])
    assert [one.code for one in told] == ["secret_of_other_source"]
    assert "`twin`" in told[0].problem


@ways
def test_a_line_end_behind_a_signed_body_is_found(way: Way) -> None:
    request = signed_request(way)
    changed = msgspec.structs.replace(request, body=request.body + b"\n")
    covered = scheme_of(way).covers_body and way[0].slug not in SIGNS_MEANING
    assert first(way, changed) in (
        [("body_line_ends", True)] if covered else [("accepted", True), ("body_line_ends", True)]
    )


@pytest.mark.parametrize(
    "way", [way for way in WAYS if scheme_of(way).binds_url], ids=lambda way: f"{way[0].slug}-{way[1]}"
)
def test_an_address_that_lost_its_https_is_found(way: Way) -> None:
    request = signed_request(way)
    changed = msgspec.structs.replace(request, url=request.url.replace("https:", "http:"))
    assert first(way, changed) in (("wrong_url", True), ("accepted", True))
