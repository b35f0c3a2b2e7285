"""Exchanges, and returns that name what brought goods back already: the points end exact."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.ingestion.shop import Message, Shop, bring_back, cancel, order_step, sale
from tests.loyalty.club import CLUB, account, activate

_numbers = itertools.count(1)
A: dict[str, Any] = {"external_id": "A"}
TABLE, LAMP = 2000, 1500
"""Cents of a table that is brought back, and of a lamp that is taken for it."""


def line(cents: int) -> dict[str, Any]:
    return {"sku": "lamp", "quantity": 1 if cents > 0 else -1, "amount_cents": cents}


def bought() -> Message:
    return sale(ticket_id="S", total_cents=TABLE, lines=[line(TABLE)], customer=A)


def exchanged(kind: str, **said: Any) -> Message:
    """Return the ticket of an exchange: five euros go back to the client."""
    lines = [line(-TABLE), line(LAMP)]
    return sale(kind=kind, ticket_id="X", total_cents=LAMP - TABLE, lines=lines) | said


def lamp_back(**said: Any) -> Message:
    """Return the ticket of the lamp brought back with the receipt of the exchange."""
    back = bring_back(exchanged("return"), total_cents=-LAMP, lines=[line(-LAMP)], ticket_id="R")
    return back | said


async def every_order(shop: Shop, messages: Sequence[Message]) -> set[tuple[Any, ...]]:
    """Send messages in every order, each to a shop of its own name; return what comes of them."""
    ends = set()
    for order in itertools.permutations(messages):
        who = f"A{next(_numbers)}"
        await shop.profile("pos", who)
        for message in order:
            await shop.accept("pos", "ticket", _of(message, who))
        months = await shop.rows(
            "SELECT points, amount_cents FROM points_month m JOIN source_record r "
            "ON r.id = m.record_id WHERE external_id = :who AND points <> 0",
            who=who,
        )
        sold = await shop.rows(
            "SELECT t.kind, o.kind, o.total_cents FROM ticket t "
            "JOIN ticket o ON o.id = t.original_id WHERE t.ticket_id LIKE :who",
            who=f"{who}-%",
        )
        told = (await account(shop, "pos", who), tuple(map(tuple, months)))
        ends.add((*told, tuple(sorted(map(tuple, sold)))))
    return ends


def _of(message: Message, who: str) -> Message:
    """Return a message with the names that one client's tickets have."""
    said: dict[str, Any] = {"message_id": f"{who}-{message['message_id']}"}
    said["ticket_id"] = f"{who}-{message.get('ticket_id') or message['message_id']}"
    said["number"] = int(f"{who[1:]}{message['number']:05}")
    if "customer" in message:
        said["customer"] = {"external_id": who}
    if "original" in message:
        said["original"] = {"ticket_id": f"{who}-{message['original']['ticket_id']}"}
    return message | said


@pytest.mark.parametrize("kind", ["return", "sale"])
async def test_an_exchange_that_names_its_sale_leaves_the_points_of_what_was_kept(
    shop: Shop, kind: str
) -> None:
    ends = await every_order(shop, [bought(), exchanged(kind, original={"ticket_id": "S"})])

    assert {end[0] for end in ends} == {(15, 0)}
    assert len(ends) == 1


@pytest.mark.parametrize("kind", ["return", "sale"])
async def test_what_an_exchange_had_given_comes_back_as_a_part_of_the_first_sale(
    shop: Shop, kind: str
) -> None:
    exchange = exchanged(kind, original={"ticket_id": "S"})
    ends = await every_order(shop, [bought(), exchange, lamp_back()])

    assert {end[0] for end in ends} == {(0, 0)}
    assert len(ends) == 1


async def test_a_return_of_a_return_that_is_cancelled_gives_again_what_it_took(shop: Shop) -> None:
    exchange, back = exchanged("return", original={"ticket_id": "S"}), lamp_back()
    ends = await every_order(shop, [bought(), exchange, back, cancel(back, ticket_id="V")])

    assert {end[0] for end in ends} == {(15, 0)}
    assert len(ends) == 1


async def test_a_return_that_names_a_cancelled_return_brings_back_the_sale(shop: Shop) -> None:
    first = bring_back(bought(), total_cents=-500, ticket_id="X")
    ends = await every_order(
        shop, [bought(), first, lamp_back(lines=[]), cancel(first, ticket_id="V")]
    )

    assert {end[0] for end in ends} == {(5, 0)}
    assert len(ends) == 1


async def test_a_sale_below_zero_takes_what_it_would_have_earned_and_a_void_gives_it_again(
    shop: Shop,
) -> None:
    exchange = exchanged("sale", customer=A)
    void = cancel(exchange, ticket_id="V")

    ends = await every_order(shop, [bought(), exchange])
    voided = await every_order(shop, [bought(), exchange, void])

    assert {end[0] for end in ends} == {(15, 0)}
    assert {end[0] for end in voided} == {(20, 0)}


async def test_goods_of_an_exchange_that_names_no_sale_take_by_the_plain_rules(shop: Shop) -> None:
    back = lamp_back(customer=A)
    messages = [bought(), exchanged("sale", customer=A), back]
    ends = await every_order(shop, messages)
    voided = await every_order(shop, [*messages[1:], cancel(back, ticket_id="V")])

    assert {end[0] for end in ends} == {(0, 0)}
    assert {end[0] for end in voided} == {(-5, 5)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_names_a_return_without_its_sale_goes_with_it_once_that_is_known(
    shop: Shop, order: Sequence[int]
) -> None:
    """A till takes goods back by the number of their order, then more by the receipt of that."""
    web = {"code": "web", "factor": 5, "when": {"channels": ["web"]}}
    await activate(shop.database, CLUB | {"version": "club-web", "multipliers": [web]})
    await shop.profile("eshop", "A", given_name="Odile")
    await shop.accept("eshop", "order", order_step("O1", "placed", customer=A))
    no_till = {"store": None, "till": None, "number": None}
    sold = sale(ticket_id="W1", order_id="O1", **no_till)
    first = sale(kind="return", ticket_id="R1", order_id="O1", total_cents=-400)
    messages = [("eshop", sold), ("pos", first), ("pos", bring_back(first, total_cents=-300))]

    for number in order:
        source, message = messages[number]
        await shop.accept(source, "ticket", message)

    assert await account(shop, "eshop", "A") == (15, 0)
    named = await shop.rows(
        "SELECT o.ticket_id FROM ticket t JOIN ticket o ON o.id = t.original_id "
        "WHERE t.kind = 'return'"
    )
    assert [row[0] for row in named] == ["W1", "W1"]
