"""Points given inside a household: with both there, within the limits, and settled like a spend."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.ingestion.shop import Shop, bring_back, sale
from tests.loyalty.club import CLUB, account, activate, loyalty_of

ALLOWED = {"allowed": True, "at_least": 10, "at_most": 60}
RULES = CLUB | {"version": "club-household", "household_transfers": ALLOWED}
HOME = [{"lines": ["12 bis rue de la Fontaine"], "postcode": "69003", "city": "Lyon"}]
SAME_HOME = [{"lines": ["12, RUE FONTAINE"], "postcode": "69003"}]
ELSEWHERE = [{"lines": ["14 rue de la Fontaine"], "postcode": "69003", "city": "Lyon"}]
CARD = {"value": "ABC-1234", "verified": True}


@pytest.fixture(autouse=True)
async def household(shop: Shop) -> None:
    """Make Odile, who has 100 points, and Basile of the same household; Zita lives next door."""
    await activate(shop.database, RULES)
    await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur", addresses=HOME)
    said: dict[str, Any] = {"given_name": "Basile", "cards": [CARD], "addresses": SAME_HOME}
    await shop.profile("eshop", "E2", **said)
    await shop.profile("pos", "P3", given_name="Zita", addresses=ELSEWHERE)
    await shop.ticket(sale(customer={"external_id": "P1"}, total_cents=10_000))


async def give(
    shop: Shop, points: int, *, to: dict[str, Any] | None = None, message_id: str = ""
) -> httpx.Response:
    """Give points of Odile, to Basile who shows his card, or to somebody else."""
    body = {
        "message_id": message_id or f"give-{points}",
        "giver": {"external_id": "P1"},
        "receiver": to or {"card": "ABC-1234"},
        "points": points,
    }
    return await shop.call("POST", "loyalty/transfers", body, who="pos")


async def lots(shop: Shop, external_id: str) -> list[Any]:
    """Return the points and days of a record's lots."""
    return await shop.rows(
        "SELECT remaining, earned_at, active_from, expires_on FROM points_lot l "
        "JOIN source_record r ON r.id = l.account_id WHERE external_id = :e",
        e=external_id,
    )


async def test_points_go_over_once_with_their_days_and_both_are_told(shop: Shop) -> None:
    answers = [await give(shop, 40, message_id="g-1") for _ in range(2)]
    other = await give(shop, 41, message_id="g-1")

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["available"] == 60
    assert other.json()["type"] == "/problems/request-id-reused"
    [given], [left] = await lots(shop, "E2"), await lots(shop, "P1")
    assert (given[0], left[0]) == (40, 60)
    assert given[1:] == left[1:]
    for source, key, points in (("pos", "P1", -40), ("eshop", "E2", 40)):
        told = await loyalty_of(shop, await shop.client_of(source, key))
        assert (told["entries"][0]["kind"], told["entries"][0]["points"]) == ("transfer", points)


async def test_who_is_no_household_or_has_given_enough_is_refused(shop: Shop) -> None:
    refused = {
        "a neighbour": await give(shop, 10, to={"external_id": "P3"}),
        "oneself": await give(shop, 11, to={"external_id": "P1"}),
        "too few": await give(shop, 9),
        "too many": await give(shop, 61),
    }
    await give(shop, 50)
    refused["too many by now"] = await give(shop, 12)
    await activate(shop.database, CLUB | {"version": "club-without"})
    refused["not allowed"] = await give(shop, 10, message_id="late")

    assert {name: answer.json()["reason"] for name, answer in refused.items()} == {
        "a neighbour": "not_one_household",
        "oneself": "same_client",
        "too few": "too_few",
        "too many": "limit_reached",
        "too many by now": "limit_reached",
        "not allowed": "not_allowed",
    }
    assert {answer.status_code for answer in refused.values()} == {409}
    assert refused["too many by now"].json()["left"] == 10


async def test_a_receiver_who_does_not_prove_himself_is_given_nothing(shop: Shop) -> None:
    assert (await give(shop, 10, to={"external_id": "E2"})).status_code == 404
    assert (await give(shop, 11, to={"email": "b@mail.example"})).status_code == 422


async def test_what_is_given_pays_first_what_the_receiver_owes(shop: Shop) -> None:
    ticket = sale(customer={"external_id": "E2"}, total_cents=3000)
    await shop.ticket(ticket, source="eshop")
    spent = {"message_id": "s", "spender": {"external_id": "E2"}, "points": 30}
    await shop.call("POST", "loyalty/redeem", spent, who="eshop")
    await shop.ticket(bring_back(ticket, total_cents=-3000), source="eshop")
    assert await account(shop, "eshop", "E2") == (-30, 30)

    await give(shop, 40)

    assert await account(shop, "eshop", "E2") == (10, 0)


async def test_points_of_somebody_else_that_were_given_are_settled_when_the_two_are_parted(
    shop: Shop,
) -> None:
    one, three = [await shop.client_of("pos", key) for key in ("P1", "P3")]
    older = sale(customer={"external_id": "P3"}, total_cents=3000, sold_at="2025-02-01T12:00:00Z")
    await shop.ticket(older)
    decision = (await shop.merge(one, three)).json()["decision_id"]
    assert (await give(shop, 50)).status_code == 200
    assert await account(shop, "pos", "P3") == (0, 0)

    await shop.staff("POST", f"identity-changes/{decision}/undo", {"reason": "error"})

    assert await account(shop, "pos", "P3") == (30, 0)
    assert await account(shop, "pos", "P1") == (50, 0)
    assert await account(shop, "eshop", "E2") == (50, 0)


async def test_givers_at_once_stay_within_the_limit(shop: Shop) -> None:
    answers = await asyncio.gather(
        *(give(shop, 20, message_id=f"at-once-{number}") for number in range(8))
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 5
    assert await account(shop, "eshop", "E2") == (60, 0)
