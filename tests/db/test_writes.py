"""Writes that are kept back go in one statement, and nothing of them is lost or mixed up."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.errors import StaleReadError
from rcu.db.statements import fetch
from rcu.db.writes import Write, Writes

_MAKE = "CREATE TEMPORARY TABLE {0} (one int, other text) ON COMMIT DROP"
_BLUE = Write(
    "blue_row AS (INSERT INTO blue SELECT $1, unnest($2::text[]) RETURNING 1)",
    told=("(SELECT count(*) FROM blue_row)", "$1::int"),
)
_RED = Write("red_row AS (INSERT INTO red VALUES ($1, $2))")


async def _tables(session: AsyncSession) -> None:
    for table in ("blue", "red"):
        await fetch(session, _MAKE.format(table))


async def test_all_that_is_kept_back_goes_in_one_statement(
    database: Database, statements: list[str]
) -> None:
    told: list[Any] = []
    async with database.transaction() as session:
        await _tables(session)
        writes = Writes(session)
        statements.clear()
        await writes.add(_RED, 7, "seven")
        await writes.add(_BLUE, 3, ["a", "b"], check=told.extend)
        before = list(statements)

        await writes.send()
        await writes.send()

        assert (before, len(statements), told) == ([], 1, [2, 3])
        assert await fetch(session, "SELECT * FROM red") == [(7, "seven")]
        assert await fetch(session, "SELECT * FROM blue ORDER BY 2") == [(3, "a"), (3, "b")]
        assert writes.are_sent


async def test_a_second_write_of_a_kind_goes_after_the_first(database: Database) -> None:
    async with database.transaction() as session:
        await _tables(session)
        writes = Writes(session)
        await writes.add(_RED, 1, "one")
        await writes.add(_RED, 2, "two")
        first = await fetch(session, "SELECT * FROM red")

        await writes.send()

        assert first == [(1, "one")]
        assert await fetch(session, "SELECT one FROM red ORDER BY one") == [(1,), (2,)]


async def test_a_write_that_is_not_what_was_wanted_is_refused(database: Database) -> None:
    def refuse(_: Sequence[Any]) -> None:
        raise StaleReadError

    async with database.transaction() as session:
        await _tables(session)
        writes = Writes(session)
        await writes.add(_BLUE, 3, ["a"], check=refuse)

        with pytest.raises(StaleReadError):
            await writes.send()
