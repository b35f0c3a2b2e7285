"""What the suite's own fixtures promise."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database


async def test_a_session_sees_the_database(session: AsyncSession) -> None:
    assert await session.scalar(text("SELECT 1")) == 1


async def test_a_database_commits(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE probe (n integer)"))
        await session.execute(text("INSERT INTO probe VALUES (1)"))

    async with database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM probe")) == 1


async def test_each_database_is_new(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT to_regclass('probe')")) is None
