"""The 360 view over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.schemas import ClientView
from rcu.clients.view import VIEW
from rcu.db.engine import Database
from rcu.identity.models import SourceRecord
from rcu.ids import uuid7
from tests.clients.conftest import answer
from tests.clients.statements import on_day
from tests.factories import (
    Place,
    make_former_client,
    make_order,
    make_order_step,
    make_record,
    make_store,
    make_ticket,
)


async def make_whole_client(session: AsyncSession) -> SourceRecord:
    """Add a client of three records who bought in two stores, on the web, in two currencies."""
    pos = await make_record(
        session,
        Place("pos", "P1"),
        given_name="JEANNE",
        family_name="DURAND",
        cards=["2900010012841"],
    )
    app = await make_record(
        session,
        Place("app", "A1"),
        client_id=pos.id,
        given_name="Jeanne",
        family_name="Durand",
        birth_date="12/03/1980",
        emails=[{"value": "jeanne.durand@laposte.net", "verified": True}],
        addresses=[{"lines": ["3 rue Haute"], "postcode": "59000", "city": "Lille"}],
        preferred_store="S001",
        attributes={"shoe_size": 38},
    )
    token = await make_record(
        session,
        Place("pos", "ids:1"),
        client_id=pos.id,
        kind="identifiers",
        identifiers=[{"kind": "payment_token", "value": "tok-000001"}],
    )
    await make_store(session, "S002", name="Gare")
    for day in range(8):
        await make_ticket(session, pos, sold_at=on_day(day), store="S002")
        await make_ticket(session, token, sold_at=on_day(day + 20), channel="web", store=None)
    await make_ticket(session, app, kind="return", total_cents=-500, sold_at=on_day(50))
    await make_ticket(session, app, currency="CHF", total_cents=700, sold_at=on_day(51))
    await make_order(session, app, status="placed", placed_at=on_day(60))
    return pos


async def view_of(reader: httpx.AsyncClient, client_id: object) -> dict[str, Any]:
    body: dict[str, Any] = await answer(reader, "GET", f"/v1/clients/{client_id}")
    return body


async def test_the_view_fits_its_description_to_the_letter(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        whole = await make_whole_client(session)
        bare = await make_record(session, Place("pos", "ids:2"), kind="identifiers")

    for client_id in (whole.id, bare.id):
        body = await view_of(reader, client_id)
        assert ClientView.model_validate(body).client_id == client_id


async def test_the_view_shows_the_whole_client(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        pos = await make_whole_client(session)

    body = await view_of(reader, pos.id)

    assert body["known"] is True
    assert body["golden"]["given_name"]["value"] == "Jeanne"
    assert [record["external_id"] for record in body["records"]] == ["P1", "A1"]
    assert [(i["kind"], i["status"], i["sources"]) for i in body["identifiers"]] == [
        ("card", "declared", ["pos"]),
        ("email", "verified", ["app"]),
        ("payment_token", "declared", ["pos"]),
    ]
    assert len(body["tickets"]) == 10
    assert [ticket["sold_at"] for ticket in body["tickets"]] == sorted(
        (ticket["sold_at"] for ticket in body["tickets"]), reverse=True
    )
    assert [order["status"] for order in body["orders"]] == ["placed"]
    assert body["favourite_store"] == {
        "code": "S002",
        "name": "Gare",
        "sales": 8,
        "last_at": "2025-01-08T00:00:00+00:00",
    }


async def test_totals_add_up_by_currency_and_channel(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        pos = await make_whole_client(session)

    totals = (await view_of(reader, pos.id))["totals"]

    assert [
        (one["currency"], one["channel"], one["sales"], one["returns"], one["amount_cents"])
        for one in totals
    ] == [
        ("CHF", None, 1, 0, 700),
        ("CHF", "store", 1, 0, 700),
        ("EUR", None, 16, 1, 16 * 2000 - 500),
        ("EUR", "store", 8, 1, 8 * 2000 - 500),
        ("EUR", "web", 8, 0, 8 * 2000),
    ]
    assert (totals[2]["first_at"], totals[2]["last_at"]) == (
        "2025-01-01T00:00:00+00:00",
        "2025-02-20T00:00:00+00:00",
    )


async def test_an_order_is_open_until_it_is_picked_up(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, Place("eshop"), family_name="Durand")
        waiting = await make_order(session, record, fulfilment="click_and_collect")
        await make_order_step(session, waiting, status="shipped", at=on_day(70))
        sent = await make_order(session, record, fulfilment="delivery")
        await make_order_step(session, sent, status="shipped", at=on_day(70))
        done = await make_order(session, record, fulfilment="click_and_collect")
        await make_order_step(session, done, status="picked_up", at=on_day(71))

    body = await view_of(reader, record.id)

    assert [(order["order_id"], order["open"]) for order in body["orders"]] == [
        (waiting.order_id, True),
        (done.order_id, False),
        (sent.order_id, False),
    ]


async def test_a_former_id_answers_with_the_present_client(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        kept = await make_record(session, family_name="Durand")
        joined = await make_record(session, Place("app"), client_id=kept.id, family_name="Durand")
        former = await make_former_client(session, joined)

    body = await view_of(reader, former)

    assert (body["client_id"], body["resolved_from"]) == (str(kept.id), str(former))
    assert (await view_of(reader, kept.id))["resolved_from"] is None


async def test_an_anonymous_client_has_no_golden_record(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, Place("pos", "ids:1"), kind="identifiers")

    body = await view_of(reader, record.id)

    assert (body["known"], body["golden"]) == (False, None)


async def test_an_id_that_was_never_a_client_is_not_found(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        kept = await make_record(session, family_name="Durand")
        never_alone = await make_record(
            session, Place("app"), client_id=kept.id, family_name="Durand"
        )

    for unknown in (uuid7(), never_alone.id):
        response = await reader.get(f"/v1/clients/{unknown}")
        assert response.status_code == 404
        assert response.json()["type"] == "/problems/client-not-found"


async def test_the_view_is_one_statement_once_the_key_is_known(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, family_name="Durand")
    await view_of(reader, record.id)
    statements: list[str] = []

    def note(query: Any) -> None:
        statements.append(query.query)

    def watch(connection: Any, *_rest: object) -> None:
        connection.driver_connection.add_query_logger(note)

    event.listen(database.engine.sync_engine, "checkout", watch)
    await view_of(reader, record.id)
    await asyncio.sleep(0)  # asyncpg tells its loggers in the next turn of the loop

    assert statements == [VIEW]


async def test_no_cache_may_keep_the_view(database: Database, reader: httpx.AsyncClient) -> None:
    async with database.transaction() as session:
        record = await make_record(session, family_name="Durand")

    response = await reader.get(f"/v1/clients/{record.id}")

    assert response.headers["cache-control"] == "no-store"
    assert datetime.fromisoformat(response.json()["created_at"]).tzinfo == UTC
