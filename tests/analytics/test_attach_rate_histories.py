"""The attach rate equals a count written independently, after whatever happened, at any time."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from rcu.analytics.attach_rate_periods import Periods
from rcu.analytics.attach_rate_rollups import complete_periods, fold, recount
from tests.analytics.count import Counted, count, figures, groups
from tests.analytics.histories import NOW, History
from tests.ingestion.shop import Shop

FIRST, LAST = NOW.date() - timedelta(days=5), NOW.date() + timedelta(days=1)
PARIS = "Europe/Paris"
HISTORIES = int(os.environ.get("RCU_TEST_HISTORIES", "4"))
DIMENSIONS = (
    "store", "till", "cashier", "channel", "day", "week", "month", "hour", "method", "reason",
    "sale_method", "sale_reason",
)  # fmt: skip
QUESTIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("store", "channel", "day"),
    ("hour", "sale_reason"),
    ("till", "cashier"),
    ("method", "reason", "sale_method", "sale_reason"),
    ("week", "month", "hour", "till"),
)


async def ask(shop: Shop, path: str = "", **asked: Any) -> Any:
    period = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    response = await shop.call("GET", f"analytics/attach-rate{path}", params=period | asked)
    assert response.status_code == 200, response.text
    return response.json()


async def told(shop: Shop, by: tuple[str, ...], **asked: Any) -> tuple[Any, Any]:
    answer = await ask(shop, group_by=list(by), **asked)
    by_group = {
        tuple(group["group"][name] for name in by): group["figures"] for group in answer["groups"]
    }
    return answer["totals"], by_group


async def assert_equal(shop: Shop, tickets: list[Counted], **asked: Any) -> None:
    for kind in ("sale", "return"):
        mine = [ticket for ticket in tickets if ticket.kind == kind]
        for by in QUESTIONS:
            totals, by_group = await told(shop, by, kind=kind, **asked)
            assert totals == figures(mine), (kind, by)
            assert by_group == (groups(mine, by) if by else {}), (kind, by)


async def assert_opens(shop: Shop, tickets: list[Counted], **asked: Any) -> None:
    """Every number opens to as many tickets as it counts, and those."""
    sales = [ticket for ticket in tickets if ticket.kind == "sale"]
    wanted = {
        "tickets": {t.id for t in sales},
        "attached_at_sale": {t.id for t in sales if t.sale_reason is None},
        "attached_now": {t.id for t in sales if t.reason is None},
        "anonymous": {t.id for t in sales if t.reason is not None},
        "missed": {t.id for t in sales if t.missed},
        "accounts_opened": {t.id for t in sales if t.opened},
    }
    for which, ids in wanted.items():
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await ask(shop, "/tickets", which=which, limit=7, **cursor, **asked)
            found += [ticket["id"] for ticket in page["tickets"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert sorted(found) == sorted(map(str, ids)), which
        assert len(set(found)) == len(found)


async def count_up(shop: Shop, dice: Random) -> None:
    """Fold, and set boundaries as close to each other as what happens, here or there or all."""
    periods = Periods(timedelta(milliseconds=dice.choice((5, 40, 300))), timedelta(0))
    await fold(shop.database, timezone=PARIS, periods=periods)
    missing = dice.choice((0, 3, 1000))
    while missing and await complete_periods(shop.database, timezone=PARIS, periods=periods):
        missing -= 1


async def come_late(shop: Shop, history: History, dice: Random) -> None:
    """Let transactions begin that go on after boundaries have been set."""
    steps = (history.sell, history.void, history.correct, history.tell_profile, history.merge)
    async with shop.database.transaction() as session:
        await session.execute(text("LOCK TABLE ticket, source_record IN SHARE ROW EXCLUSIVE MODE"))
        begun = [asyncio.create_task(step()) for step in dice.choices(steps, k=3)]
        await asyncio.sleep(0.05)
        await count_up(shop, dice)
    await asyncio.gather(*begun)


async def some_times(shop: Shop, dice: Random) -> list[datetime]:
    """Return times of a history: of boundaries, the moments around them, and others."""
    [(first, last)] = await shop.rows(
        "SELECT min(received_at), max(received_at) FROM inbox_message"
    )
    times = [first + dice.random() * (last - first) for _ in range(3)]
    boundaries = [row[0] for row in await shop.rows("SELECT at FROM attach_rate_boundary")]
    for at in dice.sample(boundaries, min(3, len(boundaries))):
        times += [at + timedelta(microseconds=moved) for moved in (-1, 0, 1)]
    return [time for time in times if time < datetime.now(UTC)]


async def told_of(shop: Shop, times: list[datetime]) -> list[Any]:
    return [
        await told(shop, ("day", "store", "method", "reason"), kind=kind, as_of=time.isoformat())
        for time in times
        for kind in ("sale", "return")
    ]


async def assert_tells_the_same_without_boundaries(shop: Shop, dice: Random) -> None:
    """What comes from periods is what comes from taking back each change since."""
    times = await some_times(shop, dice)
    from_periods = await told_of(shop, times)

    await shop.run_sql("DELETE FROM attach_rate_boundary")

    assert await told_of(shop, times) == from_periods


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_figures_equal_an_independent_count_whatever_happened(shop: Shop, seed: int) -> None:
    dice, history = Random(seed), History(shop, seed)  # noqa: S311 - a history, not a secret
    remembered: list[tuple[Any, list[Counted]]] = []

    for _ in range(5):
        await history.go(dice.randrange(3, 14))
        if dice.random() < 0.6:
            await count_up(shop, dice)
        if dice.random() < 0.15:
            assert await recount(shop.database, timezone=PARIS) == 0
        if dice.random() < 0.3:
            await come_late(shop, history, dice)
        await history.go(dice.randrange(3, 8))
        remembered.append(
            (await shop.scalar("SELECT clock_timestamp()"), await count(shop.database))
        )

    await assert_equal(shop, remembered[-1][1])
    await assert_opens(shop, remembered[-1][1])
    for at, tickets in remembered:
        await assert_equal(shop, tickets, as_of=at.isoformat())
        await assert_opens(shop, tickets, as_of=at.isoformat())
    await count_up(shop, dice)
    for at, tickets in remembered:
        await assert_equal(shop, tickets, as_of=at.isoformat())
    await assert_tells_the_same_without_boundaries(shop, dice)
    assert not await fold(shop.database, timezone=PARIS)
    assert await recount(shop.database, timezone=PARIS) == 0
    await assert_equal(shop, remembered[-1][1])


def test_the_questions_cover_every_dimension() -> None:
    assert {name for by in QUESTIONS for name in by} == set(DIMENSIONS)
    assert FIRST < date.today() <= LAST  # noqa: DTZ011 - a margin of days
