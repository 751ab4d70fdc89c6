"""Requests that the door kept: what they were refused for, and what would become of them now."""

from __future__ import annotations

import pytest

from hookline.core.doctor import Diagnosis, diagnose_rejection
from hookline.core.model import Rejection, Source
from tests.core.doctor.families import FAMILIES
from tests.core.providers.making import NOW

CASE = FAMILIES[0].case()
SECRET = CASE.secrets[0]


def source(name: str = "github", secret: str = SECRET, **more: object) -> Source:
    return Source(f"src_{name}", "org_default", name, "github", (secret,), **more)  # type: ignore[arg-type]


def told(cause: str = "bad_signature", *sources: Source, **more: object) -> list[Diagnosis]:
    kept = {"source_name": "github", "complete": True, "event_id": "", "detail": "github accepts POST, not PUT", **more}
    rejection = Rejection(
        "rej_1", "org_default", received_at_ms=int(NOW * 1000), cause=cause, status=401, request=CASE.request, **kept  # type: ignore[arg-type]
    )  # fmt: skip
    return diagnose_rejection(rejection, sources)


def codes(found: list[Diagnosis]) -> list[str]:
    return [one.code for one in found]


def test_a_wrong_secret_is_diagnosed_with_those_of_the_other_sources() -> None:
    assert codes(told("bad_signature", source(secret="other"))) == ["wrong_secret", "body_changed"]
    assert codes(told("bad_signature", source(secret="other"), source("test"))) == ["secret_of_other_source"]


def test_a_mended_source_says_how_to_accept_the_rejection() -> None:
    (now,) = told("bad_signature", source())
    assert now.code == "accepted" and "`hookline rejections accept rej_1`" in now.remedy
    (before,) = told("bad_signature", source(), event_id="evt_9")
    assert before.problem == "It was accepted later, as evt_9."


def test_a_source_that_is_not_there_is_named_with_the_nearest() -> None:
    (absent,) = told("unknown_source", source(), source_name="githb")
    assert absent.code == "unknown_source" and "`github`" in absent.remedy
    assert codes(told("unknown_source", source(enabled=False))) == ["source_disabled"]


@pytest.mark.parametrize("cause", ["method_not_allowed", "rate_limited", "body_too_large", "replayed"])
def test_what_the_door_refused_without_asking_for_a_proof_comes_first(cause: str) -> None:
    (alone,) = told(cause, source())
    assert (alone.code, alone.problem) == (cause, "Github accepts POST, not PUT.")
    assert codes(told(cause, source(secret="other")))[:2] == [cause, "wrong_secret"]
    assert codes(told(cause, source(secret="other"), complete=False)) == [cause]


def test_a_body_that_was_not_kept_cannot_be_examined() -> None:
    (absent,) = told("bad_signature", source(), complete=False)
    assert (absent.code, absent.certain) == ("body_not_kept", False)
