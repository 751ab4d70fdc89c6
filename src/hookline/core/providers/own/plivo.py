"""Plivo: an HMAC over the address, the decoded and sorted fields of query and form, and a nonce.

As `plivo/utils/signature_v3.py` and `plivo/utils/__init__.py` of plivo 4.63.0. Version 2 signs only the address without
its query.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from hookline.core.body import MAX_FORM_FIELDS, BodyKind, kind_of
from hookline.core.errors import VerificationError
from hookline.core.model import Request, full_url
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.where import Where, header

NONCE_V3 = header("X-Plivo-Signature-V3-Nonce")
NONCE_V2 = header("X-Plivo-Signature-V2-Nonce")


def _v3(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    nonce = _nonce(request, NONCE_V3)
    address, _, query = full_url(request).encode("utf-8", "surrogatepass").partition(b"?")
    in_query = b"&".join(b"%b=%b" % pair for pair in _sorted_fields(query))
    in_form = b"".join(name + value for name, value in _sorted_fields(_form(request)))
    mark = b"?" if in_query or in_form else b""
    dot = b"." if in_query and in_form else b""
    return (b"".join((address, mark, in_query, dot, in_form, b".", nonce)),)


def _v2(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    address = full_url(request).encode("utf-8", "surrogatepass").partition(b"?")[0]
    return (address + _nonce(request, NONCE_V2),)


def _nonce(request: Request, where: Where) -> bytes:
    nonce = request.lookup.get(where.name.lower().encode())
    if not nonce:
        raise VerificationError(
            "missing_header",
            f"the signature covers {where.words}, and this request has nothing there. Check that nothing on the way "
            "removes it",
        )
    return nonce


def _form(request: Request) -> bytes:
    if request.body and kind_of(request.lookup.get(b"content-type", b"")) is not BodyKind.FORM:
        raise VerificationError(
            "body_mismatch",
            "Plivo signs the fields of a form, and this body is none. Check that nothing on the way changes the "
            "content type, and that the source names the right provider",
        )
    return request.body


def _sorted_fields(text: bytes) -> list[tuple[bytes, bytes]]:
    """The decoded names and values of a form or query, as bytes, sorted."""
    try:
        pairs = parse_qsl(
            text.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise VerificationError(
            "malformed_body",
            f"there are more than {MAX_FORM_FIELDS} fields. Check that the source names the right provider",
        ) from None
    return sorted((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs)


SIGNED_V3 = Signed(
    words="the address, the sorted fields of its query and of the form, and the nonce",
    make=_v3,
    binds_url=True,
    covers=(NONCE_V3,),
)
SIGNED_V2 = Signed(
    words="the address without its query, and the nonce",
    make=_v2,
    covers_body=False,
    binds_url=True,
    covers=(NONCE_V2,),
)
