"""The kinds of value in sources and endpoints: read from what people write, checked, and written back."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from hookline.config import units
from hookline.config.schemas import check_schema
from hookline.config.secrets import check_reference, is_reference
from hookline.core import filter as patterns
from hookline.core.errors import HooklineError, InvalidInput
from hookline.core.model import PUBLISHED_ADDRESSES, RateLimit
from hookline.core.signature import PRIVATE, SYMMETRIC, Signer, decode_secret
from hookline.core.target import Target

T = TypeVar("T")
R = TypeVar("R")


class Spec(BaseModel):
    """What people write. Unknown keys are refused, and no error message or repr shows a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)


def checked(check: Callable[[T], R]) -> Callable[[T], R]:
    """``check`` for pydantic: a HooklineError becomes a problem of the field, in the same words."""

    def validate(value: T) -> R:
        try:
            return check(value)
        except HooklineError as error:
            raise problem(error.message) from None

    return validate


def problem(message: str) -> PydanticCustomError:
    """What a validator raises to say ``message``."""
    return PydanticCustomError("hookline", "{message}", {"message": message})


def duration_between(shortest: str, longest: str) -> Callable[[object], float]:
    """A reader of durations within these bounds, both included."""
    low, high = units.parse_duration(shortest), units.parse_duration(longest)

    def parse(value: object) -> float:
        seconds = units.parse_duration(value)
        if not low <= seconds <= high:
            raise InvalidInput(f"must be between {shortest} and {longest}")
        return seconds

    return parse


def check_slug(text: str) -> str:
    """Names that stand in addresses, commands and metrics."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", text):
        raise InvalidInput("must be 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit")
    return text


def check_network(text: str) -> str:
    """An address or a network in its canonical spelling, as in ``192.0.2.0/24``."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput("must be an address or a network, as in `192.0.2.7` or `192.0.2.0/24`") from None
    raise InvalidInput(f"has bits set after the prefix; did you mean `{meant}`?")


def check_url(url: str) -> str:
    """The syntax of an endpoint's address; whether it may be connected to is decided when it is."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidInput("a URL has no spaces, backslashes or letters beyond ASCII; encode them with %")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("is not a URL; write one such as `https://example.com/hooks`") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidInput("a URL begins with http:// or https://")
    if "@" in parts.netloc:
        raise InvalidInput("a URL must not hold a user name or password; use `headers`")
    if not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise InvalidInput("is not a URL; write one such as `https://example.com/hooks`")
    if parts.fragment:
        raise InvalidInput("a URL for requests has no fragment (the part after #)")
    Target.parse(url)  # as strict as whoever will connect, so that what is accepted can be sent to
    return url


_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_.])?|[0-9a-f:]*:[0-9a-f:.]*")


def check_signing_secret(secret: str) -> str:
    """A Standard Webhooks secret: ``whsec_`` and 24 to 75 bytes in base64, or a private ``whsk_`` key.

    The specification ends at 64 bytes; Svix takes 75, and a secret must be able to move from there to here.
    """
    if not secret.startswith((SYMMETRIC, PRIVATE)):
        raise InvalidInput("an endpoint's secret begins with `whsec_`; leave `secrets` out to have one generated")
    Signer((secret,))
    if secret.startswith(SYMMETRIC) and not 24 <= len(decode_secret(secret)) <= 75:
        raise InvalidInput("an endpoint's secret has 24 to 75 bytes, encoded in base64 after `whsec_`")
    return secret


def _check_signing_reference(reference: str) -> str:
    check_reference(reference)
    return reference if is_reference(reference) else check_signing_secret(reference)


def _check_plain(text: str) -> str:
    if not all(c.isprintable() or c == "\n" for c in text):
        raise InvalidInput("must not have control characters")
    return text


def _schema(kind: str | list[str], **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


def _duration(parse: Callable[[object], float]) -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    return (
        PlainValidator(checked(parse)),
        PlainSerializer(units.format_lifetime, return_type=str, when_used="json"),
        _schema(["string", "number"], examples=["5s", "5m", "30d"]),
    )


_lifetime = _duration(units.parse_lifetime)
_wait = _duration(duration_between("0s", "30d"))
_timeout = _duration(duration_between("10ms", "5m"))
_tolerance = _duration(duration_between("1s", "1d"))

Lifetime = Annotated[float, _lifetime[0], _lifetime[1], _lifetime[2]]
Wait = Annotated[float, _wait[0], _wait[1], _wait[2]]
Timeout = Annotated[float, _timeout[0], _timeout[1], _timeout[2]]
Tolerance = Annotated[float, _tolerance[0], _tolerance[1], _tolerance[2]]
Size = Annotated[
    int,
    PlainValidator(checked(units.parse_size)),
    PlainSerializer(units.format_size, return_type=str, when_used="json"),
    _schema(["string", "integer"], examples=["512KB", "1MB"]),
]
Rate = Annotated[
    RateLimit,
    PlainValidator(lambda value: value if isinstance(value, RateLimit) else checked(units.parse_rate)(value)),
    PlainSerializer(units.format_rate, return_type=str),
    _schema("string", examples=["100/s", "600/m"]),
]
Slug = Annotated[str, AfterValidator(checked(check_slug))]
Network = Annotated[str, AfterValidator(checked(check_network))]
AllowedAddress = Annotated[
    str, AfterValidator(checked(lambda text: text if text == PUBLISHED_ADDRESSES else check_network(text)))
]
Url = Annotated[str, Field(max_length=2048), AfterValidator(checked(check_url))]
Pattern = Annotated[str, Field(max_length=200), AfterValidator(checked(patterns.check))]
SecretReference = Annotated[str, AfterValidator(checked(check_reference))]
SigningSecretReference = Annotated[str, AfterValidator(checked(_check_signing_reference))]
Words = Annotated[str, Field(max_length=1000), AfterValidator(checked(_check_plain))]
JsonSchema = Annotated[dict[str, Any], PlainValidator(checked(check_schema)), _schema("object")]
Flag = Annotated[bool, Field(strict=True)]
