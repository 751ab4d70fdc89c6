"""User name and password in a URL: they become an `Authorization` header, which is kept secret."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote_to_bytes, urlsplit

AUTHORIZATION = "Authorization"

#: The length of URL that endpoints may have; a longer one is refused there, as it came.
_LONGEST = 2048


def without_credentials(url: str) -> tuple[str, str]:
    """The URL without user name and password, and the value of the header that says the same (RFC 7617), or none."""
    try:
        userinfo, at, host = urlsplit(url).netloc.rpartition("@")
    except ValueError:
        return url, ""  # it is refused where URLs are checked
    if not at or len(url) > _LONGEST:
        return url, ""
    name, _, password = userinfo.partition(":")
    plain = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return url.replace(f"{userinfo}@{host}", host, 1), f"Basic {b64encode(plain).decode()}"


def with_header(headers: dict[str, str], name: str, value: str) -> dict[str, str]:
    """The headers with this one, in place of any that is spelt otherwise."""
    return {**without_header(headers, name), name: value}


def without_header(headers: dict[str, str], name: str) -> dict[str, str]:
    """The headers without this one, however it is spelt."""
    return {known: value for known, value in headers.items() if known.lower() != name.lower()}
