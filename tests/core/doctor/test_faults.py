"""A test per fault and kind of sender: the first thing that is said is the right one, and nothing secret is said."""

from __future__ import annotations

import pytest

from hookline.core.doctor.diagnosis import WELL
from tests.core.doctor.families import FAMILIES, Case, Family
from tests.core.doctor.faults import FAULTS, Fault, all_faults

SEEDED = [pytest.param(family, fault, id=f"{fault}-{family}") for family, fault in all_faults()]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_nothing_is_wrong_with_a_genuine_request(family: Family) -> None:
    (told,) = family.case().told()
    assert (told.code, told.certain, told.is_well) == ("accepted", True, True)


@pytest.mark.parametrize(("family", "fault"), SEEDED)
def test_the_first_diagnosis_is_the_right_one(family: Family, fault: Fault) -> None:
    broken = fault.do(family.case())
    told = broken.told()
    assert (told[0].code, told[0].certain) == (fault.code, fault.certain), told
    assert not WELL & {one.code for one in told}
    assert [one.certain for one in told] == sorted((one.certain for one in told), reverse=True)
    assert len({one.code for one in told}) == len(told)
    assert_tells_nothing(broken, " ".join(one.problem + one.remedy for one in told))


def assert_tells_nothing(case: Case, text: str) -> None:
    """Secrets, signatures and what a request holds are in no text."""
    confidential = [*case.secrets, case.signing, *(secret for _, theirs in case.others for secret in theirs)]
    confidential += [value.decode("latin-1") for name, value in case.request.headers if b"host" not in name]
    confidential += [case.request.body.decode("latin-1")]
    assert not [one for one in confidential if len(one) > 16 and one.strip() in text]


def test_every_fault_is_seeded_somewhere() -> None:
    seeded = {fault.name for _, fault in all_faults()}
    assert {fault.name for fault in FAULTS} == seeded
