"""Points through merge, split and undo: they stay with their record; a mistake costs nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.ingestion.shop import Shop, bring_back, sale
from tests.loyalty.club import CLUB, account, activate, ask, loyalty_of, spend

P1: dict[str, Any] = {"external_id": "P1"}


async def two_people(shop: Shop, *, points: tuple[int, int]) -> tuple[str, str]:
    """Make two people with points: Odile at the till, Basile in the shop."""
    one = await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur")
    two = await shop.profile("eshop", "E1", given_name="Basile", family_name="Kermadec")
    # The web sale is the older one: its points are spent first.
    for source, key, number, minute in (
        ("eshop", "E1", points[1], "01"),
        ("pos", "P1", points[0], "02"),
    ):
        if number:
            said: dict[str, Any] = {
                "total_cents": number * 100,
                "sold_at": f"2025-03-01T12:{minute}:00Z",
            }
            await shop.ticket(sale(customer={"external_id": key}, **said), source=source)
    return one["client_id"], two["client_id"]


async def sum_of_points(shop: Shop) -> int:
    return int(await shop.scalar("SELECT sum(balance) FROM points_account"))


async def test_a_merge_and_its_undo_leave_every_point_where_it_was(shop: Shop) -> None:
    one, two = await two_people(shop, points=(100, 50))

    merged = (await shop.merge(one, two)).json()
    together = await loyalty_of(shop, one)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert together["balance"] == 150
    assert (await loyalty_of(shop, one))["balance"] == 100
    assert (await loyalty_of(shop, two))["balance"] == 50
    assert (await loyalty_of(shop, two))["client_id"] == two


async def test_what_was_spent_of_the_other_is_given_back_and_paid_by_who_spent_it(
    shop: Shop,
) -> None:
    one, two = await two_people(shop, points=(100, 50))
    merged = (await shop.merge(one, two)).json()
    await spend(shop, 70, external_id="P1")
    assert await account(shop, "eshop", "E1") == (0, 0)

    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert await account(shop, "eshop", "E1") == (50, 0)
    assert await account(shop, "pos", "P1") == (30, 0)
    assert await sum_of_points(shop) == 80
    told = await loyalty_of(shop, two)
    assert told["entries"][0]["kind"] == "settlement"


async def test_the_retailer_bears_what_the_spender_cannot_pay(shop: Shop) -> None:
    one, two = await two_people(shop, points=(20, 50))
    merged = (await shop.merge(one, two)).json()
    await spend(shop, 70, external_id="P1")

    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert await account(shop, "eshop", "E1") == (50, 0)
    assert await account(shop, "pos", "P1") == (0, 0)
    borne = await shop.scalar("SELECT -sum(points) FROM points_entry WHERE counterpart = 'borne'")
    assert borne == 50


async def test_parting_merging_and_parting_again_settles_once(shop: Shop) -> None:
    one, two = await two_people(shop, points=(100, 50))
    merged = (await shop.merge(one, two)).json()
    await spend(shop, 70, external_id="P1")
    undone = await shop.staff(
        "POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"}
    )

    redone = await shop.staff(
        "POST", f"identity-changes/{undone['decision_id']}/undo", {"reason": "error"}
    )
    await shop.staff("POST", f"identity-changes/{redone['decision_id']}/undo", {"reason": "error"})

    assert await account(shop, "eshop", "E1") == (50, 0)
    assert await account(shop, "pos", "P1") == (30, 0)


async def test_goods_brought_back_after_settling_give_their_points_to_who_paid(
    shop: Shop,
) -> None:
    one, two = await two_people(shop, points=(100, 50))
    merged = (await shop.merge(one, two)).json()
    paid = sale(customer=P1, total_cents=1000, ticket_id="T-9")
    paid["payments"] = [{"method": "points", "amount_cents": 1000}]
    body = {"message_id": "s-1", "spender": P1, "points": 70, "ticket_id": "T-9"}
    await ask(shop, "redeem", body)
    await shop.ticket(paid)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    await shop.ticket(bring_back(paid, total_cents=-1000))

    assert await account(shop, "eshop", "E1") == (50, 0)
    assert await account(shop, "pos", "P1") == (100, 0)


async def test_a_message_that_parts_two_settles_in_its_own_transaction(shop: Shop) -> None:
    email = "odile.vasseur@mail.example"
    said = {"emails": [{"value": email, "verified": True}], "given_name": "Odile"}
    await shop.profile("pos", "P1", **said)
    await shop.profile("eshop", "E1", **said, family_name="Vasseur")
    await shop.ticket(sale(customer={"external_id": "E1"}, total_cents=5000), source="eshop")
    assert await shop.client_of("pos", "P1") == await shop.client_of("eshop", "E1")
    assert (await spend(shop, 50, external_id="P1")).status_code == 200

    await shop.profile("eshop", "E1", minute=5, emails=None, given_name="Basile")

    assert await shop.client_of("pos", "P1") != await shop.client_of("eshop", "E1")
    assert await account(shop, "eshop", "E1") == (50, 0)


async def test_points_past_their_day_settle_nothing(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "expires_after_months": 1})
    one, two = await two_people(shop, points=(100, 0))
    now = datetime.now(UTC).isoformat()
    web = sale(customer={"external_id": "E1"}, total_cents=5000, sold_at=now)
    await shop.ticket(web, source="eshop")
    merged = (await shop.merge(one, two)).json()
    await spend(shop, 50, external_id="P1")

    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    # Those of the till lapsed long ago: the job will write them off.
    assert await account(shop, "eshop", "E1") == (50, 0)
    assert await account(shop, "pos", "P1") == (100, 0)
