"""Points of a ticket that is claimed: they come along, whoever had them before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.ingestion.shop import Message, Shop, bring_back, sale
from tests.loyalty.club import account, spend


async def claim(shop: Shop, ticket: Message) -> None:
    """Claim a ticket as A1 of the app, by what is printed on it."""
    body = {
        "external_id": "A1",
        "store": ticket["store"],
        "till": ticket["till"],
        "number": ticket["number"],
        "business_date": ticket["sold_at"][:10],
        "total_cents": ticket["total_cents"],
    }
    answer = await shop.call("POST", "tickets/claim", body, who="app")
    assert answer.status_code == 200, answer.text


def sold_now(**said: Any) -> Message:
    """Return a sale of today, for 100 points."""
    return sale(sold_at=datetime.now(UTC).isoformat(), total_cents=10_000, **said)


async def test_a_claimed_ticket_that_was_nobodys_earns(shop: Shop) -> None:
    await shop.profile("app", "A1", given_name="Odile")
    ticket = sold_now()
    await shop.ticket(ticket)

    await claim(shop, ticket)

    assert await account(shop, "app", "A1") == (100, 0)


async def test_points_of_an_anonymous_token_come_along_and_go_back_from_there(shop: Shop) -> None:
    await shop.profile("app", "A1", given_name="Odile")
    ticket = sold_now(token="token-1", ticket_id="T-1")
    await shop.ticket(ticket)
    await shop.ticket(bring_back(ticket, total_cents=-1000))

    await claim(shop, ticket)

    assert await account(shop, "app", "A1") == (90, 0)
    assert await shop.scalar("SELECT sum(balance) FROM points_account") == 90
    assert (await spend(shop, 50, who="app", external_id="A1")).status_code == 200
    await shop.ticket(bring_back(ticket, total_cents=-9000))
    assert await account(shop, "app", "A1") == (-50, 50)
    counted = await shop.rows(
        "SELECT sum(points), sum(amount_cents) FROM points_month GROUP BY record_id"
    )
    assert {tuple(row) for row in counted} == {(0, 0)}
