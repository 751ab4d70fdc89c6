"""Which servers deliver, and which of them is the home of what.

New events are sent by whoever stored them. Everything else has a **home** among the delivering servers, the same in the
eyes of all of them: it claims what is due there and was not sent at once, and pushes what is done in steps. An endpoint
whose order, rate or small concurrency must be kept as a whole is sent to by its home alone.

Homes are drawn by rendezvous hashing (Thaler and Ravishankar, 1996): when a server comes or goes, only what becomes its
own, or was, has another home. For a moment two servers may disagree; leases and fences keep that harmless.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b

import msgspec

#: Homes that are not drawn anew each time.
MOST_REMEMBERED = 100_000


class Cluster(msgspec.Struct, frozen=True, dict=True):
    """The servers that deliver: ``me``, which is one of them or only stores, and all ``nodes`` by id."""

    me: str = ""
    nodes: frozenset[str] = frozenset()

    @cached_property
    def size(self) -> int:
        """How many share the work; at least one."""
        return max(1, len(self.nodes))

    @cached_property
    def _homes(self) -> dict[str, bool]:
        return {}

    def is_home(self, key: str) -> bool:
        """Whether ``me`` is the home of what has this id."""
        if len(self.nodes) <= 1:
            return not self.nodes or self.me in self.nodes
        known = self._homes.get(key)
        if known is None:
            if len(self._homes) >= MOST_REMEMBERED:
                self._homes.clear()
            known = self._homes[key] = max(self.nodes, key=lambda node: _weight(node, key)) == self.me
        return known


def _weight(node: str, key: str) -> bytes:
    return blake2b(f"{node} {key}".encode(), digest_size=8).digest()


#: The only server there is.
ALONE = Cluster()
