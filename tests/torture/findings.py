"""What the verdict has to go by: the books of the senders, the requests at the receiver, and the rows on disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hookline.testing.receiver import Received
from tests.torture.evidence import Evidence
from tests.torture.ledger import Ledger
from tests.torture.messages import MessageBook


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the server: when it began, for its own clock and for the receiver's, and how it ended."""

    started_at_ms: int
    started_at_s: float
    killed: bool


@dataclass(slots=True)
class Findings:
    """Everything that was found out."""

    ledger: Ledger
    book: MessageBook
    arrivals: list[Received]
    evidence: Evidence
    lives: list[Life]
    replays: Counter[str]  #: how many replays were asked for, by organisation


@dataclass(slots=True)
class Verdict:
    """What is wrong (nothing, it is hoped), and the numbers."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
