"""Whose tickets are that carry what a profile has stated and states no more."""

from __future__ import annotations

import itertools

import pytest

from tests.ingestion.shop import Message, Shop, sale
from tests.people import BASILE, ODILE

CHANGES = {
    "card": ("cards", "ABC-1234", "DEF-5678"),
    "email": ("emails", "odile.vasseur@mail.example", "odile.v@mail.example"),
    "phone": ("phones", "0639981208", "0639981209"),
}
NUMBER = "0639981208"
MISTYPED = "2900010053786"
"""A card whose check digit fails."""


@pytest.mark.parametrize("kind", CHANGES)
async def test_a_client_who_changes_it_keeps_the_tickets_of_before(shop: Shop, kind: str) -> None:
    field, old, new = CHANGES[kind]
    odile = (await shop.profile("pos", "P1", **ODILE, **{field: [old]}))["client_id"]
    before, after = sale(customer={kind: old}), sale(customer={kind: old})
    await shop.ticket(before)

    await shop.profile("pos", "P1", minute=1, **{field: [new]})
    await shop.ticket(after)

    assert await shop.attached(before) == await shop.attached(after) == (odile, kind)


@pytest.mark.parametrize("kind", CHANGES)
async def test_who_gets_it_next_does_not_get_the_tickets_of_before(shop: Shop, kind: str) -> None:
    field, old, new = CHANGES[kind]
    await shop.profile("pos", "P1", **ODILE, **{field: [old]})
    before, after = sale(customer={kind: old}), sale(customer={kind: old})
    await shop.ticket(before)
    await shop.profile("pos", "P1", minute=1, **{field: [new]})

    await shop.profile("pos", "P2", minute=2, **BASILE, **{field: [old]})
    await shop.ticket(after)

    assert await shop.attached(before) == await shop.attached(after) == (None, "ambiguous")


async def test_a_name_a_card_or_a_token_tells_the_next_holder_from_the_one_before(
    shop: Shop,
) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, phones=[NUMBER], cards=["ABC-1234"]))[
        "client_id"
    ]
    await shop.ticket(sale(token="her-token", customer={"card": "ABC-1234"}))
    await shop.profile("pos", "P1", minute=1, phones=[])
    basile = (await shop.profile("pos", "P2", **BASILE, phones=[NUMBER]))["client_id"]

    by_name = await shop.ticket(sale(customer={"phone": NUMBER, "given_name": "Basile"}))
    by_card = await shop.ticket(sale(customer={"phone": NUMBER, "card": "ABC-1234"}))
    by_token = await shop.ticket(sale(token="her-token", customer={"phone": NUMBER}))

    assert (by_name["client_id"], by_name["method"]) == (basile, "phone")
    assert (by_card["client_id"], by_card["method"]) == (odile, "card")
    assert (by_token["client_id"], by_token["method"]) == (odile, "payment_token")


async def test_a_mistyped_card_that_was_put_right_keeps_its_tickets(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, cards=[MISTYPED]))["client_id"]
    before = sale(customer={"card": MISTYPED})
    await shop.ticket(before)

    await shop.profile("pos", "P1", minute=1, cards=["2900010053787"])

    assert await shop.attached(before) == (odile, "card")


async def test_a_token_that_a_profile_states_no_more_was_its_own(shop: Shop) -> None:
    token = {"kind": "payment_token", "value": "par_tok_1"}
    odile = (await shop.profile("app", "A1", **ODILE, identifiers=[token]))["client_id"]
    before = sale(token="par_tok_1")
    await shop.ticket(before)

    await shop.profile("app", "A1", minute=1, identifiers=None)

    assert await shop.attached(before) == (odile, "payment_token")


async def test_what_a_profile_states_no_more_finds_nobody_and_links_nobody(
    shop: Shop,
) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, phones=[NUMBER], cards=["ABC-1234"]))[
        "client_id"
    ]
    await shop.ticket(sale(customer={"phone": NUMBER}))
    await shop.profile("pos", "P1", minute=1, phones=[], cards=[])
    gone = await shop.staff("POST", "clients/lookup", {"phone": NUMBER})

    same = (await shop.profile("eshop", "E1", phones=[NUMBER], cards=["ABC-1234"]))["client_id"]

    assert same != odile
    found = await shop.staff("POST", "clients/lookup", {"phone": NUMBER})
    assert gone["outcome"] == "none"
    assert (found["outcome"], found["client"]["client_id"]) == ("found", same)
    view = await shop.staff("GET", f"clients/{odile}")
    assert (view["golden"]["phones"], view["golden"]["cards"]) == ([], [])


async def test_it_is_everybodys_of_one_client_once_two_are_merged_and_nobodys_after_a_split(
    shop: Shop,
) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, phones=[NUMBER]))["client_id"]
    await shop.profile("pos", "P1", minute=1, phones=[])
    basile = (await shop.profile("pos", "P2", **BASILE, phones=[NUMBER]))["client_id"]
    ticket = sale(customer={"phone": NUMBER})
    await shop.ticket(ticket)
    apart = await shop.attached(ticket)

    merged = await shop.merge(odile, basile)
    together = await shop.attached(ticket)
    await shop.split(odile, [("pos", "P2")])

    assert merged.status_code == 200
    assert apart == await shop.attached(ticket) == (None, "ambiguous")
    assert together == (odile, "phone")


TOLD: list[Message] = [
    {"minute": 0, "phones": [{"value": NUMBER, "verified": True}]} | ODILE,
    {"minute": 1, "phones": ["0639981209"]},
    {"minute": 2, "phones": []},
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(TOLD)))))
async def test_a_value_that_never_was_the_newest_is_claimed_all_the_same(
    shop: Shop, order: tuple[int, ...]
) -> None:
    both, hers = sale(customer={"phone": NUMBER}), sale(customer={"phone": "0639981209"})
    await shop.ticket(both)
    await shop.ticket(hers)

    await shop.profile("pos", "P1", **TOLD[order[0]])
    await shop.profile("pos", "P2", **BASILE, phones=[{"value": NUMBER, "verified": True}])
    for number in order[1:]:
        await shop.profile("pos", "P1", **TOLD[number])

    odile = await shop.client_of("pos", "P1")
    assert await shop.attached(both) == (None, "ambiguous")
    assert await shop.attached(hers) == (odile, "phone")
    assert await shop.rows(
        "SELECT r.external_id, i.value, i.origin, i.verified_at IS NOT NULL FROM identifier i "
        "JOIN source_record r ON r.id = i.record_id WHERE r.kind = 'profile' ORDER BY 1, 2"
    ) == [
        ("P1", "+262639981208", "withdrawn", True),
        ("P1", "+262639981209", "withdrawn", False),
        ("P2", "+262639981208", "profile", True),
    ]


async def test_a_value_that_comes_back_is_current_again(shop: Shop) -> None:
    for minute, phones in enumerate(([NUMBER], [], [NUMBER])):
        await shop.profile("pos", "P1", minute=minute, **ODILE, phones=phones)

    assert await shop.rows("SELECT value, origin FROM identifier") == [("+262639981208", "profile")]
