"""Mandrill signs the address it calls and, behind it, every field of the form with its value, in the order of names."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hookline.core.body import MAX_FORM_FIELDS, BodyKind, kind_of
from hookline.core.errors import VerificationError
from hookline.core.model import Request, full_url
from hookline.core.providers.signed import Options, Signed


def fields_of(request: Request) -> list[tuple[bytes, bytes]]:
    """The decoded fields of the form, by name.

    Raises VerificationError ``malformed_body`` when it is no form, too long, or has a name twice.
    """
    text = request.body.decode("latin-1")  # every byte is one character, so that bytes stay what they are
    try:
        if kind_of(request.lookup.get(b"content-type", b"")) is not BodyKind.FORM:
            raise ValueError("not a form")
        fields = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FORM_FIELDS)
        if len(dict(fields)) != len(fields):
            raise ValueError("a name occurs twice")
    except ValueError:
        raise VerificationError(
            "malformed_body",
            "Mandrill signs the fields of a form, and this body is not a form whose names differ. Check that nothing "
            "on the way changes the body",
        ) from None
    return sorted((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)


def _make(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    pieces = [name + value for name, value in fields_of(request)]
    return (b"".join([full_url(request).encode("utf-8", "replace"), *pieces]),)


SIGNED = Signed(
    words="the address and, behind it, the name and value of every form field, in the order of names",
    make=_make,
    binds_url=True,
)
