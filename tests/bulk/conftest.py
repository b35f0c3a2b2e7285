"""A database that ingests, for the tests of what works on a whole one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rcu.db.engine import Database
from tests.factories import make_source, make_store
from tests.ingestion.shop import assert_sound


@pytest.fixture
async def open_database(database: Database) -> AsyncIterator[Database]:
    """Give a database with four sources and a store; what a test does leaves it sound."""
    async with database.transaction() as session:
        for code in ("pos", "eshop", "app", "loyalty"):
            await make_source(session, code)
        await make_store(session)
    yield database
    await assert_sound(database)
