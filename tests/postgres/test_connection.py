"""A connection that waits for nobody longer than it may, and is made anew when it was lost."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from hookline.core.errors import StoreError
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.errors import explained, is_servers_own, met_another
from hookline.storage.postgres.statements import plain
from hookline.storage.postgres.transaction import PostgresTransaction
from tests.postgres.cluster import Cluster

ONE = plain("one", "SELECT 1 AS one")


class Swallower:
    """A way to a server that can begin to swallow: everything still seems connected, and nothing comes back."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.swallows = False
        self._selector = selectors.DefaultSelector()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ended = False

    def __enter__(self) -> Swallower:
        self._selector.register(self._listening, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = True
        self._thread.join()
        for each in (self._listening, *self._open):
            each.close()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is self._listening:
                    self._connect()
                else:
                    self._pass_on(key.fileobj, key.data)

    def _connect(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(self._to)
        self._open += [client, server]
        self._selector.register(client, selectors.EVENT_READ, server)
        self._selector.register(server, selectors.EVENT_READ, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        data = source.recv(65536)
        if not data:
            self._selector.unregister(source)
        elif not self.swallows:
            with contextlib.suppress(OSError):
                target.sendall(data)


@pytest.fixture
def url(newest: Cluster) -> str:
    return newest.new_database()


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    made = Connection(url, "test", limit_s=2)
    yield made
    made.close()


def ask(connection: Connection) -> int:
    with PostgresTransaction(connection).committed() as tx:
        (row,) = tx.ask("SELECT 1 AS one")
    return int(row["one"])


def test_a_network_that_swallows_is_given_up_in_time_and_the_next_use_connects_anew(newest: Cluster, url: str) -> None:
    with Swallower(newest.port) as way:
        connection = Connection(newest.url(url.rpartition("/")[2], way.port), "test", limit_s=1)
        assert ask(connection) == 1
        way.swallows = True
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="did not answer within 2 s") as raised:
            ask(connection)
        assert time.monotonic() - began < 4
        assert is_servers_own(raised.value)
        assert isinstance(explained(raised.value), StoreError)
        way.swallows = False
        assert ask(connection) == 1
        connection.close()


def test_a_session_that_the_server_ended_is_made_anew(url: str, connection: Connection) -> None:
    assert ask(connection) == 1
    with psycopg.connect(url, autocommit=True) as beside:
        beside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hookline test'"
        )
    with pytest.raises(psycopg.OperationalError):
        ask(connection)
    assert ask(connection) == 1


def test_a_statement_that_failed_leaves_nothing_half_done(connection: Connection) -> None:
    tx = PostgresTransaction(connection)
    with tx.committed():
        tx.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)")
    undone: list[str] = []
    with pytest.raises(psycopg.errors.UniqueViolation) as raised, tx.committed():
        tx.on_rollback(lambda: undone.append("undone"))
        tx.ask("INSERT INTO t VALUES (1)")
        tx.ask("INSERT INTO t VALUES (1)")
    assert undone == ["undone"]
    assert met_another(raised.value)
    with tx.committed():
        assert tx.ask("SELECT COUNT(*) AS count FROM t") == [{"count": 0}]


def test_what_failed_unseen_is_said_at_the_commit(connection: Connection) -> None:
    """What nobody waits for is answered with what somebody waits for; the commit is always waited for."""
    tx = PostgresTransaction(connection)
    with pytest.raises(psycopg.errors.DivisionByZero), tx.committed():
        connection.send(plain("wrong", "SELECT 1 / (SELECT 0)"))
    assert ask(connection) == 1


def test_a_commit_that_the_server_did_not_make_is_no_commit(connection: Connection) -> None:
    tx = PostgresTransaction(connection)

    def and_go_on() -> None:
        with tx.committed(), contextlib.suppress(psycopg.errors.DivisionByZero):
            tx.ask("SELECT 1 / (SELECT 0) AS n")

    with pytest.raises(psycopg.OperationalError, match="rolled the transaction back"):
        and_go_on()


def test_no_value_of_a_row_reaches_an_error(connection: Connection) -> None:
    tx = PostgresTransaction(connection)
    with pytest.raises(psycopg.Error) as raised, tx.committed():
        tx.ask("CREATE TABLE s (secret TEXT PRIMARY KEY)")
        tx.ask("INSERT INTO s VALUES ($1), ($1)", "not-a-real-secret")
    assert "not-a-real-secret" not in str(explained(raised.value))


def test_commits_wait_for_the_disk_whatever_the_default_is(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as beside:
        beside.execute("ALTER ROLE postgres SET synchronous_commit = off")
    try:
        for durable, wanted in ((True, "on"), (False, "off")):
            connection = Connection(url, "test", limit_s=2, durable=durable)
            with PostgresTransaction(connection).committed() as tx:
                (row,) = tx.ask("SELECT current_setting('synchronous_commit') AS now")
            assert row["now"] == wanted
            connection.close()
    finally:
        with psycopg.connect(url, autocommit=True) as beside:
            beside.execute("ALTER ROLE postgres RESET synchronous_commit")
