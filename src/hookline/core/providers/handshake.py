"""Handshakes: questions a provider asks before, or between, events. Data, and the answer to them.

A handshake that echoes something is a signing oracle or a reflector when anybody may ask, so what is
echoed is short text, served as what it is and never sniffed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from hookline.core.model import Request, Response
from hookline.core.providers.signed import Options
from hookline.core.providers.where import Place, Where, as_bytes, parsed, reader

_LONGEST_ECHO = 2_048
#: What a secret looks like that is worth keeping.
_SECRET = re.compile(r"[!-~]{16,256}")
_NOSNIFF = (b"x-content-type-options", b"nosniff")

#: The answer to a request that is this handshake: its question (the value at ``echo``, empty without one), the secrets
#: and options of the source. None when it must not be answered. Never raises.
Respond: TypeAlias = Callable[[Request, bytes, Sequence[str], Options], Response | None]


@dataclass(frozen=True, slots=True)
class Handshake:
    """One handshake: when the value at ``when`` equals ``equals``, answer with the value at ``echo``.

    Without ``when`` the method alone tells; an empty ``equals`` stands for any value, ``[]`` for an empty list.
    ``echo_in`` is how the value goes back: as the body, in ``json:NAME``, a member of a JSON object, or in
    ``header:NAME``. ``respond`` computes the answer where an echo is not one. ``learns`` is where a secret is that the
    source must keep.
    """

    id: str
    signed: bool  #: answered only after the signature was checked
    when: Where | None = None
    equals: str = ""
    echo: Where | None = None
    echo_in: str = ""
    methods: tuple[str, ...] = ("POST",)
    status: int = 200
    content_type: str = "text/plain"
    body: bytes = b""
    respond: Respond | None = None
    learns: Where | None = None


#: The answer to a request, or None when it is not this handshake. Does not look at signatures.
Answerer: TypeAlias = Callable[[Request, Sequence[str], Options], Response | None]


def answerer(handshake: Handshake, json_field: str = "") -> Answerer:
    """A function that answers ``handshake``."""
    read_when = reader(handshake.when, json_field) if handshake.when else None
    read_echo = reader(handshake.echo, json_field) if handshake.echo else None
    read_secret = reader(handshake.learns, json_field) if handshake.learns else None
    wanted = handshake.equals.encode()
    must_be_in_body = _marker(handshake)

    def answer(request: Request, secrets: Sequence[str], options: Options) -> Response | None:
        # Bodies are parsed only when the word is in them: nearly no request is a handshake.
        if request.method not in handshake.methods or must_be_in_body not in request.body:
            return None
        body = parsed(request)
        if read_when is not None and not _is(read_when(request, body), wanted):
            return None
        question = _echo(read_echo(request, body)) if read_echo else b""
        if question is None:
            return None
        if handshake.respond is not None:
            return handshake.respond(request, question, secrets, options)
        if read_secret is None:
            return _response(handshake, question, "")
        learned = read_secret(request, body)
        secret = learned.decode("latin-1") if isinstance(learned, bytes) else learned
        if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
            return None
        return _response(handshake, question, secret)

    return answer


def json_response(value: object) -> Response:
    """A JSON answer that a browser will not take for anything else."""
    return Response(200, msgspec.json.encode(value), headers=(_NOSNIFF,))


def text_response(text: bytes) -> Response:
    """A plain answer that a browser will not take for anything else."""
    return Response(200, text, "text/plain", headers=(_NOSNIFF,))


def _marker(handshake: Handshake) -> bytes:
    """What must stand in the body, if anything."""
    when = handshake.when
    if when is None or when.place not in (Place.BODY, Place.FORM):
        return b""
    last = when.name.rpartition("/")[2].encode()
    return last if handshake.equals in ("", "[]") else handshake.equals.encode()


def _is(value: object, wanted: bytes) -> bool:
    if wanted == b"[]":
        return value == []
    text = as_bytes(value)
    return text is not None and (text == wanted or not wanted)


def _echo(value: object) -> bytes | None:
    if not isinstance(value, str | bytes):
        return None
    text = as_bytes(value)
    return text if text and len(text) <= _LONGEST_ECHO else None


def _response(handshake: Handshake, echoed: bytes, learned: str) -> Response:
    where, _, name = handshake.echo_in.partition(":")
    headers: tuple[tuple[bytes, bytes], ...] = (_NOSNIFF,)
    body, content_type = handshake.body or echoed, handshake.content_type
    if where == "header":
        headers, body = (*headers, (name.lower().encode(), _one_line(echoed))), handshake.body
    elif where == "json":
        body, content_type = msgspec.json.encode({name: echoed.decode("utf-8", "replace")}), "application/json"
    return Response(handshake.status, body, content_type, headers, learned=learned)


def _one_line(text: bytes) -> bytes:
    return bytes(byte for byte in text if 0x20 <= byte < 0x7F)
