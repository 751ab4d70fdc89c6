"""Which headers an endpoint may be given: what neither Svix nor Hookline sets itself, and no cloud relies on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from hookline.config.fields import checked
from hookline.core.errors import InvalidInput

LONGEST_VALUE_BYTES = 4096

#: What describes our own body, our own client, or a cache. The framing of the connection is refused by EndpointSpec.
FORBIDDEN = frozenset(
    {
        "age",
        "cache-control",
        "clear-site-data",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-type",
        "expires",
        "keep-alive",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "warning",
    }
)

#: Signatures, and what load balancers and clouds tell each other.
FORBIDDEN_BEGINNINGS = (
    "svix-",
    "webhook-",
    "x-amz-",
    "x-amzn-",
    "x-azure-",
    "x-fd-",
    "x-gfe",
    "x-goog-",
    "x-google",
    "x-svix-",
)


def check_name_allowed(name: str) -> str:
    """Return the name of a header that may be set. Raises InvalidInput."""
    if name.lower() in FORBIDDEN or name.lower().startswith(FORBIDDEN_BEGINNINGS):
        raise InvalidInput(f"header `{name}` cannot be set here: leave it out")
    return name


def check_value(value: str) -> str:
    """Return the value of a header when it is short enough. Raises InvalidInput, which does not hold it."""
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_VALUE_BYTES:
        raise InvalidInput(f"the value of a header has at most {LONGEST_VALUE_BYTES} bytes")
    return value


HeaderName = Annotated[str, AfterValidator(checked(check_name_allowed))]
HeaderValue = Annotated[str, AfterValidator(checked(check_value))]

#: To set; what else is wrong with a name or a value, EndpointSpec says.
Headers = dict[HeaderName, HeaderValue]

#: To change; null removes a header.
HeaderChanges = dict[HeaderName, HeaderValue | None]
