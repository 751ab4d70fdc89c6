"""Addresses are shown without what may be secret in them."""

from __future__ import annotations

import pytest

from hookline.core.doctor.address import shown
from tests.core.doctor.families import FAMILIES
from tests.core.doctor.faults import FAULTS


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://x.example/a?token=s3cret&b", "https://x.example/a?token=…&b=…"),
        ("https://user:pass@x.example:8443/a", "https://x.example:8443/a"),
        ("http://[", "an address that cannot be read"),
    ],
)
def test_the_values_of_a_query_and_passwords_are_left_out(address: str, said: str) -> None:
    assert shown(address) == said


def test_both_addresses_are_named() -> None:
    family = next(one for one in FAMILIES if one.name == "url-bound")
    fault = next(one for one in FAULTS if one.name == "inner-host")
    (told,) = fault.do(family.case()).told()
    assert "fits https://hooks.example.com/webhooks/x?a=…" in told.problem
    assert "come to https://10.0.0.7:8400/webhooks/x?a=…" in told.problem
    assert "`url: https://hooks.example.com/webhooks/x`" in told.remedy
