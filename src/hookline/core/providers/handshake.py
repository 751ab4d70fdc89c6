"""Handshakes: questions a provider asks before, or between, events. Data, and the answer to them.

A handshake that echoes something is a signing oracle or a reflector when anybody may ask, so what is
echoed is short text, served as what it is and never sniffed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from hookline.core.model import Request, Response
from hookline.core.providers.where import Place, Where, as_bytes, parsed, reader

_LONGEST_ECHO = 2_048


@dataclass(frozen=True, slots=True)
class Handshake:
    """One handshake: when the value at ``when`` equals ``equals``, answer with the value at ``echo``."""

    id: str
    when: Where
    equals: str
    signed: bool  #: answered only after the signature was checked
    echo: Where | None = None
    methods: tuple[str, ...] = ("POST",)
    status: int = 200
    content_type: str = "text/plain"


#: The answer to a request, or None when it is not this handshake. Does not look at signatures.
Answerer: TypeAlias = Callable[[Request], Response | None]


def answerer(handshake: Handshake, json_field: str = "") -> Answerer:
    """A function that answers ``handshake``."""
    read_when = reader(handshake.when, json_field)
    read_echo = reader(handshake.echo, json_field) if handshake.echo else None
    wanted = handshake.equals.encode()
    must_be_in_body = wanted if handshake.when.place in (Place.BODY, Place.FORM) else b""

    def answer(request: Request) -> Response | None:
        # Bodies are parsed only when the word is in them: nearly no request is a handshake.
        if request.method not in handshake.methods or must_be_in_body not in request.body:
            return None
        body = parsed(request)
        if as_bytes(read_when(request, body)) != wanted:
            return None
        echoed = _echo(read_echo(request, body)) if read_echo else b""
        return None if echoed is None else _response(handshake, echoed)

    return answer


def _echo(value: object) -> bytes | None:
    if not isinstance(value, str | bytes):
        return None
    text = as_bytes(value)
    return text if text and len(text) <= _LONGEST_ECHO else None


def _response(handshake: Handshake, body: bytes) -> Response:
    return Response(
        status=handshake.status,
        body=body,
        content_type=handshake.content_type,
        headers=((b"x-content-type-options", b"nosniff"),),
    )
