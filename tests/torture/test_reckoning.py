"""A request that came more than once needs a reason: a failure on record, or something that kept it off the record."""

from __future__ import annotations

from collections import Counter

import pytest

from hookline.core.model import SourceKind
from hookline.testing.receiver import Received
from tests.torture.doors import Doors
from tests.torture.evidence import Evidence, StoredAttempt, StoredDelivery, StoredEvent
from tests.torture.findings import Findings, Interruption
from tests.torture.ledger import Acknowledgements, Ledger
from tests.torture.messages import MessageBook
from tests.torture.reckoning import AGAIN, IN_FLIGHT, REPLAYED, RETRIED, Reckoning

#: The receiver's clock and the servers' have different beginnings.
OFFSET_S = 1_000_000.0


def reckoning(
    *arrived_at_s: float, recorded: dict[float, int], interruptions: tuple[Interruption, ...] = (), replays: int = 0
) -> Reckoning:
    """One delivery: when it arrived, and its attempts on record, by their beginning, with what was answered."""
    arrivals = [Received("POST", "/ship", ((b"webhook-id", b"msg_1"),), b"{}", at) for at in arrived_at_s]
    attempts = [StoredAttempt("dlv_1", round(1000 * (at + OFFSET_S)), 5.0, status) for at, status in recorded.items()]
    event = StoredEvent("msg_1", SourceKind.PROVIDER, "orders", "order.paid", "evt_1", "processed", b"{}")
    delivery = StoredDelivery("dlv_1", "msg_1", "ship", "delivered", "", len(attempts))
    evidence = Evidence([event], [delivery], attempts, 0, 0, "ok")
    book = Acknowledgements()
    found = Findings(
        Ledger(book), MessageBook(book), arrivals, evidence, Doors([1]), list(interruptions), OFFSET_S, Counter()
    )
    return Reckoning(arrivals, evidence, found, replays)


def test_a_retry_after_a_failure_on_record_is_explained() -> None:
    case = reckoning(10.001, 10.060, recorded={10.0: 500, 10.055: 200})
    assert list(case.problems()) == []
    assert (case.counts()[AGAIN], case.counts()[RETRIED]) == (1, 1)


def test_a_replay_is_explained_when_there_was_one() -> None:
    assert list(reckoning(10.001, 12.001, recorded={10.0: 200, 12.0: 200}, replays=1).problems()) == []
    (problem,) = reckoning(10.001, 12.001, recorded={10.0: 200, 12.0: 200}).problems()
    assert problem.startswith("TWICE")


def test_what_is_not_on_record_is_explained_by_what_kept_it_from_being_recorded() -> None:
    case = reckoning(10.0, 16.001, recorded={16.0: 200}, interruptions=(Interruption("it was paused", 10.5, 18.0),))
    assert list(case.problems()) == []
    assert case.counts()[f"{IN_FLIGHT}it was paused"] == 1
    assert case.counts()[REPLAYED] == 0


@pytest.mark.parametrize("began_at_s", [2.0, 40.0])
def test_what_happened_at_another_time_explains_nothing(began_at_s: float) -> None:
    elsewhere = Interruption("it was paused", began_at_s, began_at_s + 1)
    problems = list(reckoning(10.0, 16.001, recorded={16.0: 200}, interruptions=(elsewhere,)).problems())
    assert any(problem.startswith("UNEXPLAINED") for problem in problems)


def test_one_interruption_explains_one_request() -> None:
    once = Interruption("it was paused", 10.5, 18.0)
    problems = list(reckoning(10.0, 10.4, 16.001, recorded={16.0: 200}, interruptions=(once,)).problems())
    assert any("nothing happened then" in problem for problem in problems)


def test_what_is_on_record_as_answered_must_have_arrived() -> None:
    problems = list(reckoning(10.001, recorded={10.0: 500, 70.0: 200}).problems())
    assert any("never arrived" in problem for problem in problems)


def test_a_failure_without_an_answer_may_never_have_arrived() -> None:
    case = reckoning(10.060, recorded={10.0: 0, 10.055: 200})
    assert list(case.problems()) == []
    assert case.counts()[AGAIN] == 0
