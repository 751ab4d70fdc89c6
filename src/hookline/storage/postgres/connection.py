"""One connection to PostgreSQL: statements by name, several on their way at once, and an end to all waiting.

Statements whose answer nobody needs are only sent; they travel with the next one whose answer is needed (libpq's
pipeline mode, https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). So a transaction of ten statements
waits for the network three times.

Every wait has an end, also when the network swallows what is sent: then the connection is given up, and the next
use makes a new one.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import error_from_result

from hookline.core.errors import ConfigError
from hookline.storage.postgres.encoding import BINARY, Encoded
from hookline.storage.postgres.errors import Unreachable
from hookline.storage.postgres.statements import Statement

#: How long it may take to connect.
CONNECT_LIMIT_S = 3
#: What is added to the server's own limit of a statement before we stop waiting for its answer.
GRACE_S = 1.0
#: How long the database waits inside a transaction for our next statement: for a server that is paused or cut off while
#: it holds what others need, no longer than it takes them to declare it dead.
IDLE_LIMIT_S = 5.0

#: How long we wait for a script (of a migration), whose statements may be slow by themselves.
SCRIPT_LIMIT_S = 3600.0

#: A peer that is gone is noticed by the kernel after some ten seconds, also while we wait for its answer.
_KEEPALIVE = {
    "connect_timeout": CONNECT_LIMIT_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    #: After a failover we want the server that can be written, when several are named.
    "target_session_attrs": "read-write",
}

#: Plans that do not depend on what happened to be in the tables when they were made: every query of ours is meant to
#: go by an index (`make test-plans` shows that each does). And no plan is compiled: none lasts long enough for that.
_PLANNING = """
SET jit = off; SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
"""

_GOOD = {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}


class Connection:
    """A connection that is made when it is first needed, and made anew when it was lost. For one thread."""

    def __init__(self, conninfo: str, name: str, *, limit_s: float, durable: bool = True) -> None:
        given = _understood(conninfo)
        wanted: dict[str, Any] = {key: value for key, value in _KEEPALIVE.items() if key not in given}
        self._conninfo = make_conninfo(conninfo, **wanted)
        self._name, self._limit_s, self._durable = name, limit_s, durable
        self._session: psycopg.Connection | None = None
        self._prepared: set[bytes] = set()
        self._sent: list[bytes] = []  #: what has not been answered: the name of what is prepared, or nothing

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self._session is not None

    def open(self) -> pq.abc.PGconn:
        """The connection, made if there is none. Raises psycopg.Error."""
        if self._session is None:
            self._session = psycopg.connect(self._conninfo, autocommit=True, application_name=f"hookline {self._name}")
            try:
                self._set_up(self._session.pgconn)
            except BaseException:
                self.close()
                raise
        return self._session.pgconn

    def close(self) -> None:
        """End it. What was not committed is rolled back by the server."""
        session, self._session = self._session, None
        self._prepared.clear()
        self._sent.clear()
        if session is not None:
            session.close()

    def _set_up(self, pg: pq.abc.PGconn) -> None:
        limit_ms, idle_ms = int(self._limit_s * 1000), int(min(self._limit_s, IDLE_LIMIT_S) * 1000)
        self._simple(
            pg,
            f"SET statement_timeout = {limit_ms}; SET lock_timeout = {max(1, limit_ms * 4 // 5)};"
            f"SET idle_in_transaction_session_timeout = {idle_ms}; SET client_encoding = 'UTF8'; {_PLANNING}",
        )
        (commits,) = self._simple(pg, "SHOW synchronous_commit")
        if self._durable and commits == b"off":
            self._simple(pg, "SET synchronous_commit = on")  # a 2xx is a promise, whatever the database's default is
        elif not self._durable:
            self._simple(pg, "SET synchronous_commit = off")
        pg.enter_pipeline_mode()

    def _simple(self, pg: pq.abc.PGconn, text: str, limit_s: float = 0.0) -> list[bytes | None]:
        """Execute some statements outside of the pipeline; the first row of the last one."""
        pg.send_query(text.encode())
        deadline = time.monotonic() + (limit_s or self._limit_s + GRACE_S)
        last: pq.abc.PGresult | None = None
        failed: psycopg.Error | None = None
        while (result := self._next(pg, deadline)) is not None:
            last = result
            if result.status not in _GOOD:
                failed = failed or _failure(result)
        if failed is not None:
            raise failed
        return [last.get_value(0, column) for column in range(last.nfields)] if last and last.ntuples else []

    # -- statements --------------------------------------------------------------------------------------

    def send(self, statement: Statement, values: Sequence[Encoded] = ()) -> None:
        """Send a statement; its answer is read with that of the next one that somebody waits for."""
        pg = self.open()
        if not statement.name or statement.name not in self._prepared:
            pg.send_prepare(statement.name, statement.text)
            self._prepared.add(statement.name)
            self._sent.append(statement.name)
        pg.send_query_prepared(
            statement.name, [value for value, _ in values], [kind for _, kind in values], result_format=BINARY
        )
        self._sent.append(b"")

    def answer(self) -> pq.abc.PGresult:
        """The answer to what was sent last. Raises what any statement failed with since the last answer was read."""
        return self.answers(1)[0]

    def answers(self, count: int) -> list[pq.abc.PGresult]:
        """The answers to the last ``count`` statements."""
        pg = self.open()
        pg.pipeline_sync()
        deadline = time.monotonic() + self._limit_s + GRACE_S
        failed: psycopg.Error | None = None
        results: list[pq.abc.PGresult] = []
        for prepared in self._sent:
            result = self._next(pg, deadline)
            while self._next(pg, deadline) is not None:
                pass
            if result is None or result.status not in _GOOD:
                failed = failed or _failure(result)
                self._prepared.discard(prepared)
            elif not failed:
                results.append(result)
        self._sent.clear()
        synced = self._next(pg, deadline)
        if synced is None or synced.status != pq.ExecStatus.PIPELINE_SYNC:
            raise failed or psycopg.OperationalError("the connection to the database was lost")
        if failed is not None:
            raise failed
        return results[-count:]

    def _next(self, pg: pq.abc.PGconn, deadline: float) -> pq.abc.PGresult | None:
        """The next result as soon as it is there. Raises Unreachable when that takes too long."""
        while True:
            unsent = pg.flush()
            if not unsent and not pg.is_busy():
                return pg.get_result()
            poll = select.poll()
            poll.register(pg.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
            left_ms = (deadline - time.monotonic()) * 1000
            if left_ms <= 0 or not (events := poll.poll(left_ms)):
                raise Unreachable(f"the database did not answer within {self._limit_s + GRACE_S:g} s")
            if events[0][1] & ~select.POLLOUT:
                pg.consume_input()  # raises when the connection is lost

    def script(self, text: str) -> None:
        """Execute several statements, between transactions or in one. They may take as long as the server lets them."""
        pg = self.open()
        assert not self._sent, "nothing is under way"
        pg.exit_pipeline_mode()
        try:
            self._simple(pg, text, SCRIPT_LIMIT_S)
        finally:
            pg.enter_pipeline_mode()


def _understood(conninfo: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:  # what it says repeats the password
        raise ConfigError(
            "the URL of the database cannot be understood; write postgresql://user:password@host:port/name, and in the "
            "password `%25` for `%`, `%40` for `@`, `%3A` for `:`, `%2F` for `/`",
            where="database",
        ) from None


def _failure(result: pq.abc.PGresult | None) -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection to the database was lost")
    if result.status == pq.ExecStatus.PIPELINE_ABORTED:
        return psycopg.OperationalError("an earlier statement failed")
    return error_from_result(result)
