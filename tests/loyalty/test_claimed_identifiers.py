"""Points of what a profile has stated and states no more: whose they are, and who spends them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop, sale
from tests.loyalty.club import loyalty_of, spend
from tests.people import BASILE, ODILE

OLD, NEW = "ABC-1234", "DEF-5678"


async def odile_has_another_card(shop: Shop, *, verified: bool = True) -> str:
    """Give Odile 100 points of her card, and then another card; return her client."""
    odile = await shop.profile(
        "loyalty", "L1", **ODILE, cards=[{"value": OLD, "verified": verified}]
    )
    await shop.ticket(sale(customer={"card": OLD}, total_cents=10_000))
    await shop.profile("loyalty", "L1", minute=1, cards=[{"value": NEW, "verified": verified}])
    return str(odile["client_id"])


async def test_who_has_another_card_keeps_the_points_of_the_old_one_and_spends_them(
    shop: Shop,
) -> None:
    odile = await odile_has_another_card(shop)

    answer = await spend(shop, 100, who="loyalty", external_id="L1")

    assert answer.status_code == 200
    assert (await loyalty_of(shop, odile))["balance"] == 0


async def test_points_of_an_old_card_that_was_not_verified_wait_for_proof(shop: Shop) -> None:
    odile = await odile_has_another_card(shop, verified=False)

    answer = await spend(shop, 100, who="loyalty", external_id="L1")

    assert (await loyalty_of(shop, odile))["balance"] == 100
    assert (answer.status_code, answer.json()["unverified"]) == (409, 100)


async def test_the_old_card_proves_nobody_any_more_and_the_new_one_opens_its_points(
    shop: Shop,
) -> None:
    await odile_has_another_card(shop)

    assert (await spend(shop, 1, card=OLD)).status_code == 404
    assert (await spend(shop, 100, card=NEW)).status_code == 200


@pytest.mark.parametrize("spender", [{"external_id": "L2"}, {"card": OLD}])
async def test_who_gets_the_card_next_spends_nothing_of_it(
    shop: Shop, spender: dict[str, str]
) -> None:
    await odile_has_another_card(shop)
    basile = await shop.profile(
        "loyalty", "L2", minute=2, **BASILE, cards=[{"value": OLD, "verified": True}]
    )

    answer = await spend(shop, 1, who="loyalty", **spender)

    assert answer.status_code == 409
    assert (await loyalty_of(shop, basile["client_id"]))["balance"] == 0


async def test_what_was_verified_then_and_is_not_by_the_newest_word_opens_nothing(
    shop: Shop,
) -> None:
    await odile_has_another_card(shop)
    await shop.profile("loyalty", "L1", minute=2, cards=[{"value": OLD, "verified": False}])
    await shop.profile("loyalty", "L1", minute=3, cards=[NEW])

    answer = await spend(shop, 100, who="loyalty", external_id="L1")

    assert (answer.status_code, answer.json()["unverified"]) == (409, 100)


@pytest.mark.parametrize("is_stated_no_more", [False, True])
async def test_to_state_a_card_does_not_stop_its_verified_owner(
    shop: Shop, is_stated_no_more: bool
) -> None:
    await shop.profile("loyalty", "L1", **ODILE, cards=[{"value": OLD, "verified": True}])
    await shop.ticket(sale(customer={"card": OLD}, total_cents=10_000))
    await shop.profile("app", "A1", **BASILE, cards=[OLD])
    if is_stated_no_more:
        await shop.profile("app", "A1", minute=1, cards=[])

    assert (await spend(shop, 1, who="app", external_id="A1")).status_code == 409
    assert (await spend(shop, 40, card=OLD)).status_code == 200
    assert (await spend(shop, 60, who="loyalty", external_id="L1")).status_code == 200


async def test_to_state_an_old_card_of_somebody_else_proves_nobody(shop: Shop) -> None:
    await odile_has_another_card(shop)
    await shop.profile("app", "A1", **BASILE, cards=[OLD])

    assert (await spend(shop, 1, card=OLD)).status_code == 404
    assert (await spend(shop, 1, who="app", external_id="A1")).status_code == 409


NUMBER, OTHER = "0639981208", "0639981209"
ALIKE = ODILE | {"addresses": [{"lines": ["3 rue Haute"], "postcode": "59000", "city": "Lille"}]}
"""What whoever gives herself out as Odile states: enough for one client by an inferred link."""


def is_verified(*numbers: str) -> list[dict[str, Any]]:
    """Return phones as a source states them that has verified them."""
    return [{"value": number, "verified": True} for number in numbers]


async def two_of_one_client(shop: Shop, hers: list[Any], theirs: list[Any]) -> None:
    """State Odile, and somebody alike, by one profile after the other; 100 points are Odile's."""
    for minute, phones in enumerate(hers):
        await shop.profile("loyalty", "L1", minute=minute, **ALIKE, phones=phones)
    await shop.ticket(sale(customer={"external_id": "L1"}, total_cents=10_000), source="loyalty")
    for minute, phones in enumerate(theirs):
        await shop.profile("app", "A1", minute=minute, **ALIKE, phones=phones)
    assert await shop.client_of("loyalty", "L1") == await shop.client_of("app", "A1")


@pytest.mark.parametrize(
    ("hers", "theirs"),
    [
        ([is_verified(NUMBER), is_verified(OTHER)], [is_verified(NUMBER)]),
        ([is_verified(NUMBER)], [is_verified(NUMBER), []]),
        ([is_verified(NUMBER), []], [is_verified(NUMBER), []]),
    ],
    ids=["she gave it up", "they gave it up", "both gave it up"],
)
async def test_a_number_that_was_given_up_opens_no_account(
    shop: Shop, hers: list[Any], theirs: list[Any]
) -> None:
    await two_of_one_client(shop, hers, theirs)
    sold = sale(customer={"phone": NUMBER}, total_cents=5_000)
    await shop.ticket(sold)

    refused = await spend(shop, 1, who="app", external_id="A1")

    assert (refused.status_code, refused.json()["unverified"]) == (409, 150)
    assert (await spend(shop, 100, who="loyalty", external_id="L1")).status_code == 200
    assert (await spend(shop, 1, who="loyalty", external_id="L1")).status_code == 409


async def test_a_number_that_both_state_verified_opens_both_and_what_it_left(shop: Shop) -> None:
    await two_of_one_client(
        shop, [is_verified(NUMBER)], [is_verified(NUMBER), [], is_verified(NUMBER)]
    )
    await shop.ticket(sale(customer={"phone": NUMBER}, total_cents=5_000))

    assert (await spend(shop, 150, who="app", external_id="A1")).status_code == 200


async def test_to_state_the_old_card_of_ones_client_does_not_make_it_prove(shop: Shop) -> None:
    await odile_has_another_card(shop)
    await shop.profile("app", "A1", minute=2, **ODILE, cards=[OLD])
    assert await shop.client_of("loyalty", "L1") == await shop.client_of("app", "A1")

    assert (await spend(shop, 1, card=OLD)).status_code == 404
    assert (await spend(shop, 1, who="app", external_id="A1")).status_code == 409
    assert (await spend(shop, 100, card=NEW)).status_code == 200
