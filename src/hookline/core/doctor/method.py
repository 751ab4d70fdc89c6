"""A sender that signs in another way than the source expects: algorithm, encoding, an older scheme."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Finding, cured
from hookline.core.errors import HooklineError
from hookline.core.providers import registry
from hookline.core.providers.scheme import Algorithm, Encoding, Kind, Scheme, Signature

ENCODINGS = {
    Encoding.HEX: "hexadecimal",
    Encoding.HEX_ANY_CASE: "hexadecimal in capitals",
    Encoding.BASE64: "base64",
    Encoding.BASE64URL: "URL-safe base64",
}
_SHARED = (Kind.HMAC, Kind.HASH)
_KEYED = (*_SHARED, Kind.RSA, Kind.ECDSA, Kind.ED25519)


def find(case: Case) -> Iterator[Finding]:
    """A request that verifies under a scheme which the source does not use."""
    yield from _legacy(case)
    for scheme in case.schemes:
        signature = scheme.signature
        if signature is None or scheme.kind not in _KEYED:
            continue
        for variant in _variants(scheme, signature):
            cure = case.with_scheme(variant)
            if cure is not None and case.works(cure):
                yield cured(*_said(case, scheme, variant), cure)
                return


def _legacy(case: Case) -> Iterator[Finding]:
    if case.is_generic:
        return
    try:
        row = registry.get(case.provider.slug)
    except HooklineError:
        return
    used = {scheme.id for scheme in case.provider.schemes}
    for scheme in row.schemes:
        cure = case.with_scheme(scheme) if scheme.id not in used and scheme.kind is not Kind.NONE else None
        if cure is not None and case.works(cure):
            yield cured(
                "legacy_scheme",
                f"The request proves itself under {case.provider.name}'s scheme `{scheme.id}`, and this source is "
                f"narrowed to {', '.join(f'`{one}`' for one in sorted(used))}.",
                f"Let the sender use that one, or add `{scheme.id}` to `scheme` in the `signature` block of the "
                "source.",
                cure,
            )
            return


def _variants(scheme: Scheme, signature: Signature) -> Iterator[Scheme]:
    algorithms = [scheme.algorithm]
    if scheme.kind in _SHARED:
        algorithms += [one for one in Algorithm if one is not scheme.algorithm]
    elif scheme.kind is not Kind.ED25519:
        algorithms += [one for one in Algorithm if one not in (scheme.algorithm, Algorithm.MD5)]
    for algorithm in algorithms:
        for encoding in (signature.encoding, *(one for one in Encoding if one is not signature.encoding)):
            for prefix in _prefixes(signature.prefix, scheme.algorithm, algorithm):
                if (algorithm, encoding, prefix) != (scheme.algorithm, signature.encoding, signature.prefix):
                    written = replace(signature, encoding=encoding, prefix=prefix)
                    yield replace(scheme, algorithm=algorithm, signature=written)


def _prefixes(prefix: str, before: Algorithm, after: Algorithm) -> tuple[str, ...]:
    return tuple(dict.fromkeys((prefix, prefix.replace(before, after), f"{after}=", "")))


def _said(case: Case, scheme: Scheme, variant: Scheme) -> tuple[str, str, str]:
    expected, found = scheme.signature, variant.signature
    assert expected is not None and found is not None
    keys = {"algorithm": variant.algorithm.value, "encoding": found.encoding.value, "prefix": found.prefix}
    before = {"algorithm": scheme.algorithm.value, "encoding": expected.encoding.value, "prefix": expected.prefix}
    if variant.algorithm is not scheme.algorithm:
        code = "wrong_algorithm"
        problem = (
            f"The sender signs with {_name(variant.algorithm)}, and this source expects {_name(scheme.algorithm)}."
        )
    elif found.encoding is not expected.encoding:
        code = "wrong_encoding"
        written, wanted = ENCODINGS[found.encoding], ENCODINGS[expected.encoding]
        problem = f"The signature is right, but written in {written}, not in {wanted}."
    else:
        code = "altered_header"
        problem = f"The signature is right, but has `{found.prefix}` in front of it where `{expected.prefix}` belongs."
    changed = ", ".join(f'`{key}: "{value}"`' for key, value in keys.items() if value != before[key])
    if case.is_generic:
        return code, problem, f"Set {changed} in the `signature` block of the source."
    return (
        code,
        problem,
        f"Check that the sender really is {case.provider.name}, and what is chosen there. If it is a program of your "
        f"own, let it sign so, or describe it with `provider: generic` and {changed}.",
    )


def _name(algorithm: Algorithm) -> str:
    """As people write it: ``SHA-256``."""
    return algorithm.upper().replace("SHA", "SHA-")
