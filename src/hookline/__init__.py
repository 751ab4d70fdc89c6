"""Hookline: receives, verifies, sends and delivers webhooks.

Four functions need no server: `verify`, `handshake`, `key_url` and `diagnose`; see ``library.py``. They are loaded
when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hookline.core.doctor import Diagnosis
    from hookline.core.errors import VerificationError
    from hookline.library import VerifiedEvent, diagnose, handshake, key_url, verify

__all__ = ["Diagnosis", "VerificationError", "VerifiedEvent", "diagnose", "handshake", "key_url", "verify"]


def __getattr__(name: str) -> Any:
    if name == "VerificationError":
        from hookline.core.errors import VerificationError

        return VerificationError
    if name in __all__:
        from hookline import library

        return getattr(library, name)
    raise AttributeError(f"module 'hookline' has no attribute {name!r}")
