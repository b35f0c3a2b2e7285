"""The months of the partitioned tables are there before anything is written to them."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from rcu.db.engine import Database
from rcu.db.partitions import make_months

pytestmark = pytest.mark.anyio

INSERT = text("""
    INSERT INTO inbox_payload (source, message_id, received_at, payload)
    VALUES ('till', :message_id, :at, '{}') RETURNING tableoid::regclass::text
""")


async def test_this_month_has_a_partition_of_its_own(database: Database) -> None:
    now = datetime.now(UTC)

    async with database.transaction() as session:
        partition = await session.scalar(INSERT, {"message_id": "m1", "at": now})

    assert partition == f"inbox_payload_{now:%Y_%m}"


async def test_a_month_that_nobody_made_is_not_refused(database: Database) -> None:
    async with database.transaction() as session:
        partition = await session.scalar(
            INSERT, {"message_id": "m1", "at": datetime(2090, 1, 1, tzinfo=UTC)}
        )

    assert partition == "inbox_payload_default"


async def test_making_months_again_makes_only_those_that_are_missing(database: Database) -> None:
    later = date(2040, 12, 31)

    async with database.engine.begin() as connection:
        made = await connection.run_sync(make_months, today=later)
        again = await connection.run_sync(make_months, today=later)

    assert made[:2] == ["inbox_payload_2040_12", "inbox_payload_2041_01"]
    assert again == []


async def test_a_month_with_rows_in_the_default_partition_stays_there(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(INSERT, {"message_id": "m1", "at": datetime(2040, 12, 5, tzinfo=UTC)})

    async with database.engine.begin() as connection:
        made = await connection.run_sync(make_months, today=date(2040, 12, 1))

    assert "inbox_payload_2040_12" not in made
    assert "inbox_payload_2041_01" in made
