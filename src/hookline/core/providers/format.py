"""Taking signatures out of the header that holds them, and putting them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hookline.core.providers.refusal import malformed
from hookline.core.providers.scheme import Format, Signature

#: The fields beside the signatures, by their key; only KV has any.
Fields: TypeAlias = dict[bytes, bytes]
Parser: TypeAlias = Callable[[bytes], tuple[list[bytes], Fields]]

#: Rotation needs two or three; a longer list only costs time.
MAX_SIGNATURES = 20

_NO_FIELDS: Fields = {}


def format_parser(signature: Signature) -> Parser:
    """A function that splits a value into signatures (without prefix and tag) and other fields.

    It raises VerificationError ``malformed_signature``.
    """
    make = {
        Format.PLAIN: _plain_parser,
        Format.LIST: _list_parser,
        Format.KV: _kv_parser,
        Format.SPACE_LIST: _space_list_parser,
        Format.POSITIONAL: _positional_parser,
        Format.NUMBERED: _list_parser,
        Format.PIPE_PAIRS: _pipe_pairs_parser,
    }
    return make[signature.format](signature)


def write_signature(signature: Signature, encoded: bytes, timestamp: tuple[str, bytes] | None) -> bytes:
    """The value that holds one signature; ``timestamp`` is its field in a KV value."""
    one = signature.prefix.encode() + encoded
    if signature.format is Format.SPACE_LIST:
        return signature.tag.encode() + b"," + one
    if signature.format is Format.POSITIONAL:
        return signature.delimiter.encode().join([*([timestamp[1]] if timestamp else []), one])
    if signature.format is Format.PIPE_PAIRS:
        return b"public-key|" + one
    if signature.format is Format.KV:
        pairs = [b"%b=%b" % (timestamp[0].encode(), timestamp[1])] if timestamp else []
        return signature.delimiter.encode().join([*pairs, b"%b=%b" % (signature.tag.encode(), one)])
    return one


def _plain_parser(signature: Signature) -> Parser:
    prefix = signature.prefix.encode()
    start = len(prefix)

    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        if not value.startswith(prefix):
            raise malformed(signature, f"does not begin with `{signature.prefix}`")
        return [value[start:]], _NO_FIELDS

    return parse


def _list_parser(signature: Signature) -> Parser:
    prefix, delimiter = signature.prefix.encode(), signature.delimiter.encode()

    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        items = [item.strip() for item in value.split(delimiter, MAX_SIGNATURES)]
        found = [item[len(prefix) :] for item in items if item.startswith(prefix)]
        if not found:
            raise malformed(signature, f"holds nothing that begins with `{signature.prefix}`")
        return _bounded(signature, found), _NO_FIELDS

    return parse


def _kv_parser(signature: Signature) -> Parser:
    tag, delimiter, prefix = signature.tag.encode(), signature.delimiter.encode(), signature.prefix.encode()

    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        found: list[bytes] = []
        fields: Fields = {}
        if b" " in value:  # some senders put a space behind the delimiter, or between groups of pairs
            value = delimiter.join(value.split())
        for pair in value.split(delimiter, 4 * MAX_SIGNATURES):
            key, _, text = pair.partition(b"=")
            if key == tag:
                if text.startswith(prefix):
                    found.append(text[len(prefix) :])
            else:
                fields.setdefault(key, text)
        if not found:
            raise malformed(signature, f"holds no `{signature.tag}=…` signature")
        return _bounded(signature, found), fields

    return parse


def _positional_parser(signature: Signature) -> Parser:
    delimiter, prefix = signature.delimiter.encode(), signature.prefix.encode()

    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        first, *rest = (item.strip() for item in value.split(delimiter, 4 * MAX_SIGNATURES))
        found = [item[len(prefix) :] for item in rest if item.startswith(prefix)]
        if not found:
            raise malformed(signature, "holds no signature behind its time")
        return _bounded(signature, found), {b"0": first}

    return parse


def _pipe_pairs_parser(signature: Signature) -> Parser:
    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        pairs = (pair.partition(b"|") for pair in value.split(b"&", 4 * MAX_SIGNATURES))
        found = [text.strip() for _, bar, text in pairs if bar]
        if not found:
            raise malformed(signature, "holds no `public key|signature` pair")
        return _bounded(signature, found), _NO_FIELDS

    return parse


def _space_list_parser(signature: Signature) -> Parser:
    wanted = signature.tag.encode() + b"," + signature.prefix.encode()

    def parse(value: bytes) -> tuple[list[bytes], Fields]:
        found = [item[len(wanted) :] for item in value.split(b" ", 4 * MAX_SIGNATURES) if item.startswith(wanted)]
        if not found:
            raise malformed(signature, f"holds no `{signature.tag},…` signature")
        return _bounded(signature, found), _NO_FIELDS

    return parse


def _bounded(signature: Signature, found: list[bytes]) -> list[bytes]:
    if len(found) > MAX_SIGNATURES:
        raise malformed(signature, f"holds more than {MAX_SIGNATURES} signatures")
    return found
