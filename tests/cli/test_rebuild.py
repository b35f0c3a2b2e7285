"""`rcu rebuild`: the golden records follow from the source records alone."""

from __future__ import annotations

import anyio
from sqlalchemy import URL, text

from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.ingestion.shop import open_shop

FOUND = "SELECT client_id, golden, search_terms FROM golden_record ORDER BY client_id"


async def enrol(url: URL) -> None:
    database = Database(url)
    async with open_shop(database) as shop:
        await shop.profile("pos", "P1", given_name="Odile", phones=["06 39 98 12 08"])
        await shop.profile("pos", "P2", given_name="Basile")
    await database.close()


async def spoil(url: URL) -> list[object]:
    """Return the golden records as they were."""
    database = Database(url)
    async with database.transaction() as session:
        before: list[object] = list((await session.execute(text(FOUND))).all())
        await session.execute(text("UPDATE golden_record SET golden = '{}', search_terms = '{}'"))
    await database.close()
    return before


async def read(url: URL) -> list[object]:
    database = Database(url)
    async with database.read() as connection:
        found: list[object] = list((await connection.execute(text(FOUND))).all())
    await database.close()
    return found


def test_spoilt_golden_records_are_as_before(rcu: Rcu, database_url: URL) -> None:
    anyio.run(enrol, database_url)
    before = anyio.run(spoil, database_url)

    result = rcu("rebuild")

    assert result.exit_code == 0, result.output
    assert "2 golden records are as their source records say." in result.stdout
    assert anyio.run(read, database_url) == before
