"""A form as other libraries would have written it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote_from_bytes, unquote_to_bytes

MOST_BYTES = 65_536
MOST_FIELDS = 2_000

#: What is left as it is beside letters and digits: RFC 3986, browsers and Java, JavaScript's encodeURIComponent, PHP.
_SAFE = ("-._~", "-._*", "-_.!~*'()", "-_.")


def rewritten(body: bytes) -> Iterator[bytes]:
    """The same fields in the forms in which common libraries write them; nothing when it is no form."""
    if len(body) > MOST_BYTES or b"=" not in body:
        return
    pieces = body.split(b"&", MOST_FIELDS)
    if len(pieces) > MOST_FIELDS:
        return
    fields = [
        tuple(unquote_to_bytes(part.replace(b"+", b" ")) for part in piece.partition(b"=")[::2]) for piece in pieces
    ]
    for ordered, safe, plus, capitals in product((fields, sorted(fields)), _SAFE, (True, False), (True, False)):
        yield b"&".join(b"=".join(_quoted(part, safe, plus, capitals) for part in field) for field in ordered)


def _quoted(text: bytes, safe: str, plus: bool, capitals: bool) -> bytes:
    written = quote_from_bytes(text, safe="").encode()
    if "~" not in safe:
        written = written.replace(b"~", b"%7E")
    for character in "!*'()":
        if character in safe:
            written = written.replace(b"%%%02X" % ord(character), character.encode())
    if not capitals:
        pieces = written.split(b"%")
        written = b"%".join([pieces[0], *(piece[:2].lower() + piece[2:] for piece in pieces[1:])])
    return written.replace(b"%20", b"+") if plus else written
