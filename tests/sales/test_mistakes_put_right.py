"""What a value takes from its holder that was stated of somebody else by mistake: nothing."""

from __future__ import annotations

import itertools

import pytest

from tests.ingestion.shop import Message, Shop, sale
from tests.people import BASILE, ODILE

HERS, HIS = "odile.vasseur@mail.example", "basile.kermadec@mail.example"


def her(minute: int, *emails: str) -> Message:
    """Return what the e-shop says of Odile's e-mails."""
    said = {"source": "eshop", "external_id": "E1", "minute": minute, "emails": list(emails)}
    return said | ODILE


def him(minute: int, *emails: str, verified: bool = False) -> Message:
    """Return what the till says of Basile's e-mails."""
    stated = [{"value": email, "verified": verified} for email in emails]
    return {"source": "pos", "external_id": "P1", "minute": minute, "emails": stated} | BASILE


async def owner_of_tickets(shop: Shop, messages: list[Message]) -> str:
    """Tell whose tickets by her e-mail are, one from before the messages and one from after."""
    before, after = sale(customer={"email": HERS}), sale(customer={"email": HERS})
    await shop.ticket(before)
    for message in messages:
        await shop.profile(**message)
    await shop.ticket(after)
    whose, how = await shop.attached(before)
    assert await shop.attached(after) == (whose, how)
    if whose is None:
        return str(how)
    return "her" if whose == await shop.client_of("eshop", "E1") else "him"


SEQUENCES: dict[str, tuple[list[Message], str]] = {
    "a typing error is put right": ([her(0, HERS), him(1, HERS), him(2, HIS)], "her"),
    "the mistake stands": ([her(0, HERS), him(1, HERS)], "ambiguous"),
    "the next holder gets it": ([him(0, HERS), him(1, HIS), her(2, HERS)], "ambiguous"),
    "the mistake came first": ([him(0, HERS), her(1, HERS), him(2, HIS)], "ambiguous"),
    "both began at one time": ([him(0, HERS), her(0, HERS), him(2, HIS)], "ambiguous"),
    "she had given it up meanwhile": (
        [her(0, HERS), her(1), him(2, HERS), him(3), her(4, HERS)],
        "ambiguous",
    ),
    "she had it back before": ([her(0, HERS), her(1), her(2, HERS), him(3, HERS), him(4)], "her"),
    "she gives it up too": ([her(0, HERS), him(1, HERS), him(2, HIS), her(3)], "ambiguous"),
    "it was verified of him": ([her(0, HERS), him(1, HERS, verified=True), him(2, HIS)], "him"),
    "it was his before as well": (
        [him(0, HERS), him(1), her(2, HERS), him(3, HERS), him(4)],
        "ambiguous",
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
async def test_an_unverified_claim_inside_the_time_of_who_states_it_still_is_none(
    shop: Shop, name: str
) -> None:
    messages, expected = SEQUENCES[name]

    assert await owner_of_tickets(shop, messages) == expected


@pytest.mark.parametrize(
    "name",
    ["a typing error is put right", "the next holder gets it", "the mistake came first"],
)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:])
async def test_in_whatever_order_the_statements_arrive(
    shop: Shop, name: str, order: tuple[int, ...]
) -> None:
    messages, expected = SEQUENCES[name]

    assert await owner_of_tickets(shop, [messages[number] for number in order]) == expected


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_given_up_late_decides_with_all_that_was_told(shop: Shop, seed: int) -> None:
    """She states it, restates it, gives it up unheard, and states it again: a long way round."""
    messages = [
        her(0, HERS), her(1, HERS), her(5, HERS), her(3),
        her(4, HERS), him(2, HERS), him(6),
    ]  # fmt: skip
    rotated = messages[seed * 2 :] + messages[: seed * 2]

    assert await owner_of_tickets(shop, rotated) == "ambiguous"


async def test_a_late_word_that_she_had_given_it_up_contests_it_again(shop: Shop) -> None:
    ticket = sale(customer={"email": HERS})
    await shop.ticket(ticket)
    for message in [
        her(0, HERS),
        her(5, HERS),
        him(2, HERS),
        him(3),
    ]:
        await shop.profile(**message)
    mistaken = await shop.attached(ticket)

    await shop.profile(**her(1))

    assert mistaken == (await shop.client_of("eshop", "E1"), "email")
    assert await shop.attached(ticket) == (None, "ambiguous")


async def test_it_stays_hers_through_a_merge_and_its_undoing(shop: Shop) -> None:
    messages, _ = SEQUENCES["a typing error is put right"]
    ticket = sale(customer={"email": HERS})
    await shop.ticket(ticket)
    for message in messages:
        await shop.profile(**message)
    odile = await shop.client_of("eshop", "E1")
    basile = await shop.client_of("pos", "P1")

    await shop.merge(odile, basile)
    await shop.split(odile, [("pos", "P1")])

    assert await shop.client_of("pos", "P1") != odile
    assert await shop.attached(ticket) == (odile, "email")


async def test_a_token_picks_nobody_whose_claim_was_a_mistake(shop: Shop) -> None:
    await shop.ticket(sale(token="his-token", customer={"email": HIS}))
    messages, _ = SEQUENCES["a typing error is put right"]
    for message in messages:
        await shop.profile(**message)

    hers = sale(token="his-token", customer={"email": HERS})
    await shop.ticket(hers)

    assert await shop.attached(hers) == (await shop.client_of("eshop", "E1"), "email")
