"""What came of sending one request."""

from __future__ import annotations

import time

import msgspec

from hookline.core.model import Headers


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """A response, or the reason why there is none.

    ``status`` 0 means that no complete response came; then ``error`` says why, by a stable code:

    ``bad_request``                  a given header cannot be sent; ``detail`` names it, never its value
    ``dns_failed`` ``dns_timeout``   the name has no address / none was found within the connect timeout
    ``blocked_address``              no address of the host may be connected to; nothing was sent
    ``connect_refused`` ``connect_timeout`` ``connect_failed``
    ``tls_failed``                   the handshake failed or the certificate was not accepted
    ``timeout``                      connected, but no complete response within the total timeout
    ``connection_closed``            the server closed before its response was complete
    ``malformed_response``           what came is not an HTTP/1.1 response
    ``response_headers_too_large``   the response's head is larger than we read
    ``shutdown``                     the sender was closed
    ``internal_error``               a fault in Hookline itself, which is in the log; tried again like any failure
    """

    status: int = 0
    error: str = ""
    detail: str = ""
    headers: Headers = ()
    body: bytes = b""  #: as it came (still compressed if it was), cut at the sender's cap
    duration_ms: float = 0.0  #: from the call of ``send``, name look-up included
    address: str = ""  #: the vetted address that was connected to


def failure(started: float, error: str, detail: str, address: str = "") -> Outcome:
    """An outcome without response; ``started`` is the ``time.perf_counter()`` at which sending began."""
    duration_ms = (time.perf_counter() - started) * 1000
    return Outcome(error=error, detail=detail, duration_ms=duration_ms, address=address)
