"""What the verdict has to go by: the books of the senders, the requests at the receiver, and the rows on disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hookline.testing.receiver import Received
from tests.torture.doors import Doors
from tests.torture.evidence import Evidence
from tests.torture.ledger import Ledger
from tests.torture.messages import MessageBook


@dataclass(frozen=True, slots=True)
class Interruption:
    """Something that kept a server from recording what it sent, from a time until a time (of the receiver's clock).

    ``cause`` continues "in flight when …". Whoever was killed is interrupted for no time at all.
    """

    cause: str
    began_at_s: float
    ended_at_s: float


@dataclass(slots=True)
class Findings:
    """Everything that was found out."""

    ledger: Ledger
    book: MessageBook
    arrivals: list[Received]
    evidence: Evidence
    doors: Doors
    interruptions: list[Interruption]
    wall_offset_s: float  #: what is added to the receiver's clock to get the servers'
    replays: Counter[str]  #: how many replays were asked for, by organisation
    troubles: list[str] = field(default_factory=list)  #: what went wrong with the servers themselves


@dataclass(slots=True)
class Verdict:
    """What is wrong (nothing, it is hoped), and the numbers."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
