"""The load generator tells how long requests waited, how late it was itself, and what was not answered."""

from __future__ import annotations

import pytest
from bench.arrival import CONSTANT, Arrivals
from bench.generator import Generator
from bench.load import too_late
from bench.requests import Stock

from tests.bench.one_answer import OK, OneAnswer, answering

REQUEST = b"POST / HTTP/1.1\r\nHost: test\r\n\r\n"


def stock(count: int) -> Stock:
    return Stock([REQUEST] * count, b"")


@pytest.mark.parametrize("most", [4, 200], ids=["no further connections", "further connections"])
def test_a_stall_of_the_server_is_in_the_latencies_of_everything_that_was_meant_to_be_sent_meanwhile(most: int) -> None:
    schedule = Arrivals(500, 0.6, CONSTANT).schedule()
    with answering(OneAnswer(stall_after=100, stall_s=0.2)) as server:
        generator = Generator("127.0.0.1", server.port, stock(300), connections=4, most_connections=most)
        taken = generator.open(schedule)
    latencies_ms = [each / 1e6 for each in taken.latencies_ns(schedule)]
    assert taken.answered == 300
    # A hundred requests were meant to be sent in the 200 ms; three quarters of them waited for more than 50 ms. A
    # generator that waits with its connections would have seen four.
    assert sum(latency > 50 for latency in latencies_ms) >= 70
    assert sum(latency > 150 for latency in latencies_ms) >= 20
    assert max(latencies_ms) > 190
    assert (taken.connections > 4) == (most > 4)


def test_waiting_for_the_server_is_not_counted_as_lateness_of_the_generator() -> None:
    schedule = Arrivals(500, 0.5, CONSTANT).schedule()
    with answering(OneAnswer(stall_after=50, stall_s=0.2)) as server:
        taken = Generator("127.0.0.1", server.port, stock(250), connections=2).open(schedule)
    waited_long = sum(each > 100e6 for each in taken.latencies_ns(schedule))
    late_long = sum(each > 100e6 for each in taken.late_ns)
    assert waited_long >= 40
    assert late_long == 0


def test_a_generator_that_cannot_keep_up_says_so() -> None:
    burst = [0] * 2_000
    with answering(OneAnswer()) as server:
        taken = Generator("127.0.0.1", server.port, stock(2_000), connections=400).open(burst)
    assert len(taken.late_ns) == 2_000
    first, last = taken.late_ns[0], max(taken.late_ns[:400])
    assert last > first  # one after the other left the generator, all of them were due at once


def test_a_run_is_invalid_when_lateness_is_part_of_what_it_reports() -> None:
    assert too_late({"p99_ms": 3.0}, {"p99_ms": 5.0})
    assert not too_late({"p99_ms": 0.9}, {"p99_ms": 1.0})
    assert not too_late({"p99_ms": 3.0}, {"p99_ms": 50.0})


def test_as_fast_as_it_is_answered_everything_is_sent_once() -> None:
    with answering(OneAnswer()) as server:
        taken = Generator("127.0.0.1", server.port, stock(1_000), connections=8).closed(20.0)
    assert (taken.sent, taken.answered, server.requests) == (1_000, 1_000, 1_000)
    assert not taken.not_ok
    assert 0 < taken.seconds < 20


@pytest.mark.parametrize(
    "answer",
    [OK, b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_answers_that_come_in_pieces_count_once_each(answer: bytes) -> None:
    pieces = [answer[at : at + 3] for at in range(0, len(answer), 3)]
    with answering(OneAnswer(pieces)) as server:
        taken = Generator("127.0.0.1", server.port, stock(60), connections=3).closed(20.0)
    assert (taken.answered, server.requests) == (60, 60)
    assert not taken.not_ok


def test_what_is_not_answered_2xx_is_counted_by_its_status() -> None:
    with answering(OneAnswer([b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"])) as server:
        taken = Generator("127.0.0.1", server.port, stock(50), connections=2).closed(20.0)
    assert taken.answered == 0
    assert taken.not_ok == {"503": 50}


def test_lost_connections_are_counted_and_replaced() -> None:
    with answering(OneAnswer(hang_up_every=10)) as server:
        taken = Generator("127.0.0.1", server.port, stock(100), connections=4).closed(20.0)
    assert taken.answered + taken.not_ok.total() == taken.sent == 100
    assert set(taken.not_ok) == {"connection closed"}
    assert taken.not_ok.total() == 10


def test_an_answer_that_ends_its_connection_is_an_answer() -> None:
    with answering(OneAnswer([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"])) as server:
        schedule = Arrivals(400, 0.1, CONSTANT).schedule()
        taken = Generator("127.0.0.1", server.port, stock(40), connections=2, most_connections=50).open(schedule)
    assert (taken.answered, dict(taken.not_ok)) == (40, {})


def test_a_stock_that_is_too_small_is_refused() -> None:
    with answering(OneAnswer()) as server, pytest.raises(ValueError, match="3 requests are meant to be sent and 2"):
        Generator("127.0.0.1", server.port, stock(2), connections=1).open([0, 0, 0])
