"""Statements on the driver's own connection: in the session's transaction, and no longer."""

from __future__ import annotations

import gc
from weakref import ref

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.statements import driver_connection, fetch


async def test_a_unit_of_work_leaves_nothing_to_the_garbage_collector(database: Database) -> None:
    seen: list[ref[object]] = []

    async def work(session: AsyncSession) -> None:
        seen.append(ref(session.sync_session))
        await fetch(session, "SELECT 1")

    gc.disable()
    try:
        await database.run(work)
        assert [session() for session in seen] == [None]
    finally:
        gc.enable()


async def test_what_comes_after_a_commit_is_in_a_transaction_of_its_own(
    database: Database,
) -> None:
    async with AsyncSession(database.engine) as session:
        await fetch(session, "CREATE TABLE kept (id integer)")
        await session.commit()
        assert (await driver_connection(session)).is_in_transaction()
        await fetch(session, "INSERT INTO kept VALUES (1)")
        await session.rollback()

        assert await fetch(session, "SELECT id FROM kept") == []
