"""Clients that are parted and joined again: together they spend what they have earned, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop, assert_sound, bring_back, cancel, sale
from tests.loyalty.club import CLUB, account, activate, ask, loyalty_of, spend


@pytest.fixture
async def decision(shop: Shop) -> str:
    """Join Odile of the till, who has 20 points, and Basile of the shop, who has 50."""
    one = await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur")
    two = await shop.profile("eshop", "E1", given_name="Basile", family_name="Kermadec")
    # The web sale is the older one: its points are spent first.
    await earn(shop, "E1", 50, source="eshop", minute=1)
    await earn(shop, "P1", 20, minute=2)
    joined = await shop.merge(one["client_id"], two["client_id"])
    return str(joined.json()["decision_id"])


async def earn(shop: Shop, key: str, points: int, *, source: str = "pos", minute: int = 3) -> None:
    said: dict[str, Any] = {
        "total_cents": points * 100,
        "sold_at": f"2025-03-01T12:{minute:02}:00Z",
        "customer": {"external_id": key},
    }
    await shop.ticket(sale(**said), source=source)


async def undo(shop: Shop, decision_id: str) -> str:
    """Undo a merge, or the undoing of one."""
    path = f"identity-changes/{decision_id}/undo"
    return str((await shop.staff("POST", path, {"reason": "error"}))["decision_id"])


async def points(shop: Shop) -> tuple[tuple[int, int], tuple[int, int]]:
    return await account(shop, "pos", "P1"), await account(shop, "eshop", "E1")


async def borne(shop: Shop) -> int:
    found = await shop.scalar("SELECT -sum(points) FROM points_entry WHERE counterpart = 'borne'")
    return int(found or 0)


async def state(shop: Shop) -> list[list[tuple[Any, ...]]]:
    """Return all that an export has of accounts and lots."""
    return [
        [tuple(row) for row in await shop.rows(query)]
        for query in (
            "SELECT * FROM points_account ORDER BY record_id",
            "SELECT * FROM points_lot WHERE remaining > 0 ORDER BY id",
        )
    ]


async def test_parting_by_mistake_any_number_of_times_leaves_all_points_where_they_were(
    shop: Shop, decision: str
) -> None:
    assert (await spend(shop, 60, external_id="P1")).status_code == 200
    before = await state(shop)

    for _ in range(3):
        decision = await undo(shop, decision)
        parted = await points(shop), await borne(shop)
        decision = await undo(shop, decision)
        # Basile is given back his 50; Odile pays with her last 10, the retailer with 40.
        assert parted == (((0, 0), (50, 0)), 40)
        assert await state(shop) == before
        assert await borne(shop) == 0

    await assert_sound(shop.database)


async def test_a_person_who_parts_his_own_accounts_spends_nothing_twice(shop: Shop) -> None:
    mine: dict[str, Any] = {
        "given_name": "Odile",
        "family_name": "Vasseur",
        "emails": [{"value": "odile.vasseur@mail.example", "verified": True}],
    }
    somebody = {"given_name": "Basile", "emails": [{"value": "basile@mail.example"}]}
    await shop.profile("eshop", "E1", **mine)
    await earn(shop, "E1", 100, source="eshop")
    answers = []

    for round_ in range(3):
        await shop.profile("app", "A1", minute=10 * round_, **mine)
        assert await shop.client_of("app", "A1") == await shop.client_of("eshop", "E1")
        answers.append((await spend(shop, 100, who="app", external_id="A1")).status_code)
        await shop.profile("app", "A1", minute=10 * round_ + 5, **somebody)
        assert await shop.client_of("app", "A1") != await shop.client_of("eshop", "E1")

    assert answers == [200, 409, 409]
    assert await account(shop, "eshop", "E1") == (100, 0)


async def test_what_was_spent_again_meanwhile_is_taken_from_what_comes_next(
    shop: Shop, decision: str
) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "inferred_spend_up_to": 1000})
    assert (await spend(shop, 70, external_id="P1")).status_code == 200
    decision = await undo(shop, decision)
    assert (await spend(shop, 50, who="eshop", external_id="E1")).status_code == 200

    await undo(shop, decision)
    joined = await points(shop), await borne(shop)
    await earn(shop, "P1", 60)
    client_id = await shop.client_of("pos", "P1")
    told = await loyalty_of(shop, client_id)
    refused = await spend(shop, 11, external_id="P1")
    granted = await spend(shop, 10, external_id="P1")

    # Nobody goes below zero by it: it waits.
    assert joined == (((0, 0), (0, 0)), 50)
    assert (told["balance"], told["available"], told["owed"]) == (60, 10, 0)
    assert (refused.status_code, refused.json()["available"]) == (409, 10)
    assert granted.status_code == 200
    # 130 earned, 130 spent.
    assert (await points(shop), await borne(shop)) == (((0, 0), (0, 0)), 0)
    await assert_sound(shop.database)


async def test_a_quote_tells_to_the_point_what_can_be_spent_while_something_is_borne(
    shop: Shop,
) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "inferred_spend_up_to": 1000})
    alike = {"given_name": "Odile", "family_name": "Vasseur", "emails": ["odile@mail.example"]}
    born = {"birth_date": "1984-02-11"}
    await shop.profile("pos", "P1", **alike, **born)
    await shop.profile("eshop", "E1", **alike, **born)
    await earn(shop, "E1", 50, source="eshop", minute=1)
    assert (await spend(shop, 50, external_id="P1")).status_code == 200
    client_id = await shop.client_of("pos", "P1")
    decision = (await shop.split(client_id, [("eshop", "E1")])).json()["decision_id"]
    assert (await spend(shop, 50, who="eshop", external_id="E1")).status_code == 200
    await undo(shop, decision)
    await activate(shop.database, CLUB | {"version": "club-3"})
    await earn(shop, "E1", 60, source="eshop")
    await earn(shop, "P1", 20)
    before = await state(shop)

    body = {"spender": {"external_id": "P1"}, "total_cents": 0}
    told = (await ask(shop, "quote", body))["available"]
    after = await state(shop)
    refused = await spend(shop, 21, external_id="P1")
    granted = await spend(shop, 20, external_id="P1")

    # No verified link leads from the till to the shop, whose points pay what was spent twice.
    assert told == 20
    assert after == before
    assert (refused.status_code, granted.status_code) == (409, 200)


async def test_who_is_parted_again_owes_nothing_of_what_the_other_spent(
    shop: Shop, decision: str
) -> None:
    assert (await spend(shop, 70, external_id="P1")).status_code == 200
    decision = await undo(shop, decision)
    assert (await spend(shop, 50, who="eshop", external_id="E1")).status_code == 200
    decision = await undo(shop, decision)
    await undo(shop, decision)
    await earn(shop, "E1", 30, source="eshop")

    answer = await spend(shop, 30, who="eshop", external_id="E1")

    assert answer.status_code == 200
    assert await borne(shop) == 50


async def test_goods_brought_back_while_the_two_are_parted_repay_what_the_retailer_bore(
    shop: Shop, decision: str
) -> None:
    paid = sale(ticket_id="T-9", total_cents=1000)
    paid["payments"] = [{"method": "points", "amount_cents": 1000}]
    spender = {"external_id": "P1"}
    body = {"message_id": "s-1", "spender": spender, "points": 70, "ticket_id": "T-9"}
    await ask(shop, "redeem", body)
    await shop.ticket(paid | {"customer": spender})
    decision = await undo(shop, decision)
    back = bring_back(paid, ticket_id="R-9", total_cents=-1000)
    seen = [(await points(shop), await borne(shop))]

    await shop.ticket(back)
    seen.append((await points(shop), await borne(shop)))
    decision = await undo(shop, decision)
    seen.append((await points(shop), await borne(shop)))
    await shop.ticket(cancel(back))
    refused = await spend(shop, 1, external_id="P1")
    await undo(shop, decision)
    seen.append((await points(shop), await borne(shop)))

    # The 20 that Odile had paid herself go back to her; the 50 of Basile the retailer had borne.
    assert seen == [
        (((0, 0), (50, 0)), 50),
        (((20, 0), (50, 0)), 0),
        (((20, 0), (50, 0)), 0),
        (((0, 0), (50, 0)), 50),
    ]
    assert refused.status_code == 409
    await assert_sound(shop.database)
