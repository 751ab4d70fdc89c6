"""What is likely when no cure was found, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hookline.core.doctor.address import shown, signs_address
from hookline.core.doctor.case import Case, header_names, words_of
from hookline.core.doctor.diagnosis import Finding, likely
from hookline.core.doctor.method import ENCODINGS
from hookline.core.doctor.sender import suspect
from hookline.core.errors import HooklineError, InvalidInput, VerificationError
from hookline.core.model import full_url
from hookline.core.providers.encoding import encoder, is_written_in
from hookline.core.providers.format import format_parser
from hookline.core.providers.matcher import written_length
from hookline.core.providers.scheme import Algorithm, Encoding, Kind, Scheme
from hookline.core.providers.where import Place, as_bytes, request_reader

_BITS = {16: Algorithm.MD5, 20: Algorithm.SHA1, 32: Algorithm.SHA256, 48: Algorithm.SHA384, 64: Algorithm.SHA512}

#: How keys begin that are for calling an API, not for verifying webhooks.
_API_KEYS = (
    *("sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "rk_test_"),
    *("xoxb-", "xoxp-", "xapp-", "ghp_", "gho_", "github_pat_", "glpat-", "shpat_", "shpca_", "SG.", "AKIA"),
)
#: How keys begin that only belong to asymmetric signatures.
_ASYMMETRIC = ("whpk_", "whsk_", "-----BEGIN")

_ABSENT = ("missing_signature", "missing_timestamp", "missing_header")


def find(case: Case) -> Iterator[Finding]:
    """Everything that may be wrong with a request for which no cure was found."""
    cause = case.refusal.cause
    yield from _key(case)
    yield from suspect(case)
    not_whole = list(_body_is_not_whole(case))
    yield from not_whole
    if cause in _ABSENT:
        yield from _absent(case)
    yield from _secrets(case)
    if cause in _ABSENT:
        return
    if cause == "repeated_signature":
        yield likely(
            "repeated_header",
            "A header that must be single comes more than once, and none of its values is right.",
            "Look for a proxy that adds the header again, and check the secret.",
        )
    yield from _badly_written(case)
    if cause == "bad_signature":
        yield _wrong_secret(case)
    if cause in ("bad_signature", "body_mismatch"):
        yield from (advice for advice in _advice(case) if not (not_whole and advice.diagnosis.code == "body_changed"))
    elif cause not in ("no_secret", "key_unavailable", "repeated_signature"):
        yield _as_the_door_says(case)


def _key(case: Case) -> Iterator[Finding]:
    """The document with the public key that the request is proven by was not to be had."""
    if case.certificate is not None or case.refusal.cause not in ("key_unavailable", "no_secret"):
        return
    try:
        url = case.provider.key_url(case.request)
    except HooklineError:
        return
    if url or case.refusal.cause == "key_unavailable":
        host = urlsplit(url).netloc if url else ""
        yield likely(
            "key_unavailable",
            f"{case.provider.name} signs with a key that it publishes{f' at {host}' if host else ''}, and the key was "
            "not at hand, so nothing could be verified.",
            "Let Hookline reach that host over HTTPS (a firewall, a proxy); the sender then tries again. To examine a "
            "captured request, give the document with the key.",
        )


def _body_is_not_whole(case: Case) -> Iterator[Finding]:
    body, lookup = case.request.body, case.request.lookup
    in_body = [scheme for scheme in case.schemes if scheme.signature and scheme.signature.where.place in _IN_BODY]
    if not (case.covers_body or in_body) or (case.refusal.cause in _ABSENT and not in_body):
        return
    length = lookup.get(b"content-length", b"")
    declared = int(length) if length.isdigit() and len(length) < 19 else len(body)
    if not body and (declared or case.request.method not in ("GET", "HEAD", "DELETE")):
        yield likely(
            "body_empty",
            "The body is empty, and the signature covers it: most often something read it before it was verified.",
            "Take the raw body before any parser reads it (a stream can be read once), and pass it on whole.",
        )
    elif declared > len(body):
        yield likely(
            "body_truncated",
            f"The body has {len(body)} bytes, and the request announced {declared}: the end is missing.",
            "Look for a limit on the size of bodies, or a connection that broke, between the sender and Hookline.",
        )
    encoding = lookup.get(b"content-encoding", b"identity").strip().lower()
    if body and encoding not in (b"", b"identity"):
        yield likely(
            "body_compressed",
            "The request says that its body is compressed; the signature is over one form, and this may be the other.",
            "Let the proxy pass bodies on as they came, neither compressed nor uncompressed.",
        )


_IN_BODY = (Place.BODY, Place.FORM)


def _absent(case: Case) -> Iterator[Finding]:
    schemes = case.schemes
    missing = [name for name in header_names(schemes[0]) if not case.request.lookup.get(name)] if schemes else []
    if not missing:
        code = "missing_signature" if case.refusal.cause == "missing_header" else case.refusal.cause
        yield likely(code, _sentence(case.refusal.message)[0], _sentence(case.refusal.message)[1])
        return
    names = " and ".join(words_of(name) for name in missing)
    is_proof = schemes[0].signature is not None and missing[0] == header_names(schemes[0])[0]
    if is_proof and case.refusal.cause == "missing_signature":
        remedy = f"Check that {case.provider.key_hint.strip(' ,')} is set at the sender: many sign only then."
    else:
        remedy = "The sender signs it, so it was there when the request was sent."
    remedy += " Then look for a proxy or gateway that removes headers"
    remedy += (
        " (`Authorization` is removed by many)." if b"authorization" in missing else ": some let only known ones pass."
    )
    yield likely("missing_header", f"{names[0].upper()}{names[1:]} {_is(missing)} not in the request.", remedy)


def _is(missing: list[bytes]) -> str:
    return "is" if len(missing) == 1 else "are"


def _secrets(case: Case) -> Iterator[Finding]:
    hint, name = case.provider.key_hint.strip(" ,"), case.provider.name
    if not case.secrets:
        if case.provider.needs_secret:
            yield likely(
                "no_secret", "This source has no secret to verify with.", f"Give it {hint}, exactly as {name} shows it."
            )
        return
    if any(_is_of_other_kind(case, secret) for secret in case.secrets):
        yield likely(
            "secret_of_other_kind",
            "A configured secret is a key of another kind: one for calling an API, or a key of the other sort (public, "
            "private, shared).",
            f"Configure {hint}, which {name} shows where the webhook is set up.",
        )
    elif case.refusal.cause == "no_secret":
        yield likely(
            "secret_unusable",
            f"No configured secret has the form that is needed: {_complaint(case)}.",
            f"Copy {hint} again, exactly as {name} shows it.",
        )


def _is_of_other_kind(case: Case, secret: str) -> bool:
    shared = any(scheme.kind in (Kind.HMAC, Kind.HASH) for scheme in case.schemes)
    if shared and all(scheme.kind in (Kind.HMAC, Kind.HASH) for scheme in case.schemes):
        return secret.startswith((*_API_KEYS, *_ASYMMETRIC))
    if any(scheme.kind in (Kind.ED25519, Kind.RSA, Kind.ECDSA) for scheme in case.schemes) and not shared:
        return secret.startswith((*_API_KEYS, "whsec_", "whsk_")) or "PRIVATE KEY" in secret
    return False


def _complaint(case: Case) -> str:
    for secret in case.secrets:
        try:
            case.provider.check_secret(secret)
        except InvalidInput as error:
            return error.message.rstrip(".")
    return "the signature is of another kind than the secrets"


# -- how the proof is written ----------------------------------------------------------------------------


def _badly_written(case: Case) -> Iterator[Finding]:
    for scheme in case.schemes:
        if scheme.kind not in (Kind.HMAC, Kind.HASH, Kind.ED25519) or scheme.signature is None:
            continue
        value = as_bytes(request_reader(scheme.signature.where)(case.request)) or b""
        try:
            given, _ = format_parser(scheme.signature)(value)
        except VerificationError:
            continue
        length = written_length(scheme, scheme.signature)
        if given and length and all(len(text) != length for text in given):
            yield from _of_wrong_length(case, scheme, given[0], length)
            return


def _of_wrong_length(case: Case, scheme: Scheme, text: bytes, length: int) -> Iterator[Finding]:
    assert scheme.signature is not None
    expected = scheme.signature.encoding
    for encoding in dict.fromkeys((expected, *Encoding)):
        for size, algorithm in _BITS.items():
            if len(text) != len(encoder(encoding)(bytes(size))) or not is_written_in(encoding, text):
                continue
            if encoding is expected:
                yield likely(
                    "wrong_algorithm",
                    f"The signature has the length of {algorithm}, and this source expects {scheme.algorithm}.",
                    "Check that the source names the right provider, and the algorithm that is chosen at the sender.",
                )
                return
            if algorithm is scheme.algorithm:
                yield likely(
                    "wrong_encoding",
                    f"The signature seems to be written in {ENCODINGS[encoding]}, and this source expects "
                    f"{ENCODINGS[expected]}.",
                    "Check that the source names the right provider, and how the sender writes its signature.",
                )
                return
    more = "too few: its end was probably cut off" if len(text) < length else "too many"
    yield likely(
        "truncated_header" if len(text) < length else "altered_header",
        f"The signature has {len(text)} characters where {length} belong, {more}.",
        "Look for a limit on the length of headers on the way, or for a database column or variable that is too short.",
    )


# -- the rest --------------------------------------------------------------------------------------------


def _wrong_secret(case: Case) -> Finding:
    hint = case.provider.key_hint.strip(" ,")
    count = len(case.secrets)
    many = "none of the secrets" if count > 1 else "the secret"
    owns = "fits" if count > 1 else "does not fit"
    return likely(
        "wrong_secret",
        f"Most probably the secret is another one: {many} of this source {owns}, in whatever form it may have "
        "been meant.",
        f"Copy it once more from {case.provider.name}, for exactly this webhook: {hint}. Each webhook has its own, and "
        "test and live mode too.",
    )


def _advice(case: Case) -> Iterator[Finding]:
    genuine = case.refusal.cause == "body_mismatch"
    if signs_address(case) and not genuine:
        yield likely(
            "wrong_url",
            "The signature covers the address that the sender called, and no address that this request tells of fits. "
            f"Here it seems to have come to {shown(full_url(case.request))}.",
            "Say the address as it was given to the sender, with `url` in the `signature` block of the source.",
        )
    if case.covers_body:
        begin = "The proof is genuine, so the body is not the one" if genuine else "Or the body is not the one"
        yield likely(
            "body_changed",
            f"{begin} that was signed: something on the way changed what it says, not only how it is written.",
            "Compare the body with the one that the sender shows. Middleware that parses, filters or completes bodies "
            "must come after the verification.",
        )


def _as_the_door_says(case: Case) -> Finding:
    problem, remedy = _sentence(case.refusal.message)
    code = "wrong_algorithm" if case.refusal.cause == "unsupported_algorithm" else case.refusal.cause
    return likely(code, problem, remedy)


def _sentence(message: str) -> tuple[str, str]:
    """The words of a refusal, taken apart into what is wrong and what to do."""
    problem, stop, remedy = message.partition(". ")
    remedy = f"{remedy.rstrip('.')}." if stop else "Check the configuration of the source, and of the sender."
    return f"{problem[:1].upper()}{problem[1:].rstrip('.')}.", remedy
