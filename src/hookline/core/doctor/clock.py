"""Right signatures at the wrong time: which clock is it, and is it a clock at all?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Cure, Diagnosis, Finding, cured
from hookline.core.errors import HooklineError, VerificationError
from hookline.core.providers.scheme import Scheme, TimeUnit

_UNITS = {
    TimeUnit.S: "seconds",
    TimeUnit.MS: "milliseconds",
    TimeUnit.NS: "nanoseconds",
    TimeUnit.ISO: "ISO 8601",
}
_HOUR_S, _DAY_S = 3_600, 86_400
_QUARTER_S = 900  #: all time zones are whole quarters of an hour from UTC
_FURTHEST_ZONE_S = 14 * _HOUR_S
_ON_TIME_S = 60  #: how far from a whole number a delay may be to look like a time zone
_CLOCKS_DRIFT_S = 2 * _DAY_S  #: a clock is rarely more wrong than this, a stored request easily

_STALE, _FUTURE = "stale_timestamp", "future_timestamp"


def find(case: Case) -> Iterator[Finding]:
    """The time is the only fault, or it is written in another unit than the source believes."""
    yield from _other_unit(case)
    cure = case.as_it_came
    if case.works(cure) and (diagnosis := judge(case, cure)):
        yield Finding(diagnosis, cure)


def judge(case: Case, cure: Cure) -> Diagnosis | None:
    """What is wrong with the time of a request that is proven by ``cure``; None when nothing is."""
    try:
        cure.provider.verify(cure.request, cure.secrets, case.now_s, case.tolerance_s, case.certificate)
    except VerificationError as error:
        if error.cause in (_STALE, _FUTURE):
            return _diagnosis(case, cure, error.cause)
    except HooklineError:
        pass
    return None


def _other_unit(case: Case) -> Iterator[Finding]:
    if case.refusal.cause not in (_STALE, _FUTURE, "malformed_timestamp"):
        return
    for scheme in case.schemes:
        for unit, words in _UNITS.items():
            cure = _in_unit(case, scheme, unit)
            if cure is not None and case.works(cure) and judge(case, cure) is None:
                yield cured(
                    "wrong_timestamp_unit",
                    f"The time of sending is written in {words}, and this source reads it in another unit.",
                    f"Set `timestamp_unit: {unit}` in the `signature` block of the source."
                    if case.is_generic
                    else f"Check that the sender really is {case.provider.name}, which writes its time otherwise.",
                    cure,
                )
                return


def _in_unit(case: Case, scheme: Scheme, unit: TimeUnit) -> Cure | None:
    if scheme.timestamp is None or scheme.timestamp.unit is unit:
        return None
    return case.with_scheme(replace(scheme, timestamp=replace(scheme.timestamp, unit=unit)))


def _diagnosis(case: Case, cure: Cure, cause: str) -> Diagnosis:
    verified = case.works(cure)
    sent_s = verified.timestamp_s if verified else None
    late_s = case.now_s - sent_s if sent_s is not None else None
    return _stale(case, late_s) if cause == _STALE else _future(late_s)


def _stale(case: Case, late_s: float | None) -> Diagnosis:
    allowed = _allowed(case)
    if late_s is None:
        problem = f"The proof is right, but its time was over before the request was looked at{allowed}."
    else:
        problem = f"The signature is right, but it was made {span(late_s)} before the request was looked at{allowed}."
    if late_s is not None and _is_time_zone(late_s):
        problem += f" {_zone(late_s)}"
        remedy = "Set this machine's clock to UTC (`timedatectl`), or let the sender write its time in UTC."
    elif late_s is not None and late_s > _CLOCKS_DRIFT_S:
        problem += " No clock is that wrong by accident: this is an old request, stored or replayed."
        remedy = (
            "Nothing is to be changed if somebody sent an old request again. To examine a captured one, say with "
            "`--now` when it came."
        )
    else:
        remedy = (
            "Compare this machine's clock with the true time first (`timedatectl`). If it is right, the request was "
            "held back on its way, by a queue, a tunnel or a breakpoint: raise the source's `tolerance`."
        )
    return Diagnosis(_STALE, problem, remedy + _shorter_than_documented(case))


def _future(late_s: float | None) -> Diagnosis:
    if late_s is None:
        problem = "The proof is right, but its time has not come yet."
    else:
        problem = f"The signature is right, but by this machine's clock it was made {span(-late_s)} in the future."
    if late_s is not None and _is_time_zone(late_s):
        problem += f" {_zone(late_s)}"
    problem += " No delay makes a request come too early, so one of the two clocks is wrong, most probably ours."
    return Diagnosis(
        _FUTURE,
        problem,
        "Set this machine's clock by NTP (`timedatectl set-ntp true`); only if it is right, ask the sender about "
        "theirs.",
    )


def span(seconds: float) -> str:
    """A length of time in its two largest units: ``2 hours 5 minutes``."""
    left, said = round(abs(seconds)), []
    for length_s, name in ((365 * _DAY_S, "year"), (_DAY_S, "day"), (_HOUR_S, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, length_s)
        if count:
            said.append(f"{count} {name}{'s' if count > 1 else ''}")
        if said and (len(said) == 2 or not count):
            break
    return " ".join(said) or "0 seconds"


def _allowed(case: Case) -> str:
    allowed_s = case.provider.tolerance_s if case.tolerance_s is None else case.tolerance_s
    return f", and {span(allowed_s)} are allowed" if allowed_s is not None else ""


def _is_time_zone(late_s: float) -> bool:
    away_s = abs(late_s)
    off_s = abs(away_s - round(away_s / _QUARTER_S) * _QUARTER_S)
    whole = round(away_s / _QUARTER_S) * _QUARTER_S
    is_common = whole % _HOUR_S == 0 or (whole % (_HOUR_S // 2) == 0 and whole > 2 * _HOUR_S)
    return is_common and _HOUR_S <= whole <= _FURTHEST_ZONE_S and off_s <= _ON_TIME_S


def _zone(late_s: float) -> str:
    return f"That is almost exactly {span(round(abs(late_s) / _QUARTER_S) * _QUARTER_S)}, as between two time zones."


def _shorter_than_documented(case: Case) -> str:
    documented_s = case.provider.tolerance_s
    if case.tolerance_s is None or documented_s is None or case.tolerance_s >= documented_s:
        return ""
    return f" The source allows {span(case.tolerance_s)}; {case.provider.name} documents {span(documented_s)}."
