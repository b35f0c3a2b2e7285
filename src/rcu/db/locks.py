"""Advisory locks that last as long as the transaction, taken in one order by everybody."""

from collections.abc import Iterable
from hashlib import blake2b

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch

# The sort is a barrier: without OFFSET the planner may lock before it sorts.
_LOCK = """
    SELECT count(pg_advisory_xact_lock(key))
    FROM (SELECT key FROM unnest($1::bigint[]) AS key ORDER BY key OFFSET 0) AS sorted
"""


def lock_key(kind: str, *parts: str) -> int:
    """Return the lock that stands for a thing, as a signed 64-bit number.

    Two things that fall on one number only wait for each other; nothing depends on the
    numbers being different.
    """
    digest = blake2b("\x1f".join((kind, *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def lock_until_commit(session: AsyncSession, keys: Iterable[int]) -> None:
    """Take every lock, lowest first, and hold them until the transaction ends.

    A transaction calls this once: whoever takes all its locks in one sorted go cannot be
    in a deadlock with another who does the same.
    """
    wanted = sorted(set(keys))
    if wanted:
        await fetch(session, _LOCK, wanted)
