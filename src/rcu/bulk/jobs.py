"""Work on the whole base that somebody asked for: one process at a time does it, to its end.

What is asked for is a row, so that it outlives the process that takes it on. Who works holds a
lock on a connection of its own, which goes with the process: a row that says `running` while nobody
holds the lock was left by a crash, and is taken on again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

from rcu.db.engine import Database
from rcu.db.locks import lock_key

if TYPE_CHECKING:
    from rcu.bulk.engine import Engine

OpenEngine = Callable[[], AbstractContextManager["Engine"]]
"""Makes an engine for one piece of work, which closes it."""

_JOBS: Final = lock_key("model jobs")

_IS_WAITING: Final = """
    SELECT (EXISTS (SELECT FROM model_activation WHERE state IN ('waiting', 'running'))
            OR EXISTS (SELECT FROM model_trial WHERE state IN ('waiting', 'running')))
       AND NOT EXISTS (
           SELECT FROM pg_locks
           WHERE locktype = 'advisory' AND objsubid = 1 AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND (classid::bigint << 32) + objid::bigint = $1
       )
"""


@asynccontextmanager
async def turn_of_jobs(database: Database) -> AsyncIterator[bool]:
    """Give whether it is our turn to work: not while another process does."""
    connection = await database.dedicated_connection()
    try:
        yield await connection.fetchval("SELECT pg_try_advisory_lock($1)", _JOBS)
    finally:
        await connection.close()


async def is_job_waiting(database: Database) -> bool:
    """Tell whether there is work that nobody does."""
    async with database.driver_connection() as connection:
        return bool(await connection.fetchval(_IS_WAITING, _JOBS))
