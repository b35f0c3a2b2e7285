"""Advisory locks: waited for in one order, and never while others wait for us."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.errors import LocksTakenError
from rcu.db.locks import lock_key, lock_until_commit


async def test_a_lock_found_late_is_taken_when_it_is_free(database: Database) -> None:
    async with database.transaction() as one, database.transaction() as other:
        await lock_until_commit(one, [1])
        await lock_until_commit(one, [2, 1])
        await lock_until_commit(other, [3])

        with pytest.raises(LocksTakenError) as refused:
            await lock_until_commit(other, [2, 4])

    assert refused.value.keys == {2, 4}


async def test_locks_found_late_in_opposite_orders_make_no_deadlock(database: Database) -> None:
    refusals: list[Exception] = []

    async def work(session: AsyncSession, first: int, then: int) -> None:
        try:
            await lock_until_commit(session, [first])
            await asyncio.sleep(0.02)
            await lock_until_commit(session, [then])
        except Exception as error:
            refusals.append(error)
            raise

    await asyncio.gather(
        *(database.run(partial(work, first=first, then=1 - first)) for first in (0, 1, 0, 1, 0, 1))
    )

    assert {type(error) for error in refusals} == {LocksTakenError}


async def test_no_locks_are_no_first_locks(database: Database) -> None:
    async with database.transaction() as one:
        await lock_until_commit(one, [])
        async with database.transaction() as other:
            await lock_until_commit(other, [7])
        await asyncio.wait_for(lock_until_commit(one, [7]), timeout=5)


def test_a_lock_is_a_signed_number_of_64_bits() -> None:
    assert lock_key("record", "pos", "P1") != lock_key("record", "pos", "P2")
    assert -(2**63) <= lock_key("record", "pos", "P1") < 2**63
