"""What a database error means for the work that met it: try again, answer 503, or a bug."""

from __future__ import annotations

from enum import Enum

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rcu.db.errors import DatabaseUnavailableError, OutOfMemoryError, StaleReadError


class Failure(Enum):
    """Why a unit of work did not commit, when the work itself is not to blame."""

    CONFLICT = "conflict"
    """Deadlock or serialisation failure: rolled back, right to run again."""
    DISCONNECTED = "disconnected"
    """The connection broke."""
    UNAVAILABLE = "unavailable"
    """The server refuses work, or took too long."""
    OUT_OF_MEMORY = "out_of_memory"
    """The server has no memory for it, or its lock table no room: less at once may well do."""
    POOL_EXHAUSTED = "pool_exhausted"
    """Every connection is in use."""


_SENTENCES = {
    Failure.CONFLICT: "The database is busy with the same rows.",
    Failure.DISCONNECTED: "The connection to the database was lost.",
    Failure.UNAVAILABLE: "The database is not reachable or too busy.",
    Failure.OUT_OF_MEMORY: "The database has no room for so much at once.",
    Failure.POOL_EXHAUSTED: "All connections to the database are in use.",
}

_CONFLICTS = frozenset({"40001", "40P01"})
_DISCONNECTIONS = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})
_OUT_OF_MEMORY = "53200"
_REFUSALS = frozenset(
    {
        "25006",  # read only: a standby, after a failover
        "55P03",  # lock_timeout
        "57014",  # statement_timeout
    }
)


def failure_of(error: BaseException) -> Failure | None:
    """Return what an error of SQLAlchemy or asyncpg means; None when the database is well."""
    if isinstance(error, DBAPIError):
        return _failure_of_statement(error)
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration changed a table under a prepared statement: the next run prepares it anew.
        return Failure.CONFLICT
    if isinstance(error, asyncpg.PostgresError):
        return _failure_of_state(error.sqlstate or "")
    if isinstance(error, asyncpg.InterfaceError):
        return Failure.DISCONNECTED if "closed" in str(error) else None
    if isinstance(error, PoolTimeoutError):
        return Failure.POOL_EXHAUSTED
    return Failure.CONFLICT if isinstance(error, StaleReadError) else None


def _failure_of_statement(error: DBAPIError) -> Failure | None:
    # A migration changed a table under a prepared statement: the next run prepares it anew.
    if type(error.orig).__name__ == "InvalidCachedStatementError":
        return Failure.CONFLICT
    if error.connection_invalidated:
        return Failure.DISCONNECTED
    return _failure_of_state(str(getattr(error.orig, "sqlstate", None) or ""))


def _failure_of_state(state: str) -> Failure | None:
    """Return what an SQLSTATE means; class 08 is the connection, 53 a lack of room."""
    if state in _CONFLICTS:
        return Failure.CONFLICT
    if state in _DISCONNECTIONS or state.startswith("08"):
        return Failure.DISCONNECTED
    if state == _OUT_OF_MEMORY:
        return Failure.OUT_OF_MEMORY
    if state in _REFUSALS or state.startswith("53"):
        return Failure.UNAVAILABLE
    return None


def unavailable(failure: Failure | None) -> DatabaseUnavailableError:
    """Return the error to raise for a failure; None stands for a connection never made."""
    found = failure or Failure.UNAVAILABLE
    kind = OutOfMemoryError if found is Failure.OUT_OF_MEMORY else DatabaseUnavailableError
    return kind(_SENTENCES[found])
