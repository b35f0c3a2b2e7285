"""Advisory locks that last as long as the transaction, waited for in one order by everybody."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import LocksTakenError
from rcu.db.statements import fetch

# The sort is a barrier: without OFFSET the planner may lock before it sorts.
_LOCK = """
    SELECT count(pg_advisory_xact_lock(key))
    FROM (SELECT key FROM unnest($1::bigint[]) AS key ORDER BY key OFFSET 0) AS sorted
"""

_TRY = "SELECT bool_and(pg_try_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key"

FORESEEN: Final = "rcu.locks.foreseen"
"""Where a session is told of locks that an earlier run of its work found late."""
_HELD: Final = "rcu.locks.held"


def lock_key(kind: str, *parts: str) -> int:
    """Return the lock that stands for a thing, as a signed 64-bit number.

    Two things that fall on one number only wait for each other; nothing depends on the
    numbers being different.
    """
    digest = blake2b("\x1f".join((kind, *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def lock_until_commit(session: AsyncSession, keys: Iterable[int]) -> None:
    """Take every lock and hold them until the transaction ends.

    Only the first call of a transaction waits, and takes the lowest lock first: those who take
    all their locks in one sorted go are never in a deadlock with one another. What turns out
    later to be needed as well is taken if it is free; else `LocksTakenError` makes the edge run
    the work again, and the first call then waits for these too.
    """
    held: set[int] = session.info.setdefault(_HELD, set())
    wanted = set(keys) - held
    if not held:
        wanted |= session.info.get(FORESEEN, frozenset())
    if not wanted:
        return
    if not held:
        await fetch(session, _LOCK, sorted(wanted))
    else:
        [(are_free,)] = await fetch(session, _TRY, sorted(wanted))
        if not are_free:
            raise LocksTakenError(wanted)
    held |= wanted
