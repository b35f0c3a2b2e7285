"""Goods of a web order brought back to a store that knows the order only: its sale is meant."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.ingestion.shop import (
    Message,
    Shop,
    assert_sound,
    cancel,
    clear,
    order_step,
    sale,
    typed,
)
from tests.loyalty.club import CLUB, account, activate, ask

WEB = CLUB | {
    "version": "club-web",
    "multipliers": [{"code": "web", "factor": 5, "when": {"channels": ["web"]}}],
}
A = {"external_id": "A"}

Sent = tuple[str, str, Message]


def placed(source: str = "eshop", **said: Any) -> Sent:
    return source, "order", order_step("O1", "placed", customer=A) | said


def sold(**said: Any) -> Sent:
    web = {"store": None, "till": None, "number": None}
    return "eshop", "ticket", sale(ticket_id="W1", order_id="O1", **web) | said


def brought_back(cents: int = -400, **said: Any) -> Sent:
    message = sale(kind="return", ticket_id="R1", order_id="O1", total_cents=cents)
    return "pos", "ticket", message | said


async def start(shop: Shop, programme: dict[str, Any] = WEB) -> None:
    await clear(shop.database)
    await activate(shop.database, programme)
    await shop.profile("eshop", "A", given_name="Odile")


async def state(shop: Shop) -> tuple[Any, ...]:
    """Return what must not depend on the order of arrival: points, months, tickets, totals."""
    tickets = await shop.rows(
        "SELECT t.ticket_id, t.link, r.external_id, sold.ticket_id, t.credits "
        "FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id "
        "LEFT JOIN ticket sold ON sold.id = t.original_id ORDER BY 1"
    )
    months = await shop.rows("SELECT points, amount_cents FROM points_month WHERE points <> 0")
    totals = await shop.rows("SELECT channel, sales, returns, amount_cents FROM purchase_total")
    kept = sorted(tuple(row) for row in totals if any(row[1:]))
    lists = [[tuple(row) for row in rows] for rows in (tickets, months)]
    return await account(shop, "eshop", "A"), str(lists), str(kept)


@pytest.mark.parametrize(
    ("cents", "voided", "points"),
    [(-400, "", 30), (-1000, "", 0), (-400, "R1", 50), (-400, "W1", 0)],
)
async def test_a_return_that_names_its_order_takes_what_the_sale_gave_in_any_order(
    shop: Shop, cents: int, voided: str, points: int
) -> None:
    ends: dict[tuple[Any, ...], list[tuple[int, ...]]] = {}
    arrivals = itertools.permutations(range(3 + bool(voided)))
    # Of the orders of four messages every third one, which is enough and takes a third.
    for arrival in itertools.islice(arrivals, 0, None, 3 if voided else 1):
        await start(shop)
        sent = [placed(sellers=[{"staff": "LOU"}]), sold(), brought_back(cents)]
        if voided:
            source = "eshop" if voided == "W1" else "pos"
            sent.append((source, "ticket", cancel({"ticket_id": voided}, ticket_id="V1")))
        for n in arrival:
            await shop.accept(*sent[n])
        await assert_sound(shop.database)
        ends.setdefault(await state(shop), []).append(arrival)

    assert len(ends) == 1, ends
    assert next(iter(ends))[0] == (points, 0)


async def test_both_in_one_batch_are_the_same(shop: Shop) -> None:
    await start(shop)

    told = await shop.batch("eshop", [typed(kind, m) for _, kind, m in (brought_back(), sold())])
    await shop.accept(*placed())

    assert [one["status"] for one in told] == [201, 201]
    assert await account(shop, "eshop", "A") == (30, 0)


@pytest.mark.parametrize("is_first", [True, False])
async def test_points_that_paid_for_the_order_come_back(shop: Shop, *, is_first: bool) -> None:
    await start(shop)
    await shop.ticket(sale(customer=A, total_cents=100000), source="eshop")
    spent = {"message_id": "spent", "spender": A, "points": 100, "ticket_id": "W1"}
    await ask(shop, "redeem", spent, who="eshop")
    before = (await account(shop, "eshop", "A"))[0]
    sent = [placed(), sold(), brought_back(-1000)]

    for one in [sent[2], sent[0], sent[1]] if is_first else sent:
        await shop.accept(*one)

    assert await account(shop, "eshop", "A") == (before + 100, 0)


async def test_what_is_brought_back_by_order_is_not_taken_again_by_ticket(shop: Shop) -> None:
    await start(shop)
    for one in (placed(), sold(), brought_back(-1000)):
        await shop.accept(*one)

    again = sale(kind="return", total_cents=-1000, original={"ticket_id": "W1"})
    told = await shop.ticket(again)

    assert told["loyalty"]["earned"] == 0
    assert await account(shop, "eshop", "A") == (0, 0)


async def test_what_the_retailer_bore_is_not_given(shop: Shop) -> None:
    """The return comes when nothing is there to take, and nobody may owe."""
    await start(shop, WEB | {"version": "club-kind", "returns_below_zero": False})
    for one in (placed(), brought_back(), sold()):
        await shop.accept(*one)

    assert await account(shop, "eshop", "A") == (30, 0)


async def test_of_several_sales_nobody_can_tell_which_comes_back(shop: Shop) -> None:
    await start(shop)
    for one in (placed(), sold(), sold(ticket_id="W2", message_id="other"), brought_back()):
        await shop.accept(*one)

    assert await account(shop, "eshop", "A") == (96, 0)
    assert await shop.rows("SELECT link, original_id FROM ticket WHERE ticket_id = 'R1'") == [
        ("order", None)
    ]


async def test_a_sale_that_was_cancelled_and_rung_up_again_is_not_meant(shop: Shop) -> None:
    await start(shop)
    void = ("eshop", "ticket", cancel({"ticket_id": "W1"}, ticket_id="V1"))
    again = sold(ticket_id="W2", message_id="other")
    for one in (placed(), sold(), void, again, brought_back()):
        await shop.accept(*one)

    assert await account(shop, "eshop", "A") == (30, 0)


async def test_an_order_of_another_source_with_the_same_name_is_not_meant(shop: Shop) -> None:
    await start(shop)
    other = ("app", "order", order_step("O1", "placed"))
    for one in (placed(), other, sold(), brought_back()):
        await shop.accept(*one)

    assert await shop.rows("SELECT original_id FROM ticket WHERE ticket_id = 'R1'") == [(None,)]


async def test_a_return_that_names_somebody_stays_with_them(shop: Shop) -> None:
    for sent in ((0, 1, 2), (2, 0, 1)):
        await start(shop)
        await shop.profile("pos", "B", given_name="Basile", birth_date="1990-10-30")
        messages = [placed(), sold(), brought_back(customer={"external_id": "B"})]
        for n in sent:
            await shop.accept(*messages[n])

        assert await account(shop, "eshop", "A") == (30, 0)
        assert await account(shop, "pos", "B") == (0, 0)
        rows = await shop.rows("SELECT link FROM ticket WHERE ticket_id = 'R1'")
        assert rows == [("identifiers",)]
