"""Grafana signs the time of sending when its contact point names a header for it, else the body alone.

The header decides which: else a body that begins with a time could pass for a time and a body.
"""

from __future__ import annotations

from hookline.core.errors import VerificationError
from hookline.core.model import Request
from hookline.core.providers.options import Option
from hookline.core.providers.signed import Options, Signed

#: Grafana itself proposes no name for the header with the time.
TIMESTAMP = Option(
    "timestamp_header",
    "the name of the timestamp header that you chose in the contact point",
    default="X-Grafana-Alerting-Timestamp",
    header=True,
)


def body_alone(request: Request, _timestamp: bytes, options: Options) -> tuple[bytes, ...]:
    """The body. Raises VerificationError when a time came with it, which then is signed too."""
    name = options.get(TIMESTAMP.name, TIMESTAMP.default)
    if name.lower().encode("ascii") in request.lookup:
        raise VerificationError(
            "malformed_signature",
            f"the {name} header is here, so the time must be signed with the body, and it is not. Check that "
            "nothing on the way adds this header",
        )
    return (request.body,)


BODY_ALONE = Signed(words="the body, where no timestamp header came with it", make=body_alone)
