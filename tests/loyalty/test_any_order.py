"""What stands of a sale depends on what has come back of it, not on the order in which it came."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ingestion.shop import (
    Message,
    Shop,
    bring_back,
    cancel,
    order_step,
    sale,
    ticket_id,
    typed,
)
from tests.loyalty.club import CLUB, account, activate, ask

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
CARD = {"card": "ABC-1234"}
REASON = {"reason": "seen on the receipt"}

_numbers = itertools.count(1)


async def somebody(shop: Shop, **said: Any) -> dict[str, Any]:
    """Make a client of the till, whom nobody resembles; return how it names itself."""
    key = f"P{next(_numbers)}"
    await shop.profile("pos", key, **said)
    return {"external_id": key}


async def points_of(shop: Shop, who: dict[str, Any]) -> tuple[int, int]:
    return await account(shop, "pos", who["external_id"])


async def id_of(shop: Shop, message: Message) -> str:
    return str(
        await shop.scalar("SELECT id FROM ticket WHERE ticket_id = :t", t=ticket_id(message))
    )


# --- returns and voids, and voids of returns ----------------------------------------------------


@pytest.mark.parametrize(
    ("backs", "voids", "left"),
    [
        ([-400], "s0", 0),
        ([-1000], "s0", 0),
        ([-400], "s", 0),
        ([-400], "0", 10),
        # Rounding: each return alone takes nothing, both together take one point.
        ([-30, -30], "", 9),
        ([-30, -30], "0", 10),
        ([-400, -600], "1", 6),
    ],
)
async def test_any_order_of_returns_and_voids_leaves_the_same_points(
    shop: Shop, backs: Sequence[int], voids: str, left: int
) -> None:
    orders = itertools.permutations(range(1 + len(backs) + len(voids)))
    # Of the orders of four messages every other one, which is enough and half as long.
    for order in itertools.islice(orders, 0, None, 2 if len(backs) + len(voids) > 2 else 1):
        who = await somebody(shop)
        sold = sale(customer=who, total_cents=1050)
        returned = [bring_back(sold, total_cents=cents) for cents in backs]
        voided = [cancel(sold if one == "s" else returned[int(one)]) for one in voids]
        messages = [sold, *returned, *voided]

        for number in order:
            await shop.accept("pos", "ticket", messages[number])

        assert await points_of(shop, who) == (left, 0), order
        [(points, cents)] = await shop.rows(
            "SELECT points, amount_cents FROM points_month m "
            "JOIN source_record r ON r.id = m.record_id WHERE external_id = :key",
            key=who["external_id"],
        )
        stands = [cents for n, cents in enumerate(backs) if str(n) not in voids]
        assert (points, cents) == (left, 0 if "s" in voids else 1050 + sum(stands)), order


async def test_a_void_by_a_clock_that_is_slow_cancels_the_return_of_the_same_batch(
    shop: Shop,
) -> None:
    who = await somebody(shop)
    sold = sale(customer=who)
    back = bring_back(sold)
    void = cancel(back, sold_at="2025-03-01T11:00:00Z")

    told = await shop.batch("pos", [typed("ticket", one) for one in (sold, back, void)])

    assert {one["status"] for one in told} == {201}
    assert await points_of(shop, who) == (10, 0)


async def test_points_that_paid_for_goods_follow_them_in_any_order(shop: Shop) -> None:
    who = await somebody(shop)
    await shop.ticket(sale(customer=who, total_cents=100000, sold_at="2025-01-01T12:00:00Z"))

    for order in itertools.permutations(range(4)):
        sold = sale(customer=who, total_cents=1000)
        back = bring_back(sold)
        steps = [back, cancel(sold), cancel(back)]
        spent = {"spender": who, "points": 100, "ticket_id": ticket_id(sold)}
        await shop.ticket(sold)
        for number in order:
            if number == 3:
                await ask(
                    shop, "redeem", {"message_id": f"spent-{'-'.join(map(str, order))}"} | spent
                )
            else:
                await shop.accept("pos", "ticket", steps[number])

        assert await points_of(shop, who) == (1000, 0), order


async def test_a_void_of_a_return_takes_what_went_back_with_it(shop: Shop) -> None:
    who = await somebody(shop)
    sold = sale(customer=who)
    back = bring_back(sold)
    await shop.ticket(sale(customer=who, total_cents=100000, sold_at="2025-01-01T12:00:00Z"))
    spent = {"message_id": "spent", "spender": who, "points": 100, "ticket_id": ticket_id(sold)}
    await ask(shop, "redeem", spent)
    found = []

    for message in (sold, back, cancel(back)):
        await shop.ticket(message)
        found.append(await points_of(shop, who))

    assert found == [(910, 0), (946, 0), (910, 0)]


async def test_a_bonus_withdrawn_between_a_return_and_its_void_stays_withdrawn_once(
    shop: Shop,
) -> None:
    bonus = {"code": "welcome", "kind": "first_purchase", "points": 7}
    await activate(shop.database, CLUB | {"version": "club-2", "bonuses": [bonus]})
    one, two = await somebody(shop), await somebody(shop)
    sold = sale(customer=two)
    back = bring_back(sold, total_cents=-1000)
    for message in (sale(customer=one), sold, back):
        await shop.ticket(message)
    first, second = [await shop.client_of("pos", who["external_id"]) for who in (one, two)]

    merged = (await shop.merge(first, second)).json()
    await shop.ticket(cancel(back))
    together = await points_of(shop, two)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert together == (10, 0)
    assert await points_of(shop, two) == (17, 0)


# --- sales that get a record late, or lose it ---------------------------------------------------


async def claim(shop: Shop, sold: Message, who: dict[str, Any]) -> None:
    printed = {"store": "S001", "till": "01", "number": sold["number"]}
    body = who | printed | {"business_date": YESTERDAY[:10], "total_cents": sold["total_cents"]}
    response = await shop.call("POST", "tickets/claim", body, who="pos")
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("kind", ["return", "void"])
@pytest.mark.parametrize("is_claimed_first", [True, False])
async def test_a_claimed_sale_earns_what_is_left_of_it(
    shop: Shop, kind: str, *, is_claimed_first: bool
) -> None:
    who = await somebody(shop, cards=[CARD["card"]])
    sold = sale(sold_at=YESTERDAY, ticket_id="T1", total_cents=1000)
    back = sale(kind=kind, total_cents=-400, original={"ticket_id": "T1"}, customer=CARD)
    if kind == "void":
        back |= {"total_cents": 0}
    await shop.ticket(sold)

    if is_claimed_first:
        await claim(shop, sold, who)
        await shop.ticket(back)
    elif kind == "return":
        await shop.ticket(back)
        await claim(shop, sold, who)
    else:
        await shop.ticket(back)
        client_id = await shop.client_of("pos", who["external_id"])
        path = f"tickets/{await id_of(shop, sold)}/attach"
        await shop.staff("POST", path, {"client_id": client_id} | REASON)

    assert await points_of(shop, who) == ((6, 0) if kind == "return" else (0, 0))


@pytest.mark.parametrize("kind", ["return", "void"])
async def test_an_order_that_comes_after_the_return_earns_what_is_left(
    shop: Shop, kind: str
) -> None:
    who = await somebody(shop, cards=[CARD["card"]])
    sold = sale(order_id="O1")
    back = bring_back(sold, customer=CARD) if kind == "return" else cancel(sold, customer=CARD)
    for message in (sold, back):
        await shop.ticket(message)

    await shop.accept("pos", "order", order_step("O1", "placed", customer=who))

    assert await points_of(shop, who) == ((6, 0) if kind == "return" else (0, 0))


@pytest.mark.parametrize("kind", ["return", "void"])
async def test_what_comes_back_of_a_detached_sale_is_taken_from_who_has_its_points(
    shop: Shop, kind: str
) -> None:
    who = await somebody(shop)
    sold = sale(customer=who)
    await shop.ticket(sold)
    path = f"tickets/{await id_of(shop, sold)}"
    await shop.staff("POST", f"{path}/detach", REASON)

    told = await shop.ticket(bring_back(sold) if kind == "return" else cancel(sold))
    detached = await points_of(shop, who)
    await shop.staff("POST", f"{path}/restore", REASON)

    assert told["client_id"] is None
    assert detached == ((6, 0) if kind == "return" else (0, 0))
    assert await points_of(shop, who) == detached


async def test_a_return_cancelled_after_its_sale_went_to_another_gives_to_who_has_it_now(
    shop: Shop,
) -> None:
    one, two = await somebody(shop), await somebody(shop)
    sold = sale(customer=one)
    back = bring_back(sold)
    for message in (sold, back):
        await shop.ticket(message)
    client_id = await shop.client_of("pos", two["external_id"])
    path = f"tickets/{await id_of(shop, sold)}/attach"
    await shop.staff("POST", path, {"client_id": client_id} | REASON)

    await shop.ticket(cancel(back))

    assert await points_of(shop, one) == (0, 0)
    assert await points_of(shop, two) == (10, 0)
