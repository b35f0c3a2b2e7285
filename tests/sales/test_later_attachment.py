"""What finds its client after the sale, and why it did not find it then."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.ingestion.shop import Shop, bring_back, cancel, order_step, sale

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
    "cards": ["ABC-1234"],
}
CARD = {"card": "ABC-1234"}


# --- orders that come after their tickets ---------------------------------------------------------


async def test_what_is_collected_before_its_order_is_told_is_attached_when_it_is(
    shop: Shop,
) -> None:
    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]
    collected = sale(order_id="O1", token="par_tok_1")
    back = bring_back(collected, store="S002")
    for message in (collected, back):
        assert (await shop.ticket(message))["client_id"] is None

    placed = order_step("O1", "placed", customer={"external_id": "E1"})
    await shop.accept("eshop", "order", placed)

    assert await shop.attached(collected) == (odile, "order_reference")
    assert await shop.attached(back) == (odile, "return_link")
    assert await shop.rows("SELECT DISTINCT sale_client_id, sale_reason FROM ticket") == [
        (None, "not_asked")
    ]
    changes = await shop.rows(
        "SELECT old_link, link, actor, array(SELECT jsonb_object_keys(evidence)) "
        "FROM ticket_link_change ORDER BY old_link"
    )
    assert [tuple(change[:2]) for change in changes] == [
        ("identifiers", "order"),
        ("original", "original"),
    ]
    assert [change[3] for change in changes] == [["order_id"], ["original_id"]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_ticket_belongs_to_the_order_of_its_own_source_whichever_comes_first(
    shop: Shop, order: tuple[int, ...]
) -> None:
    await shop.profile("eshop", "E1", **ODILE)
    basile = (await shop.profile("app", "A1", given_name="Basile"))["client_id"]
    placed = [order_step("O1", "placed", customer={"external_id": key}) for key in ("E1", "A1")]
    sold = sale(order_id="O1")
    messages = [("eshop", "order", placed[0]), ("app", "order", placed[1]), ("app", "ticket", sold)]

    for number in order:
        await shop.accept(*messages[number])

    assert await shop.attached(sold) == (basile, "order_reference")


async def test_an_order_is_whose_its_steps_say_last_in_whatever_order_they_arrive(
    shop: Shop,
) -> None:
    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]
    steps = [
        order_step("{}", "placed"),
        order_step("{}", "paid", minute=1, customer={"external_id": "E2"}),
        order_step("{}", "shipped", minute=2, customer={"external_id": "E1"}),
        order_step("{}", "picked_up", minute=3, customer={"device": "tablet-7"}),
    ]
    ends = set()
    for number, sent in enumerate(itertools.permutations(steps)):
        name = f"O{number}"
        sold = sale(order_id=name)
        told = [
            step | {"order_id": name, "message_id": f"{name}-{step['status']}"} for step in sent
        ]
        await shop.ticket(sold)
        for step in told:
            await shop.accept("eshop", "order", step)
        ends.add(await shop.attached(sold))
        ends.add(await shop.attached(await _sold_later(shop, name)))

    assert ends == {(odile, "order_reference")}


async def _sold_later(shop: Shop, order_id: str) -> dict[str, Any]:
    sold = sale(order_id=order_id)
    await shop.ticket(sold)
    return sold


async def test_the_order_of_arrival_of_a_ticket_and_its_order_decides_nothing(shop: Shop) -> None:
    await shop.profile("eshop", "E1", **ODILE)
    sold = sale(order_id="O1", token="par_tok_1")
    sent = [
        ("pos", "ticket", sold),
        ("eshop", "order", order_step("O1", "placed", customer={"external_id": "E1"})),
        ("pos", "ticket", bring_back(sold)),
    ]
    found = set()

    for number, order in enumerate(itertools.permutations(sent)):
        for source, kind, message in order:
            told = message | {"message_id": f"{number}-{message['message_id']}"}
            for name in ("order_id", "ticket_id"):
                if name in told or name == "ticket_id":
                    told[name] = f"{number}-{told.get(name) or message.get('number')}"
            if "original" in told:
                told["original"] = {"ticket_id": f"{number}-{sold['number']}"}
            told = {k: v for k, v in told.items() if k != "number" or kind != "ticket"}
            if kind == "order":
                told.pop("ticket_id")
            await shop.accept(source, kind, told)
        rows = await shop.rows(
            "SELECT t.link, r.source, r.external_id FROM ticket t "
            "JOIN source_record r ON r.id = t.record_id WHERE ticket_id LIKE :mine ORDER BY t.kind",
            mine=f"{number}-%",
        )
        found.add(tuple(map(tuple, rows)))

    assert found == {(("original", "eshop", "E1"), ("order", "eshop", "E1"))}


async def test_an_order_that_comes_later_moves_no_ticket_that_names_somebody(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    await shop.profile("eshop", "E1", given_name="Basile", emails=["basile.k@mail.example"])
    collected = sale(order_id="O1", customer=CARD)
    await shop.ticket(collected)

    placed = order_step("O1", "placed", customer={"external_id": "E1"})
    await shop.accept("eshop", "order", placed)

    assert await shop.attached(collected) == (odile, "card")


async def test_an_order_of_another_shop_with_the_same_number_moves_no_ticket(shop: Shop) -> None:
    await shop.profile("eshop", "E1", **ODILE)
    await shop.accept("app", "order", order_step("O1", "placed"))
    collected = sale(order_id="O1")
    await shop.ticket(collected)

    placed = order_step("O1", "placed", customer={"external_id": "E1"})
    await shop.accept("eshop", "order", placed)

    assert await shop.attached(collected) == (None, None)


async def test_totals_go_with_a_ticket_that_an_order_fetches(shop: Shop) -> None:
    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]
    kept, fetched, voided = (
        sale(token="par_tok_1", order_id=order, total_cents=cents)
        for order, cents in ((None, 100), ("O1", 700), ("O1", 900))
    )
    for message in (kept, fetched, voided, cancel(voided)):
        await shop.ticket(message)

    placed = order_step("O1", "placed", customer={"external_id": "E1"})
    await shop.accept("eshop", "order", placed)

    view = await shop.staff("GET", f"clients/{odile}")
    assert {(total["sales"], total["amount_cents"]) for total in view["totals"]} == {(1, 700)}


# --- why a ticket was attached to nobody ----------------------------------------------------------

MISSED = [
    ({}, "not_asked"),
    ({"token": "par_new"}, "not_asked"),
    ({"customer": {"given_name": "Odile"}}, "not_asked"),
    ({"customer": {"email": "nobody.known@mail.example"}}, "unknown"),
    ({"customer": {"card": "2900010053786"}}, "mistyped"),
    ({"customer": {"card": "2900010053786"}, "token": "par_new"}, "mistyped"),
    ({"customer": {"card": "2900010053786", "email": "n.k@mail.example"}}, "unknown"),
    ({"customer": {"email": "client@mail.example"}}, "unreadable"),
    ({"customer": {"phone": "06 00 00 00 00"}}, "unreadable"),
    ({"customer": {"email": "famille@mail.example"}}, "ambiguous"),
    ({"token": "par_joint"}, "shared"),
]


@pytest.mark.parametrize(("said", "reason"), MISSED)
async def test_why_nobody_was_recognised_is_said_and_kept(
    shop: Shop, said: dict[str, Any], reason: str
) -> None:
    for number, name in enumerate(("Odile", "Basile")):
        born = f"197{number}-05-04"
        emails = ["famille@mail.example"]
        await shop.profile("pos", f"P{number}", given_name=name, birth_date=born, emails=emails)
        customer = {"external_id": f"P{number}"}
        await shop.ticket(sale(token="par_joint", customer=customer))
    assert await shop.clients() == 2

    answer = await shop.ticket(sale(999_999, **said))

    assert (answer["client_id"], answer["reason"]) == (None, reason)
    assert await shop.scalar("SELECT sale_reason FROM ticket WHERE number = 999999") == reason


async def test_a_ticket_that_is_attached_has_no_reason_not_to_be(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)

    answer = await shop.ticket(sale(customer=CARD))

    assert (answer["method"], answer["reason"]) == ("card", None)


# --- when a record found its owner, and lost it ---------------------------------------------------


async def test_every_change_of_owner_is_kept_with_its_time_and_method(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    await shop.ticket(sale(token="par_tok_1"))
    await shop.ticket(sale(token="par_tok_1", customer=CARD))
    await shop.profile("pos", "P2", given_name="Basile", birth_date="1990-10-30")
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P2"}))

    told = await shop.rows(
        "SELECT p.placement, p.client_id::text = :odile, p.cause FROM placement_change p "
        "ORDER BY p.made_at",
        odile=odile,
    )

    assert [tuple(row) for row in told] == [
        ("payment_token", True, "message"),
        ("shared", False, "message"),
    ]
