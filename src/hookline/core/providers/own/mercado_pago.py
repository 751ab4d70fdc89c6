"""Mercado Pago signs where the request went and when, not what it says."""

from __future__ import annotations

from hookline.core.errors import VerificationError
from hookline.core.model import Request
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.where import as_bytes, header, query, request_reader

_DATA_ID = query("data.id")
_REQUEST_ID = header("x-request-id")
_read_data_id = request_reader(_DATA_ID)


def _messages(request: Request, timestamp: bytes, options: Options) -> tuple[bytes, ...]:
    data_id = _read_data_id(request)
    if isinstance(data_id, list):
        raise VerificationError(
            "repeated_signature",
            "the `data.id` query parameter occurs more than once in this request. Check whether a proxy adds it again",
        )
    given = as_bytes(data_id) or b""
    request_id = request.lookup.get(b"x-request-id", b"")
    if b";" in given or b";" in request_id:
        raise VerificationError(
            "bad_signature",
            "the `data.id` query parameter or the x-request-id header holds a semicolon, so what was signed is not "
            "certain. Check that nothing on the way changes them",
        )
    end = (b"request-id:%b;" % request_id if request_id else b"") + b"ts:%b;" % timestamp
    spellings = dict.fromkeys((given, given.lower()))
    return tuple((b"id:%b;" % one if one else b"") + end for one in spellings)


#: The id of the resource as it stands in the address and in small letters, the request id and the time.
SIGNED = Signed(
    words="the `data.id` query parameter, the x-request-id header and the time, each where it is there",
    make=_messages,
    covers_body=False,
    covers=(_DATA_ID, _REQUEST_ID),
)
