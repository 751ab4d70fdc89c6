"""The wrong secret, in all the ways in which people get secrets wrong."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import replace

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Finding, cured
from hookline.core.providers.scheme import KeyEncoding, Kind, Scheme
from hookline.core.signature import PRIVATE, PUBLIC, SYMMETRIC

#: Characters that nobody sees, and ``strip`` alone leaves: byte order mark, zero-width and no-break spaces.
_UNSEEN = " \t\r\n\v\f\ufeff\u200b\u200c\u200d\u2060\u00a0"
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=(.+)", re.DOTALL)
_LONGEST = 20_000  #: characters; longer ones are not the slips of this file

#: A changed secret, and what to say when it fits.
_Variant = tuple[str, str, str, str]

_HOW = {KeyEncoding.BASE64: "base64", KeyEncoding.HEX: "hexadecimal", KeyEncoding.WHSEC_BASE64: "base64"}


def find(case: Case) -> Iterator[Finding]:
    """A secret that fits: a slip of the one that is configured, or that of another source."""
    for secret in case.secrets:
        if len(secret) > _LONGEST:
            continue
        for variant, code, problem, remedy in _variants(secret, case.provider.name):
            cure = case.with_secret(variant)
            if variant and variant != secret and case.works(cure):
                yield cured(code, problem, remedy, cure)
                return
    yield from _other_reading(case)
    yield from _other_sources(case)


def _variants(secret: str, name: str) -> Iterator[_Variant]:
    yield from _blanks(secret)
    yield from _quotes(secret)
    yield from _prefixes(secret)
    yield from _kinds(secret, name)
    yield from _recoded(secret)


def _blanks(secret: str) -> Iterator[_Variant]:
    code = "secret_has_whitespace"
    problem = (
        "The configured secret has blanks or a line end at its edge that do not belong to it; without them it fits."
    )
    remedy = "Store the secret again without them (`printf %s`, not `echo`)."
    yield secret.strip(_UNSEEN), code, problem, remedy
    yield re.sub(r"(\\[rn])+$", "", secret.strip(_UNSEEN)), code, problem, remedy
    as_lines = secret.replace("\\r", "").replace("\\n", "\n")
    yield as_lines, code, "The line ends of the configured key are written as `\\n`.", "Store it with real line ends."
    yield "".join(secret.split()), code, "The configured secret has blanks inside; without them it fits.", remedy
    for end in ("\n", "\r\n", " "):
        yield (
            secret + end,
            code,
            "The sender signs with this secret and a blank or line end behind it.",
            "Set the secret at the sender again, without the line end (`printf %s`, not `echo`).",
        )


def _quotes(secret: str) -> Iterator[_Variant]:
    yield (
        secret.strip(_UNSEEN).strip(_QUOTES).strip(_UNSEEN),
        "secret_has_quotes",
        "The configured secret has quotation marks around it that do not belong to it; without them it fits.",
        "Store the secret again without quotation marks: files of variables mostly keep them.",
    )


def _prefixes(secret: str) -> Iterator[_Variant]:
    for prefix in (SYMMETRIC, PUBLIC):
        yield (
            secret.removeprefix(prefix),
            "secret_prefix",
            f"The sender signs without the `{prefix}` in front of the configured secret.",
            f"Leave `{prefix}` out of the configured secret.",
        )
        yield (
            prefix + secret,
            "secret_prefix",
            f"The configured secret lacks the `{prefix}` in front of it.",
            f"Copy the secret again with `{prefix}`.",
        )
    if assigned := _ASSIGNMENT.fullmatch(secret):
        yield (
            assigned[1].strip(_QUOTES),
            "secret_prefix",
            "The configured secret is a whole `NAME=value`; what stands behind the `=` fits.",
            "Store only what stands behind the `=`.",
        )


def _kinds(secret: str, name: str) -> Iterator[_Variant]:
    for public in _public_of(secret):
        yield (
            public,
            "secret_of_other_kind",
            "The configured secret is the private key of the pair; to verify, its public key is needed.",
            f"Configure the public key as {name} shows it, and change the pair: a private key has no place here.",
        )


def _recoded(secret: str) -> Iterator[_Variant]:
    for how, plain in (("base64", _from_base64(secret)), ("hexadecimal", _from_hex(secret))):
        if plain:
            yield (
                plain,
                "secret_must_be_decoded",
                f"The configured secret is the {how} form of the secret.",
                f"Decode it once before you configure it (from {how}); Kubernetes shows secrets so.",
            )
    raw = secret.encode("utf-8", "surrogatepass")
    for how, written in (("base64", b64encode(raw).decode()), ("hexadecimal", raw.hex())):
        yield (
            written,
            "secret_must_not_be_decoded",
            f"The sender signs with the {how} text, and the configured secret is what that text says.",
            "Configure the text exactly as the sender shows it; decode nothing.",
        )


def _other_reading(case: Case) -> Iterator[Finding]:
    """The secret is right, but made into a key in another way."""
    for scheme in case.schemes:
        if scheme.kind not in (Kind.HMAC, Kind.HASH):
            continue
        for key in (KeyEncoding.BASE64, KeyEncoding.HEX, KeyEncoding.WHSEC_BASE64, KeyEncoding.UTF8):
            cure = case.with_scheme(replace(scheme, key=key)) if key is not scheme.key else None
            if cure is not None and case.works(cure):
                yield cured(*_reading(case, scheme, key), cure)
                return


def _reading(case: Case, scheme: Scheme, key: KeyEncoding) -> tuple[str, str, str]:
    wanted = f"Set `key_encoding: {key}` in the `signature` block of the source."
    otherwise = (
        f"Check that the sender really is {case.provider.name}; if it is one of your own, describe it with "
        f"`provider: generic` and `key_encoding: {key}`."
    )
    remedy = wanted if case.is_generic else otherwise
    if key is KeyEncoding.UTF8:
        how = _HOW.get(scheme.key, "another form")
        return (
            "secret_must_not_be_decoded",
            f"The sender signs with the text of the secret as it is; this source decodes it first, from {how}.",
            remedy,
        )
    problem = f"The sender decodes the secret, from {_HOW[key]}, and signs with the bytes; this source does not."
    return "secret_must_be_decoded", problem, remedy


def _other_sources(case: Case) -> Iterator[Finding]:
    for name, secrets in case.others:
        usable = tuple(secret for secret in secrets if secret not in case.secrets)
        cure = replace(case.as_it_came, secrets=usable)
        if usable and case.works(cure):
            yield cured(
                "secret_of_other_source",
                f"The request is signed with the secret of another source, `{name}`.",
                f"Give the sender the address of `{name}`, or add that secret to this source; test and live mode are "
                "easily mixed up.",
                cure,
            )
            return


def _from_base64(secret: str) -> str:
    text = secret.strip(_UNSEEN)
    try:
        decode = urlsafe_b64decode if "-" in text or "_" in text else b64decode
        return decode(text + "=" * (-len(text) % 4)).decode()
    except (Base64Error, ValueError):
        return ""


def _from_hex(secret: str) -> str:
    try:
        return bytes.fromhex(secret.strip(_UNSEEN)).decode()
    except ValueError:
        return ""


def _public_of(secret: str) -> Iterator[str]:
    """The public keys of what may be a private one, in the forms that rows read."""
    if "PRIVATE KEY" in secret:
        try:
            key = serialization.load_pem_private_key(secret.strip().encode(), None).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return
        yield key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        return
    for raw in _seeds(secret):
        public = Ed25519PrivateKey.from_private_bytes(raw[:32]).public_key().public_bytes_raw()
        yield PUBLIC + b64encode(public).decode()
        yield b64encode(public).decode()
        yield public.hex()


def _seeds(secret: str) -> Iterator[bytes]:
    text = secret.strip().removeprefix(PRIVATE)
    for decode in (bytes.fromhex, b64decode):
        try:
            raw = decode(text)
        except (Base64Error, ValueError):
            continue
        if len(raw) in (32, 64):
            yield raw
