"""Whose a ticket is: by what it carried, by what has become known since, and how that is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop, bring_back, cancel, order_step, sale, typed

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
    "phones": ["06 39 98 12 08"],
    "cards": ["ABC-1234"],
    "identifiers": [{"kind": "app_user", "value": "odile-7"}],
}
BASILE: dict[str, Any] = {
    "given_name": "Basile",
    "family_name": "Kermadec",
    "birth_date": "1990-10-30",
    "emails": ["basile.k@mail.example"],
}

CARRIED = [
    ({"card": "abc 1234"}, "card"),
    ({"email": "Odile.Vasseur@MAIL.example"}, "email"),
    ({"phone": "+33 6 39 98 12 08"}, "phone"),
    ({"app_user": "odile-7"}, "app_scan"),
    ({"external_id": "P1"}, "own_record"),
    ({"email": "unknown@mail.example", "card": "ABC-1234"}, "card"),
    ({"card": "9999-unknown", "phone": "0639981208"}, "phone"),
]


@pytest.mark.parametrize(("customer", "method"), CARRIED)
async def test_a_ticket_is_attached_by_what_it_carried(
    shop: Shop, customer: dict[str, str], method: str
) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    message = sale(customer=customer)

    answer = await shop.ticket(message)

    assert (answer["client_id"], answer["method"]) == (odile, method)
    assert await shop.attached(message) == (odile, method)


@pytest.mark.parametrize(("customer", "method"), CARRIED)
async def test_a_ticket_from_before_the_profile_is_attached_when_the_profile_comes(
    shop: Shop, customer: dict[str, str], method: str
) -> None:
    message = sale(customer=customer)
    answer = await shop.ticket(message)
    assert (answer["client_id"], answer["method"]) == (None, None)

    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]

    assert await shop.attached(message) == (odile, method)
    assert await shop.rows("SELECT sale_client_id, sale_method FROM ticket") == [(None, None)]


async def test_what_was_known_at_the_sale_stays_known(shop: Shop) -> None:
    first = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    message = sale(customer={"email": ODILE["emails"][0]})
    await shop.ticket(message)

    await shop.profile("pos", "P1", minute=1, emails=[])
    second = (await shop.profile("eshop", "E1", **BASILE | {"emails": ODILE["emails"]}))[
        "client_id"
    ]

    assert second != first
    assert await shop.attached(message) == (None, "ambiguous")
    [(at_sale, method)] = await shop.rows("SELECT sale_client_id, sale_method FROM ticket")
    assert (str(at_sale), method) == (first, "email")


@pytest.mark.parametrize(
    "customer",
    [
        {"card": "0000000000"},
        {"email": "client@mail.example"},
        {"phone": "06 00 00 00 00"},
        {"email": "not an address"},
        {"given_name": "Odile", "family_name": "Vasseur"},
        {},
    ],
)
async def test_junk_and_bare_names_attach_nothing(shop: Shop, customer: dict[str, str]) -> None:
    await shop.profile("pos", "P1", **ODILE, preferred_store="S001")

    answer = await shop.ticket(sale(customer=customer))

    assert (answer["client_id"], answer["method"]) == (None, None)
    assert await shop.scalar("SELECT count(*) FROM source_record") == 1


async def test_junk_beside_a_token_leaves_the_token_to_decide(shop: Shop) -> None:
    odile = await _odile_pays_with(shop, "par_tok_1")

    answer = await shop.ticket(sale(token="par_tok_1", customer={"email": "x@x.fr"}))

    assert (answer["client_id"], answer["method"]) == (odile, "payment_token")


async def test_a_name_that_contradicts_the_holder_attaches_nothing(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    email = {"email": ODILE["emails"][0]}

    hers = await shop.ticket(sale(customer=email | {"given_name": "ODILE"}))
    his = await shop.ticket(sale(customer=email | {"given_name": "Basile"}))

    assert hers["client_id"] == odile
    assert his["client_id"] is None


FILED = "2900010053786"
"""A card as the file of clients has it: its check digit fails."""


@pytest.mark.parametrize("written", [FILED, "2900 0100 53786"])
async def test_a_mistyped_card_finds_the_profile_that_states_it_just_so(
    shop: Shop, written: str
) -> None:
    before, after = sale(customer={"card": written}), sale(customer={"card": written})
    assert (await shop.ticket(before))["reason"] == "mistyped"

    odile = (await shop.profile("pos", "P1", **ODILE | {"cards": [FILED]}))["client_id"]
    answer = await shop.ticket(after)

    assert (answer["client_id"], answer["method"]) == (odile, "card")
    assert await shop.attached(before) == (odile, "card")


@pytest.mark.parametrize("mistyped", ["2900010053768", "2900010053789"], ids=["swapped", "digit"])
async def test_a_mistyped_card_finds_nobody_by_being_near(shop: Shop, mistyped: str) -> None:
    await shop.profile("pos", "P1", **ODILE | {"cards": [FILED, "2900010053787"]})

    answer = await shop.ticket(sale(customer={"card": mistyped}))

    assert (answer["client_id"], answer["reason"]) == (None, "mistyped")


async def test_a_mistyped_card_of_two_files_or_of_another_name_attaches_nothing(
    shop: Shop,
) -> None:
    await shop.profile("pos", "P1", **ODILE | {"cards": [FILED]})
    named = await shop.ticket(sale(customer={"card": FILED, "given_name": "Basile"}))
    await shop.profile("pos", "P2", **BASILE | {"cards": [FILED]})
    alone = await shop.ticket(sale(customer={"card": FILED}))

    assert (named["client_id"], named["reason"]) == (None, "mistyped")
    assert (alone["client_id"], alone["reason"]) == (None, "mistyped")


async def test_a_mistyped_card_of_nobody_leaves_the_rest_to_decide(shop: Shop) -> None:
    odile = await _odile_pays_with(shop, "par_tok_1")

    by_token = await shop.ticket(sale(token="par_tok_1", customer={"card": FILED}))
    by_email = await shop.ticket(
        sale(customer={"card": FILED, "email": "odile.vasseur@mail.example"})
    )

    assert (by_token["client_id"], by_token["method"]) == (odile, "payment_token")
    assert (by_email["client_id"], by_email["method"]) == (odile, "email")


async def test_a_value_of_two_clients_attaches_by_what_else_was_carried(shop: Shop) -> None:
    family = {"family_name": "Vasseur", "emails": ["famille.vasseur@mail.example"]}
    odile = await shop.profile(
        "pos", "P1", given_name="Odile", birth_date="1971-05-04", cards=["ABC-1234"], **family
    )
    marc = await shop.profile("pos", "P2", given_name="Marc", birth_date="1969-11-20", **family)
    assert odile["client_id"] != marc["client_id"]
    email = {"email": "famille.vasseur@mail.example"}

    alone = await shop.ticket(sale(customer=email))
    with_card = await shop.ticket(sale(customer=email | {"card": "ABC-1234"}))
    with_name = await shop.ticket(sale(customer=email | {"given_name": "Marc"}))

    assert alone["client_id"] is None
    assert (with_card["client_id"], with_card["method"]) == (odile["client_id"], "card")
    assert (with_name["client_id"], with_name["method"]) == (marc["client_id"], "email")


async def test_an_email_typed_under_an_account_does_not_become_the_account_s(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    typed_in = {"external_id": "P1", "email": "neighbour@mail.example"}

    hers = await shop.ticket(sale(customer=typed_in))
    other = await shop.ticket(sale(customer={"email": "neighbour@mail.example"}))

    assert hers["client_id"] == odile
    assert other["client_id"] is None


# --- payment tokens -------------------------------------------------------------------------------


async def test_a_token_attaches_what_came_before_and_after_it_was_known(shop: Shop) -> None:
    before = sale(token="par_tok_1")
    assert (await shop.ticket(before))["client_id"] is None

    odile = await _odile_pays_with(shop, "par_tok_1")
    after = await shop.ticket(sale(token="par_tok_1"))

    assert await shop.attached(before) == (odile, "payment_token")
    assert (after["client_id"], after["method"]) == (odile, "payment_token")


async def test_a_token_that_a_second_client_uses_attaches_nothing_any_more(shop: Shop) -> None:
    odile = await _odile_pays_with(shop, "par_tok_1")
    bare = sale(token="par_tok_1")
    assert (await shop.ticket(bare))["client_id"] == odile
    await shop.profile("pos", "P2", **BASILE)

    his = await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P2"}))

    assert his["client_id"] not in {None, odile}
    assert await shop.attached(bare) == (None, "shared")
    assert (await shop.ticket(sale(token="par_tok_1")))["client_id"] is None


async def test_a_token_of_two_clients_is_said_to_be_shared(shop: Shop) -> None:
    await _odile_pays_with(shop, "par_tok_1")
    bare = sale(token="par_tok_1")
    await shop.ticket(bare)
    await shop.profile("pos", "P2", **BASILE)

    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P2"}))

    assert await shop.attached(bare) == (None, "shared")


async def test_a_token_picks_one_of_the_two_who_share_an_email(shop: Shop) -> None:
    family = {"family_name": "Vasseur", "emails": ["famille.vasseur@mail.example"]}
    odile = await shop.profile(
        "pos", "P1", given_name="Odile", birth_date="1971-05-04", cards=["ABC-1234"], **family
    )
    await shop.profile("pos", "P2", given_name="Marc", birth_date="1969-11-20", **family)
    by_email = sale(token="par_tok_1", customer={"email": "famille.vasseur@mail.example"})
    await shop.ticket(by_email)
    before = await shop.attached(by_email)

    await shop.ticket(sale(token="par_tok_1", customer={"card": "ABC-1234"}))
    known = await shop.attached(by_email)
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P2"}))

    assert before == (None, "ambiguous")
    assert known == (odile["client_id"], "payment_token")
    assert await shop.attached(by_email) == (None, "ambiguous")


async def test_a_shared_token_attaches_again_when_its_two_users_are_found_to_be_one(
    shop: Shop,
) -> None:
    odile = await _odile_pays_with(shop, "par_tok_1")
    other = (await shop.profile("eshop", "E1", given_name="Odile", cards=["XYZ-9"]))["client_id"]
    bare = sale(token="par_tok_1")
    await shop.ticket(sale(token="par_tok_1", customer={"card": "XYZ-9"}))
    await shop.ticket(bare)
    assert other != odile
    assert await shop.attached(bare) == (None, "shared")

    await shop.merge(odile, other)
    together = await shop.attached(bare)
    await shop.split(odile, [("eshop", "E1")])

    assert together == (odile, "payment_token")
    assert await shop.attached(bare) == (None, "shared")


async def test_a_token_goes_with_a_client_who_is_merged_and_comes_back_with_a_split(
    shop: Shop,
) -> None:
    basile = (await shop.profile("eshop", "E1", **BASILE))["client_id"]
    odile = await _odile_pays_with(shop, "par_tok_1")
    bare = sale(token="par_tok_1")
    await shop.ticket(bare)

    await shop.merge(basile, odile)
    merged = await shop.attached(bare)
    await shop.split(basile, [("pos", "P1")])

    assert merged == (basile, "payment_token")
    assert await shop.attached(bare) == (odile, "payment_token")


async def test_a_token_beside_a_person_unknown_so_far_waits_for_the_person(shop: Shop) -> None:
    await _odile_pays_with(shop, "par_tok_1")

    stranger = sale(token="par_tok_1", customer={"email": "basile.k@mail.example"})
    assert (await shop.ticket(stranger))["client_id"] is None
    basile = (await shop.profile("eshop", "E1", **BASILE))["client_id"]

    assert await shop.attached(stranger) == (basile, "email")


async def test_an_email_that_tokens_led_to_brings_what_hangs_on_the_token(shop: Shop) -> None:
    bare = sale(token="par_tok_1")
    named = sale(token="par_tok_1", customer={"email": "odile.vasseur@mail.example"})
    await shop.ticket(bare)
    await shop.ticket(named)

    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]

    assert await shop.attached(named) == (odile, "email")
    assert await shop.attached(bare) == (odile, "payment_token")


async def _odile_pays_with(shop: Shop, token: str) -> str:
    """Make Odile known, with a sale by which the token is hers."""
    await shop.profile("pos", "P1", **ODILE)
    answer = await shop.ticket(sale(token=token, customer={"card": "ABC-1234"}))
    return str(answer["client_id"])


# --- through other facts --------------------------------------------------------------------------


async def test_a_return_is_of_the_client_of_its_sale(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    sold = sale(customer={"card": "ABC-1234"})
    await shop.ticket(sold)

    back = await shop.ticket(bring_back(sold))
    with_token = await shop.ticket(bring_back(sold, payments=[{"payment_token": "par_other"}]))

    assert (back["client_id"], back["method"]) == (odile, "return_link")
    assert (with_token["client_id"], with_token["method"]) == (odile, "return_link")


async def test_a_return_by_somebody_named_is_theirs(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    basile = (await shop.profile("pos", "P2", **BASILE))["client_id"]
    sold = sale(customer={"card": "ABC-1234"})
    await shop.ticket(sold)

    back = await shop.ticket(bring_back(sold, customer={"external_id": "P2"}))

    assert (back["client_id"], back["method"]) == (basile, "own_record")


async def test_a_return_follows_its_sale_when_that_finds_its_owner(shop: Shop) -> None:
    sold = sale(customer={"email": ODILE["emails"][0]})
    back = bring_back(sold)
    await shop.ticket(back)
    await shop.ticket(sold)

    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]

    assert await shop.attached(back) == (odile, "return_link")


async def test_what_is_collected_in_a_store_is_of_who_ordered_it(shop: Shop) -> None:
    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]
    placed = order_step("O1", "placed", customer={"external_id": "E1"})
    await shop.accept("eshop", "order", placed)

    collected = await shop.ticket(sale(order_id="O1", fulfilment="click_and_collect"))

    assert (collected["client_id"], collected["method"]) == (odile, "order_reference")


async def test_an_order_and_what_is_collected_of_it_may_come_in_one_batch(shop: Shop) -> None:
    odile = (await shop.profile("eshop", "E1", **ODILE))["client_id"]
    placed = order_step("O1", "placed", customer={"external_id": "E1"})

    results = await shop.batch(
        "eshop", [typed("ticket", sale(order_id="O1")), typed("order", placed)]
    )

    assert [result["answer"]["client_id"] for result in results] == [odile, odile]
    assert results[0]["answer"]["method"] == "order_reference"


async def test_orders_and_events_are_of_who_they_name(shop: Shop) -> None:
    placed = order_step("O1", "placed", customer={"email": ODILE["emails"][0]})
    happened = {"message_id": "ev", "name": "app.opened", "occurred_at": placed["occurred_at"]}
    before = await shop.accept("eshop", "order", placed)
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]

    step = await shop.accept("eshop", "order", order_step("O1", "paid", minute=1))
    opened = await shop.accept("app", "event", happened | {"customer": {"app_user": "odile-7"}})

    assert before["client_id"] is None
    assert (step["client_id"], step["method"], step["status"]) == (odile, "email", "paid")
    assert (opened["client_id"], opened["method"]) == (odile, "app_scan")


async def test_a_void_takes_its_sale_out_of_the_totals_of_the_client(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    kept, voided = (sale(customer={"card": "ABC-1234"}, total_cents=n) for n in (700, 900))
    for message in (kept, voided, cancel(voided)):
        await shop.ticket(message)

    view = await shop.staff("GET", f"clients/{odile}")

    assert {(total["sales"], total["amount_cents"]) for total in view["totals"]} == {(1, 700)}


async def test_facts_follow_their_record_through_a_merge_and_a_split(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    basile = (await shop.profile("pos", "P2", **BASILE))["client_id"]
    hers, his = sale(customer={"external_id": "P1"}), sale(customer={"external_id": "P2"})
    by_email = sale(customer={"email": BASILE["emails"][0]})
    for message in (hers, his, by_email):
        await shop.ticket(message)

    await shop.merge(odile, basile)
    together = [await shop.attached(message) for message in (hers, his, by_email)]
    await shop.split(odile, [("pos", "P2")])
    apart = [await shop.attached(message) for message in (hers, his, by_email)]

    assert together == [(odile, "own_record"), (odile, "own_record"), (odile, "email")]
    assert apart == [(odile, "own_record"), (basile, "own_record"), (basile, "email")]
