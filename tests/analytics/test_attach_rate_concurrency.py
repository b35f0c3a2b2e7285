"""Figures while tills post, tokens find their owners and rollups are folded, all at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from rcu.analytics.attach_rate_rollups import fold, recount
from tests.analytics.count import count, figures
from tests.ingestion.shop import Shop, sale

PARIS = "Europe/Paris"
MARCH = {"from": "2025-03-01", "to": "2025-03-31"}
TILLS, TICKETS = 6, 12


@dataclass
class Counter:
    """How many sales were sent, and how many were acknowledged."""

    sent: int = 0
    acknowledged: int = 0
    figures: list[int] = field(default_factory=list)


async def totals(shop: Shop) -> Any:
    response = await shop.call("GET", "analytics/attach-rate", params=MARCH)
    assert response.status_code == 200, response.text
    return response.json()["totals"]


async def post(shop: Shop, counter: Counter, till: int) -> None:
    for number in range(TICKETS):
        token = f"par_token_{(till + number) % 8}"
        customer = {"external_id": f"P{till}"} if number % 5 == 4 else None
        counter.sent += 1
        await shop.ticket(sale(till=f"{till:02}", token=token, customer=customer))
        counter.acknowledged += 1


async def watch(shop: Shop, counter: Counter, done: asyncio.Event) -> None:
    while not done.is_set():
        before = counter.acknowledged
        told = (await totals(shop))["tickets"]
        assert before <= told <= counter.sent
        counter.figures.append(told)


async def fold_again_and_again(shop: Shop, done: asyncio.Event) -> int:
    folds = 0
    while not done.is_set():
        folds += await fold(shop.database, timezone=PARIS)
        await asyncio.sleep(0.01)
    return folds


async def test_every_acknowledged_sale_is_counted_once_while_folds_go_on(shop: Shop) -> None:
    counter, done = Counter(), asyncio.Event()
    for number in range(TILLS):
        await shop.profile("pos", f"P{number}", given_name="Odile", birth_date=f"197{number}-05-04")
    others = asyncio.gather(
        watch(shop, counter, done),
        fold_again_and_again(shop, done),
        fold_again_and_again(shop, done),
    )

    await asyncio.gather(*(post(shop, counter, till) for till in range(TILLS)))
    done.set()
    _, *folds = await others

    assert await totals(shop) == figures(await count(shop.database))
    assert counter.acknowledged == TILLS * TICKETS == (await totals(shop))["tickets"]
    assert sum(folds) > 1
    assert len(set(counter.figures)) > 1
    assert await recount(shop.database, timezone=PARIS) == 0
    assert await totals(shop) == figures(await count(shop.database))


async def test_folding_many_times_at_once_counts_once(shop: Shop) -> None:
    for _ in range(5):
        await shop.ticket(sale(token="par_tok_1"))

    folded = await asyncio.gather(*(fold(shop.database, timezone=PARIS) for _ in range(6)))

    assert any(folded)
    assert (await totals(shop))["tickets"] == 5
    assert await shop.scalar("SELECT count(*) FROM attach_rate_arrival") == 0
    assert await recount(shop.database, timezone=PARIS) == 0
