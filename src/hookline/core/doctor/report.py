"""Diagnoses as JSON: what the API answers and what ``--json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hookline.core.doctor.diagnosis import Diagnosis


def report(diagnoses: Sequence[Diagnosis]) -> dict[str, Any]:
    """``accepted``, and the ``diagnoses`` in their order."""
    return {
        "accepted": is_well(diagnoses),
        "diagnoses": [
            {"code": one.code, "problem": one.problem, "remedy": one.remedy, "certain": one.certain}
            for one in diagnoses
        ],
    }


def is_well(diagnoses: Sequence[Diagnosis]) -> bool:
    """Whether nothing is wrong."""
    return all(one.is_well for one in diagnoses)
