"""Look-up by one exact identifier."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from rcu.clients.lookup import mask_email, mask_phone
from rcu.db.engine import Database
from tests.clients.conftest import answer
from tests.clients.statements import on_day
from tests.factories import Place, make_record, make_ticket

LOOKUP = "/v1/clients/lookup"


async def look_up(reader: httpx.AsyncClient, **identifier: str) -> dict[str, Any]:
    body: dict[str, Any] = await answer(reader, "POST", LOOKUP, json=identifier)
    return body


async def test_a_phone_is_found_in_any_writing(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, given_name="Jeanne", phones=["01 99 00 12 45"])

    for writing in ("0199001245", "+33 1 99 00 12 45", "0033199001245", "01.99.00.12.45"):
        found = await look_up(reader, phone=writing)
        assert (found["outcome"], found["client"]["client_id"]) == ("found", str(record.id))


@pytest.mark.parametrize(
    "identifier",
    [
        {"email": "JEANNE.durand@gmail.com"},
        {"card": "2900 0100 12841"},
        {"app_user": "u-17"},
        {"source": "app", "external_id": "A1"},
    ],
    ids=["email", "card", "app_user", "record"],
)
async def test_every_kind_of_identifier_finds_its_client(
    database: Database, reader: httpx.AsyncClient, identifier: dict[str, str]
) -> None:
    async with database.transaction() as session:
        record = await make_record(
            session,
            Place("app", "A1"),
            family_name="Durand",
            emails=["jeannedurand@gmail.com"],
            cards=["2900010012841"],
            identifiers=[{"kind": "app_user", "value": "u-17"}],
        )

    found = await look_up(reader, **identifier)

    assert found["client"]["client_id"] == str(record.id)


async def test_an_identifier_one_letter_away_finds_nobody(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await make_record(session, emails=["jeanne.dupont@laposte.net"])

    found = await look_up(reader, email="jeanne.dupond@laposte.net")

    assert found == {"outcome": "none", "client": None, "candidates": [], "separated_by": []}


async def test_several_holders_are_told_apart_last_buyer_first(
    database: Database, reader: httpx.AsyncClient
) -> None:
    shared: dict[str, Any] = {"family_name": "Durand", "phones": ["0199001245"]}
    async with database.transaction() as session:
        mother = await make_record(session, given_name="Jeanne", birth_date="1980-03-12", **shared)
        son = await make_record(session, given_name="Paul", birth_date="2004-05-06", **shared)
        await make_ticket(session, mother, sold_at=on_day(1))
        await make_ticket(session, son, sold_at=on_day(2))

    found = await look_up(reader, phone="0199001245")

    assert (found["outcome"], found["client"]) == ("several", None)
    assert [one["given_name"] for one in found["candidates"]] == ["Paul", "Jeanne"]
    assert found["separated_by"] == ["given_name", "birth_year", "last_purchase_at"]


async def test_a_summary_masks_emails_and_phones(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await make_record(session, emails=["jeanne@laposte.net"], phones=["0199001245"])

    client = (await look_up(reader, phone="0199001245"))["client"]

    assert (client["emails"], client["phones"]) == (["j***@laposte.net"], ["***45"])
    assert mask_email("@x.fr") == "***@x.fr"
    assert mask_phone("+33199001245") == "***45"


async def test_only_a_payment_token_names_an_anonymous_client(
    database: Database, reader: httpx.AsyncClient
) -> None:
    held = [
        {"kind": "payment_token", "value": "tok-000001"},
        {"kind": "app_user", "value": "u-17"},
    ]
    async with database.transaction() as session:
        await make_record(session, Place("pos", "ids:1"), kind="identifiers", identifiers=held)

    by_token = await look_up(reader, payment_token="tok-000001")
    by_user = await look_up(reader, app_user="u-17")

    assert (by_token["outcome"], by_token["client"]["known"]) == ("found", False)
    assert by_user["outcome"] == "none"


async def test_a_known_holder_of_a_token_hides_the_anonymous_one(
    database: Database, reader: httpx.AsyncClient
) -> None:
    held = [{"kind": "payment_token", "value": "tok-000001"}]
    async with database.transaction() as session:
        await make_record(session, Place("pos", "ids:1"), kind="identifiers", identifiers=held)
        known = await make_record(session, family_name="Durand", identifiers=held)

    found = await look_up(reader, payment_token="tok-000001")

    assert found["client"]["client_id"] == str(known.id)


@pytest.mark.parametrize(
    "identifier",
    [{"email": "quenouille"}, {"phone": "12"}, {"phone": "0600000000"}, {"card": "2900010012842"}],
    ids=["no_email", "no_phone", "filler", "check_digit"],
)
async def test_what_designates_nobody_is_refused_without_repeating_it(
    reader: httpx.AsyncClient, identifier: dict[str, str]
) -> None:
    response = await reader.post(LOOKUP, json=identifier)

    assert response.status_code == 422
    said = response.json()
    assert said["type"] == "/problems/identifier-unreadable"
    # Any two digits may stand in the random id of the request.
    del said["request_id"]
    assert not any(value in str(said) for value in identifier.values())


async def test_a_mistyped_card_finds_the_client_whose_file_has_it_just_so(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, cards=["2900010012842"])

    found = await look_up(reader, card="2900 0100 12842")

    assert found["client"]["client_id"] == str(record.id)


@pytest.mark.parametrize(
    "identifier",
    [
        {},
        {"email": "a@laposte.net", "phone": "0199001245"},
        {"source": "pos"},
        {"external_id": "P1"},
        {"email": None},
    ],
    ids=["none", "two", "half", "other_half", "null"],
)
async def test_exactly_one_identifier_is_asked_for(
    reader: httpx.AsyncClient, identifier: dict[str, str | None]
) -> None:
    response = await reader.post(LOOKUP, json=identifier)

    assert response.status_code == 422
    assert "exactly one" in response.json()["errors"][0]["reason"]
