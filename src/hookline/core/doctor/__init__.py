"""Why a request does not prove itself, and what to change: ``hookline doctor``.

``examination.py`` asks each file here for the faults it knows. A fault is found by undoing it and verifying again, with
the same rows and the same code that refuse requests at the door; where nothing can be undone, what is likely is said as
likely. No text holds a secret, a signature that would have been right, or bytes of the request: of those only the names
of headers and the address without the values of its query.
"""

from __future__ import annotations

from hookline.core.doctor.capture import read_capture
from hookline.core.doctor.diagnosis import Diagnosis
from hookline.core.doctor.examination import diagnose
from hookline.core.doctor.rejected import diagnose_rejection

__all__ = ["Diagnosis", "diagnose", "diagnose_rejection", "read_capture"]
