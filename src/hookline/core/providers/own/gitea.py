"""Gitea, Forgejo and Gogs sign the JSON document itself, also where a form carries it.

So of a form it is the decoded value of ``payload`` that counts, where GitHub signs the form as it is on the wire.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from hookline.core.body import BodyKind, kind_of
from hookline.core.errors import VerificationError
from hookline.core.model import Request
from hookline.core.providers.signed import Options, Signed

_FORM = "`payload` of a form, decoded, and the body of anything else"


def document(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    """The JSON document that is signed. Raises VerificationError for a form that is not just its ``payload``."""
    if kind_of(request.lookup.get(b"content-type", b"")) is not BodyKind.FORM:
        return (request.body,)
    name, _, value = request.body.partition(b"=")
    if name != b"payload" or b"&" in value:
        raise VerificationError(
            "malformed_body",
            "the form does not hold one field `payload` and nothing else, as those of this sender do. Check that "
            "the source names the right provider, and that nothing on the way changes the body",
        )
    return (unquote_to_bytes(value.replace(b"+", b" ")),)


#: What is signed under the sender's own headers.
DOCUMENT = Signed(words=_FORM, make=document)


def document_of_hub(header: str, prefix: str) -> Signed:
    """The same under the headers of GitHub, which hold a bare ``prefix`` when the hook has no secret."""
    name, bare = header.lower().encode("ascii"), prefix.encode("ascii")

    def make(request: Request, timestamp: bytes, options: Options) -> tuple[bytes, ...]:
        if request.lookup.get(name) == bare:
            raise VerificationError(
                "missing_signature",
                f"the {header} header holds no signature behind `{prefix}`. Check that the secret is set in the "
                "settings of the webhook",
            )
        return document(request, timestamp, options)

    return Signed(words=_FORM, make=make)
