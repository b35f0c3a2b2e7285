"""The retailer at work, for tests of what data teams read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rcu.db.engine import Database
from tests.ingestion.shop import Shop, assert_sound, clear, open_shop


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    """Give the retailer that the tests of a module share."""
    async with open_shop(module_database) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    """Give a retailer to whom nothing was sent; whatever a test sends leaves the data sound."""
    await clear(opened_shop.database)
    yield opened_shop
    await assert_sound(opened_shop.database)
