"""Records of identifiers: how facts without a record of their source find their client."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from rcu.identity import holders
from rcu.identity.models import RecordKind
from rcu.identity.person import Person
from rcu.identity.presentation import Presented, present
from tests.ingestion.shop import Shop, sale, typed


def presented(**said: Any) -> Any:
    external_id = said.pop("external_id", None)
    return present(Presented("pos", external_id, Person(**said)), region="FR")


def test_what_designates_nobody_is_no_presentation() -> None:
    assert presented() is None
    assert presented(given_name="Odile", emails=("client@mail.example",)) is None


def test_the_id_of_a_record_of_identifiers_holds_none_of_them() -> None:
    found = presented(emails=("odile.v@mail.example",), phones=("0639981208",))

    assert found.kind is RecordKind.IDENTIFIERS
    assert found.key[1].startswith("ids:")
    assert "odile" not in found.key[1]
    assert "639981208" not in found.key[1]


def test_one_set_in_any_writing_is_one_record_and_another_name_is_another() -> None:
    one = presented(emails=("odile.v@mail.example", "x@x.fr"), phones=("0639981208",))
    same = presented(phones=("+33 6 39 98 12 08",), emails=("Odile.V@Mail.example",))
    named = presented(phones=("0639981208",), emails=("odile.v@mail.example",), given_name="Lou")

    assert one.key == same.key
    assert named.key != one.key


def test_under_a_record_of_the_source_only_means_of_payment_and_devices_are_remembered() -> None:
    found = presented(
        external_id="P1",
        emails=("odile.v@mail.example",),
        identifiers=(("payment_token", "par_tok_1"), ("device", "d-0001")),
    )

    assert (found.kind, found.key) == (RecordKind.REFERENCE, ("pos", "P1"))
    assert found.shown == {("payment_token", "par_tok_1"), ("device", "d-0001")}


# --- anonymous clients ----------------------------------------------------------------------------

TOKEN_ONLY = sale(1, token="par_tok_1")
TOKEN_AND_EMAIL = sale(2, token="par_tok_1", customer={"email": "odile.v@mail.example"})
EMAIL_AND_PHONE = sale(3, customer={"email": "odile.v@mail.example", "phone": "0639981208"})
PHONE_ONLY = sale(4, customer={"phone": "0639981208"})
SOLD = [TOKEN_ONLY, TOKEN_AND_EMAIL, EMAIL_AND_PHONE, PHONE_ONLY]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_anonymous_clients_gather_the_same_whatever_the_order(
    shop: Shop, order: tuple[int, ...]
) -> None:
    for position in order:
        await shop.ticket(SOLD[position])

    gathered = await shop.rows(
        "SELECT array_agg(t.number ORDER BY t.number) FROM ticket t"
        " JOIN source_record r ON r.id = t.record_id GROUP BY r.client_id ORDER BY 1"
    )

    assert [tuple(numbers) for (numbers,) in gathered] == [(1, 2), (3,), (4,)]


async def test_an_anonymous_client_goes_over_to_the_person_who_owns_it_and_its_id_follows(
    shop: Shop,
) -> None:
    await shop.ticket(EMAIL_AND_PHONE)
    anonymous = str(await shop.scalar("SELECT client_id FROM source_record"))

    odile = await shop.profile("pos", "P1", given_name="Odile", phones=["0639981208"])

    view = await shop.staff("GET", f"clients/{anonymous}")
    assert view["client_id"] == odile["client_id"]
    assert await shop.rows("SELECT kind FROM identity_change") == [("merge",)]


async def test_a_merge_of_clients_with_tickets_is_told_as_one_merge(shop: Shop) -> None:
    said = {"given_name": "Odile", "family_name": "Vasseur"}
    first = await shop.profile("pos", "P1", **said, birth_date="1971-05-04", cards=["ABC-1234"])
    second = await shop.profile("eshop", "E1", **said, emails=["odile.v@mail.example"])
    await shop.ticket(sale(customer={"email": "odile.v@mail.example"}))
    assert first["client_id"] != second["client_id"]

    await shop.profile("app", "A1", **said, cards=["ABC-1234"], emails=["odile.v@mail.example"])

    changes = await shop.rows(
        "SELECT kind, client_id, other_client_id FROM identity_change WHERE kind <> 'follow'"
    )
    assert [(kind, str(to), str(from_)) for kind, to, from_ in changes] == [
        ("merge", first["client_id"], second["client_id"])
    ]


async def test_tickets_of_one_token_at_once_gather_in_one_anonymous_client(shop: Shop) -> None:
    await asyncio.gather(
        *(
            shop.ticket(sale(token="par_tok_1", customer={"email": f"odile{n % 4}@mail.example"}))
            for n in range(12)
        )
    )

    assert await shop.scalar("SELECT count(DISTINCT client_id) FROM source_record") == 1


async def test_all_tokens_that_one_batch_shows_of_a_record_are_remembered(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", given_name="Odile")
    signed = [
        sale(token=token, customer={"external_id": "P1"}) for token in ("par_tok_1", "par_tok_2")
    ]
    bare = [sale(token=token) for token in ("par_tok_1", "par_tok_2")]

    await shop.batch("pos", [typed("ticket", one) for one in (*signed, *bare)])

    assert [await shop.attached(one) for one in bare] == [(odile["client_id"], "payment_token")] * 2


# --- identifiers of too many records --------------------------------------------------------------


async def test_what_an_identifier_attached_is_taken_back_when_too_many_hold_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "HOLDER_CAP", 4)
    odile = await shop.profile("pos", "P1", given_name="Odile", emails=["accueil@m.example"])
    sold = sale(customer={"email": "accueil@m.example", "given_name": "Odile"})
    await shop.ticket(sold)
    told = []

    for number, name in enumerate(("Basile", "Fantine", "Gaspard")):
        told.append(await shop.attached(sold))
        said = {"given_name": name, "emails": ["accueil@m.example"]}
        await shop.profile("pos", f"Q{number}", **said)

    assert told == [(odile["client_id"], "email")] * 3
    assert await shop.attached(sold) == (None, "ambiguous")


@pytest.mark.parametrize("is_known_first", [True, False])
async def test_a_card_that_was_shown_beside_many_tokens_is_its_owners_none_the_less(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_known_first: bool
) -> None:
    monkeypatch.setattr(holders, "HOLDER_CAP", 4)
    sales = [sale(token=f"token-{n}", customer={"card": "ABC-1234"}) for n in range(7)]
    said = {"given_name": "Odile", "cards": ["ABC-1234"]}
    if is_known_first:
        await shop.profile("pos", "P1", **said)

    await shop.batch("pos", [typed("ticket", one) for one in sales[:3]])
    for one in sales[3:]:
        await shop.ticket(one)
    await shop.profile("pos", "P1", **said)
    bare = sale(customer={"card": "ABC-1234"})
    await shop.ticket(bare)

    odile = await shop.client_of("pos", "P1")
    assert {await shop.attached(one) for one in (*sales, bare)} == {(odile, "card")}


async def test_all_that_a_card_was_shown_with_is_placed_anew_when_its_owner_changes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "HOLDER_CAP", 4)
    sales = [sale(token=f"token-{n}", customer={"card": "ABC-1234"}) for n in range(7)]
    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    await shop.batch("pos", [typed("ticket", one) for one in sales])

    await shop.profile("pos", "P2", given_name="Basile", cards=["ABC-1234"])

    assert {await shop.attached(one) for one in sales} == {(None, "ambiguous")}


async def test_what_too_many_have_stated_stays_nobodys_when_they_state_it_no_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "HOLDER_CAP", 3)
    await shop.profile("pos", "P1", given_name="Odile", emails=["accueil@m.example"])
    for number in (1, 2):
        await shop.profile("eshop", f"E{number}", emails=["accueil@m.example"], given_name="Ada")
    sold = sale(customer={"email": "accueil@m.example", "given_name": "Odile"})
    await shop.ticket(sold)
    before = await shop.attached(sold)

    for number in (1, 2):
        await shop.profile("eshop", f"E{number}", minute=1, emails=[])

    assert before == await shop.attached(sold) == (None, "ambiguous")


async def test_what_too_many_hold_gathers_nobody_in_one_batch_or_in_many(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "HOLDER_CAP", 3)
    sales = [sale(customer={"device": "tablet", "phone": f"063998120{n}"}) for n in range(6)]

    await shop.batch("pos", [typed("ticket", one) for one in sales[:4]])
    for one in sales[4:]:
        await shop.ticket(one)

    assert await shop.scalar("SELECT count(DISTINCT client_id) FROM source_record") == 6


async def test_a_token_is_not_its_users_any_more_once_the_names_contradict(shop: Shop) -> None:
    odile = await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P1"}))
    sold = sale(token="par_tok_1", customer={"device": "d-1", "given_name": "Odile"})
    await shop.ticket(sold)
    before = await shop.attached(sold)

    await shop.profile("pos", "P1", minute=1, given_name="Basile")

    assert before == (odile["client_id"], "payment_token")
    assert await shop.attached(sold) == (None, None)
