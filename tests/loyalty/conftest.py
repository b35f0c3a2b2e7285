"""The retailer with its points programme, for tests of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.ingestion.shop import Shop, assert_sound, clear
from tests.loyalty.club import CLUB, activate


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    """Give a retailer with a programme, to whom nothing was sent; the data end sound."""
    await clear(opened_shop.database)
    await activate(opened_shop.database, CLUB)
    yield opened_shop
    await assert_sound(opened_shop.database)
