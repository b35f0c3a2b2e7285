"""The pool of connections, and the transaction at the edge: the only place that commits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import orjson
from sqlalchemy import URL, AsyncAdaptedQueuePool, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session

from rcu.db.active_version import SEEN, SeenVersion
from rcu.db.errors import LocksTakenError
from rcu.db.failures import Failure, failure_of, unavailable
from rcu.db.locks import FORESEEN, ONLY_READS
from rcu.db.statements import to_json

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from rcu.settings import Settings

T = TypeVar("T")

_HOPELESS = frozenset({Failure.UNAVAILABLE, Failure.OUT_OF_MEMORY})
"""Failures of a unit of work that it would meet again."""
CONNECT_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 20
"""Runs of one unit of work, at most, before it is told that the database is busy."""
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many connections of the pool are in use, and how many there may be."""

    in_use: int
    limit: int


class Database:
    """A pool of connections to one database, and the ways to work with it.

    - `run(work)`: a unit of work in one transaction, run again after a deadlock.
    - `look(work)`: the like, which only reads, as of one instant, and locks nothing.
    - `transaction()`: a session whose transaction commits at exit, once.
    - `read()`: a connection without a transaction, for single statements: one round trip each.
    - `driver_connection()`: the same without SQLAlchemy, for the hottest reads.

    All of them raise `DatabaseUnavailableError` while the server is away, and work again, by
    themselves, when it is back. That costs no ping: a connection that the server has closed
    is seen to be closed without asking it, when it is taken from the pool.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        pool_size: int = 10,
        pool_overflow: int = 5,
        pool_timeout_seconds: float = 5.0,
        statement_timeout_seconds: float = 30.0,
        lock_timeout_seconds: float = 10.0,
    ) -> None:
        """Make the pool; the first connection is opened by the first use."""
        self.engine = create_async_engine(
            asyncpg_url(url),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=pool_overflow,
            pool_timeout=pool_timeout_seconds,
            pool_use_lifo=True,
            # An error message must not carry a person's data to a log.
            hide_parameters=True,
            json_serializer=to_json,
            json_deserializer=orjson.loads,
            # asyncpg starts no transaction under AUTOCOMMIT: there is none to roll back.
            skip_autocommit_rollback=True,
            connect_args={
                "timeout": CONNECT_TIMEOUT_SECONDS,
                "server_settings": {
                    "application_name": "rcu",
                    "timezone": "UTC",
                    "jit": "off",
                    "statement_timeout": _milliseconds(statement_timeout_seconds),
                    "lock_timeout": _milliseconds(lock_timeout_seconds),
                },
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        self.seen_version = SeenVersion()
        self._pool_limit = pool_size + pool_overflow
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        as_of_one_instant = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._looking = async_sessionmaker(as_of_one_instant, expire_on_commit=False)

    @classmethod
    def from_settings(cls, settings: Settings, url: str | URL) -> Database:
        """Return a database at `url`, with the pool and the limits of the settings."""
        return cls(
            url,
            pool_size=settings.pool_size,
            pool_overflow=settings.pool_overflow,
            pool_timeout_seconds=settings.pool_timeout_seconds,
            statement_timeout_seconds=settings.statement_timeout_seconds,
            lock_timeout_seconds=settings.lock_timeout_seconds,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Give a session in a transaction that commits at exit, or rolls back on an error.

        A deadlock comes out as `DatabaseUnavailableError`; prefer `run`, which tries again.
        """
        async with self._sessions(info={SEEN: self.seen_version}) as session:
            await _begin(session)
            try:
                yield session
                await session.commit()
            except Exception as error:
                _raise_known(error)
                raise

    async def run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Return what `work` returns, once its transaction is committed.

        After a deadlock, a serialisation failure, or a connection that broke before the commit,
        everything is rolled back and `work` is called again with a new session, a bounded number
        of times: it must have no effect outside its transaction.
        """
        return await self._run(self._sessions, work, {FORESEEN: set()})

    async def look(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Return what `work` returns, all that it reads as of one instant.

        The transaction can write nothing, and waits for nobody: what takes locks to write takes
        none here (`rcu.db.locks`). Run again as `run` does.
        """
        return await self._run(self._looking, work, {ONLY_READS: True})

    async def _run(
        self,
        sessions: async_sessionmaker[AsyncSession],
        work: Callable[[AsyncSession], Awaitable[T]],
        told: dict[str, Any],
    ) -> T:
        foreseen: set[int] = told.get(FORESEEN, set())
        for attempt in range(ATTEMPTS):
            session = sessions(info={SEEN: self.seen_version, **told})
            committing = False
            try:
                await _begin(session)
                result = await work(session)
                committing = True
                await session.run_sync(_commit_and_close)
            except BaseException as error:
                # Also when the caller has gone: the connection goes back without a transaction.
                await asyncio.shield(session.close())
                failure = failure_of(error)
                if isinstance(error, LocksTakenError):
                    foreseen |= error.keys
                lost_in_commit = committing and failure is Failure.DISCONNECTED
                if failure is None:
                    raise
                if lost_in_commit or failure in _HOPELESS:
                    raise unavailable(failure) from error
            else:
                return result
            longest = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - not for secrets
        raise unavailable(Failure.CONFLICT)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection on which each statement is a transaction of its own.

        For hot reads of one statement: there is no BEGIN and no COMMIT to wait for.
        """
        try:
            connection = await self._autocommit.connect()
        except Exception as error:
            raise unavailable(failure_of(error)) from error
        try:
            yield connection
        except Exception as error:
            _raise_known(error)
            raise
        finally:
            await connection.close()

    @asynccontextmanager
    async def driver_connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Give asyncpg's own connection from the pool, without a transaction.

        For the hottest reads, which `read` would slow down by a factor of two or three: the SQL is
        a constant with `$1` in the place of values, prepared once for each connection. JSON comes
        back as objects, as everywhere.
        """
        try:
            pooled = await self.engine.raw_connection()
        except Exception as error:
            raise unavailable(failure_of(error)) from error
        try:
            yield pooled.driver_connection
        except Exception as error:
            _raise_known(error)
            raise
        finally:
            pooled.close()

    async def dedicated_connection(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection of asyncpg outside the pool, as LISTEN needs. The caller closes it."""
        _, options = self.engine.dialect.create_connect_args(self.engine.url)
        for ours in ("prepared_statement_cache_size", "prepared_statement_name_func"):
            options.pop(ours, None)
        try:
            return await asyncpg.connect(**options, timeout=CONNECT_TIMEOUT_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise unavailable(Failure.UNAVAILABLE) from error

    def pool_use(self) -> PoolUse:
        """Return how many connections are in use now, for the metrics."""
        pool = self.engine.pool
        in_use = pool.checkedout() if isinstance(pool, AsyncAdaptedQueuePool) else 0
        return PoolUse(in_use=in_use, limit=self._pool_limit)

    async def close(self) -> None:
        """Close the connections that are not in use, and the others when they are given back."""
        await self.engine.dispose()


def asyncpg_url(url: str | URL) -> URL:
    """Return a PostgreSQL address as SQLAlchemy wants it for asyncpg, whatever its spelling."""
    if isinstance(url, str) and url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://", 1)
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" in parsed.query:
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed


async def _begin(session: AsyncSession) -> None:
    """Take a connection for the session. BEGIN itself is sent with the first statement."""
    try:
        await session.run_sync(_connect)
    except Exception as error:
        raise unavailable(failure_of(error)) from error


def _connect(session: Session) -> None:
    session.connection()


def _commit_and_close(session: Session) -> None:
    """Do both in one turn of SQLAlchemy's own: each costs more to get there than to do."""
    session.commit()
    session.close()


def _raise_known(error: Exception) -> None:
    """Raise our own error in place of one that says the database cannot answer."""
    failure = failure_of(error)
    if failure is not None:
        raise unavailable(failure) from error


def _refuse_closed(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Make the pool replace a connection that the server closed while nobody used it."""
    driver: Any = connection.driver_connection
    if driver.is_closed():
        msg = "closed by the server"
        raise DisconnectionError(msg)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
