"""Saying what an unforeseen exception was without its text, which can hold anything, also a secret."""

from __future__ import annotations

import traceback

#: What whoever asked is told.
WORDS = "this is a fault of Hookline; its log says where"

#: The innermost frames are enough to find the place.
_MOST_FRAMES = 8


def where(error: BaseException) -> list[str]:
    """The places an exception came through, the outermost first: ``file:line function``."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def described(error: BaseException) -> str:
    """Its type and where it was raised, in one line."""
    return " < ".join([type(error).__name__, *reversed(where(error))])
