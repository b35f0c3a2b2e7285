"""A server whose lock table has no room for a whole batch of profiles takes it by parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from tests.ingestion.shop import Shop, assert_sound, open_shop, profile, typed

PROFILES = 100
SMALL = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "20",
    "max_locks_per_transaction": "10",
}


@pytest.fixture
async def small_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Give a retailer on a server with room for some hundreds of locks."""
    server = EmbeddedServer(tmp_path, overrides=SMALL)
    await anyio.to_thread.run_sync(server.acquire)
    database = Database(server.url(), pool_size=5)
    await migrate(database)
    async with open_shop(database) as opened:
        yield opened
    await assert_sound(database)
    await database.close()
    await anyio.to_thread.run_sync(server.release)


async def test_a_batch_with_more_locks_than_the_server_has_room_for_is_received(
    small_shop: Shop,
) -> None:
    batch = [
        typed(
            "profile",
            profile(
                f"P{number}",
                given_name="Odile",
                family_name=f"Vasseur{number}",
                birth_date="1971-05-04",
                emails=[f"odile{number}@mail.example"],
                phones=[f"06399812{number:02d}"],
                cards=[f"29900012345{number:02d}"],
                addresses=[{"postcode": f"{59000 + number}", "city": "Lille"}],
            ),
        )
        for number in range(PROFILES)
    ]

    results = await small_shop.batch("pos", batch)

    assert {result["status"] for result in results} == {201}
    assert await small_shop.scalar("SELECT count(*) FROM inbox_message") == PROFILES
    assert [result["index"] for result in results] == list(range(PROFILES))
