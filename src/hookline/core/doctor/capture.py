"""A captured request, as tools write it to a file: the request line, header lines, an empty line, the body."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from hookline.core.errors import InvalidInput
from hookline.core.headers import index
from hookline.core.model import Headers, Request

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (\S+)(?: HTTP/[0-9.]+)?")


def read_capture(text: bytes, url: str = "") -> Request:
    """The request in ``text`` (RFC 9112 §2.1, line ends may be bare), called at ``url`` where it is known.

    The body stays as it is, but for a line end beyond ``Content-Length``, which editors add. Raises InvalidInput that
    says what a captured request looks like.
    """
    head, body = _parts(text)
    lines = head.decode("latin-1").replace("\r\n", "\n").lstrip("\n").split("\n")
    start = _REQUEST_LINE.fullmatch(lines[0].strip())
    if start is None:
        raise InvalidInput(
            "this is no captured request: write `POST /path HTTP/1.1`, a line for each header, an empty line, and the "
            "body"
        )
    headers = tuple(_header(line, number) for number, line in enumerate(lines[1:], 2) if line.strip())
    return request_of(start[1], start[2], headers, _as_announced(body, index(headers)), url)


def request_of(method: str, target: str, headers: Headers, body: bytes, url: str = "") -> Request:
    """A request to ``target``, a path or a whole address; ``url`` is the whole address where it is another one.

    Raises InvalidInput when an address cannot be read.
    """
    is_whole = target.lower().startswith(("http://", "https://"))
    whole = url or (target if is_whole else "")
    try:
        parts = urlsplit(whole or target)
    except ValueError:
        raise InvalidInput("the address of this request cannot be read") from None
    request = Request(
        method.upper(),
        parts.path or "/",
        parts.query.encode("utf-8", "replace"),
        headers,
        index(headers),
        body,
        scheme=parts.scheme or "https",
    )
    return msgspec.structs.replace(request, url=whole) if whole else request


def _parts(text: bytes) -> tuple[bytes, bytes]:
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    end = _EMPTY_LINE.search(text)
    return (text[: end.start()], text[end.end() :]) if end else (text.rstrip(b"\r\n"), b"")


def _header(line: str, number: int) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise InvalidInput(f"line {number} of the captured request is no header: write `Name: value`")
    return name.strip().encode("latin-1"), value.strip(" \t\r").encode("latin-1")


def _as_announced(body: bytes, lookup: dict[bytes, bytes]) -> bytes:
    length = lookup.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 18:
        return body
    rest = body[int(length) :]
    return body[: int(length)] if rest in (b"\n", b"\r\n") else body
