"""A JSON text as other libraries would have written it.

Works on the tokens, never on values: what is said stays to the letter (``1.10``, repeated names), only blanks between
tokens, escapes within strings and the order of names change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from hookline.core.body import MAX_DEPTH

#: Larger bodies are not rewritten: that would take seconds, and a stranger chooses them.
MOST_BYTES = 65_536

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_OPEN, _CLOSE = frozenset("{["), frozenset("}]")
_COMMA, _COLON = frozenset(","), frozenset(":")

Writer = Callable[[str], str]


def rewritten(body: bytes) -> Iterator[bytes]:
    """The same document in the forms in which common libraries write it; nothing when it is not JSON."""
    if len(body) > MOST_BYTES:
        return
    try:
        text = body.decode("utf-8-sig")
        json.loads(text)
    except (ValueError, RecursionError):
        return
    tokens = _TOKEN.findall(text)
    if _depth(tokens) > MAX_DEPTH:
        return
    for ordered in (tokens, _sorted(tokens)):
        written = {token: token for token in ordered if token[0] == '"'}
        for write in _WRITERS:
            strings = {token: write(token) for token in written}
            whole = [strings.get(token, token) for token in ordered]
            for layout in _layouts(whole):
                yield layout.encode("utf-8", "surrogatepass")
                yield layout.encode("utf-8", "surrogatepass") + b"\n"


def _depth(tokens: Sequence[str]) -> int:
    depth = deepest = 0
    for token in tokens:
        depth += (token in _OPEN) - (token in _CLOSE)
        deepest = max(deepest, depth)
    return deepest


# -- blanks ----------------------------------------------------------------------------------------------


def _layouts(tokens: Sequence[str]) -> Iterator[str]:
    yield "".join(tokens)
    yield "".join(_SPACED.get(token, token) for token in tokens)
    yield "".join(", " if token in _COMMA else token for token in tokens)
    yield "".join(": " if token in _COLON else token for token in tokens)
    for unit in ("  ", "    ", "\t"):
        yield _indented(tokens, unit, ": ")
    yield _indented(tokens, "  ", " : ")  # Jackson


_SPACED = {",": ", ", ":": ": "}


def _indented(tokens: Sequence[str], unit: str, colon: str) -> str:
    parts: list[str] = []
    depth = 0
    for position, token in enumerate(tokens):
        before = tokens[position - 1] if position else ""
        if token in _CLOSE:
            depth -= 1
            if before not in _OPEN:  # `{}` and `[]` stay together
                parts.append("\n" + unit * depth)
        elif before in _OPEN or before == ",":
            parts.append("\n" + unit * depth)
        if token in _OPEN:
            depth += 1
        parts.append(colon if token in _COLON else token)
    return "".join(parts)


# -- strings ---------------------------------------------------------------------------------------------


def _as_it_is(token: str) -> str:
    return token


def _plain(token: str) -> str:
    return json.dumps(json.loads(token, strict=False), ensure_ascii=False)


def _ascii(token: str) -> str:
    return json.dumps(json.loads(token, strict=False))


def _php(token: str) -> str:
    return _ascii(token).replace("/", "\\/")


def _php_unicode(token: str) -> str:
    return _plain(token).replace("/", "\\/")


def _html(token: str) -> str:
    """As Go and Rails write it."""
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", _plain(token))


def _capital_escapes(token: str) -> str:
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), _ascii(token))


def _dotnet(token: str) -> str:
    inner = _capital_escapes(token)[1:-1].replace('\\"', "\\u0022")
    return '"' + re.sub("[<>&'+`]", lambda found: f"\\u{ord(found[0]):04X}", inner) + '"'


_WRITERS: tuple[Writer, ...] = (_as_it_is, _plain, _ascii, _php, _php_unicode, _html, _capital_escapes, _dotnet)


# -- names in order --------------------------------------------------------------------------------------


def _sorted(tokens: Sequence[str]) -> list[str]:
    """The tokens with the members of every object in the order of their names."""
    written, _ = _value(tokens, 0)
    return written


def _value(tokens: Sequence[str], start: int) -> tuple[list[str], int]:
    """One value from ``start`` on, and where it ends. The tokens are valid JSON, and not deeper than MAX_DEPTH."""
    opening = tokens[start]
    if opening not in _OPEN:
        return [opening], start + 1
    items: list[tuple[str, list[str]]] = []
    position = start + 1
    while tokens[position] not in _CLOSE:
        if tokens[position] == ",":
            position += 1
        name: list[str] = []
        if opening == "{":
            name, position = [tokens[position], ":"], position + 2
        value, position = _value(tokens, position)
        items.append((name[0] if name else "", [*name, *value]))
    if opening == "{":
        items.sort(key=lambda item: json.loads(item[0], strict=False))
    written = [opening]
    for number, (_, item) in enumerate(items):
        written += [",", *item] if number else item
    return [*written, tokens[position]], position + 1
