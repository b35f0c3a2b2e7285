"""Spending at the same instant: a balance that allows 100 points gives 100, never more or less."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from rcu.ingestion import repository
from rcu.loyalty import accrual
from tests.ingestion.shop import Message, Shop, bring_back, cancel, sale
from tests.loyalty.club import account
from tests.loyalty.spending_process import FAULTS, NAIVE_TABLES

ROUNDS = int(os.environ.get("RCU_TEST_ROUNDS", "3"))
"""`make test-long` runs fifty."""
IN_FULL = 50
AT_ONCE = 64
EACH = 5
"""Points of one redemption: 20 of the 64 can be granted."""
CARD = "ABC-1234"
VERIFIED = {"value": CARD, "verified": True}


@asynccontextmanager
async def two_processes(shop: Shop, fault: str = "") -> AsyncIterator[list[Process]]:
    """Start two processes that serve the API."""
    url = shop.database.engine.url.render_as_string(hide_password=False)
    command = (sys.executable, "-m", "tests.loyalty.spending_process", url, shop.keys["pos"], fault)
    root = Path(__file__).parents[2]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=root)
        for _ in range(2)
    ]
    yield processes
    for process in processes:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def tell(process: Process, redemptions: list[Any]) -> list[int]:
    """Have a process send redemptions at once; return the statuses."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(orjson.dumps(redemptions) + b"\n")
    await process.stdin.drain()
    statuses: list[int] = orjson.loads(await process.stdout.readline())
    return statuses


async def spend_at_once(processes: list[Process], round_: int) -> Counter[int]:
    """Send 64 redemptions from two processes; return how many got which status."""
    spenders: list[dict[str, str]] = [{"external_id": "P1"}, {"card": CARD}]
    bodies = [
        {"message_id": f"s-{round_}-{n}", "spender": spenders[n % 2], "points": EACH}
        for n in range(AT_ONCE)
    ]
    halves = (bodies[: AT_ONCE // 2], bodies[AT_ONCE // 2 :])
    told = await asyncio.gather(*(tell(p, half) for p, half in zip(processes, halves, strict=True)))
    return Counter(status for statuses in told for status in statuses)


async def test_redemptions_at_once_grant_exactly_what_there_is(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur", cards=[VERIFIED])
    await shop.profile("loyalty", "L1", given_name="Odile", family_name="Vasseur", cards=[VERIFIED])
    async with two_processes(shop) as processes:
        for round_ in range(ROUNDS):
            await shop.ticket(sale(customer={"external_id": "P1"}, total_cents=5000))
            web = sale(customer={"external_id": "L1"}, total_cents=5000)
            await shop.ticket(web, source="loyalty")

            statuses = await spend_at_once(processes, round_)

            assert statuses == {200: 100 // EACH, 409: AT_ONCE - 100 // EACH}
            assert await account(shop, "pos", "P1") == (0, 0)
            assert await account(shop, "loyalty", "L1") == (0, 0)


@pytest.mark.skipif(ROUNDS < IN_FULL, reason="make test-long shows it: it starts six processes")
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_test_above_would_notice(shop: Shop, fault: str) -> None:
    """Each of the three plausible mistakes grants more than there is, in the same set-up."""
    granted = 0
    async with shop.database.transaction() as session:
        for statement in NAIVE_TABLES:
            await session.execute(text(statement.replace("TABLE", "TABLE IF NOT EXISTS")))
    async with two_processes(shop, fault) as processes:
        for round_ in range(10):
            await shop.run_sql("TRUNCATE naive_account, naive_entry")
            await shop.run_sql("INSERT INTO naive_account VALUES (100)")
            await shop.run_sql("INSERT INTO naive_entry VALUES (100)")

            statuses = await spend_at_once(processes, round_)

            assert statuses.keys() <= {200, 409}
            granted = max(granted, statuses[200] * EACH)
            if granted > 100:
                break
    assert granted > 100


@pytest.mark.parametrize("make", [bring_back, cancel])
async def test_a_sale_and_what_comes_back_of_one_client_wait_for_each_other_in_one_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, make: Callable[[Message], Message]
) -> None:
    """Accounts are locked before totals by both: neither is done again after a deadlock."""
    await shop.profile("pos", "P1", given_name="Odile", cards=[CARD])
    sold = sale(customer={"card": CARD})
    await shop.ticket(sold)
    accrue, keep, runs = accrual.accrue, repository.keep, 0

    async def counted(*values: Any, **named: Any) -> Any:
        nonlocal runs
        runs += 1
        return await accrue(*values, **named)

    async def slow(*values: Any, **named: Any) -> bool:
        await asyncio.sleep(0.3)
        return await keep(*values, **named)

    monkeypatch.setattr("rcu.ingestion.apply.accrue", counted)
    monkeypatch.setattr(repository, "keep", slow)
    coming = asyncio.create_task(shop.ticket(sale(customer={"card": CARD})))
    await asyncio.sleep(0.15)
    await shop.ticket(make(sold))
    await coming

    assert runs == 2
