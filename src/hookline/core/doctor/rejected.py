"""A request that the door refused and kept: what it was refused for, and what would be now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from hookline.core.doctor.diagnosis import ACCEPTED, Diagnosis
from hookline.core.doctor.examination import diagnose
from hookline.core.model import Rejection, Source
from hookline.core.providers import registry

#: What to change when a request was refused before anybody asked for its proof, or after it was proved.
_REMEDIES = {
    "method_not_allowed": "Let the sender use a method that the source accepts, or set `methods`.",
    "https_required": "Use the `https://` address at the sender; behind a proxy set `trusted_proxies`.",
    "address_not_allowed": "Add the sender's networks to `allow_ips`; behind a proxy set `trusted_proxies`, or "
    "everybody has the proxy's address.",
    "rate_limited": "Raise `rate_limit` or `client_rate_limit`, if the sender is who you think it is.",
    "body_too_large": "Raise `max_body` of the source, and of the server if it is smaller.",
    "body_timeout": "Look for a slow proxy between the sender and Hookline.",
    "too_busy": "Nothing is to be changed: the sender tries again.",
    "unsupported_content_type": "Let the sender send what its provider documents, or set `content_types`.",
    "schema_mismatch": "Mend the schema, or set `on_schema_mismatch: review`.",
    "replayed": "Nothing is to be changed if it was a replay; if the sender really repeats bodies, set `replay_guard: "
    "off`.",
    "visit_failed": "Let Hookline reach the sender's confirmation address over HTTPS.",
}


def diagnose_rejection(
    rejection: Rejection,
    sources: Sequence[Source],
    *,
    public_url: str = "",
    certificate: bytes | None = None,
) -> list[Diagnosis]:
    """Why a stored request was refused, and would be by the present configuration, as of the time it came.

    ``sources`` are those of its organisation; ``public_url`` is the server's, where it is known. Raises
    InvalidInput or ConfigError when the source of the rejection cannot be used itself.
    """
    source = next((one for one in sources if rejection.source_name in (one.name, one.id)), None)
    if source is None:
        return [_unknown_source(rejection, sources)]
    if not source.enabled:
        return [
            Diagnosis(
                "source_disabled",
                f"The source `{source.name}` is disabled, so nothing is accepted at its address.",
                "Enable it, then accept the rejection.",
            )
        ]
    at_door = (
        [Diagnosis(rejection.cause, _sentence(rejection.detail), remedy)]
        if (remedy := _REMEDIES.get(rejection.cause, ""))
        else []
    )
    if not rejection.complete:
        return at_door or [_BODY_NOT_KEPT]
    found = diagnose(
        registry.for_source(source, public_url),
        rejection.request,
        source.secrets,
        rejection.received_at_ms / 1000,
        tolerance_s=source.tolerance_s,
        certificate=certificate,
        others=[(one.name, one.secrets) for one in sources if one.id != source.id and one.secrets],
    )
    if certificate is None and rejection.cause != KEY_UNAVAILABLE and found[0].code == KEY_UNAVAILABLE:
        # The door had the key at hand, and said what it found.
        found = [Diagnosis(rejection.cause, _sentence(rejection.detail), _WITH_KEY, certain=False), *found]
    if at_door:
        return at_door + [one for one in found if not one.is_well]
    return [_now_accepted(one, rejection) if one.code == ACCEPTED else one for one in found]


KEY_UNAVAILABLE = "key_unavailable"
_WITH_KEY = (
    "The door had the sender's public key when it said so. Examine the request again with the key at hand: "
    "`hookline doctor ID --certificate FILE`."
)


def _unknown_source(rejection: Rejection, sources: Sequence[Source]) -> Diagnosis:
    near = get_close_matches(rejection.source_name, [one.name for one in sources], n=1)
    hint = f"There is `{near[0]}`: compare the address at the sender." if near else "Compare the address at the sender."
    return Diagnosis(
        "unknown_source",
        f"There is no source {rejection.source_name!r} at the address that was called.",
        f"{hint} Or create the source, then accept the rejection.",
    )


def _now_accepted(one: Diagnosis, rejection: Rejection) -> Diagnosis:
    if rejection.event_id:
        return replace(one, problem=f"It was accepted later, as {rejection.event_id}.")
    return replace(
        one,
        problem=f"{one.problem} It was refused as `{rejection.cause}`, by the configuration of that time.",
        remedy=f"Accept it: `hookline rejections accept {rejection.id}`.",
    )


_BODY_NOT_KEPT = Diagnosis(
    "body_not_kept",
    "The body of this request was too large to keep, so its signature cannot be examined.",
    "Capture the request and examine it with `hookline doctor --request FILE --source NAME`.",
    certain=False,
)


def _sentence(detail: str) -> str:
    return f"{detail[:1].upper()}{detail[1:].rstrip('.')}."
