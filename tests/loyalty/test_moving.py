"""Points of a ticket that is claimed: they come along, whoever had them before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.ingestion.shop import Message, Shop, assert_sound, bring_back, cancel, order_step, sale
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


async def order_for(shop: Shop, external_id: str, minute: int) -> None:
    """Say whose the order O-1 is by now."""
    status = "paid" if minute else "placed"
    said = {"customer": {"external_id": external_id}}
    await shop.accept("eshop", "order", order_step("O-1", status, minute=minute, **said))


async def test_a_ticket_that_goes_to_and_fro_brings_nobody_what_he_has_spent_of_it(
    shop: Shop,
) -> None:
    await shop.profile("eshop", "E1", given_name="Odile")
    await shop.profile("eshop", "E2", given_name="Basile")
    await order_for(shop, "E1", 0)
    await shop.ticket(sold_now(order_id="O-1"), source="eshop")
    spent, points = [], []

    for minute, (holder, part) in enumerate([("E1", 60), ("E2", 30), ("E1", 40), ("E2", 70)], 1):
        answer = await spend(shop, part, who="eshop", external_id=holder)
        spent.append(part if answer.status_code == 200 else 0)
        await order_for(shop, "E2" if holder == "E1" else "E1", minute)
        points.append([(await account(shop, "eshop", key))[0] for key in ("E1", "E2")])

    # The retailer bears 60, takes 30 of it back when 70 return, and bears 40 more.
    assert points == [[0, 100], [40, 0], [0, 70], [0, 0]]
    assert spent == [60, 30, 40, 70]
    await assert_sound(shop.database)


async def test_a_third_holder_gets_what_is_left_once_two_have_spent_the_points(shop: Shop) -> None:
    for key, name in (("E1", "Odile"), ("E2", "Basile"), ("E3", "Zita")):
        await shop.profile("eshop", key, given_name=name)
    await order_for(shop, "E1", 0)
    await shop.ticket(sold_now(order_id="O-1"), source="eshop")

    for minute, (holder, part) in enumerate([("E1", 100), ("E2", 90)], 1):
        assert (await spend(shop, part, who="eshop", external_id=holder)).status_code == 200
        await order_for(shop, f"E{minute + 1}", minute)

    assert await account(shop, "eshop", "E3") == (10, 0)


async def test_a_holder_who_got_less_than_the_sale_is_worth_owes_no_more_than_he_got(
    shop: Shop,
) -> None:
    for key, name in (("E1", "Odile"), ("E2", "Basile"), ("E3", "Zita")):
        await shop.profile("eshop", key, given_name=name)
    await order_for(shop, "E1", 0)
    sold = sold_now(order_id="O-1", ticket_id="T-1")
    await shop.ticket(sold, source="eshop")
    for minute, (holder, part) in enumerate([("E1", 100), ("E2", 90), ("E3", 5)], 1):
        assert (await spend(shop, part, who="eshop", external_id=holder)).status_code == 200
        if holder != "E3":
            await order_for(shop, f"E{minute + 1}", minute)
    half = bring_back(sold, total_cents=-5000)
    rest = bring_back(sold, total_cents=-5000)
    seen = []

    for message in (half, rest, cancel(rest), cancel(half)):
        await shop.ticket(message, source="eshop")
        seen.append(await account(shop, "eshop", "E3"))

    # Of 10 points he has spent 5; what else the goods had earned the others have spent.
    assert seen == [(-5, 5), (-5, 5), (-5, 5), (5, 0)]


async def test_a_ticket_that_comes_back_to_who_spent_its_points_is_owed_by_him(shop: Shop) -> None:
    await shop.profile("eshop", "E1", given_name="Odile")
    await shop.profile("eshop", "E2", given_name="Basile")
    await order_for(shop, "E1", 0)
    sold = sold_now(order_id="O-1", ticket_id="T-1")
    await shop.ticket(sold, source="eshop")
    await spend(shop, 60, who="eshop", external_id="E1")
    for minute, key in enumerate(("E2", "E1"), 1):
        await order_for(shop, key, minute)

    await shop.ticket(bring_back(sold, total_cents=-10_000), source="eshop")

    assert await account(shop, "eshop", "E1") == (-60, 60)
    assert await account(shop, "eshop", "E2") == (0, 0)


async def test_a_ticket_that_comes_back_unspent_leaves_all_as_it_was(shop: Shop) -> None:
    await shop.profile("eshop", "E1", given_name="Odile")
    await shop.profile("eshop", "E2", given_name="Basile")
    await order_for(shop, "E1", 0)
    await shop.ticket(sold_now(order_id="O-1"), source="eshop")
    await spend(shop, 60, who="eshop", external_id="E1")

    for minute, key in enumerate(("E2", "E1", "E2", "E1"), 1):
        await order_for(shop, key, minute)

    assert await account(shop, "eshop", "E1") == (40, 0)
    assert await account(shop, "eshop", "E2") == (0, 0)
    borne = await shop.scalar("SELECT sum(points) FROM points_entry WHERE counterpart = 'borne'")
    assert borne == 0
