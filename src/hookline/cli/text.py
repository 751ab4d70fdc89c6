"""Text for people: nothing that a stranger sent can move the cursor, change a colour or hide a line."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from hookline.config.units import format_duration

#: Characters that are not shown as themselves: control, format (bidirectional overrides, zero width),
#: surrogates, private use, unassigned, and separators that end a line.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Bytes that do not belong in text; a body with any of them is shown in part, as bytes.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

#: How much of a body that is no text is shown.
SHOWN_BYTES = 256

_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000


def visible(text: str) -> str:
    """``text`` on one line, with an escape in place of every character that is not seen as itself."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible_lines(text: str) -> list[str]:
    """``text`` line by line, each of them visible; tabs become four spaces."""
    return [visible(line.replace("\t", "    ").removesuffix("\r")) for line in text.split("\n")]


def body_lines(body: bytes) -> list[str]:
    """A body as people read it: JSON on many lines, other text as it is, anything else as bytes."""
    if not body:
        return []
    try:
        # Only spaces change: numbers, escapes and repeated keys stay as they came.
        return visible_lines(msgspec.json.format(body, indent=2).decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if _BINARY.search(body) is None:
        return visible_lines(body.decode("utf-8", "backslashreplace"))
    more = f" … and {len(body) - SHOWN_BYTES} more bytes" if len(body) > SHOWN_BYTES else ""
    return [f"{body[:SHOWN_BYTES].hex(' ')}{more}"]


def age(at_ms: int, now_ms: int) -> str:
    """``3m ago``, ``in 2h``, ``now``: in the largest unit that fits."""
    passed = now_ms - at_ms
    if abs(passed) < 1000:
        return "now"
    for unit_ms in (_DAY_MS, _HOUR_MS, _MINUTE_MS, 1000):
        if abs(passed) >= unit_ms:
            length = format_duration(abs(passed) // unit_ms * unit_ms / 1000)
            return f"{length} ago" if passed > 0 else f"in {length}"
    raise AssertionError("unreachable")
