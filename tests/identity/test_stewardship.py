"""Merging and splitting by an operator: binding, reversible, refused when the view is stale."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.ingestion.shop import Shop, sale

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
}
BASILE: dict[str, Any] = {"given_name": "Basile", "family_name": "Kermadec"}


async def two_clients(shop: Shop) -> tuple[str, str]:
    """Make two clients that nothing ties together."""
    first = await shop.profile("pos", "P1", **ODILE)
    second = await shop.profile("eshop", "E1", **BASILE)
    return first["client_id"], second["client_id"]


async def test_a_merge_leaves_the_older_client_and_both_ids_resolve(shop: Shop) -> None:
    older, younger = await two_clients(shop)

    answer = await shop.merge(younger, older)

    assert (answer.status_code, answer.json()["client_ids"]) == (200, [older])
    for client_id in (older, younger):
        view = await shop.staff("GET", f"clients/{client_id}")
        assert view["client_id"] == older


async def test_a_merge_binds_what_follows(shop: Shop) -> None:
    older, younger = await two_clients(shop)
    await shop.merge(older, younger)

    await shop.profile("eshop", "E1", minute=1, given_name="Zoé", birth_date="2001-01-20")
    await shop.profile("pos", "P1", minute=1, phones=["06 39 98 12 08"])

    assert await shop.client_of("eshop", "E1") == older == await shop.client_of("pos", "P1")


async def test_a_split_binds_what_follows(shop: Shop) -> None:
    first = (await shop.profile("pos", "P1", **ODILE))["client_id"]
    await shop.profile("eshop", "E1", **ODILE)

    answer = await shop.split(first, [("eshop", "E1")])
    await shop.profile("eshop", "E1", minute=1, cards=["ABC-1234"])
    await shop.profile("pos", "P1", minute=1, cards=["ABC-1234"])
    third = (await shop.profile("app", "A1", **ODILE))["client_id"]

    apart = await shop.client_of("eshop", "E1")
    assert answer.json()["client_ids"] == [first, apart]
    assert await shop.client_of("pos", "P1") == first != apart
    assert third in {first, apart}


async def test_records_that_are_split_off_stay_together(shop: Shop) -> None:
    first, second = await two_clients(shop)
    third = (await shop.profile("app", "A1", given_name="Capucine"))["client_id"]
    await shop.merge(first, second)
    await shop.merge(first, third)

    answer = await shop.split(first, [("eshop", "E1"), ("app", "A1")])

    assert answer.json()["client_ids"] == [first, second]
    assert await shop.client_of("app", "A1") == second


async def test_a_merge_and_a_split_undo_each_other_again_and_again(shop: Shop) -> None:
    first, second = await two_clients(shop)

    for _ in range(3):
        assert (await shop.merge(first, second)).json()["client_ids"] == [first]
        split = await shop.split(first, [("eshop", "E1")])
        assert split.json()["client_ids"] == [first, second]

    assert (await shop.merge(second, first)).json()["client_ids"] == [first]
    assert await shop.clients() == 1


async def test_a_decision_on_a_client_that_has_changed_since_is_refused(shop: Shop) -> None:
    first, second = await two_clients(shop)
    seen = await shop.scalar("SELECT version FROM client WHERE id = :id", id=first)
    await shop.profile("pos", "P1", minute=1, cards=["ABC-1234"])

    merge = await shop.merge(first, second, expected_version=seen)
    split = await shop.split(first, [("pos", "P1")], expected_version=seen)

    assert (merge.status_code, split.status_code) == (409, 409)
    assert merge.json()["type"] == "/problems/client-changed"
    assert await shop.clients() == 2
    current = await shop.scalar("SELECT version FROM client WHERE id = :id", id=first)
    assert (await shop.merge(first, second, expected_version=current)).status_code == 200


async def test_what_makes_no_sense_is_refused(shop: Shop) -> None:
    first, second = await two_clients(shop)
    await shop.ticket(sale(token="par_tok_1"))
    anonymous = str(await shop.scalar("SELECT id FROM client WHERE NOT known"))
    unknown = str(uuid4())
    refusals = {
        "/problems/same-client": [await shop.merge(first, first)],
        "/problems/anonymous-client": [
            await shop.merge(first, anonymous),
            await shop.merge(anonymous, first),
        ],
        "/problems/client-not-found": [
            await shop.merge(first, unknown),
            await shop.merge(unknown, first),
            await shop.split(unknown, [("pos", "P1")]),
        ],
        "/problems/records-not-of-client": [
            await shop.split(first, [("eshop", "E1")]),
            await shop.split(first, [("pos", "P1")]),
            await shop.split(first, [("pos", "P1"), ("eshop", "E1")]),
        ],
    }

    for problem, answers in refusals.items():
        assert [answer.json()["type"] for answer in answers] == [problem] * len(answers)
        expected = 404 if problem == "/problems/client-not-found" else 409
        assert {answer.status_code for answer in answers} == {expected}
    assert await shop.clients() == 2
    assert await shop.scalar("SELECT count(*) FROM judgement") == 0
    await shop.merge(first, second)
    assert (await shop.merge(first, second)).json()["type"] == "/problems/same-client"
