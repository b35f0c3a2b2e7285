"""Opening stores: a store is added, then what was parked for want of it is replayed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.ingestion import parking
from rcu.sales import stores
from rcu.sales.models import Store
from rcu.sales.stores import StoreDetails, StoreOutcome


async def open_stores(
    database: Database, wanted: Sequence[StoreDetails], *, replace: bool = False
) -> list[tuple[Store, StoreOutcome]]:
    """Add stores, all or none, and apply the messages that waited for them.

    The replay follows the commit: a ticket that waits is no reason to lose a store. It is done
    for stores that were there already as well, so that sending them again mends a replay that
    was cut short.
    """

    async def add_all(session: AsyncSession) -> list[tuple[Store, StoreOutcome]]:
        return [await stores.add_store(session, one, replace=replace) for one in wanted]

    saved = await database.run(add_all)
    for store, _ in saved:
        await parking.replay_waiting(database, f"store:{store.code}")
    return saved
