"""Points of tickets: earned once, told in the answer, taken by what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.ingestion.shop import Shop, at_minute, bring_back, cancel, event, sale, typed
from tests.loyalty.club import CLUB, account, activate

P1: dict[str, Any] = {"external_id": "P1"}


async def test_the_answer_to_a_ticket_tells_points_balance_and_next_tier(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, total_cents=10_000))

    answer = await shop.ticket(sale(customer=P1, total_cents=2599))

    assert answer["loyalty"] == {
        "earned": 25,
        "balance": 125,
        "pending": 0,
        "tier": {
            "code": "classic",
            "label": "Classic",
            "valid_until": answer["loyalty"]["tier"]["valid_until"],
            "next": {"code": "gold", "label": "Gold", "missing": 500},
        },
    }
    assert await account(shop, "pos", "P1") == (125, 0)


async def test_a_ticket_earns_once_however_often_it_is_sent(shop: Shop) -> None:
    ticket = sale(customer=P1)
    await shop.ticket(ticket)

    again = await shop.send("pos", "ticket", ticket)
    renamed = await shop.ticket(ticket | {"message_id": "another-1"})

    assert again.json()["loyalty"]["earned"] == 10
    assert renamed["loyalty"] is None
    assert await account(shop, "pos", "P1") == (10, 0)


async def test_a_whole_batch_earns_ticket_by_ticket(shop: Shop) -> None:
    people = [P1, {"external_id": "P2"}, P1]
    tickets = [
        sale(customer=person, sold_at=at_minute(minute)) for minute, person in enumerate(people)
    ]

    results = await shop.batch("pos", [typed("ticket", ticket) for ticket in tickets])

    told = [result["answer"]["loyalty"] for result in results]
    assert [(one["earned"], one["balance"]) for one in told] == [(10, 10), (10, 10), (10, 20)]


async def test_without_a_programme_nothing_is_earned(shop: Shop) -> None:
    async with shop.database.transaction() as session:
        await session.execute(text("TRUNCATE programme_activation"))

    answer = await shop.ticket(sale(customer=P1))

    assert answer["loyalty"] is None


async def test_bonuses_are_given_once_to_a_client(shop: Shop) -> None:
    bonuses = [
        {"code": "welcome", "kind": "first_purchase", "points": 50},
        {"code": "birthday", "kind": "birthday_month", "points": 100},
    ]
    await activate(shop.database, CLUB | {"version": "club-2", "bonuses": bonuses})
    await shop.profile("pos", "P1", given_name="Odile", birth_date="1971-03-04")

    results = await shop.batch("pos", [typed("ticket", sale(customer=P1)) for _ in range(2)])
    later = await shop.ticket(sale(customer=P1))

    assert [result["answer"]["loyalty"]["earned"] for result in results] == [160, 10]
    assert later["loyalty"]["earned"] == 10


async def test_goods_that_come_back_take_their_points_exactly(shop: Shop) -> None:
    ticket = sale(customer=P1, total_cents=1099)
    await shop.ticket(ticket)

    first = await shop.ticket(bring_back(ticket, total_cents=-350))
    second = await shop.ticket(bring_back(ticket, total_cents=-350))
    last = await shop.ticket(bring_back(ticket, total_cents=-399))

    told = [answer["loyalty"] for answer in (first, second, last)]
    assert [one["earned"] for one in told] == [-3, -4, -3]
    assert [one["balance"] for one in told] == [7, 3, 0]


async def test_a_return_takes_what_its_line_has_earned(shop: Shop) -> None:
    triple = {"code": "triple", "factor": 3, "when": {"categories": ["shoes"]}}
    await activate(shop.database, CLUB | {"version": "club-2", "multipliers": [triple]})
    shoes = {"sku": "A", "category": "shoes", "amount_cents": 5000}
    shirt = {"sku": "B", "category": "shirts", "amount_cents": 3000}
    ticket = sale(customer=P1, total_cents=8000, lines=[shoes, shirt])
    earned = await shop.ticket(ticket)

    back = await shop.ticket(
        bring_back(ticket, total_cents=-5000, lines=[shoes | {"amount_cents": -5000}])
    )

    assert earned["loyalty"]["earned"] == 180
    assert back["loyalty"]["earned"] == -150


async def test_a_voided_sale_leaves_nothing(shop: Shop) -> None:
    ticket = sale(customer=P1)
    await shop.ticket(ticket)
    await shop.ticket(bring_back(ticket))

    await shop.ticket(cancel(ticket))

    assert await account(shop, "pos", "P1") == (0, 0)
    assert (
        await shop.rows("SELECT * FROM points_month WHERE points <> 0 OR amount_cents <> 0") == []
    )


async def test_a_voided_return_gives_the_points_again(shop: Shop) -> None:
    ticket = sale(customer=P1)
    await shop.ticket(ticket)
    back = bring_back(ticket)
    await shop.ticket(back)

    await shop.ticket(cancel(back))
    again = await shop.ticket(bring_back(ticket))

    assert await account(shop, "pos", "P1") == (6, 0)
    assert again["loyalty"]["earned"] == -4
    assert await shop.scalar("SELECT points FROM points_month") == 6


async def test_a_return_in_another_currency_takes_nothing(shop: Shop) -> None:
    await shop.profile("pos", "P1", given_name="Odile")
    ticket = sale(customer={"external_id": "P1"}, total_cents=10000)
    await shop.ticket(ticket)

    await shop.ticket(bring_back(ticket, total_cents=-10000, currency="JPY"))
    before = await account(shop, "pos", "P1")
    await shop.ticket(bring_back(ticket, total_cents=-4000))

    assert (before, await account(shop, "pos", "P1")) == ((100, 0), (60, 0))


async def test_a_sale_and_its_return_in_one_batch_and_out_of_order_end_the_same(
    shop: Shop,
) -> None:
    ticket = sale(customer=P1)

    await shop.batch("pos", [typed("ticket", bring_back(ticket)), typed("ticket", ticket)])
    late = sale(customer=P1)
    await shop.ticket(bring_back(late))
    await shop.ticket(late)

    assert await account(shop, "pos", "P1") == (12, 0)


async def test_points_of_an_anonymous_sale_are_the_clients_as_soon_as_it_is(shop: Shop) -> None:
    await shop.ticket(sale(token="token-1"))
    await shop.ticket(sale(token="token-1", customer={"card": "ABC-1234"}))
    await shop.profile("loyalty", "L1", given_name="Odile", cards=["ABC-1234"])

    answer = await shop.ticket(sale(customer={"card": "ABC-1234"}))

    assert answer["loyalty"]["balance"] == 30


async def test_a_ticket_of_a_known_buyer_takes_three_statements(
    shop: Shop, statements: list[str]
) -> None:
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1))
    statements.clear()
    await shop.ticket(sale(customer=P1))

    assert [statement.split("(")[0].split()[:4] for statement in statements] == [
        ["SELECT", "*", "FROM", "lock_and_admit_facts"],
        ["SELECT", "*", "FROM", "lock_and_read_buyers"],
        ["WITH", "new_ticket", "AS"],
    ]


async def test_an_event_earns_nothing(shop: Shop) -> None:
    await shop.accept("app", "event", event(external_id="A1"))

    assert await shop.rows("SELECT 1 FROM points_posting") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE points_entry SET points = points + 1",
        "DELETE FROM points_entry",
        "UPDATE points_posting SET reason = 'x'",
        "DELETE FROM points_posting",
        (
            "INSERT INTO points_entry (posting_id, number, counterpart, points, posted_at) "
            "SELECT id, 9, 'issued', 5, now() FROM points_posting"
        ),
        (
            "INSERT INTO points_entry (posting_id, number, account_id, points, posted_at) "
            "SELECT posting_id, 10 + side, account_id, side * 2 - 1, now() "
            "FROM points_entry, generate_series(0, 1) side WHERE account_id IS NOT NULL"
        ),
        (
            "INSERT INTO points_entry (posting_id, number, counterpart, points, posted_at) "
            "SELECT none, side, 'issued', side * 2 - 1, now() "
            "FROM gen_random_uuid() none, generate_series(0, 1) side"
        ),
        (
            "WITH one AS (INSERT INTO points_posting (id, kind, business_date, actor, posted_at) "
            "VALUES (gen_random_uuid(), 'adjustment', current_date, 'test', now()) RETURNING id) "
            "INSERT INTO points_entry "
            "(posting_id, number, account_id, lot_id, counterpart, points, posted_at) "
            "SELECT id, 0, gen_random_uuid(), NULL::uuid, NULL, 5, now() FROM one "
            "UNION ALL SELECT id, 1, NULL, NULL, 'issued', -5, now() FROM one"
        ),
        (
            "WITH one AS (INSERT INTO points_posting (id, kind, business_date, actor, posted_at) "
            "VALUES (gen_random_uuid(), 'adjustment', current_date, 'test', now()) RETURNING id) "
            "INSERT INTO points_entry "
            "(posting_id, number, account_id, lot_id, counterpart, points, posted_at) "
            "SELECT one.id, 0, record_id, gen_random_uuid(), NULL, 5, now() "
            "FROM one, points_account "
            "UNION ALL SELECT id, 1, NULL, NULL, 'issued', -5, now() FROM one"
        ),
        "DELETE FROM points_account",
        "UPDATE points_account SET record_id = gen_random_uuid()",
        "DELETE FROM points_lot",
        "UPDATE points_lot SET id = gen_random_uuid()",
        "TRUNCATE points_lot",
        "TRUNCATE points_account",
        "TRUNCATE points_posting",
        "UPDATE points_account SET balance = -1",
    ],
)
async def test_the_database_itself_refuses_what_breaks_the_ledger(
    shop: Shop, statement: str
) -> None:
    await shop.ticket(sale(customer=P1))

    with pytest.raises(DBAPIError):
        async with shop.database.transaction() as session:
            await session.execute(text(statement))

    assert await shop.scalar("SELECT count(*) FROM points_entry") == 2
    assert await account(shop, "pos", "P1") == (10, 0)
