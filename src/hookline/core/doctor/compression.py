"""Bodies that were compressed or uncompressed on their way."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

#: What a compressed body may become: a few kilobytes can say gigabytes.
MOST_BYTES = 10_000_000
#: Larger bodies are not compressed to see whether that was signed.
_MOST_COMPRESSED = 1_000_000

_GZIP_OR_ZLIB, _RAW = 47, -15
#: The last byte of a gzip header, the writer's system: Unix, unknown (Go), FAT (Java and .NET).
_SYSTEMS = (3, 255, 0)
_LEVELS = (6, 9, 1)


def expanded(body: bytes) -> Iterator[bytes]:
    """What the body says if it is compressed."""
    for form in (_GZIP_OR_ZLIB, _RAW):
        try:
            reader = zlib.decompressobj(form)
            text = reader.decompress(body, MOST_BYTES)
        except zlib.error:
            continue
        if reader.eof and text:
            yield text


def compressed(body: bytes) -> Iterator[bytes]:
    """The body as common libraries compress it."""
    if not body or len(body) > _MOST_COMPRESSED:
        return
    for level in _LEVELS:
        deflated = zlib.compressobj(level, zlib.DEFLATED, _RAW)
        raw = deflated.compress(body) + deflated.flush()
        tail = zlib.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")
        hint = 2 if level == 9 else 4 if level == 1 else 0  # RFC 1952 §2.3.1, XFL
        for system in _SYSTEMS:
            yield bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, hint, system)) + raw + tail
        yield zlib.compress(body, level)
