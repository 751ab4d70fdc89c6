"""What was sent to door 1, and what the server said to it. The verdict is reached by this book, not by the server's."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

#: The source whose events are forgotten 100 ms after they came, once they are over.
SHORT_LIVED = "brief"


@dataclass(slots=True)
class Parcel:
    """One event as its sender knows it."""

    source: str
    provider_id: str
    event_type: str
    body: bytes
    trace: bytes  #: the value of a header of its own, which has to come through as well
    acknowledged: list[str] = field(default_factory=list)  #: the event ids of all 2xx answers
    unknown: int = 0  #: how often the connection ended before the answer
    refused: bool = False  #: answered by neither a 2xx nor a 503
    given_up: bool = False  #: it was not sent again

    @property
    def promised(self) -> bool:
        """Whether the server gave its word."""
        return bool(self.acknowledged)


class Acknowledgements:
    """How many 2xx there were, at both doors, and a signal for those who wait for more."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def add(self) -> None:
        """One more."""
        self.count += 1
        for count, reached in self._waiting:
            if self.count >= count:
                reached.set()

    async def wait_for(self, count: int) -> None:
        """Return when there are ``count`` of them since the start."""
        reached = asyncio.Event()
        self._waiting.append((count, reached))
        if self.count < count:
            await reached.wait()


class Ledger:
    """All parcels."""

    def __init__(self, acknowledgements: Acknowledgements) -> None:
        self.parcels: list[Parcel] = []
        self.duplicates = 0  #: acknowledgements that said `duplicate`
        self.answers: Counter[int] = Counter()
        self._acknowledgements = acknowledgements

    def acknowledge(self, parcel: Parcel, event_id: str, *, duplicate: bool) -> None:
        """The server said 2xx."""
        parcel.acknowledged.append(event_id)
        self.duplicates += duplicate
        self._acknowledgements.add()


class Maker:
    """Makes parcels: every one different, all of them valid, none of them tidy."""

    def __init__(self, ledger: Ledger, seed: str) -> None:
        self._ledger, self._dice, self._seed = ledger, random.Random(seed), seed
        self._made = 0

    def make(self) -> Parcel:
        """The next parcel."""
        self._made += 1
        name = f"{self._seed}-{self._made}"
        source = self._dice.choices(["github", "orders", "payments", SHORT_LIVED], weights=[4, 3, 2, 3])[0]
        event_type = self._dice.choice(["push", "issues"]) if source == "github" else "order.paid"
        parcel = Parcel(source, f"evt_{name}", event_type, self._body(name, event_type), f"trace {name} é".encode())
        self._ledger.parcels.append(parcel)
        return parcel

    def _body(self, name: str, event_type: str) -> bytes:
        return untidy(self._dice, f'"id":"evt_{name}"', f'"type":"{event_type}"') + self._dice.choice([b"", b" \r\n"])


def untidy(dice: random.Random, *members: str) -> bytes:
    """A JSON object with these members that a parser and a printer would not give back as it was."""
    space = dice.choice(["", " ", "\n\t", "  \r\n"])
    text = dice.choice(["", "\\u00e9\\/", "Zürich ☂", "\\ud83d\\ude00"]) * dice.randint(0, 200)
    number = dice.choice(["1.0", "1E3", "-0", "12345678901234567890.10"])
    parts = [*members, f'"n":{number}', f'"text":{space}"{text}"']
    return f"{{{space}{f',{space}'.join(parts)}{space}}}".encode()
