"""What an error of PostgreSQL means for whoever asked (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

import psycopg

from hookline.core.errors import StoreError

#: What a prepared statement is told when a migration added a column to what it selects: a new connection helps.
_STALE = "0A000"
#: Serialization failure, deadlock; a key that somebody else took first, which the next try will see.
_MET_ANOTHER = {"40001", "40P01", "23505", _STALE}

#: Classes of errors that say nothing about what was asked, but that the server cannot do its work now: connection,
#: resources (a full disk), intervention (shutdown, a statement that took too long), its own files.
_SERVERS_OWN = ("08", "53", "57", "58", "XX")
#: Read-only (a standby, after a failover), a lock that did not come, a session that was ended.
_OF_THE_MOMENT = {"25006", "55P03", "25P03"}


class Unreachable(psycopg.OperationalError):
    """The server did not answer in time, or there is no connection to it."""


def met_another(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again at once."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _MET_ANOTHER


def is_servers_own(error: BaseException) -> bool:
    """Whether anything else would fail as well, asked now."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return state in _OF_THE_MOMENT or state.startswith(_SERVERS_OWN)


def is_lost(error: BaseException) -> bool:
    """Whether the connection is of no use any more."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P")) or state in ("25P03", _STALE)


def explained(error: BaseException) -> BaseException:
    """What callers are told. Never the values of a row: they may be secret."""
    if not isinstance(error, psycopg.Error):
        return error
    said = error.diag.message_primary or str(error).strip().partition("\n")[0] or type(error).__name__
    return StoreError(f"the database cannot do it now: {said}")
