"""A token bucket: at most so many in a time on average, in bursts up to that number. Pure: time is an argument."""

from __future__ import annotations

from hookline.core.model import RateLimit


class Bucket:
    """One bucket, full at first.

    Whoever waits either asks again when there should be a token (``take``), or books the next token that nobody
    else has booked (``book``): then the tokens go to those who wait in the order in which they booked.
    """

    __slots__ = ("_at_ms", "_per_ms", "_size", "_tokens", "limit")

    def __init__(self, limit: RateLimit, now_ms: int) -> None:
        self.limit = limit
        self._size = float(limit.count)
        self._per_ms = limit.count / (limit.per_s * 1000)
        self._tokens = self._size  #: below zero: so many are booked that are not there yet
        self._at_ms = now_ms

    def wait_ms(self, now_ms: int) -> int:
        """The milliseconds until there is a token; 0 when there is one. Takes none."""
        self._flow(now_ms)
        return 0 if self._tokens >= 1 else int((1 - self._tokens) / self._per_ms) + 1

    def take(self, now_ms: int) -> int:
        """Take a token and return 0; or take none and return the milliseconds until there is one."""
        wait_ms = self.wait_ms(now_ms)
        if not wait_ms:
            self._tokens -= 1
        return wait_ms

    def book(self, now_ms: int) -> int:
        """Take the next free token, also when it is still to come; the milliseconds until then."""
        self._flow(now_ms)
        self._tokens -= 1
        return 0 if self._tokens >= 0 else int(-self._tokens / self._per_ms) + 1

    def give_back(self) -> None:
        """A token that was taken or booked is not needed."""
        self._tokens = min(self._size, self._tokens + 1)

    def is_full(self, now_ms: int) -> bool:
        """Whether a new bucket would be no fuller."""
        self._flow(now_ms)
        return self._tokens >= self._size

    def _flow(self, now_ms: int) -> None:
        if now_ms > self._at_ms:
            self._tokens = min(self._size, self._tokens + (now_ms - self._at_ms) * self._per_ms)
            self._at_ms = now_ms
