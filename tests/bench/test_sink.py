"""The sink hears every request, however it is cut, answers by its path, and knows which event came when."""

from __future__ import annotations

import json
import socket
import time
from array import array
from urllib.parse import urlsplit

import pytest
from bench.requests import payload
from bench.sink_client import Arrived, SinkClient


def connected(receiver: SinkClient) -> socket.socket:
    where = urlsplit(receiver.address)
    return socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=10)


def post(path: str, body: bytes, name: str = "Content-Length") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{name}: {len(body)}\r\n\r\n".encode() + body


def read(connection: socket.socket, answers: int = 1) -> list[bytes]:
    """The first lines of so many answers, which have no body."""
    data = b""
    while data.count(b"\r\n\r\n") < answers:
        more = connection.recv(65_536)
        assert more, f"closed after {data!r}"
        data += more
    return [answer.partition(b"\r\n")[0] for answer in data.split(b"\r\n\r\n") if answer]


def test_it_knows_which_events_came_when(receiver: SinkClient) -> None:
    began = time.monotonic_ns()
    with connected(receiver) as connection:
        for number in (7, 3, 7):
            connection.sendall(post("/4", payload(number)))
            read(connection)
    came = receiver.take()
    assert list(came.events) == [7, 3, 7]
    assert began < came.moments[0] <= came.moments[1] <= came.moments[2] < time.monotonic_ns()
    assert len(receiver.take()) == 0
    assert receiver.counts() == {"ok": 3, "fail": 0, "slow": 0, "silent": 0}


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/", b"200 OK", "ok"),
        ("/failure-of-another-name", b"200 OK", "ok"),
        ("/fail", b"500 Internal Server Error", "fail"),
        ("/fail/x", b"500 Internal Server Error", "fail"),
        ("/fail/410/2", b"410 Gone", "fail"),
        ("/slow/1/2", b"200 OK", "slow"),
    ],
)
def test_it_answers_by_path(receiver: SinkClient, path: str, status: bytes, kind: str) -> None:
    with connected(receiver) as connection:
        connection.sendall(post(path, payload(1)))
        assert read(connection) == [b"HTTP/1.1 " + status]
    assert receiver.counts()[kind] == 1
    assert list(receiver.take(kind).events) == [1]


@pytest.mark.parametrize("size", [1_024, 16_384, 262_144])
@pytest.mark.parametrize("step", [7, 1_000, 100_000])
def test_a_request_may_come_in_any_pieces(receiver: SinkClient, size: int, step: int) -> None:
    request = post("/", payload(5, size), "content-length")
    cuts = range(0, len(request), step) if size // step < 3_000 else [0, 7, 900]
    with connected(receiver) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at, end in zip(cuts, [*cuts[1:], len(request)], strict=True):
            connection.sendall(request[at:end])
        assert read(connection) == [b"HTTP/1.1 200 OK"]
        connection.sendall(post("/fail/410", payload(6)))  # and where it ended is known
        assert read(connection) == [b"HTTP/1.1 410 Gone"]
    assert list(receiver.take().events) == [5]
    assert list(receiver.take("fail").events) == [6]


def test_requests_may_come_together_and_in_chunks(receiver: SinkClient) -> None:
    body = payload(8)
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with connected(receiver) as connection:
        connection.sendall(post("/", payload(9, 262_144)) + chunked + post("/fail/503", payload(10)))
        assert [line[9:12] for line in read(connection, 3)] == [b"200", b"200", b"503"]
    assert list(receiver.take().events) == [9, 8]
    assert list(receiver.take("fail").events) == [10]


def test_a_slow_answer_holds_up_nobody_and_comes_when_it_is_due(receiver: SinkClient) -> None:
    with connected(receiver) as slow, connected(receiver) as quick, connected(receiver) as silent:
        silent.sendall(post("/silent", payload(1)))
        began = time.monotonic()
        slow.sendall(post("/slow/300/x", payload(2)))
        quick.sendall(post("/", payload(3)))
        read(quick)
        quick_s = time.monotonic() - began
        read(slow)
        slow_s = time.monotonic() - began
        assert quick_s < 0.3 <= slow_s
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)
    assert receiver.counts() == {"ok": 1, "fail": 0, "slow": 1, "silent": 1}


def test_a_body_whose_keys_were_sorted_or_wrapped_is_known_again(receiver: SinkClient) -> None:
    wrapped = json.dumps({"data": json.loads(payload(11, 262_144)), "at": 1}, sort_keys=True).encode()
    with connected(receiver) as connection:
        connection.sendall(post("/", wrapped))
        read(connection)
        connection.sendall(post("/", b'{"something": "else"}'))
        read(connection)
    assert list(receiver.take().events) == [11, -1]


def test_latencies_count_from_the_intended_moment_and_only_events_of_the_run() -> None:
    came = Arrived(array("q", [100, 7, 101, -1, 101]), array("q", [1_050, 1_060, 1_300, 1_400, 1_500]))
    assert came.latencies_ns(100, 1_000, [10, 200]) == [40, 100, 300]
    assert came.of(100, 2) == [1_050, 1_300, 1_500]


def test_waiting_for_what_does_not_come_ends(receiver: SinkClient) -> None:
    with pytest.raises(RuntimeError, match="1 were to be delivered and 0 came"):
        receiver.wait_for(1, 0.1)
