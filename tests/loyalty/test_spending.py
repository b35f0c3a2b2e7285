"""Spending: only what is there, only over verified links, once for each request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop, bring_back, cancel, sale
from tests.loyalty.club import CLUB, account, activate, ask, loyalty_of, spend
from tests.people import ODILE

P1: dict[str, Any] = {"external_id": "P1"}
EMAIL = "odile.vasseur@mail.example"


async def earn(shop: Shop, points: int, *, source: str = "pos", **customer: str) -> Any:
    """Sell to somebody for as many points, and return the ticket."""
    ticket = sale(customer=customer, total_cents=points * 100)
    await shop.ticket(ticket, source=source)
    return ticket


async def test_points_are_spent_once_for_a_request_however_often_it_is_sent(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)

    answers = [await spend(shop, 60, message_id="s-1", external_id="P1") for _ in range(2)]
    other = await spend(shop, 50, message_id="s-1", external_id="P1")

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["balance"] == answers[0].json()["available"] == 40
    assert answers[0].json()["value_cents"] == 300
    assert (other.status_code, other.json()["type"]) == (409, "/problems/request-id-reused")
    assert await account(shop, "pos", "P1") == (40, 0)


async def test_more_points_than_there_are_are_refused(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)

    refused = await spend(shop, 101, external_id="P1")

    assert (refused.status_code, refused.json()["available"]) == (409, 100)
    assert await account(shop, "pos", "P1") == (100, 0)


async def test_a_client_who_is_not_known_spends_nothing(shop: Shop) -> None:
    await earn(shop, 100, external_id="P9")

    assert (await spend(shop, 1, external_id="P9")).status_code == 404
    assert (await spend(shop, 1, card="ABC-1234")).status_code == 404
    assert (await spend(shop, 1, card="0000")).status_code == 422


async def test_a_card_that_fails_its_check_digit_opens_no_points(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE | {"cards": ["2900010053786"]})
    await earn(shop, 100, card="2900010053786")

    assert (await spend(shop, 1, card="2900010053786")).status_code == 422


@pytest.mark.parametrize(
    ("mine_verified", "theirs_verified", "granted"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
async def test_points_of_another_record_are_spent_over_an_email_verified_on_both_sides(
    shop: Shop, mine_verified: bool, theirs_verified: bool, granted: bool
) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=[{"value": EMAIL, "verified": mine_verified}])
    theirs = {"value": EMAIL, "verified": theirs_verified}
    await shop.profile("eshop", "E1", **ODILE, emails=[theirs])
    await earn(shop, 100, source="eshop", external_id="E1")

    answer = await spend(shop, 100, external_id="P1")

    assert await shop.client_of("pos", "P1") == await shop.client_of("eshop", "E1")
    assert answer.status_code == (200 if granted else 409)
    if not granted:
        assert (answer.json()["available"], answer.json()["unverified"]) == (0, 100)


async def test_an_email_that_had_been_verified_once_opens_no_points_now(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=[{"value": EMAIL, "verified": True}])
    await earn(shop, 100, external_id="P1")
    no_more = {"value": EMAIL, "verified": False, "verified_at": "2024-06-01T00:00:00Z"}
    await shop.profile("eshop", "E1", **ODILE, emails=[no_more])

    answer = await spend(shop, 100, who="eshop", external_id="E1")

    assert answer.status_code == 409
    assert (answer.json()["available"], answer.json()["unverified"]) == (0, 100)


async def test_to_state_a_card_gives_nothing_but_to_present_it_does(shop: Shop) -> None:
    await shop.profile("loyalty", "L1", **ODILE, cards=["ABC-1234"])
    await shop.profile("eshop", "E1", **ODILE, cards=["ABC-1234"])
    await earn(shop, 70, card="ABC-1234")

    stated = await spend(shop, 70, who="eshop", external_id="E1")
    presented = await spend(shop, 70, card="abc 1234")

    assert stated.status_code == 409
    assert presented.status_code == 200, presented.text


async def test_a_steward_who_says_that_two_records_are_one_opens_their_points(shop: Shop) -> None:
    one = (await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur"))["client_id"]
    two = (await shop.profile("eshop", "E1", given_name="Basile", family_name="K"))["client_id"]
    await earn(shop, 100, source="eshop", external_id="E1")

    await shop.merge(one, two)

    assert (await spend(shop, 100, external_id="P1")).status_code == 200


async def test_a_programme_may_let_some_points_come_over_links_that_are_not_verified(
    shop: Shop,
) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "inferred_spend_up_to": 30})
    await shop.profile("pos", "P1", **ODILE, emails=[EMAIL])
    await shop.profile("eshop", "E1", **ODILE, emails=[EMAIL])
    await earn(shop, 10, **P1)
    await earn(shop, 100, source="eshop", external_id="E1")

    refused = await spend(shop, 41, external_id="P1")
    granted = await spend(shop, 40, external_id="P1")

    assert (refused.status_code, refused.json()["available"]) == (409, 40)
    assert granted.json()["inferred_points"] == 30
    told = await loyalty_of(shop, granted.json()["client_id"])
    assert told["entries"][0]["inferred_points"] == 30


async def test_points_that_paid_for_goods_come_back_with_them(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)
    payments = [
        {"method": "points", "amount_cents": 400},
        {"method": "card", "amount_cents": 600},
    ]
    paid = sale(customer=P1, total_cents=1000, ticket_id="T-9", payments=payments)
    body = {"message_id": "s-1", "spender": P1, "points": 80, "ticket_id": "T-9"}
    await ask(shop, "redeem", body)
    earned = await shop.ticket(paid)

    half = await shop.ticket(bring_back(paid, total_cents=-500))
    rest = await shop.ticket(bring_back(paid, total_cents=-500))

    assert earned["loyalty"]["earned"] == 6
    assert half["loyalty"]["earned"] == 40 - 3
    assert rest["loyalty"]["earned"] == 40 - 3
    assert await account(shop, "pos", "P1") == (100, 0)
    lots = await shop.rows("SELECT remaining, granted FROM points_lot ORDER BY granted")
    assert [tuple(lot) for lot in lots] == [(0, 6), (100, 100)]


async def test_a_return_of_spent_points_leaves_a_debt_that_the_next_sale_pays(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    ticket = await earn(shop, 100, **P1)
    await spend(shop, 90, external_id="P1")

    back = await shop.ticket(bring_back(ticket, total_cents=-10_000))

    assert back["loyalty"]["balance"] == -90
    assert await account(shop, "pos", "P1") == (-90, 90)
    await earn(shop, 120, **P1)
    assert await account(shop, "pos", "P1") == (30, 0)
    assert (await spend(shop, 31, external_id="P1")).status_code == 409
    assert (await spend(shop, 30, external_id="P1")).status_code == 200


async def test_a_void_of_that_return_takes_the_debt_back(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    ticket = await earn(shop, 100, **P1)
    await spend(shop, 90, external_id="P1")
    back = bring_back(ticket, total_cents=-10_000)
    await shop.ticket(back)
    await earn(shop, 50, **P1)

    await shop.ticket(cancel(back))

    assert await account(shop, "pos", "P1") == (60, 0)


async def test_a_programme_that_forbids_debts_bears_them(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "returns_below_zero": False})
    await shop.profile("pos", "P1", **ODILE)
    ticket = await earn(shop, 100, **P1)
    await spend(shop, 90, external_id="P1")

    await shop.ticket(bring_back(ticket, total_cents=-10_000))

    assert await account(shop, "pos", "P1") == (0, 0)


async def test_a_hold_reserves_and_a_capture_spends_a_part(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)
    request = {"message_id": "h-1", "spender": P1, "points": 80}

    held = await ask(shop, "holds", request)
    again = await ask(shop, "holds", request)
    beside = await spend(shop, 30, external_id="P1")
    captured = await ask(shop, f"holds/{held['hold_id']}/capture", {"points": 50})
    repeated = await ask(shop, f"holds/{held['hold_id']}/capture", {"points": 50})

    assert held == again
    assert (held["balance"], held["available"]) == (100, 20)
    assert beside.status_code == 409
    assert captured == repeated
    assert captured["points"] == 50
    told = await loyalty_of(shop, held["client_id"])
    assert (told["balance"], told["available"], told["held"]) == (50, 50, 0)


async def test_a_hold_ends_once_and_only_by_the_source_that_made_it(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)
    held = await ask(shop, "holds", {"message_id": "h-1", "spender": P1, "points": 80})
    path = f"loyalty/holds/{held['hold_id']}"

    foreign = await shop.call("POST", f"{path}/void", {}, who="eshop")
    too_much = await shop.call("POST", f"{path}/capture", {"points": 81}, who="pos")
    voided = await shop.call("POST", f"{path}/void", {}, who="pos")
    late = await shop.call("POST", f"{path}/capture", {}, who="pos")

    assert [r.status_code for r in (foreign, too_much, voided, late)] == [404, 409, 200, 409]
    assert late.json()["type"] == "/problems/hold-closed"
    assert (await spend(shop, 100, external_id="P1")).status_code == 200


async def test_a_hold_whose_time_is_up_is_free_by_itself(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)
    held = await ask(shop, "holds", {"message_id": "h-1", "spender": P1, "points": 80})
    await shop.run_sql("UPDATE points_hold SET expires_at = now() - interval '1 second'")

    told = await loyalty_of(shop, held["client_id"])
    late = await shop.call("POST", f"loyalty/holds/{held['hold_id']}/capture", {}, who="pos")
    spent = await spend(shop, 100, external_id="P1")

    assert told["available"] == 100
    assert late.status_code == 409
    assert spent.status_code == 200


async def test_points_go_back_with_their_goods_once_a_hold_on_them_is_past_its_time(
    shop: Shop,
) -> None:
    await activate(shop.database, CLUB | {"version": "club-2", "returns_below_zero": False})
    await shop.profile("pos", "P1", **ODILE)
    ticket = await earn(shop, 100, **P1)
    await ask(shop, "holds", {"message_id": "h-1", "spender": P1, "points": 100})
    await shop.run_sql("UPDATE points_hold SET expires_at = now() - interval '1 second'")

    back = await shop.ticket(bring_back(ticket, total_cents=-10_000))

    assert back["loyalty"]["earned"] == -100
    assert await account(shop, "pos", "P1") == (0, 0)


async def test_a_reward_costs_what_the_catalogue_says(shop: Shop) -> None:
    reward = {"code": "tote", "kind": "gift", "points": 40, "label": "A tote bag"}
    await activate(shop.database, CLUB | {"version": "c-2", "rewards": [reward]})
    await shop.profile("pos", "P1", **ODILE)
    await earn(shop, 100, **P1)

    quote = await ask(shop, "quote", {"spender": P1, "total_cents": 2050})
    spent = await ask(shop, "redeem", {"message_id": "r", "spender": P1, "reward": "tote"})
    body = {"message_id": "r2", "spender": P1, "reward": "gold"}
    unknown = await shop.call("POST", "loyalty/redeem", body, who="pos")

    assert (quote["earned"], quote["available"], quote["available_value_cents"]) == (20, 100, 500)
    assert [one["code"] for one in quote["rewards"]] == ["tote"]
    assert (spent["points"], spent["balance"]) == (40, 60)
    assert unknown.status_code == 404


async def test_a_quote_to_who_was_given_a_bonus_counts_the_points_over_inferred_links(
    shop: Shop,
) -> None:
    bonus = {"code": "welcome", "kind": "first_purchase", "points": 7}
    rules = {"version": "club-2", "bonuses": [bonus], "inferred_spend_up_to": 30}
    await activate(shop.database, CLUB | rules)
    alike = ODILE | {"birth_date": "1984-02-11"}
    await shop.profile("pos", "P1", **alike)
    await shop.profile("eshop", "E1", **alike)
    assert await shop.client_of("pos", "P1") == await shop.client_of("eshop", "E1")
    await earn(shop, 10, **P1)
    await earn(shop, 100, source="eshop", external_id="E1")

    quote = await ask(shop, "quote", {"spender": P1, "total_cents": 1000})
    refused = await spend(shop, 48, external_id="P1")
    granted = await spend(shop, 47, external_id="P1")

    assert (quote["earned"], quote["available"]) == (10, 47)
    assert (refused.status_code, granted.status_code) == (409, 200)


async def test_a_quote_goes_by_the_day_of_its_store(shop: Shop) -> None:
    sunday = {"code": "sunday", "factor": 2, "when": {"weekdays": ["sunday"]}}
    await activate(shop.database, CLUB | {"version": "club-sunday", "multipliers": [sunday]})
    await shop.run_sql(
        "INSERT INTO store (code, name, timezone) VALUES ('NC', 'x', 'Pacific/Noumea')"
    )
    # Saturday evening in Paris is Sunday morning in Noumea.
    body = {"total_cents": 1000, "sold_at": "2025-03-01T20:00:00Z"}

    quotes = [await ask(shop, "quote", body | {"store": store}) for store in ("S001", "NC", None)]

    assert [quote["earned"] for quote in quotes] == [10, 20, 10]
