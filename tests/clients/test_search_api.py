"""Search over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from rcu.access.models import Scope
from rcu.db.engine import Database
from tests.clients.conftest import answer
from tests.factories import Place, make_record, make_ticket
from tests.service_client import bearer, issue_key

SEARCH = "/v1/clients/search"


async def search(reader: httpx.AsyncClient, text: str, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = await answer(reader, "POST", SEARCH, json={"text": text} | options)
    return body


async def test_the_best_match_comes_first_with_why(
    database: Database, reader: httpx.AsyncClient
) -> None:
    lille = [{"postcode": "59000", "city": "Lille"}]
    async with database.transaction() as session:
        await make_record(session, given_name="Paul", family_name="Dupond", addresses=lille)
        same = await make_record(session, given_name="Zoé", family_name="Dupont", addresses=lille)
        await make_record(session, given_name="Ana", family_name="Dupont")
        await make_record(session, given_name="Ana", family_name="Martin", addresses=lille)

    hits = (await search(reader, "dupont lille"))["hits"]

    assert [hit["client"]["given_name"] for hit in hits] == ["Zoé", "Paul"]
    assert hits[0]["client"]["client_id"] == str(same.id)
    assert hits[1]["why"] == [
        {"attribute": "family_name", "match": "one letter different"},
        {"attribute": "city", "match": "same"},
    ]


async def test_clients_of_the_store_come_first_among_equals(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await make_record(session, given_name="Ana", family_name="Dupont")
        here = await make_record(session, given_name="Ana", family_name="Dupont")
        await make_ticket(session, here, store="S007")

    hits = (await search(reader, "dupont ana", store="S007"))["hits"]

    assert hits[0]["client"]["client_id"] == str(here.id)
    assert hits[0]["score"] > hits[1]["score"]


async def test_pages_neither_repeat_nor_miss_a_client(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        made = {
            str((await make_record(session, family_name=name)).id)
            for name in ["Dupont", "Dupond", "Dupont-Morel"] * 4
        }

    found: list[str] = []
    cursor: str | None = None
    while True:
        options = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = await search(reader, "dupont", **options)
        found += [hit["client"]["client_id"] for hit in page["hits"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(found) == len(made)
    assert set(found) == made


async def test_an_anonymous_client_is_not_found(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await make_record(session, Place("pos", "ids:1"), kind="identifiers", phones=["0199001245"])

    assert await search(reader, "001245") == {"hits": [], "next_cursor": None}


async def test_a_vague_search_is_told_what_to_add(reader: httpx.AsyncClient) -> None:
    response = await reader.post(SEARCH, json={"text": "j"})

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/search-too-vague"
    assert "Add at least two letters" in response.json()["detail"]


async def test_a_forged_cursor_is_refused(reader: httpx.AsyncClient) -> None:
    response = await reader.post(SEARCH, json={"text": "dupont", "cursor": "WzFd"})

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/invalid-cursor"


async def test_reading_clients_does_not_allow_searching_them(
    database: Database, reader: httpx.AsyncClient
) -> None:
    key = await issue_key(database, Scope.CLIENTS_READ)

    response = await reader.post(SEARCH, json={"text": "dupont"}, headers=bearer(key))

    assert response.status_code == 403
