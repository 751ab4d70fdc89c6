"""Paddle Classic signs its form as PHP serialises it: the decoded fields, sorted by name, without the signature."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hookline.core.body import MAX_FORM_FIELDS
from hookline.core.errors import VerificationError
from hookline.core.model import Request
from hookline.core.providers.signed import Options, Signed

_SIGNATURE = b"p_signature"


def fields_of(request: Request) -> dict[bytes, bytes]:
    """The decoded fields of the form but the signature, by name and in that order.

    Raises VerificationError ``malformed_body`` when a name occurs twice or there are too many.
    """
    try:
        pairs = parse_qsl(
            request.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise _malformed(f"more than {MAX_FORM_FIELDS} fields") from None
    fields = {name.encode("latin-1"): value.encode("latin-1") for name, value in pairs}
    if len(fields) != len(pairs):
        raise _malformed("a field twice")
    fields.pop(_SIGNATURE, None)
    return dict(sorted(fields.items()))


def _messages(request: Request, timestamp: bytes, options: Options) -> tuple[bytes, ...]:
    fields = fields_of(request)
    pairs = [_text(name) + _text(value) for name, value in fields.items()]
    return (b"a:%d:{%b}" % (len(fields), b"".join(pairs)),)


def _text(text: bytes) -> bytes:
    return b's:%d:"%b";' % (len(text), text)


def _malformed(problem: str) -> VerificationError:
    return VerificationError(
        "malformed_body", f"this form has {problem}. Check that nothing on the way changes the body"
    )


#: A PHP array of strings; lengths are in bytes.
SIGNED = Signed(words="all other form fields, sorted by name, as PHP serialises them", make=_messages)
