"""The partition as senders see it: who is put together, who is kept apart, and under which id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.ingestion.shop import Message, Shop, profile, typed

HOME = {"lines": ["12 rue des Lilas"], "postcode": "59000", "city": "Lille"}
FAMILY: dict[str, Any] = {
    "family_name": "Vasseur",
    "emails": ["famille.vasseur@mail.example"],
    "phones": ["03 20 12 34 56"],
    "addresses": [HOME],
}

KEPT_APART = {
    "spouses of one mailbox": (
        {**FAMILY, "title": "Mme", "given_name": "Odile", "birth_date": "1971-05-04"},
        {**FAMILY, "title": "M.", "given_name": "Marc", "birth_date": "1969-11-20"},
    ),
    "spouses whose births nobody told": (
        {**FAMILY, "given_name": "Odile"},
        {**FAMILY, "given_name": "Marc"},
    ),
    "mother and child": (
        {**FAMILY, "given_name": "Odile", "birth_date": "1971-05-04"},
        {**FAMILY, "given_name": "Lou", "birth_date": "2003-08-15"},
    ),
    "twins": (
        {**FAMILY, "given_name": "Théo", "birth_date": "2003-08-15"},
        {**FAMILY, "given_name": "Léo", "birth_date": "2003-08-15"},
    ),
    "father and son of one name": (
        {**FAMILY, "given_name": "Jean", "birth_date": "1945-02-11"},
        {**FAMILY, "given_name": "Jean", "birth_date": "1975-09-03"},
    ),
    "father and son of one name, each with what is his": (
        {
            "given_name": "Jean",
            "family_name": "Vasseur",
            "addresses": [HOME],
            "emails": ["jean.vasseur@mail.example"],
            "phones": ["06 39 98 12 08"],
        },
        {
            "given_name": "Jean",
            "family_name": "Vasseur",
            "addresses": [HOME],
            "emails": ["jvasseur45@post.example"],
            "phones": ["06 39 98 77 31"],
        },
    ),
    "namesakes who share nothing else": (
        {"given_name": "Odile", "family_name": "Vasseur"},
        {"given_name": "Odile", "family_name": "Vasseur"},
    ),
}


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
@pytest.mark.parametrize("case", KEPT_APART)
async def test_two_people_are_kept_apart(shop: Shop, case: str, together: bool) -> None:
    one, other = KEPT_APART[case]
    messages = [profile("P1", **one), profile("P2", **other), profile("P3", **one)]

    if together:
        await shop.batch("pos", [typed("profile", message) for message in messages])
    else:
        for message in messages:
            await shop.accept("pos", "profile", message)

    assert await shop.client_of("pos", "P1") != await shop.client_of("pos", "P2")
    assert await shop.client_of("pos", "P3") != await shop.client_of("pos", "P2")


MARRIED: list[dict[str, Any]] = [
    {"given_name": "Odile", "family_name": "Vasseur", "birth_name": "Puech"},
    {"given_name": "Odile", "family_name": "Puech"},
    {"given_name": "ODILE", "family_name": "PUECH VASSEUR"},
]


async def test_one_woman_under_her_names_is_one_client(shop: Shop) -> None:
    sure = {"birth_date": "1971-05-04", "phones": ["06 39 98 12 08"]}

    answers = [
        await shop.profile(source, "R1", **names, **sure)
        for source, names in zip(("pos", "eshop", "app"), MARRIED, strict=True)
    ]

    assert len({answer["client_id"] for answer in answers}) == 1


async def test_what_is_likely_but_not_sure_waits_for_a_person_to_judge(shop: Shop) -> None:
    one, other = KEPT_APART["father and son of one name, each with what is his"]
    first = await shop.profile("pos", "P1", **one)

    second = await shop.profile("pos", "P2", **other)

    assert second["outcome"] == "created"
    assert [review["client_id"] for review in second["reviews"]] == [first["client_id"]]


# --- values that too many share -------------------------------------------------------------------

NAMES = ("Odile", "Marc", "Capucine", "Basile", "Fantine", "Eustache", "Domitille", "Zélie")


async def test_a_value_that_becomes_shared_no_longer_links_what_it_alone_linked(
    shop: Shop,
) -> None:
    tablet = {"emails": ["accueil.lille@mail.example"]}
    first = await shop.profile("pos", "P1", given_name="Odile", **tablet)
    second = await shop.profile("eshop", "E1", given_name="Odile", family_name="Vasseur", **tablet)
    assert first["client_id"] == second["client_id"]

    for name in NAMES[1:]:
        await shop.profile("pos", name, given_name=name, **tablet)

    assert await shop.client_of("eshop", "E1") != first["client_id"]


async def test_a_value_that_is_shared_no_longer_links_again(shop: Shop) -> None:
    tablet = {"emails": ["accueil.lille@mail.example"]}
    for name in NAMES:
        await shop.profile("pos", name, given_name=name, **tablet)
    await shop.profile("eshop", "E1", given_name="Odile", family_name="Vasseur", **tablet)
    apart = await shop.client_of("eshop", "E1") != await shop.client_of("pos", "Odile")

    for name in NAMES[1:]:
        await shop.profile("pos", name, minute=1, emails=[])

    assert apart
    assert await shop.client_of("eshop", "E1") == await shop.client_of("pos", "Odile")


async def test_what_else_ties_two_records_holds_when_a_value_becomes_shared(shop: Shop) -> None:
    tablet: dict[str, Any] = {"emails": ["accueil.lille@mail.example"]}
    sure = {"given_name": "Odile", "birth_date": "1971-05-04", "phones": ["06 39 98 12 08"]}
    await shop.profile("pos", "P1", **sure, **tablet)
    await shop.profile("eshop", "E1", **sure, **tablet)

    await shop.batch(
        "pos", [typed("profile", profile(name, given_name=name, **tablet)) for name in NAMES[1:]]
    )

    assert await shop.client_of("eshop", "E1") == await shop.client_of("pos", "P1")


# --- ids ------------------------------------------------------------------------------------------


def tied(first: str, second: str) -> list[Message]:
    """Return two records of Odile that only a third one ties together."""
    name: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}
    return [
        profile(first, **name, birth_date="1971-05-04", cards=["ABC-1234"]),
        profile(second, **name, emails=["odile.vasseur@mail.example"]),
        profile("both", **name, cards=["ABC-1234"], emails=["odile.vasseur@mail.example"]),
    ]


async def test_the_client_id_is_the_id_of_the_oldest_record(shop: Shop) -> None:
    for message in tied("P1", "P2"):
        answer = await shop.accept("pos", "profile", message)

    records = await shop.rows("SELECT id, external_id FROM source_record ORDER BY id")
    assert [row.external_id for row in records] == ["P1", "P2", "both"]
    assert UUID(answer["client_id"]) == records[0].id


async def test_every_id_ever_given_resolves_and_comes_back_when_the_tie_goes(shop: Shop) -> None:
    one, two, both = tied("P1", "P2")
    first = (await shop.accept("pos", "profile", one))["client_id"]
    second = (await shop.accept("pos", "profile", two))["client_id"]
    await shop.accept("pos", "profile", both)
    assert (await shop.staff("GET", f"clients/{second}"))["client_id"] == first

    gone = profile("both", minute=1, cards=[], emails=[], given_name="Basile")
    third = (await shop.accept("pos", "profile", gone))["client_id"]

    for client_id in (first, second, third):
        assert (await shop.staff("GET", f"clients/{client_id}"))["client_id"] == client_id
    assert len({first, second, third}) == 3
    retired = await shop.rows("SELECT id FROM client WHERE retired_at IS NOT NULL")
    assert retired == []


async def test_a_record_that_a_ticket_named_first_keeps_its_id_when_its_profile_comes(
    shop: Shop,
) -> None:
    sent = {
        "message_id": "t1",
        "ticket_id": "T1",
        "sold_at": "2025-03-01T12:00:00Z",
        "total_cents": 1000,
        "customer": {"external_id": "P1"},
    }
    await shop.ticket(sent)
    record = await shop.scalar("SELECT id FROM source_record")

    answer = await shop.profile("pos", "P1", given_name="Odile")

    assert (UUID(answer["client_id"]), answer["outcome"]) == (record, "created")
    assert await shop.attached(sent) == (answer["client_id"], "own_record")
