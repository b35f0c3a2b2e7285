"""A bonus that is given once: to a client, whatever records it has by then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rcu.loyalty import once_given
from rcu.loyalty.settlement import settle_all
from tests.ingestion.shop import Shop, bring_back, sale
from tests.loyalty.club import CLUB, account, activate, ask

WELCOME = {"code": "welcome", "kind": "first_purchase", "points": 50}
P1: dict[str, Any] = {"external_id": "P1"}
E1: dict[str, Any] = {"external_id": "E1"}


@pytest.fixture(autouse=True)
async def welcomed(shop: Shop) -> None:
    """Welcome everybody once."""
    await activate(shop.database, CLUB | {"version": "club-welcome", "bonuses": [WELCOME]})


async def merge(shop: Shop, one: str, two: str) -> str:
    answer = await shop.merge(one, two)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["decision_id"])


async def undo(shop: Shop, decision_id: str) -> None:
    await shop.staff("POST", f"identity-changes/{decision_id}/undo", {"reason": "error"})


async def test_two_records_of_one_client_are_welcomed_once_though_they_buy_at_once(
    shop: Shop,
) -> None:
    said = {
        "given_name": "Odile",
        "family_name": "Vasseur",
        "emails": [{"value": "odile@mail.example", "verified": True}],
    }
    for round_ in range(5):
        keys = (f"P{round_}", "pos"), (f"E{round_}", "eshop")
        mail = [{"value": f"odile{round_}@mail.example", "verified": True}]
        for key, source in keys:
            await shop.profile(source, key, **(said | {"emails": mail}))

        tickets = [(sale(customer={"external_id": key}), who) for key, who in keys]
        await asyncio.gather(*(shop.ticket(ticket, source=who) for ticket, who in tickets))

        given = [await account(shop, who, key) for key, who in keys]
        assert sorted(given) == [(10, 0), (60, 0)]


async def test_who_was_welcomed_twice_keeps_the_first_while_both_are_one_client(
    shop: Shop,
) -> None:
    one = (await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur"))["client_id"]
    two = (await shop.profile("eshop", "E1", given_name="Odette"))["client_id"]
    await shop.ticket(sale(customer=P1))
    ticket = sale(customer=E1)
    await shop.ticket(ticket, source="eshop")
    await ask(shop, "redeem", {"message_id": "s", "spender": E1, "points": 20}, who="eshop")

    decision = await merge(shop, one, two)
    together = [await account(shop, "pos", "P1"), await account(shop, "eshop", "E1")]
    await undo(shop, decision)
    parted = [await account(shop, "pos", "P1"), await account(shop, "eshop", "E1")]
    await merge(shop, one, two)
    await shop.ticket(bring_back(ticket, total_cents=-1000, source="eshop"), source="pos")

    # Of 60 points 20 are spent: 40 are there to take, the retailer bears 10.
    assert together == [(60, 0), (0, 0)]
    assert parted == [(60, 0), (40, 0)]
    # The goods had earned 10 beside the bonus, which was withdrawn: they are owed.
    assert await account(shop, "eshop", "E1") == (-10, 10)


async def test_a_bonus_that_went_back_with_its_sale_is_neither_withdrawn_nor_given_again(
    shop: Shop,
) -> None:
    one = (await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur"))["client_id"]
    two = (await shop.profile("eshop", "E1", given_name="Odette"))["client_id"]
    await shop.ticket(sale(customer=P1))
    ticket = sale(customer=E1)
    await shop.ticket(ticket, source="eshop")
    await shop.ticket(sale(customer=E1), source="eshop")
    back = bring_back(ticket, total_cents=-1000)

    await shop.ticket(back, source="eshop")
    await undo(shop, await merge(shop, one, two))

    assert await account(shop, "eshop", "E1") == (10, 0)


async def test_what_a_load_in_bulk_has_joined_is_withdrawn_by_the_command(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur"))["client_id"]
    two = (await shop.profile("eshop", "E1", given_name="Odette"))["client_id"]
    await shop.ticket(sale(customer=P1))
    await shop.ticket(sale(customer=E1), source="eshop")

    async def nothing(*_: object) -> int:
        return 0

    with monkeypatch.context() as as_in_bulk:
        as_in_bulk.setattr(once_given, "put_right", nothing)
        await merge(shop, one, two)

    settled = [await settle_all(shop.database) for _ in range(2)]

    assert settled == [50, 0]
    assert await account(shop, "eshop", "E1") == (10, 0)
