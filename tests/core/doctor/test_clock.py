"""Right signatures at the wrong time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookline.core.doctor.clock import span
from hookline.core.providers.registry import build_generic
from tests.core.doctor.families import FAMILIES, Case
from tests.core.providers.making import NOW

STRIPE = FAMILIES[2].case()


@pytest.mark.parametrize(
    ("late_s", "code", "said"),
    [
        (
            400,
            "stale_timestamp",
            "made 6 minutes 40 seconds before the request was looked at, and 5 minutes are allowed",
        ),
        (7_205, "stale_timestamp", "almost exactly 2 hours, as between two time zones"),
        (19_800, "stale_timestamp", "almost exactly 5 hours 30 minutes, as between two time zones"),
        (4_000, "stale_timestamp", "compare"),
        (40 * 86_400, "stale_timestamp", "an old request, stored or replayed"),
        (-3_600, "future_timestamp", "almost exactly 1 hour"),
        (-900, "future_timestamp", "15 minutes in the future"),
    ],
)
def test_by_how_much_and_whose_clock_it_probably_is(late_s: float, code: str, said: str) -> None:
    (told,) = replace(STRIPE, now_s=NOW + late_s).told()
    assert (told.code, told.certain) == (code, True)
    assert said.lower() in f"{told.problem} {told.remedy}".lower()
    assert ("time zones" in told.problem) == (abs(late_s) in (7_205, 19_800, 3_600))


def test_a_tolerance_that_is_shorter_than_documented_is_named() -> None:
    (told,) = replace(STRIPE, now_s=NOW + 60, tolerance_s=10).told()
    assert "The source allows 10 seconds; Stripe documents 5 minutes." in told.remedy


@pytest.mark.parametrize(("written", "read"), [("ms", "s"), ("s", "ms"), ("iso", "s"), ("s", "iso"), ("ns", "s")])
def test_a_time_in_another_unit_is_no_wrong_clock(written: str, read: str) -> None:
    def sender(unit: str) -> Case:
        block = {
            "header": "X-Sig",
            "signed": "{timestamp}.{raw_body}",
            "timestamp": "header:X-At",
            "timestamp_unit": unit,
        }
        return replace(STRIPE, provider=build_generic(block), secrets=("s",), signing="s")

    (told,) = replace(sender(written).signed_anew(), provider=sender(read).provider).told()
    assert (told.code, told.certain) == ("wrong_timestamp_unit", True)
    assert f"`timestamp_unit: {written}`" in told.remedy


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (1, "1 second"), (61, "1 minute 1 second"), (7_200, "2 hours"), (86_400 * 400, "1 year 35 days"),
     (-90_061, "1 day 1 hour"), (3_601, "1 hour")],
)  # fmt: skip
def test_lengths_of_time_are_said_in_their_largest_units(seconds: float, said: str) -> None:
    assert span(seconds) == said
