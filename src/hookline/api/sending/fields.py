"""The kinds of value in the bodies of the sending API: checked in Hookline's words, documented in the contract's."""

from __future__ import annotations

from binascii import b2a_base64
from datetime import datetime
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from hookline.config.application_spec import (
    LONGEST_CHANNEL,
    LONGEST_UID,
    check_metadata,
    check_name,
)
from hookline.config.fields import checked
from hookline.config.units import parse_lifetime
from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.model import RateLimit
from hookline.core.signature import PRIVATE, PUBLIC, SYMMETRIC, decode_base64_key, decode_secret

NAME_PATTERN = r"^[a-zA-Z0-9\-_.]+$"

#: 24 to 75 bytes, in base64.
KEY_PATTERN = r"^(whsec_)?[a-zA-Z0-9+/=]{32,100}$"

LARGEST_RATE = 65_535


class Body(BaseModel):
    """The body of a request. Unknown fields are ignored, as Svix does; a wrong type never is."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, strict=True, hide_input_in_errors=True
    )


def _without_defaults(schema: dict[str, Any]) -> None:
    for one in schema["properties"].values():
        one.pop("default", None)


class Patch(Body):
    """The body of a PATCH: a field that is left out (not in ``model_fields_set``) changes nothing."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


def _check_uid(prefix: str, what: str, uid: str) -> str:
    if uid.startswith(prefix):
        raise InvalidInput(f"must not begin with `{prefix}`: that is how the ids of {what} begin")
    return check_name(uid)


def check_application_uid(uid: str) -> str:
    """Return ``uid`` when it can be an application's. Raises InvalidInput."""
    return _check_uid(ids.APPLICATION, "applications", uid)


def check_endpoint_uid(uid: str) -> str:
    """Return ``uid`` when it can be an endpoint's. Raises InvalidInput."""
    return _check_uid(ids.ENDPOINT, "endpoints", uid)


def _check_channel(channel: str) -> str:
    return check_name(channel, LONGEST_CHANNEL)


def _check_plain(text: str) -> str:
    if not all(character.isprintable() or character in "\n\t" for character in text):
        raise InvalidInput("must not have control characters")
    return text


def check_secret(secret: str) -> str:
    """A signing secret as it is stored, its prefix never missing. Raises InvalidInput, which never holds it."""
    if secret.startswith(PUBLIC):
        raise InvalidInput("a `whpk_` key only verifies; send its private `whsk_` key")
    if secret.startswith(PRIVATE):
        _check_private_key(decode_base64_key(secret, PRIVATE))
        return secret
    if not 24 <= len(decode_secret(secret)) <= 75:
        raise InvalidInput("a secret is the base64 of 24 to 75 random bytes, after `whsec_`")
    return SYMMETRIC + secret.removeprefix(SYMMETRIC)


def _check_private_key(key: bytes) -> None:
    if len(key) not in (32, 64):
        raise InvalidInput("a `whsk_` key is the base64 of the 32 bytes of a private key, or of 64 with its public key")
    if len(key) == 64 and _public_bytes(key) != key[32:]:
        raise InvalidInput("the two halves of this `whsk_` key do not belong together")


def verifying_key(secret: str) -> str:
    """What a receiver verifies with: the secret itself, or the public key of a private one."""
    if not secret.startswith(PRIVATE):
        return secret
    return PUBLIC + b2a_base64(_public_bytes(decode_base64_key(secret, PRIVATE)), newline=False).decode()


def _public_bytes(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key[:32]).public_key().public_bytes_raw()


def none_as(default: Any) -> BeforeValidator:
    """Some clients write null for what they leave out."""
    return BeforeValidator(lambda given: default if given is None else given)


def _once_each(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


_UID: dict[str, Any] = {"type": "string", "pattern": NAME_PATTERN, "minLength": 1, "maxLength": LONGEST_UID}
_NAME: dict[str, Any] = {"type": "string", "pattern": NAME_PATTERN, "maxLength": LONGEST_UID}
_CHANNEL: dict[str, Any] = {"type": "string", "pattern": NAME_PATTERN, "maxLength": LONGEST_CHANNEL}
_UNIQUE: Any = {"uniqueItems": True}

ApplicationUid = Annotated[str, AfterValidator(checked(check_application_uid)), WithJsonSchema(_UID)]
EndpointUid = Annotated[str, AfterValidator(checked(check_endpoint_uid)), WithJsonSchema(_UID)]
Name = Annotated[str, AfterValidator(checked(check_name)), WithJsonSchema(_NAME)]
Channel = Annotated[str, AfterValidator(checked(_check_channel)), WithJsonSchema(_CHANNEL)]
Names = Annotated[list[Name], Field(min_length=1, json_schema_extra=_UNIQUE), AfterValidator(_once_each)]
Channels = Annotated[
    list[Channel], Field(min_length=1, max_length=10, json_schema_extra=_UNIQUE), AfterValidator(_once_each)
]
Plain = Annotated[str, AfterValidator(checked(_check_plain))]
Text = Annotated[Plain, none_as("")]
Flag = Annotated[bool, none_as(False)]
Metadata = Annotated[dict[str, str], AfterValidator(checked(check_metadata))]
MetadataOrNull = Annotated[Metadata, none_as({})]
Rate = Annotated[
    int, Field(ge=1, le=LARGEST_RATE), WithJsonSchema({"type": "integer", "format": "uint16", "minimum": 1})
]
Secret = Annotated[
    str, AfterValidator(checked(check_secret)), WithJsonSchema({"type": "string", "pattern": KEY_PATTERN})
]
Url = Annotated[
    str, WithJsonSchema({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2048})
]  # checked by EndpointSpec, without what it may hold of a user name and password
Lifetime = Annotated[
    Any,
    AfterValidator(checked(parse_lifetime)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["30d", "forever", 86_400]}),
]

#: The same in answers, where nothing is checked.
ShownUid = Annotated[str, WithJsonSchema(_UID)]
ShownName = Annotated[str, WithJsonSchema(_NAME)]
ShownChannels = Annotated[
    list[Annotated[str, WithJsonSchema(_CHANNEL)]], Field(min_length=1, max_length=10, json_schema_extra=_UNIQUE)
]
ShownNames = Annotated[list[ShownName], Field(min_length=1, json_schema_extra=_UNIQUE)]
ShownRate = Annotated[int, WithJsonSchema({"type": "integer", "format": "uint16", "minimum": 0})]
ShownUrl = Annotated[str, WithJsonSchema({"type": "string", "format": "uri", "minLength": 1, "maxLength": 65_536})]
Time = Annotated[datetime, Field(examples=["2026-01-31T09:30:00.000Z"])]


def rate_limit(per_second: int | None) -> RateLimit | None:
    """The limit that a ``throttleRate`` means."""
    return None if per_second is None else RateLimit(per_second, 1.0)


def throttle_rate(limit: RateLimit | None) -> int | None:
    """The ``throttleRate`` that means this limit."""
    return None if limit is None else max(1, round(limit.count / limit.per_s))
