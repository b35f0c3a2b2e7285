"""Referrals: two people are given points once, for somebody who is really new."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.ingestion.shop import Shop, at_minute, bring_back, cancel, sale
from tests.loyalty.club import CLUB, account, activate, ask

RULES = CLUB | {
    "version": "club-referral",
    "referral": {
        "referrer_points": 30,
        "referred_points": 20,
        "minimum_cents": 2000,
        "at_most": 2,
    },
}
REFERRED: dict[str, Any] = {"external_id": "P2"}
AT_ONCE = 16


@pytest.fixture(autouse=True)
async def offered(shop: Shop) -> None:
    """Pay referrals, and make two people: Odile has a code, Basile is new."""
    await activate(shop.database, RULES)
    await shop.profile("pos", "P1", given_name="Odile", family_name="Vasseur")
    await shop.profile("pos", "P2", given_name="Basile", family_name="Kermadec")


async def code_of(shop: Shop, external_id: str = "P1", *, who: str = "pos") -> str:
    answer = await ask(shop, "referral-codes", {"client": {"external_id": external_id}}, who=who)
    return str(answer["code"])


async def refer(
    shop: Shop, referred: str = "P2", *, code: str = "", message_id: str = "", who: str = "pos"
) -> httpx.Response:
    """Say that somebody was brought, by Odile if nobody else is named."""
    body = {
        "message_id": message_id or f"refer-{referred}",
        "referred": {"external_id": referred},
        "code": code or await code_of(shop),
    }
    return await shop.call("POST", "loyalty/referrals", body, who=who)


async def buy(shop: Shop, cents: int = 5000, external_id: str = "P2", **said: Any) -> Any:
    """Buy as somebody today, and return the ticket; the answer is in `told`."""
    ticket = sale(customer={"external_id": external_id}, total_cents=cents, **said)
    ticket["sold_at"] = said.get("sold_at", datetime.now(UTC).isoformat())
    answer = await shop.ticket(ticket)
    return ticket | {"told": answer["loyalty"]}


def without_told(ticket: Any) -> Any:
    return {name: value for name, value in ticket.items() if name != "told"}


async def test_a_quote_tells_what_the_purchase_then_gives_with_its_referral(shop: Shop) -> None:
    await refer(shop)

    quotes, told = [], []
    for cents in (1999, 2000, 2000):
        body = {"spender": REFERRED, "total_cents": cents}
        quotes.append(await ask(shop, "quote", body))
        told.append((await buy(shop, cents))["told"]["earned"])

    assert [quote["earned"] for quote in quotes] == told == [19, 40, 20]
    assert [quote["referral_points"] for quote in quotes] == [0, 20, 0]


async def test_both_are_given_points_with_the_first_purchase_that_is_large_enough(
    shop: Shop,
) -> None:
    code = await code_of(shop)

    taken = await refer(shop, code=f" {code[:4].lower()}-{code[4:]} ")
    small = await buy(shop, 1999)
    first = await buy(shop, 2000)
    second = await buy(shop, 2000)

    assert (taken.status_code, taken.json()["status"]) == (200, "pending")
    assert [ticket["told"]["earned"] for ticket in (small, first, second)] == [19, 40, 20]
    assert second["told"]["balance"] == 79
    assert await account(shop, "pos", "P1") == (30, 0)
    counts = await ask(shop, "referral-codes", {"client": {"external_id": "P1"}})
    assert counts == {"code": code, "pending": 0, "paid": 1}


async def test_a_referral_is_taken_once_and_the_first_referrer_stays(shop: Shop) -> None:
    await shop.profile("pos", "P3", given_name="Zita", family_name="Aubrac")
    answers = [await refer(shop, message_id="r-1") for _ in range(2)]
    reused = await refer(shop, "P3", message_id="r-1")
    other = await refer(shop, code=await code_of(shop, "P3"), message_id="r-2")

    assert answers[0].json() == answers[1].json()
    assert reused.json()["type"] == "/problems/request-id-reused"
    assert (other.status_code, other.json()["reason"]) == (409, "already_referred")


async def test_who_is_not_new_or_not_somebody_else_is_refused(shop: Shop) -> None:
    reasons = {}
    reasons["oneself"] = (await refer(shop, "P1")).json()["reason"]
    await buy(shop, 100)
    reasons["bought"] = (await refer(shop)).json()["reason"]
    token: dict[str, Any] = {"payments": [{"payment_token": "token-1"}]}
    await shop.profile("pos", "P3", identifiers=[{"kind": "payment_token", "value": "token-1"}])
    await buy(shop, 100, "P1", **token)
    reasons["same token"] = (await refer(shop, "P3")).json()["reason"]
    await shop.profile("pos", "P4", given_name="Ysaline")
    await refer(shop, "P4", code=await code_of(shop, "P3"))
    chained = await refer(shop, "P3", code=await code_of(shop, "P4"), message_id="r-c")
    reasons["cycle"] = chained.json()["reason"]
    unknown = await refer(shop, "P4", code="NOBODYS1", message_id="r-n")

    assert reasons == {
        "oneself": "same_client",
        "bought": "bought_before",
        "same token": "shared_identifiers",
        "cycle": "cycle",
    }
    assert unknown.status_code == 404


async def test_nothing_is_taken_when_the_programme_pays_nothing(shop: Shop) -> None:
    code = await code_of(shop)
    await activate(shop.database, CLUB | {"version": "club-without"})

    refused = await refer(shop, code=code)

    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "/problems/referrals-not-offered",
    )


async def test_a_purchase_paid_with_the_means_of_the_referrer_pays_no_referral(
    shop: Shop,
) -> None:
    token: dict[str, Any] = {"payments": [{"payment_token": "token-1"}]}
    await buy(shop, 100, "P1", **token)
    await refer(shop)

    told = (await buy(shop, **token))["told"]

    assert told["earned"] == 50
    assert await shop.scalar("SELECT refusal FROM referral") == "shared_identifiers"
    assert await account(shop, "pos", "P1") == (1, 0)


async def test_a_sale_of_before_that_comes_late_shows_that_the_client_was_not_new(
    shop: Shop,
) -> None:
    await refer(shop)

    told = (await buy(shop, sold_at=at_minute(0)))["told"]

    assert told["earned"] == 50
    assert await shop.scalar("SELECT refusal FROM referral") == "bought_before"


async def test_a_referrer_is_paid_for_so_many_in_a_period_and_the_new_ones_still(
    shop: Shop,
) -> None:
    for number in range(3, 6):
        await shop.profile("pos", f"P{number}", given_name=f"Name{number}")
        await refer(shop, f"P{number}")
        assert (await buy(shop, external_id=f"P{number}"))["told"]["earned"] == 70
    assert await account(shop, "pos", "P1") == (60, 0)


@pytest.mark.parametrize("undo", [bring_back, cancel])
async def test_what_a_referral_gave_goes_back_with_the_whole_purchase(
    shop: Shop, undo: Any
) -> None:
    await refer(shop)
    ticket = without_told(await buy(shop, ticket_id="T-1"))
    part = await shop.ticket(bring_back(ticket, total_cents=-1000))
    assert part["loyalty"]["earned"] == -10
    spent = {"message_id": "s-1", "spender": {"external_id": "P1"}, "points": 25}
    await ask(shop, "redeem", spent)

    said = {} if undo is cancel else {"total_cents": -4000}
    rest = await shop.ticket(undo(ticket, **said))
    again = await buy(shop)

    assert rest["loyalty"]["earned"] == -60
    # The referrer has spent 25 of 30: he brought nothing back, and owes nothing.
    assert await account(shop, "pos", "P1") == (0, 0)
    assert again["told"]["earned"] == 50


async def test_both_gifts_stand_as_long_as_what_is_kept_would_have_paid_them(shop: Shop) -> None:
    await refer(shop)
    ticket = without_told(await buy(shop, 3000, ticket_id="T-1"))
    points = []

    backs = [
        bring_back(ticket, total_cents=-cents, ticket_id=f"R-{cents}") for cents in (1000, 1, 500)
    ]
    for message in (*backs, *map(cancel, reversed(backs))):
        await shop.ticket(message)
        points.append([(await account(shop, "pos", key))[0] for key in ("P1", "P2")])

    # Of 30.00 at least 20.00 have to be kept; what is voided is kept again.
    assert points == [[30, 40], [0, 19], [0, 14], [0, 19], [30, 40], [30, 50]]


async def test_a_referral_of_two_who_turn_out_to_be_one_is_taken_back_until_they_are_two(
    shop: Shop,
) -> None:
    await refer(shop)
    await buy(shop)
    one, two = [await shop.client_of("pos", key) for key in ("P1", "P2")]
    spent = {"message_id": "s-1", "spender": {"external_id": "P1"}, "points": 10}
    await ask(shop, "redeem", spent)

    merged = (await shop.merge(one, two)).json()
    together = [await account(shop, "pos", key) for key in ("P1", "P2")]
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert together == [(0, 0), (50, 0)]
    assert [await account(shop, "pos", key) for key in ("P1", "P2")] == [(20, 0), (70, 0)]


async def test_two_who_are_one_client_by_then_are_not_paid_before_they_are_two(
    shop: Shop,
) -> None:
    await refer(shop)
    one, two = [await shop.client_of("pos", key) for key in ("P1", "P2")]
    merged = (await shop.merge(one, two)).json()

    first = await buy(shop)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})
    second = await buy(shop)

    assert [ticket["told"]["earned"] for ticket in (first, second)] == [50, 70]


async def test_sixteen_at_once_bring_somebody_once_and_are_paid_once(shop: Shop) -> None:
    for number in range(AT_ONCE):
        await shop.profile("app", f"A{number}", given_name=f"Name{number}", title=f"t{number}")
    codes = [await code_of(shop, f"A{number}", who="app") for number in range(AT_ONCE)]
    email = [{"value": "basile@mail.example", "verified": True}]
    said = {"given_name": "Basile", "family_name": "Kermadec", "emails": email}
    await shop.profile("pos", "P2", minute=1, **said)
    await shop.profile("eshop", "E2", **said)
    assert await shop.client_of("pos", "P2") == await shop.client_of("eshop", "E2")

    async def one(number: int) -> int:
        known, who = (("P2", "pos"), ("E2", "eshop"))[number % 2]
        name = f"r-{number}"
        # Sent again while all connections are in use, as every sender does.
        while True:
            answer = await refer(shop, known, code=codes[number], message_id=name, who=who)
            if answer.status_code != 503:
                return answer.status_code

    async def sold(number: int) -> int:
        key, who = (("P2", "pos"), ("E2", "eshop"))[number % 2]
        ticket = sale(customer={"external_id": key}, total_cents=2000)
        ticket["sold_at"] = datetime.now(UTC).isoformat()
        while True:
            answer = await shop.send(who, "ticket", ticket)
            if answer.status_code != 503:
                return int(answer.json()["loyalty"]["earned"])

    stated = Counter(await asyncio.gather(*map(one, range(AT_ONCE))))
    earned = Counter(await asyncio.gather(*map(sold, range(AT_ONCE))))

    assert stated == {200: 1, 409: AT_ONCE - 1}
    assert earned == {40: 1, 20: AT_ONCE - 1}
    assert await shop.scalar("SELECT count(*) FROM points_posting WHERE kind = 'referral'") == 1
