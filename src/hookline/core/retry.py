"""When a failed delivery is tried again. Pure: the dice are an argument."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from hookline.core.model import RetryPolicy

#: A receiver may ask us to wait, but not for longer than the longest wait of the customary schedule.
LONGEST_RETRY_AFTER_S = 36_000.0


def next_wait_s(
    policy: RetryPolicy, failed_attempts: int, dice: float, retry_after_s: float | None = None
) -> float | None:
    """Seconds to wait after the ``failed_attempts``-th failure, or None when the schedule is used up.

    ``dice`` is uniform in [0, 1). ``retry_after_s`` (from 429 and 503) can only make the wait longer.
    """
    if failed_attempts > len(policy.schedule_s):
        return None
    wait = policy.schedule_s[failed_attempts - 1]
    spread = wait * policy.jitter
    wait += spread * (2 * dice - 1)
    if retry_after_s is not None:
        wait = max(wait, min(retry_after_s, LONGEST_RETRY_AFTER_S))
    return wait


def parse_retry_after(value: bytes, now_s: float) -> float | None:
    """Seconds from now that a ``Retry-After`` header asks for (RFC 9110 §10.2.3), None when it says nothing."""
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # the obsolete forms name no zone, and mean UTC (RFC 9110 §5.6.7)
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now_s)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
