"""Claims of tickets that carry what a profile has stated and states no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop
from tests.sales.test_claims import ask, sold_today

OLD = "ABC-1234"
SHARED = "contact.old@mail.example"
PEOPLE: dict[str, dict[str, Any]] = {
    "A1": {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1971-05-04"},
    "A2": {"given_name": "Basile", "family_name": "Kermadec", "birth_date": "1990-10-30"},
    "A3": {"given_name": "Tiphaine", "family_name": "Roudaut", "birth_date": "1984-02-11"},
}


async def told(shop: Shop, external_id: str, minute: int = 0, **said: Any) -> str:
    answer = await shop.profile("app", external_id, minute=minute, **PEOPLE[external_id], **said)
    return str(answer["client_id"])


@pytest.mark.parametrize("claimant", ["A1", "A2"])
async def test_the_holder_before_and_the_one_of_now_claim_by_the_receipt_and_nobody_else(
    shop: Shop, claimant: str
) -> None:
    await told(shop, "A1", cards=[OLD])
    await told(shop, "A1", minute=1, cards=["DEF-5678"])
    await told(shop, "A2", minute=2, cards=[OLD])
    await told(shop, "A3")
    receipt = sold_today(1, customer={"card": OLD})
    await shop.ticket(receipt)
    contested = await shop.attached(receipt)

    refused = await ask(shop, "A3", receipt)
    given = await ask(shop, claimant, receipt)

    assert contested == (None, "ambiguous")
    assert (refused.status_code, given.status_code) == (404, 200)
    assert await shop.attached(receipt) == (given.json()["client_id"], "claim")


async def test_what_two_have_given_up_is_nobody_elses(shop: Shop) -> None:
    for holder in ("A1", "A2"):
        await told(shop, holder, emails=[SHARED])
        await told(shop, holder, minute=1, emails=[])
    await told(shop, "A3")
    receipt = sold_today(1, customer={"email": SHARED})
    await shop.ticket(receipt)

    assert (await ask(shop, "A3", receipt)).status_code == 404
    assert (await ask(shop, "A1", receipt)).status_code == 200


async def test_who_stated_it_by_mistake_claims_nothing_by_it(shop: Shop) -> None:
    await told(shop, "A1", emails=[SHARED])
    await told(shop, "A2", emails=[SHARED])
    await told(shop, "A3", minute=1, emails=[SHARED])
    await told(shop, "A3", minute=2, emails=[])
    receipt = sold_today(1, customer={"email": SHARED})
    await shop.ticket(receipt)

    assert await shop.attached(receipt) == (None, "ambiguous")
    assert (await ask(shop, "A3", receipt)).status_code == 404
    assert (await ask(shop, "A2", receipt)).status_code == 200


async def test_to_state_what_was_verified_of_others_is_no_claim_to_a_receipt(shop: Shop) -> None:
    for holder in ("A1", "A2"):
        await told(shop, holder, emails=[{"value": SHARED, "verified": True}])
    await told(shop, "A3", emails=[SHARED])
    receipt = sold_today(1, customer={"email": SHARED})
    await shop.ticket(receipt)

    assert (await ask(shop, "A3", receipt)).status_code == 404
    assert (await ask(shop, "A1", receipt)).status_code == 200
