"""Runs the statements of the hot paths on the driver's own connection, in the same transaction.

SQLAlchemy costs a statement a quarter of a millisecond of computing, asyncpg a twentieth
(measured); a message takes a dozen. So statements that every message needs are constants with
`$1` in the place of values, prepared once for each connection, and sets of rows travel as one
array for each column, or as one array of rows where the database has a type for these: one row or a
thousand are the same statement. Rows of a type cost less than half of what arrays of columns do, on
both sides: the driver looks at each member of an array to tell how it is to be sent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import orjson
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - a class

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

_HELD = "rcu.statements.connection"
"""Where a session keeps its transaction and the driver's connection that goes with it."""


async def fetch(session: AsyncSession, statement: str, *values: object) -> Sequence[asyncpg.Record]:
    """Run a statement in the transaction of `session`, and return its rows.

    JSON comes back as objects; as a value it is given as text, by `to_json`. Objects that the
    session holds and has not flushed are not seen.
    """
    connection = await driver_connection(session)
    rows: Sequence[asyncpg.Record] = await connection.fetch(statement, *values)
    return rows


def columns(rows: Collection[tuple[Any, ...]]) -> list[list[Any]]:
    """Return rows, one at least, as the arrays of their columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]


def arrays(rows: Collection[tuple[Any, ...]], *, width: int) -> list[list[Any]]:
    """Return rows of `width` values, or none at all, as the arrays of their columns."""
    return columns(rows) if rows else [[] for _ in range(width)]


def as_read(value: UUID) -> UUID:
    """Return an id in the driver's own class, as it comes from the database.

    The two are equal; where an id is hashed, compared and sent a hundred times, the driver's takes
    a third of the time.
    """
    found: UUID = DriverUUID(value.bytes)
    return found


def to_json(value: Any) -> str:
    """Return a value as JSON text, as the driver takes it for a `jsonb`."""
    return orjson.dumps(value).decode()


def from_json(value: Any) -> Any:
    """Return the value of a `jsonb`, which comes as text, or read already through SQLAlchemy."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


async def driver_connection(session: AsyncSession) -> asyncpg.Connection[asyncpg.Record]:
    """Return the driver's own connection of a session, in its transaction."""
    # Asked of the session itself: what stands around it passes each question on.
    sync_session = session.sync_session
    if sync_session.in_nested_transaction():
        # SQLAlchemy sends SAVEPOINT with the first statement that goes through it.
        await session.connection()
    held: tuple[ref[Any], Any] | None = sync_session.info.get(_HELD)
    transaction = sync_session.get_transaction()
    if held is not None and transaction is not None and held[0]() is transaction:
        return cast("asyncpg.Connection[asyncpg.Record]", held[1])
    if not session.in_transaction():
        await session.connection()
    # Without waiting: the session has its connection.
    pooled: Any = sync_session.connection().connection
    connection = pooled.driver_connection
    if not connection.is_in_transaction():
        # SQLAlchemy sends BEGIN before the first statement that goes through it: none did yet, and
        # to have it run one would be another round trip.
        await pooled.dbapi_connection._start_transaction()  # noqa: SLF001 - it has no other name
    # The transaction holds the session: held by it in turn, both would be left to the garbage
    # collector, with all that the session holds.
    sync_session.info[_HELD] = (ref(sync_session.get_transaction()), connection)
    return cast("asyncpg.Connection[asyncpg.Record]", connection)
