"""Bonuses of sales that came before their client was known: given then, once, and taken back."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ingestion.shop import (
    Message,
    Shop,
    assert_sound,
    at_minute,
    bring_back,
    cancel,
    clear,
    order_step,
    profile,
    sale,
    typed,
)
from tests.loyalty.club import CLUB, activate, loyalty_of, spend

WELCOMING = CLUB | {
    "version": "club-welcome",
    "bonuses": [
        {"code": "welcome", "kind": "first_purchase", "points": 7},
        {"code": "birthday", "kind": "birthday_month", "points": 3},
    ],
}
CARD = "2990001234567"
ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "emails": ["odile.vasseur@mail.example"],
    "cards": [CARD],
    "identifiers": [{"kind": "payment_token", "value": "par_tok_7"}],
}
SHOWN: dict[str, dict[str, Any]] = {
    "own record": {"customer": {"external_id": "A"}},
    "card": {"customer": {"card": CARD}},
    "email": {"customer": {"email": "odile.vasseur@mail.example"}},
    "token": {"token": "par_tok_7"},
}
A = {"external_id": "A"}


async def start(shop: Shop, programme: dict[str, Any] = WELCOMING) -> None:
    await clear(shop.database)
    await activate(shop.database, programme)


async def balance(shop: Shop, external_id: str = "A") -> int:
    client_id = await shop.client_of("pos", external_id)
    return int((await loyalty_of(shop, client_id))["balance"])


async def bonuses(shop: Shop) -> list[tuple[str, str]]:
    rows = await shop.rows("SELECT bonus, period FROM points_bonus ORDER BY 1, 2")
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("how", SHOWN)
async def test_the_account_that_is_opened_after_the_first_sale_is_welcomed(
    shop: Shop, how: str
) -> None:
    await start(shop)
    await shop.ticket(sale(**SHOWN[how]))

    await shop.profile("pos", "A", **ODILE)
    once = await balance(shop)
    await shop.profile("pos", "A", **ODILE | {"given_name": "Odile Anne"})
    await shop.ticket(sale(customer=A, sold_at=at_minute(9)))

    assert (once, await balance(shop)) == (17, 27)


async def test_the_points_of_two_sales_and_a_profile_do_not_depend_on_their_order(
    shop: Shop,
) -> None:
    """With a birth month, and a return of a part: the same balance, bonuses and parity."""
    ends = set()
    # Of the 24 orders every fifth one: the profile comes first, last and in between.
    for arrival in itertools.islice(itertools.permutations(range(4)), 0, None, 5):
        await start(shop)
        first = sale(ticket_id="T1", **SHOWN["card"])
        sent = [
            ("profile", profile("A", **ODILE | {"birth_date": "1971-03-04"})),
            ("ticket", first),
            ("ticket", sale(ticket_id="T2", sold_at=at_minute(9), **SHOWN["email"])),
            ("ticket", bring_back(first)),
        ]
        for n in arrival:
            await shop.accept("pos", *sent[n])
        await assert_sound(shop.database)
        ends.add((await balance(shop), str(await bonuses(shop))))

    assert ends == {(26, "[('birthday', '2025'), ('welcome', '')]")}


async def test_a_birth_date_that_comes_in_the_batch_of_the_sale_counts(shop: Shop) -> None:
    await start(shop)
    born = profile("A", given_name="Odile", birth_date="1971-03-04")

    await shop.batch("pos", [typed("profile", born), typed("ticket", sale(customer=A))])

    assert await balance(shop) == 20


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", ["return", "void"])
async def test_a_late_bonus_goes_back_with_the_whole_ticket(
    shop: Shop, kind: str, *, is_first: bool
) -> None:
    await start(shop)
    sold = sale(ticket_id="T1", **SHOWN["card"])
    back = bring_back(sold, total_cents=-1000) if kind == "return" else cancel(sold)
    await shop.ticket(sold)
    if is_first:
        await shop.ticket(back)

    await shop.profile("pos", "A", **ODILE)
    if not is_first:
        await shop.ticket(back)

    assert await balance(shop) == 0


async def test_a_part_that_comes_back_leaves_the_late_bonus(shop: Shop) -> None:
    await start(shop)
    sold = sale(ticket_id="T1", **SHOWN["card"])
    await shop.ticket(sold)
    await shop.profile("pos", "A", **ODILE)

    told = await shop.ticket(bring_back(sold))

    assert (told["loyalty"]["earned"], await balance(shop)) == (-4, 13)


async def test_a_sale_that_earned_no_point_is_welcomed_too(shop: Shop) -> None:
    await start(shop)
    sold = sale(ticket_id="T1", total_cents=50, **SHOWN["card"])
    await shop.ticket(sold)
    await shop.profile("pos", "A", **ODILE)
    given = await balance(shop)

    await shop.ticket(cancel(sold))

    assert (given, await balance(shop)) == (7, 0)


async def test_two_bonuses_of_a_sale_that_earned_no_point_are_both_given(shop: Shop) -> None:
    await start(shop)
    await shop.ticket(sale(total_cents=50, **SHOWN["card"]))

    await shop.profile("pos", "A", **ODILE | {"birth_date": "1971-03-04"})

    assert (await balance(shop), await bonuses(shop)) == (
        10,
        [("birthday", "2025"), ("welcome", "")],
    )
    await assert_sound(shop.database)


async def test_a_late_bonus_pays_what_is_owed_first(shop: Shop) -> None:
    birthday = [bonus for bonus in WELCOMING["bonuses"] if bonus["code"] == "birthday"]
    await start(shop, WELCOMING | {"bonuses": birthday})
    spent = sale(ticket_id="T2", sold_at=at_minute(9), customer=A)
    await shop.ticket(sale(ticket_id="T1", total_cents=50, customer=A))
    await shop.profile("pos", "A", given_name="Odile")
    await shop.ticket(spent)
    await spend(shop, 10, external_id="A")
    await shop.ticket(bring_back(spent, total_cents=-1000))

    await shop.profile("pos", "A", minute=9, given_name="Odile", birth_date="1971-03-04")

    assert await shop.rows("SELECT balance, debt FROM points_account") == [(-7, 7)]
    await assert_sound(shop.database)


async def test_many_are_welcomed_in_one_batch(shop: Shop) -> None:
    """Each for the sale of their own, whatever the others are due."""
    await start(shop)
    keys = [f"K{n}" for n in range(6)]
    for n, key in enumerate(keys):
        await shop.ticket(sale(customer={"external_id": key}, total_cents=100 * n))

    names = ("Odile", "Basile", "Firmin", "Maud", "Gaspard", "Ysaline")
    told = [profile(key, given_name=name) for key, name in zip(keys, names, strict=True)]
    await shop.batch("pos", [typed("profile", one) for one in told])

    # A sale of nothing is no purchase.
    assert [await balance(shop, key) for key in keys] == [0, 8, 9, 10, 11, 12]
    await assert_sound(shop.database)


async def test_two_who_are_welcomed_late_and_turn_out_to_be_one_are_welcomed_once(
    shop: Shop,
) -> None:
    await start(shop)
    await shop.ticket(sale(**SHOWN["card"]))
    await shop.profile("pos", "A", **ODILE)
    await shop.ticket(sale(customer={"external_id": "B"}))
    await shop.profile("pos", "B", given_name="Basile", birth_date="1990-10-30")
    one, two = [await shop.client_of("pos", key) for key in ("A", "B")]
    apart = await balance(shop) + await balance(shop, "B")

    merged = (await shop.merge(one, two)).json()
    together = await balance(shop)
    await shop.staff("POST", f"identity-changes/{merged['decision_id']}/undo", {"reason": "error"})

    assert (apart, together) == (34, 27)
    assert await balance(shop) + await balance(shop, "B") == 34


async def test_a_client_who_was_welcomed_is_not_welcomed_for_an_older_sale(shop: Shop) -> None:
    await start(shop)
    await shop.profile("pos", "A", given_name="Odile")
    await shop.ticket(sale(customer=A, sold_at=at_minute(9)))
    await shop.ticket(sale(**SHOWN["card"]))

    await shop.profile("pos", "A", **ODILE)

    assert await balance(shop) == 27


async def test_the_ticket_before_its_order_is_welcomed_as_the_one_after_it(shop: Shop) -> None:
    order: Message = order_step("O1", "placed", customer=A)
    for arrival in itertools.permutations(range(3)):
        await start(shop)
        sent = [
            ("profile", profile("A", given_name="Odile")),
            ("order", order),
            ("ticket", sale(order_id="O1", ticket_id="T1")),
        ]
        for n in arrival:
            await shop.accept("pos", *sent[n])

        assert await balance(shop) == 17, arrival


async def test_a_late_bonus_moves_with_its_ticket(shop: Shop) -> None:
    await start(shop)
    await shop.ticket(sale(ticket_id="T1", **SHOWN["card"]))
    await shop.profile("pos", "A", **ODILE)
    await shop.profile("pos", "B", given_name="Basile", birth_date="1990-10-30")
    id_ = await shop.scalar("SELECT id FROM ticket")
    asked = {"client_id": await shop.client_of("pos", "B"), "reason": "seen on the receipt"}

    await shop.staff("POST", f"tickets/{id_}/attach", asked)

    assert (await balance(shop), await balance(shop, "B")) == (0, 17)


async def test_a_clock_that_is_wrong_by_thousands_of_years_harms_nothing(shop: Shop) -> None:
    await start(shop)
    for day in ("0002-03-04T12:00:00Z", "9998-03-04T12:00:00Z"):
        await shop.send("pos", "ticket", sale(sold_at=day, **SHOWN["card"]))
    await shop.ticket(sale(ticket_id="T1", **SHOWN["card"]))

    await shop.profile("pos", "A", **ODILE | {"birth_date": "1971-03-04"})

    assert ("birthday", "2025") in await bonuses(shop)


async def test_a_first_sale_of_before_the_bonus_earns_none(shop: Shop) -> None:
    await start(shop, CLUB)
    await shop.ticket(sale(**SHOWN["card"]))
    await activate(shop.database, WELCOMING)
    await shop.ticket(sale(sold_at=at_minute(9), **SHOWN["card"]))

    await shop.profile("pos", "A", **ODILE)

    assert await balance(shop) == 20


async def test_a_receipt_that_is_claimed_is_a_first_purchase(shop: Shop) -> None:
    await start(shop)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await shop.ticket(sale(1, sold_at=yesterday.isoformat()))
    await shop.profile("pos", "A", given_name="Odile")
    printed = {"store": "S001", "till": "01", "number": 1, "total_cents": 1000}
    day = {"business_date": yesterday.date().isoformat()}

    response = await shop.call("POST", "tickets/claim", A | printed | day, who="pos")

    assert response.status_code == 200, response.text
    assert await balance(shop) == 17
