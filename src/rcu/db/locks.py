"""Advisory locks that last as long as the transaction, waited for in one order by everybody."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.active_version import note_locked
from rcu.db.errors import LocksTakenError
from rcu.db.statements import fetch

# A function of the database, since it must look at the active version after it has waited: a plain
# statement sees what was committed before it began to wait.
_LOCK = "SELECT lock_until_commit($1::bigint[], $2)"
_LOCK_ACTIVATION = "SELECT pg_advisory_xact_lock($1)"

_TRY = "SELECT bool_and(pg_try_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key"

FORESEEN: Final = "rcu.locks.foreseen"
"""Where a session is told of locks that an earlier run of its work found late."""
ONLY_READS: Final = "rcu.locks.only_reads"
"""Where a session is told that it reads as of one instant: it needs no lock, and takes none."""
_HELD: Final = "rcu.locks.held"


def only_reads(session: AsyncSession) -> bool:
    """Tell whether a session reads as of one instant, and locks nothing."""
    return ONLY_READS in session.info


def lock_key(kind: str, *parts: str) -> int:
    """Return the lock that stands for a thing, as a signed 64-bit number.

    Two things that fall on one number only wait for each other; nothing depends on the
    numbers being different.
    """
    digest = blake2b("\x1f".join((kind, *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


ACTIVATION: Final = lock_key("model")
"""The lock that whoever decides with the active version shares."""


async def lock_activation(session: AsyncSession) -> None:
    """Wait until nobody decides with the active version, and hold those who would until the commit.

    For the transaction that activates another one, which takes no other lock.
    """
    await fetch(session, _LOCK_ACTIVATION, ACTIVATION)


async def lock_active_version(session: AsyncSession) -> str | None:
    """Return the active version of the model, which stays active until the commit.

    For work that must make sure before, or without, the locks of `lock_until_commit`.
    """
    [(active,)] = await fetch(session, _LOCK, [], ACTIVATION)
    note_locked(session, active)
    return None if active is None else str(active)


async def lock_until_commit(session: AsyncSession, keys: Iterable[int]) -> None:
    """Take every lock and hold them until the transaction ends.

    Only the first call of a transaction waits, and takes the lowest lock first: those who take
    all their locks in one sorted go are never in a deadlock with one another. What turns out
    later to be needed as well is taken if it is free; else `LocksTakenError` makes the edge run
    the work again, and the first call then waits for these too.

    The first call also makes sure of the active version of the model (`rcu.db.active_version`).
    A session that only reads takes none.
    """
    if only_reads(session):
        return
    held: set[int] = session.info.setdefault(_HELD, set())
    wanted = set(keys) - held
    if held:
        await _try(session, wanted)
    elif wanted := wanted | session.info.get(FORESEEN, frozenset()):
        [(active,)] = await fetch(session, _LOCK, sorted(wanted), ACTIVATION)
        note_taken(session, wanted, active=active)


async def _try(session: AsyncSession, wanted: AbstractSet[int]) -> None:
    if wanted:
        [(are_free,)] = await fetch(session, _TRY, sorted(wanted))
        if not are_free:
            raise LocksTakenError(wanted)
        session.info[_HELD] |= wanted


async def left_to_wait_for(session: AsyncSession, keys: Iterable[int]) -> list[int]:
    """Return which locks a statement must take that reads what depends on them, lowest first.

    For a statement that calls the function `lock_until_commit` itself; what it was told goes to
    `note_taken`. In a transaction that holds locks already, these are taken here, as
    `lock_until_commit` does, and none is left.
    """
    held: set[int] = session.info.setdefault(_HELD, set())
    if held:
        await lock_until_commit(session, keys)
        return []
    return sorted({*keys, *session.info.get(FORESEEN, ())})


def note_taken(session: AsyncSession, keys: Iterable[int], *, active: str | None) -> None:
    """Take note of locks that a statement took, and of the active version that it was told."""
    note_locked(session, active)
    held: set[int] = session.info.setdefault(_HELD, set())
    held.update(keys)
