"""A token bucket: at most so many in a time on average, in bursts up to that number. Pure: time is an argument."""

from __future__ import annotations

from hookline.core.model import RateLimit


class Bucket:
    """One bucket, full at first."""

    __slots__ = ("_at_ms", "_per_ms", "_size", "_tokens")

    def __init__(self, limit: RateLimit, now_ms: int) -> None:
        self._size = float(limit.count)
        self._per_ms = limit.count / (limit.per_s * 1000)
        self._tokens = self._size
        self._at_ms = now_ms

    def take(self, now_ms: int) -> int:
        """Take a token and return 0; or take none and return the milliseconds until there is one."""
        if now_ms > self._at_ms:
            self._tokens = min(self._size, self._tokens + (now_ms - self._at_ms) * self._per_ms)
            self._at_ms = now_ms
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return int((1 - self._tokens) / self._per_ms) + 1
