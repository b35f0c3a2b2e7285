"""The timeline over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.schemas import TimelinePage
from rcu.db.engine import Database
from rcu.identity.models import SourceRecord
from rcu.ids import uuid7
from tests.clients.conftest import answer
from tests.clients.statements import on_day
from tests.factories import (
    Place,
    make_event,
    make_former_client,
    make_identity_change,
    make_order,
    make_order_step,
    make_profile_message,
    make_record,
    make_ticket,
)


async def page_of(reader: httpx.AsyncClient, client_id: UUID, **query: Any) -> dict[str, Any]:
    path = f"/v1/clients/{client_id}/timeline"
    body: dict[str, Any] = await answer(reader, "GET", path, params=query)
    return body


async def all_of(reader: httpx.AsyncClient, client_id: UUID, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        page = await page_of(reader, client_id, **query)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]


async def make_story(session: AsyncSession) -> SourceRecord:
    """Add a client of two records to whom something happens every day, once twice at an instant."""
    shop = await make_record(session, Place("pos"), family_name="Durand")
    web = await make_record(session, Place("eshop"), client_id=shop.id, family_name="Durand")
    await make_former_client(session, web)
    await make_profile_message(session, shop, at=on_day(0))
    await make_profile_message(session, web, at=on_day(1))
    await make_identity_change(
        session, kind="merge", client_id=shop.id, other_client_id=web.id, at=on_day(1)
    )
    await make_ticket(session, shop, sold_at=on_day(2))
    order = await make_order(session, web, placed_at=on_day(3))
    await make_order_step(session, order, status="shipped", at=on_day(5))
    await make_event(session, web, occurred_at=on_day(4), properties={"page": "shoes"})
    await make_ticket(session, web, sold_at=on_day(6), channel="web", store=None)
    return shop


async def test_everything_is_told_newest_first(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)

    page = TimelinePage.model_validate(await page_of(reader, shop.id))

    types = [item.type.value for item in page.items]
    assert types[:5] == ["ticket", "order_step", "event", "order_step", "ticket"]
    assert sorted(types[5:7]) == ["identity_change", "profile"]
    assert types[7:] == ["profile"]
    assert page.items[1].details["status"] == "shipped"
    assert page.next_cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_of_any_size_tell_the_same_story(
    database: Database, reader: httpx.AsyncClient, limit: int
) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)

    assert await all_of(reader, shop.id, limit=limit) == await all_of(reader, shop.id)


async def test_what_happens_meanwhile_neither_repeats_nor_shifts_a_page(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)
    before = await all_of(reader, shop.id)
    first = await page_of(reader, shop.id, limit=3)

    async with database.transaction() as session:
        await make_ticket(session, shop, sold_at=on_day(90))
    rest = await all_of(reader, shop.id, limit=3, cursor=first["next_cursor"])

    assert first["items"] + rest == before


async def test_types_and_channels_filter(database: Database, reader: httpx.AsyncClient) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)

    tickets = await all_of(reader, shop.id, type="ticket")
    web = await all_of(reader, shop.id, channel="web")
    both = await all_of(reader, shop.id, type=["ticket", "event"], channel=["web"], limit=1)

    assert [item["channel"] for item in tickets] == ["web", "store"]
    assert [item["type"] for item in web] == ["ticket", "order_step", "event", "order_step"]
    assert [item["type"] for item in both] == ["ticket", "event"]


async def test_a_profile_message_says_which_source_spoke_and_no_value(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)

    profiles = await all_of(reader, shop.id, type="profile")

    assert [item["source"] for item in profiles] == ["eshop", "pos"]
    assert all(set(item["details"]) == {"external_id"} for item in profiles)


async def test_a_former_id_tells_the_story_of_the_present_client(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        shop = await make_story(session)
    change = (await all_of(reader, shop.id, type="identity_change"))[0]

    page = await page_of(reader, UUID(change["details"]["other_client_id"]))

    assert page["client_id"] == str(shop.id)
    assert page["items"] == (await page_of(reader, shop.id))["items"]


async def test_nothing_is_told_of_a_client_to_whom_nothing_happened(
    database: Database, reader: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        record = await make_record(session, family_name="Durand")

    assert await page_of(reader, record.id) == {
        "client_id": str(record.id),
        "items": [],
        "next_cursor": None,
    }


async def test_an_id_that_was_never_a_client_has_no_timeline(reader: httpx.AsyncClient) -> None:
    response = await reader.get(f"/v1/clients/{uuid7()}/timeline")

    assert response.status_code == 404


@pytest.mark.parametrize("query", ["cursor=WzFd", "limit=101", "type=gossip"])
async def test_a_bad_query_is_refused(reader: httpx.AsyncClient, query: str) -> None:
    response = await reader.get(f"/v1/clients/{uuid7()}/timeline?{query}")

    assert response.status_code == 422
