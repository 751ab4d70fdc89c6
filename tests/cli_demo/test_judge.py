"""Judging: what is right is called right, and any deviation is called by its name and ends with 1."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.demo.judge import Result, Try, judge
from hookline.cli.demo.programme import Ending
from hookline.cli.demo.run import judged
from hookline.cli.demo.summary import summary

DELIVERED = Try(1, 200, "", 3.1, "delivered")
EVENT: dict[str, Any] = {
    "door_status": 200,
    "event_id": "msg_1",
    "status": "processed",
    "verification": "verified",
    "deliveries": 1,
    "attempts": (DELIVERED,),
    "arrived": 1,
    "stored_intact": True,
    "arrived_intact": True,
    "signature_verified": True,
}
THREE = {"arrived": 3}
RIGHT: dict[Ending, dict[str, Any]] = {
    Ending.DELIVERED: EVENT,
    Ending.DUPLICATE: {**EVENT, "duplicates": 1, "same_event_twice": True},
    Ending.RETRIED: {
        **EVENT,
        **THREE,
        "attempts": (Try(1, 500, "", 1, "waiting"), Try(2, 503, "", 1, "waiting"), Try(3, 200, "", 1, "delivered")),
    },
    Ending.REVIVED: {
        **EVENT,
        **THREE,
        "attempts": (
            Try(1, 0, "timeout", 1000, "waiting"),
            Try(2, 0, "timeout", 1000, "dead"),
            Try(3, 200, "", 1, "delivered"),
        ),
        "dead_lettered": True,
        "replayed": 1,
    },
    Ending.TAMPERED: {"door_status": 401, "door_code": "bad_signature", "rejection_kept": True},
    Ending.STALE: {"door_status": 401, "door_code": "stale_timestamp", "rejection_kept": True},
    Ending.ANSWERED: {"door_status": 200, "answered_right": True},
}


def result(ending: Ending, **seen: Any) -> Result:
    about = {"key": "github-push", "provider": "github", "source": "github", "type": "push", "ending": ending}
    return Result(**{**about, **RIGHT[ending], **seen})


def test_every_ending_has_a_right_result_here() -> None:
    assert set(RIGHT) == set(Ending)


@pytest.mark.parametrize("ending", Ending)
def test_what_is_right_has_no_problems(ending: Ending) -> None:
    assert judge(result(ending)).problems == ()


WRONG = [
    (Ending.DELIVERED, {"door_status": 503, "door_code": "store_busy"}, "the door's answer is 503 store_busy"),
    (Ending.DELIVERED, {"status": "failed"}, "the status of the event is failed; it should be processed"),
    (Ending.DELIVERED, {"status": "needs_review"}, "the status of the event is needs_review"),
    (Ending.DELIVERED, {"verification": "unverified"}, "its verification is unverified"),
    (Ending.DELIVERED, {"deliveries": 2}, "the number of deliveries is 2; it should be 1"),
    (Ending.DELIVERED, {"arrived": 2}, "1 attempts were recorded and 2 requests arrived"),
    (Ending.DELIVERED, {"attempts": ()}, "its receiver never took it"),
    (Ending.DELIVERED, {"duplicates": 1}, "the number of duplicates is 1; it should be 0"),
    (Ending.DELIVERED, {"stored_intact": False}, "the stored bytes are not the bytes that were sent"),
    (Ending.DELIVERED, {"arrived_intact": False}, "the bytes that arrived are not the bytes that were sent"),
    (Ending.DELIVERED, {"signature_verified": False}, "the Standard Webhooks signature at the receiver is not valid"),
    (Ending.DELIVERED, {"trouble": "it did not end within 10 s"}, "it did not end within 10 s"),
    (Ending.DUPLICATE, {"duplicates": 0}, "the number of duplicates is 0; it should be 1"),
    (Ending.DUPLICATE, {"deliveries": 2}, "the number of deliveries is 2; it should be 1"),
    (Ending.DUPLICATE, {"same_event_twice": False}, "the door did not answer the second request with the first event"),
    (Ending.RETRIED, {"attempts": (DELIVERED,), "arrived": 1}, "the number of tries is 1; it should be 3"),
    (Ending.RETRIED, {"attempts": (DELIVERED,) * 3}, "the receiver should have failed twice"),
    (Ending.RETRIED, {"dead_lettered": True}, "it was given up although its schedule was not used up"),
    (Ending.REVIVED, {"dead_lettered": False}, "it was never failed although nobody answered"),
    (Ending.REVIVED, {"replayed": 0}, "the number of deliveries owed again is 0; it should be 1"),
    (Ending.REVIVED, {"attempts": (DELIVERED,) * 3}, "the first two tries should have ended without an answer"),
    (Ending.TAMPERED, {"door_status": 200}, "the door's answer is 200; it should be 401"),
    (Ending.TAMPERED, {"door_code": "stale_timestamp"}, "the cause of the refusal is stale_timestamp"),
    (Ending.TAMPERED, {"event_id": "msg_1"}, "it was accepted as msg_1"),
    (Ending.TAMPERED, {"arrived": 1}, "it arrived at the receiver 1 times"),
    (Ending.STALE, {"door_code": "bad_signature"}, "it should be stale_timestamp"),
    (Ending.STALE, {"rejection_kept": False}, "the refused request was not kept"),
    (Ending.ANSWERED, {"answered_right": False}, "the answer to the handshake is not what the provider asked for"),
    (Ending.ANSWERED, {"door_status": 401}, "the door's answer is 401; it should be 200"),
    (Ending.ANSWERED, {"event_id": "msg_1"}, "a handshake became an event"),
]


@pytest.mark.parametrize(("ending", "seen", "says"), WRONG)
def test_a_deviation_is_called_by_its_name(ending: Ending, seen: dict[str, Any], says: str) -> None:
    verdict = judge(result(ending, **seen))
    assert any(says in problem for problem in verdict.problems), verdict.problems


@pytest.mark.parametrize(("ending", "seen", "says"), WRONG)
def test_one_deviation_makes_the_whole_demo_end_with_1_and_its_story(
    ending: Ending, seen: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = [judge(result(Ending.DELIVERED)), judge(result(ending, **seen))]
    assert judged(verdicts, as_json=True) == 1
    assert says in capsys.readouterr().err
    assert summary(verdicts, 1.0)["ok"] is False
    assert any(says in line for line in summary(verdicts, 1.0)["wrong"])


def test_all_right_ends_with_0_and_nothing_at_all_does_not() -> None:
    assert judged([judge(result(ending)) for ending in Ending], as_json=True) == 0
    assert judged([], as_json=True) == 1
    assert summary([], 0.0)["ok"] is False


#: What is looked at, for each ending; anything else may be whatever it is.
LOOKED_AT = {ending: [name for name in right if name not in ("door_code",)] for ending, right in RIGHT.items()}


@given(ending=st.sampled_from(Ending), data=st.data())
def test_nothing_that_was_seen_can_be_missing(ending: Ending, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n in LOOKED_AT[ending] if n != "event_id"]))
    default = next(field.default for field in msgspec.structs.fields(Result) if field.name == name)
    assert not judge(result(ending, **{name: default})).ok
