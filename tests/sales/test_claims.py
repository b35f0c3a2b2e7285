"""Claims: a ticket by what is printed on it, once, in time, without telling what is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from rcu.settings import Settings
from tests.ingestion.shop import Message, Shop, bring_back, cancel, sale

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()


def sold_today(number: int, **said: Any) -> Message:
    return sale(
        number, sold_at=NOW.isoformat(), business_date=TODAY, ticket_id=f"T{number}", **said
    )


async def ask(shop: Shop, external_id: str, message: Message, **other: Any) -> httpx.Response:
    printed = ("store", "till", "number", "business_date", "total_cents")
    body = {"external_id": external_id} | {name: message[name] for name in printed} | other
    return await shop.call("POST", "tickets/claim", body, who="app")


async def customers(shop: Shop) -> tuple[str, str]:
    """Make Odile and Basile known, each in the app; return their clients."""
    odile = await shop.profile("app", "A1", given_name="Odile", cards=["ABC-1234"])
    basile = await shop.profile("app", "A2", given_name="Basile", birth_date="1990-10-30")
    return odile["client_id"], basile["client_id"]


async def test_a_client_claims_a_ticket_by_what_is_printed_on_it(shop: Shop) -> None:
    odile, _ = await customers(shop)
    receipt = sold_today(1, token="par_friend")
    back = bring_back(receipt, ticket_id="B1")
    for message in (receipt, back):
        await shop.ticket(message)

    answers = [await ask(shop, "A1", receipt) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.json()["client_id"] for answer in answers} == {odile}
    assert await shop.attached(receipt) == (odile, "claim")
    assert await shop.attached(back) == (odile, "return_link")
    assert await shop.scalar("SELECT count(*) FROM ticket_claim") == 1
    told = await shop.staff("GET", f"tickets/{answers[0].json()['ticket_id']}")
    assert told["at_sale"] == {"client_id": None, "method": None, "reason": "not_asked"}
    assert told["attachment"] == {"client_id": odile, "method": "claim", "reason": None}
    assert [(change["moved"], change["by"]) for change in told["changes"]] == [("ticket", "claim")]


async def test_a_claim_says_nothing_of_who_uses_the_token(shop: Shop) -> None:
    await customers(shop)
    receipt, other = sold_today(1, token="par_friend"), sold_today(2, token="par_friend")
    for message in (receipt, other):
        await shop.ticket(message)

    await ask(shop, "A1", receipt)

    assert await shop.attached(other) == (None, None)


async def test_a_refusal_is_the_same_whatever_the_ticket(shop: Shop) -> None:
    await customers(shop)
    hers, voided, free = sold_today(1, customer={"card": "ABC-1234"}), sold_today(2), sold_today(3)
    back = bring_back(free, ticket_id="B4", business_date=TODAY, sold_at=NOW.isoformat())
    for message in (hers, voided, cancel(voided, ticket_id="V2"), free, back):
        await shop.ticket(message)
    await ask(shop, "A1", sold_today(3))

    refused = [
        await ask(shop, "A2", message, **other)
        for message, other in (
            (sold_today(99), {}),
            (hers, {}),
            (voided, {}),
            (free, {}),
            (hers, {"total_cents": 1}),
        )
    ]

    told = [answer.json() | {"request_id": None} for answer in refused]
    assert [answer.status_code for answer in refused] == [404] * 5
    assert told == [told[0]] * 5
    assert told[0]["type"] == "/problems/ticket-not-claimable"


async def test_a_ticket_of_the_client_stays_on_the_record_that_it_hangs_on(shop: Shop) -> None:
    """Whoever came into a client by an e-mail that they merely stated carries no ticket off."""
    mail = ["victoire@mail.example"]
    await shop.profile("pos", "V", given_name="Victoire", family_name="Delmas", emails=mail)
    receipt = sold_today(1, customer={"external_id": "V"})
    await shop.ticket(receipt)
    await shop.profile("app", "A1", emails=mail)
    victoire = await shop.client_of("pos", "V")
    assert await shop.client_of("app", "A1") == victoire

    answer = await ask(shop, "A1", receipt)
    await shop.profile("app", "A1", minute=5, emails=[])

    assert (answer.status_code, answer.json()["client_id"]) == (200, victoire)
    assert await shop.client_of("app", "A1") != victoire
    assert await shop.attached(receipt) == (victoire, "own_record")


@pytest.mark.parametrize(
    "customer",
    [{"card": "2990001234567"}, {"external_id": "unknown"}, {"email": "gontran@mail.example"}],
    ids=["card", "account", "e-mail"],
)
async def test_who_finds_a_receipt_does_not_get_what_named_somebody_else(
    shop: Shop, customer: dict[str, str]
) -> None:
    for name in ("Gontran", "Sidonie"):
        await shop.profile("pos", name, given_name=name, emails=["gontran@mail.example"])
    await customers(shop)
    receipt = sold_today(1, customer=customer)
    await shop.ticket(receipt)

    answer = await ask(shop, "A2", receipt)

    client_id, _ = await shop.attached(receipt)
    assert (answer.status_code, client_id) == (404, None)


async def test_an_address_that_is_nobodys_may_be_the_claimants_with_an_error(shop: Shop) -> None:
    _, basile = await customers(shop)
    receipt = sold_today(1, customer={"email": "bazile@mail.example"})
    await shop.ticket(receipt)

    answer = await ask(shop, "A2", receipt)

    assert (answer.status_code, answer.json()["client_id"]) == (200, basile)


async def test_who_claims_has_to_be_known_to_the_source(shop: Shop) -> None:
    await shop.profile("eshop", "E1", given_name="Odile")
    receipt = sold_today(1)
    await shop.ticket(receipt)

    answer = await ask(shop, "E1", receipt)

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/claimant-not-known")


async def test_a_ticket_is_claimed_within_a_set_time_and_not_before_its_day(shop: Shop) -> None:
    await customers(shop)
    late = (NOW - timedelta(days=Settings().claim_days + 2)).date().isoformat()
    ahead = (NOW + timedelta(days=2)).date().isoformat()

    too_late = await ask(shop, "A1", sold_today(1), business_date=late)
    too_early = await ask(shop, "A1", sold_today(1), business_date=ahead)

    assert (too_late.status_code, too_late.json()["days"]) == (409, Settings().claim_days)
    assert (too_early.status_code, too_early.json()["errors"][0]["field"]) == (
        422,
        "/business_date",
    )


async def test_a_client_tries_a_few_times_a_day(shop: Shop) -> None:
    await customers(shop)
    limit = Settings().claims_per_client

    answers = [await ask(shop, "A1", sold_today(number)) for number in range(limit + 1)]
    other = await ask(shop, "A2", sold_today(1))
    async with shop.database.transaction() as session:
        await session.execute(text("UPDATE ticket_claim SET made_at = made_at - interval '24h'"))
    next_day = await ask(shop, "A1", sold_today(1))

    assert [answer.status_code for answer in answers] == [404] * limit + [429]
    assert 86_000 < int(answers[-1].headers["Retry-After"]) <= 86_401
    assert other.status_code == 404
    assert next_day.status_code == 404


_FIFTY_TRIES = """
    INSERT INTO ticket_claim (id, made_at, actor, record_id, client_id, store, till, number,
                              business_date, total_cents, outcome)
    SELECT gen_random_uuid(), now(), 'test', r.id, gen_random_uuid(), 'S001', '01', n,
           current_date, 1, 'refused'
    FROM generate_series(1, 50) n, source_record r WHERE r.external_id = 'A1'
"""


async def test_a_till_is_not_tried_out(shop: Shop) -> None:
    await customers(shop)
    async with shop.database.transaction() as session:
        await session.execute(text(_FIFTY_TRIES))

    here = await ask(shop, "A2", sold_today(1))
    elsewhere = await ask(shop, "A2", sold_today(1), till="02")

    assert (here.status_code, here.json()["per"]) == (429, "till")
    assert elsewhere.status_code == 404


async def test_of_two_who_claim_at_once_one_gets_the_ticket(shop: Shop) -> None:
    clients = await customers(shop)
    receipt = sold_today(1)
    await shop.ticket(receipt)

    answers = await asyncio.gather(*(ask(shop, who, receipt) for who in ("A1", "A2", "A1", "A2")))

    winners = {answer.json()["client_id"] for answer in answers if answer.status_code == 200}
    assert len(winners) == 1
    assert winners <= set(clients)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 404, 404]


async def test_what_was_claimed_goes_with_its_client_through_a_merge_and_a_split(
    shop: Shop,
) -> None:
    odile, basile = await customers(shop)
    receipt = sold_today(1)
    await shop.ticket(receipt)
    await ask(shop, "A2", receipt)

    await shop.merge(odile, basile)
    together = await shop.attached(receipt)
    await shop.split(odile, [("app", "A2")])

    assert together == (odile, "claim")
    assert await shop.attached(receipt) == (basile, "claim")
