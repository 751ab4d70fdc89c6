"""Rate limits at the door, per source and per client address, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict

from hookline.core.bucket import Bucket
from hookline.core.model import RateLimit

#: Addresses that are remembered at once. A flood from more addresses than this forgets the longest silent.
MOST_BUCKETS = 50_000


class Limits:
    """One bucket per key, the longest unused forgotten first."""

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        self._buckets: OrderedDict[tuple[str, str], tuple[RateLimit, Bucket]] = OrderedDict()

    def take(self, key: tuple[str, str], limit: RateLimit, now_ms: int) -> int:
        """0 when one more is within ``limit``, else the milliseconds to wait. A changed limit begins anew."""
        known = self._buckets.get(key)
        if known is None or known[0] != limit:
            known = self._buckets[key] = (limit, Bucket(limit, now_ms))
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return known[1].take(now_ms)
