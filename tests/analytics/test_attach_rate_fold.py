"""The fold by itself: in the background, after a failure, and when the time zone changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from rcu.analytics.attach_rate_rollups import fold, keep_folding, recount
from tests.ingestion.shop import Shop, cancel, sale

PARIS = "Europe/Paris"
MARCH = {"from": "2025-03-01", "to": "2025-03-31"}


async def groups(shop: Shop, by: str) -> dict[Any, int]:
    params = MARCH | {"group_by": by}
    answer = (await shop.call("GET", "analytics/attach-rate", params=params)).json()
    return {group["group"][by]: group["figures"]["tickets"] for group in answer["groups"]}


async def until_folded(shop: Shop) -> None:
    for _ in range(500):
        if not await shop.scalar("SELECT count(*) FROM attach_rate_arrival"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was folded")


async def test_the_service_folds_again_and_again_by_itself(shop: Shop) -> None:
    task = asyncio.create_task(keep_folding(shop.database, timezone=PARIS, look_seconds=0.01))

    for _ in range(2):
        await shop.ticket(sale())
        await until_folded(shop)

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await shop.scalar("SELECT sum(tickets) FROM attach_rate_cell WHERE grain = 'day'") == 2


async def test_cells_that_are_wrong_are_found_by_the_fold_and_mended_by_counting_anew(
    shop: Shop,
) -> None:
    sold = sale()
    await shop.ticket(sold)
    await fold(shop.database, timezone=PARIS)
    await shop.run_sql("DELETE FROM attach_rate_cell")
    await shop.ticket(cancel(sold))

    with pytest.raises(Exception, match="attach_rate_cell"):
        await fold(shop.database, timezone=PARIS)

    assert await shop.scalar("SELECT count(*) FROM attach_rate_ticket_change WHERE counted") == 0
    assert await recount(shop.database, timezone=PARIS) == 4
    assert await groups(shop, "store") == {}
    assert not await fold(shop.database, timezone=PARIS)


async def test_sales_without_a_store_are_told_in_the_zone_of_when_they_came(shop: Shop) -> None:
    def web() -> dict[str, Any]:
        message = sale()
        number = message.pop("number")
        return {k: v for k, v in message.items() if k not in {"store", "till"}} | {
            "ticket_id": f"W{number}"
        }

    await fold(shop.database, timezone=PARIS)
    await shop.ticket(web(), source="eshop")
    await fold(shop.database, timezone="America/Guadeloupe")
    await shop.ticket(web(), source="eshop")
    await fold(shop.database, timezone="America/Guadeloupe")

    assert await groups(shop, "hour") == {13: 1, 8: 1}
    assert await recount(shop.database, timezone="America/Guadeloupe") == 0
