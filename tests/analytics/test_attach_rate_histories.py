"""The attach rate equals a count written independently, after whatever happened, at any time."""

from __future__ import annotations

import os
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from rcu.analytics.attach_rate_rollups import fold, recount
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


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_figures_equal_an_independent_count_whatever_happened(shop: Shop, seed: int) -> None:
    dice, history = Random(seed), History(shop, seed)  # noqa: S311 - a history, not a secret
    remembered: list[tuple[Any, list[Counted]]] = []

    for _ in range(5):
        await history.go(dice.randrange(3, 14))
        if dice.random() < 0.6:
            await fold(shop.database, timezone=PARIS)
        if dice.random() < 0.15:
            assert await recount(shop.database, timezone=PARIS) == 0
        await history.go(dice.randrange(3, 8))
        remembered.append(
            (await shop.scalar("SELECT clock_timestamp()"), await count(shop.database))
        )

    await assert_equal(shop, remembered[-1][1])
    await assert_opens(shop, remembered[-1][1])
    for at, tickets in remembered:
        await assert_equal(shop, tickets, as_of=at.isoformat())
        await assert_opens(shop, tickets, as_of=at.isoformat())
    await fold(shop.database, timezone=PARIS)
    assert not await fold(shop.database, timezone=PARIS)
    assert await recount(shop.database, timezone=PARIS) == 0
    await assert_equal(shop, remembered[-1][1])
    for at, tickets in remembered:
        await assert_equal(shop, tickets, as_of=at.isoformat())


def test_the_questions_cover_every_dimension() -> None:
    assert {name for by in QUESTIONS for name in by} == set(DIMENSIONS)
    assert FIRST < date.today() <= LAST  # noqa: DTZ011 - a margin of days
