"""Points become active and lapse by the day of their store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rcu.loyalty.upkeep import Expired, expire
from tests.ingestion.shop import Shop, bring_back, sale
from tests.loyalty.club import CLUB, account, activate, ask, loyalty_of, spend

P1: dict[str, Any] = {"external_id": "P1"}


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


async def test_points_are_pending_until_the_return_period_is_over(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "active_after_days": 14})
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, sold_at=days_ago(20)))

    answer = await shop.ticket(sale(customer=P1, sold_at=days_ago(3)))

    assert (answer["loyalty"]["balance"], answer["loyalty"]["pending"]) == (20, 10)
    told = await loyalty_of(shop, answer["client_id"])
    assert (told["available"], told["pending"]) == (10, 10)
    assert (await spend(shop, 11, external_id="P1")).status_code == 409


async def test_points_lapse_on_their_day_and_only_once(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 12})
    await shop.profile("pos", "P1", given_name="Odile")
    answer = await shop.ticket(sale(customer=P1, sold_at="2025-03-01T12:00:00Z"))
    await shop.ticket(sale(customer=P1, sold_at="2025-06-01T12:00:00Z"))

    too_soon = await expire(shop.database, on=date(2026, 2, 28))
    on_the_day = await expire(shop.database, on=date(2026, 3, 1))
    again = await expire(shop.database, on=date(2026, 3, 1))

    assert (too_soon, on_the_day, again) == (Expired(0, 0), Expired(1, 10), Expired(0, 0))
    assert await account(shop, "pos", "P1") == (10, 0)
    told = await loyalty_of(shop, answer["client_id"])
    assert told["entries"][0]["kind"] == "expiry"


async def test_points_past_their_day_are_not_spent_though_no_job_has_run(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 1})
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, sold_at=days_ago(90)))
    answer = await shop.ticket(sale(customer=P1, sold_at=days_ago(1)))

    told = await loyalty_of(shop, answer["client_id"])

    assert (told["balance"], told["available"]) == (20, 10)
    assert told["expiring"]["points"] == 10
    assert (await spend(shop, 11, external_id="P1")).status_code == 409


async def test_held_points_do_not_lapse_under_the_till(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 12})
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, sold_at=days_ago(3)))
    held = await ask(shop, "holds", {"message_id": "h", "spender": P1, "points": 8})
    next_year = date(datetime.now(UTC).year + 2, 1, 1)

    lapsed = await expire(shop.database, on=next_year)
    captured = await ask(shop, f"holds/{held['hold_id']}/capture", {})

    assert lapsed.points == 2
    assert captured["points"] == 8


async def test_points_lapse_although_a_hold_past_its_time_had_reserved_them_all(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 12})
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, sold_at=days_ago(3)))
    await ask(shop, "holds", {"message_id": "h", "spender": P1, "points": 10})
    await shop.run_sql("UPDATE points_hold SET expires_at = now() - interval '1 second'")

    lapsed = await expire(shop.database, on=date(datetime.now(UTC).year + 2, 1, 1))

    assert lapsed == Expired(1, 10)
    assert await account(shop, "pos", "P1") == (0, 0)


async def test_spent_points_come_back_with_their_old_day(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 24})
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, sold_at="2025-03-01T12:00:00Z"))
    body = {"message_id": "s-1", "spender": P1, "points": 10, "ticket_id": "T-9"}
    await ask(shop, "redeem", body)
    paid = sale(customer=P1, ticket_id="T-9", sold_at=days_ago(1))
    paid["payments"] = [{"method": "points", "amount_cents": 1000}]
    await shop.ticket(paid)

    await shop.ticket(bring_back(paid, total_cents=-1000, sold_at=days_ago(0)))

    assert await expire(shop.database, on=date(2027, 3, 1)) == Expired(1, 10)


@pytest.mark.parametrize("is_job_first", [True, False])
async def test_points_past_their_day_pay_nothing_whether_the_job_has_run_or_not(
    shop: Shop, *, is_job_first: bool
) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 1})
    client_id = (await shop.profile("pos", "P1", given_name="Odile"))["client_id"]
    await shop.ticket(sale(customer=P1, sold_at=days_ago(90), total_cents=5000))
    ticket = sale(customer=P1, sold_at=days_ago(1), total_cents=3000, ticket_id="T-1")
    await shop.ticket(ticket)
    await spend(shop, 30, external_id="P1")
    if is_job_first:
        await expire(shop.database)

    who = {"source": "pos", "external_id": "P1"}
    adjustment = who | {"message_id": "a-1", "points": -10, "reason": "a test"}
    adjusted = await shop.call("POST", "loyalty/adjustments", adjustment, who="staff")
    await shop.ticket(bring_back(ticket, total_cents=-3000, sold_at=days_ago(0)))
    await expire(shop.database)

    assert (adjusted.status_code, adjusted.json()["available"]) == (409, 0)
    told = await loyalty_of(shop, client_id)
    assert (told["balance"], told["owed"]) == (-30, 30)
