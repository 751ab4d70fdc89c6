"""Headers that something on the way removed, renamed, repeated or rewrote."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from hookline.core.doctor.case import Case, header_names, words_of
from hookline.core.doctor.diagnosis import Cure, Finding, cured
from hookline.core.headers import occurrences
from hookline.core.providers.scheme import Encoding, Format, Scheme

#: What is looked at among the headers of a stranger.
_MOST_LINES = 100
_LONGEST_VALUE = 20_000
#: A shorter value proves nothing, so it is no lost signature.
_SHORTEST_PROOF = 8

_LOOK_FOR_PROXY = "Look for a proxy, gateway or framework between the sender and Hookline that does this."

#: What was done to a value (ends "the … header …"), and how it is undone.
_Mend = tuple[str, Callable[[bytes], bytes]]

_OTHER_PREFIX = re.compile(rb"(?:(?:hmac-?)?(?:sha|md)-?[0-9]+|v[0-9]+|signature|hmac)[=:,]", re.IGNORECASE)

_MENDS: tuple[_Mend, ...] = (
    ("has blanks around its value", bytes.strip),
    ("has quotation marks around its value", lambda value: value.strip().strip(b"\"'`")),
    ("holds the printed form of bytes, as `b'…'`", lambda value: re.sub(rb"^b(['\"])(.*)\1$", rb"\2", value.strip())),
    ("is percent-encoded", unquote_to_bytes),
    ("has blanks where plus signs were", lambda value: value.replace(b" ", b"+")),
    ("holds its own name in front of its value", lambda value: value.partition(b":")[2].strip()),
    ("has semicolons where commas belong", lambda value: value.replace(b";", b",")),
    ("has a list with commas where blanks belong", lambda value: value.replace(b", ", b" ")),
    ("lost the `=` at its end", lambda value: value + b"="),
    ("lost the `=` at its end", lambda value: value + b"=="),
)


def find(case: Case) -> Iterator[Finding]:
    """A request that verifies when a header is put right."""
    for scheme in case.schemes:
        names = header_names(scheme)
        yield from _repeated(case, names)
        yield from _renamed(case, [name for name in names if name not in case.request.lookup])
        yield from _altered(case, scheme, [name for name in names if name in case.request.lookup])


# -- repeated --------------------------------------------------------------------------------------------


def _repeated(case: Case, names: tuple[bytes, ...]) -> Iterator[Finding]:
    for name in names:
        values = [value for line_name, value in case.request.headers[:_MOST_LINES] if line_name.lower() == name]
        how = "comes more than once"
        if len(values) == 1:
            values, how = _joined(values[0]), "holds several values in one line, separated by commas"
        for value in values if len(values) > 1 else []:
            cure = case.with_header(name, value)
            if case.works(cure):
                yield cured(
                    "repeated_header",
                    f"{_begin(name)} {how}; one of the values is right.",
                    f"{_LOOK_FOR_PROXY} Most often a proxy adds the sender's header once more.",
                    cure,
                )
                return


def _joined(value: bytes) -> list[bytes]:
    """The parts of a list, and its halves: a value may have commas of its own."""
    parts = [part.strip() for part in value[:_LONGEST_VALUE].split(b",", 20)]
    if len(parts) < 2:
        return []
    middle = len(parts) // 2
    halves = [b",".join(parts[:middle]), b",".join(parts[middle:])] if len(parts) % 2 == 0 else []
    return [*parts, *halves]


# -- renamed ---------------------------------------------------------------------------------------------


def _renamed(case: Case, missing: list[bytes]) -> Iterator[Finding]:
    if not missing:
        return
    pairs = {name: found for name in missing if (found := _alike(case, name))}
    cures = [pairs] if len(pairs) == len(missing) else []
    unknown = [name for name in missing if name not in pairs]
    if len(unknown) <= 1:
        wanted = unknown or missing[:1]
        cures += [{**pairs, wanted[0]: line_name} for line_name, value in _lines(case) if len(value) >= _SHORTEST_PROOF]
    for names in cures:
        cure = case.with_values({name: case.request.lookup[found] for name, found in names.items()})
        if case.works(cure):
            name, found = next(iter(names.items()))
            yield cured(
                "renamed_header",
                f"{_begin(name)} is missing, and {words_of(found)} holds what belongs in it.",
                f"{_LOOK_FOR_PROXY} Let it pass headers with the names they came with.",
                cure,
            )
            return


def _lines(case: Case) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in case.request.headers[:_MOST_LINES] if len(value) <= _LONGEST_VALUE]


def _alike(case: Case, name: bytes) -> bytes:
    """The header whose name holds this one, hyphens and underscores apart: ``HTTP_X_SIG``, ``X-Original-X-Sig``."""
    wanted = _letters(name)
    stem = wanted.removeprefix(b"x")
    names = [line_name for line_name, _ in _lines(case)]
    whole = next((one for one in names if wanted in _letters(one)), b"")
    return whole or next((one for one in names if len(stem) > 5 and stem in _letters(one)), b"")


def _letters(name: bytes) -> bytes:
    return re.sub(rb"[^a-z0-9]", b"", name.lower())


# -- altered ---------------------------------------------------------------------------------------------


def _altered(case: Case, scheme: Scheme, names: list[bytes]) -> Iterator[Finding]:
    for mends, places in ((_MENDS, [names, *([name] for name in names)]), (_signature_mends(scheme), [names[:1]])):
        for words, mend in mends:
            for chosen in places:
                cure = _mended(case, chosen, mend)
                if cure is not None and case.works(cure):
                    yield cured("altered_header", f"{_begin(chosen[0])} {words}.", _remedy(case, words), cure)
                    return


def _mended(case: Case, names: list[bytes], mend: Callable[[bytes], bytes]) -> Cure | None:
    before = {name: case.request.lookup[name] for name in names}
    if not before or any(
        len(value) > _LONGEST_VALUE or occurrences(case.request.headers, n) > 1 for n, value in before.items()
    ):
        return None
    after = {name: mend(value) for name, value in before.items()}
    return case.with_values(after) if after != before else None


def _signature_mends(scheme: Scheme) -> Iterator[_Mend]:
    signature = scheme.signature
    if signature is None or signature.format is Format.NUMBERED:
        return
    prefix, tag = signature.prefix.encode(), signature.tag.encode()
    if prefix:
        lacks = f"lacks the `{signature.prefix}` in front of the signature"
        yield lacks, lambda value: prefix + value
        yield f"has `{signature.prefix}` twice", lambda value: value.removeprefix(prefix)
        yield (
            f"has something else where `{signature.prefix}` belongs",
            lambda value: prefix + _OTHER_PREFIX.sub(b"", value, count=1),
        )
        yield f"has `{signature.prefix}` in other letters", lambda value: prefix + value[len(prefix) :]
    else:
        yield _UNWANTED, lambda value: _OTHER_PREFIX.sub(b"", value, count=1)
    if tag:
        mark = b"," if signature.format is Format.SPACE_LIST else b"="
        yield f"lacks the `{signature.tag}` in front of the signature", lambda value: tag + mark + value
        yield (
            f"has another mark between `{signature.tag}` and the signature",
            lambda value: re.sub(rb"(^| )" + re.escape(tag) + rb"[=:]", rb"\g<1>" + tag + mark, value),
        )
    if signature.encoding in (Encoding.HEX, Encoding.HEX_ANY_CASE):
        yield "holds a `0x` in front of the signature", lambda value: value.replace(b"0x", b"", 1)
        yield "holds the signature in base64 of its hexadecimal text", _hex_of_base64
    yield "holds the signature as base64 of the whole value", _from_base64


_UNWANTED = "holds a prefix in front of the signature that does not belong there"


def _remedy(case: Case, words: str) -> str:
    if case.is_generic and ("prefix" in words or "lacks the `" in words or "something else" in words):
        return "Say in the `signature` block of the source (`prefix`, `tag`) what stands in front of the signature."
    return f"{_LOOK_FOR_PROXY} The header must arrive as it was sent, to the letter."


def _from_base64(value: bytes) -> bytes:
    try:
        raw = a2b_base64(value, strict_mode=True)
    except Base64Error:
        return value
    return raw if b64encode(raw) == value and b"\n" not in raw else value


def _hex_of_base64(value: bytes) -> bytes:
    head, mark, tail = value.rpartition(b"=") if not value.endswith(b"=") else (b"", b"", value)
    return head + mark + _from_base64(tail)


def _begin(name: bytes) -> str:
    words = words_of(name)
    return words[0].upper() + words[1:]
