"""The retailer with its points programme, for tests of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rcu.db.engine import Database
from tests.ingestion.shop import Shop, assert_sound, clear, open_shop
from tests.loyalty.club import CLUB, activate


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    """Give the retailer that the tests of a module share."""
    async with open_shop(module_database) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    """Give a retailer with a programme, to whom nothing was sent; the data end sound."""
    await clear(opened_shop.database)
    await activate(opened_shop.database, CLUB)
    yield opened_shop
    await assert_sound(opened_shop.database)
