"""The verdict: both doors, and what they share."""

from __future__ import annotations

from collections.abc import Iterator

from tests.torture.applications import CUSTOMERS, OPERATIONAL
from tests.torture.findings import Findings, Verdict
from tests.torture.receiving import ENDPOINTS, ReceivingCase
from tests.torture.sending import SendingCase


def judge(found: Findings) -> Verdict:
    """Hold everything against each other."""
    receiving, sending = ReceivingCase(found), SendingCase(found)
    problems = [*receiving.problems(), *sending.problems(), *_remainders(found), *_manners(found), *found.troubles]
    counts = {**receiving.counts(), **{f"door 2: {name}": count for name, count in sending.counts().items()}}
    return Verdict(problems, counts)


def _remainders(found: Findings) -> Iterator[str]:
    """Nothing is left half done, nothing came from nowhere, and the file is sound."""
    known = {name for names in ENDPOINTS.values() for name in names} | {OPERATIONAL}
    known |= {uid for customer in CUSTOMERS.values() for uid in customer.endpoints}
    for path in sorted({arrival.path.strip("/") for arrival in found.arrivals} - known):
        yield f"INVENTED: requests came to {path}"
    if found.evidence.unfinished_replays:
        yield f"STUCK: {found.evidence.unfinished_replays} replays are not finished"
    if found.evidence.unfinished_fanouts:
        yield f"STUCK: {found.evidence.unfinished_fanouts} events still wait for their deliveries"
    if found.evidence.integrity != "ok":
        yield f"BROKEN: the database says {found.evidence.integrity}"


def _manners(found: Findings) -> Iterator[str]:
    """Whoever is told to come again is told when."""
    if found.doors.impatient:
        yield f"REFUSED: {found.doors.impatient} times without a Retry-After"
