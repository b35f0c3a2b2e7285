"""Golden records kept in step with the source records."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients import service
from rcu.clients.models import GoldenRecord
from rcu.db.engine import Database
from rcu.identity.models import SourceRecord
from rcu.ids import uuid7
from tests.clients.statements import on_day
from tests.factories import Place, count, make_record


async def golden_of(session: AsyncSession, client_id: UUID) -> GoldenRecord | None:
    return await session.get(GoldenRecord, client_id, populate_existing=True)


async def test_a_client_gets_the_golden_record_of_all_its_profiles(session: AsyncSession) -> None:
    first = await make_record(session, given_name="J.", family_name="Durand")
    await make_record(
        session, Place("app"), client_id=first.client_id, given_name="Jeanne", title="Mme"
    )

    await service.rebuild(session, [first.client_id])

    held = await golden_of(session, first.client_id)
    assert held is not None
    assert held.golden["given_name"]["value"] == "Jeanne"
    assert held.golden["family_name"]["value"] == "Durand"
    assert {"f:durand", "g:jeanne", "g:j"} <= set(held.search_terms)


async def test_a_client_without_profiles_has_no_golden_record(session: AsyncSession) -> None:
    record = await make_record(session, given_name="Jeanne", family_name="Durand")
    await session.execute(delete(SourceRecord).where(SourceRecord.id == record.id))

    await service.rebuild(session, [record.client_id, uuid7()])

    assert await golden_of(session, record.client_id) is None


async def test_records_that_move_take_their_values_along(session: AsyncSession) -> None:
    left = await make_record(session, given_name="Jeanne", family_name="Durand")
    right = await make_record(session, Place("app"), given_name="Jeanne", phones=["0199001245"])
    await session.execute(
        update(SourceRecord).where(SourceRecord.id == right.id).values(client_id=left.id)
    )

    await service.rebuild(session, [left.id, right.id])

    held = await golden_of(session, left.id)
    assert held is not None
    assert [phone["value"] for phone in held.golden["phones"]] == ["+33199001245"]
    assert await golden_of(session, right.id) is None


async def test_a_golden_record_that_has_not_changed_is_not_written(session: AsyncSession) -> None:
    record = await make_record(session, given_name="Jeanne", family_name="Durand")
    await session.execute(update(GoldenRecord).values(rebuilt_at=on_day(0)))

    await service.rebuild(session, [record.client_id])

    held = await golden_of(session, record.client_id)
    assert held is not None
    assert held.rebuilt_at == on_day(0)


async def test_many_clients_are_rebuilt_in_two_statements(session: AsyncSession) -> None:
    ids = [(await make_record(session, family_name="Durand")).client_id for _ in range(5)]
    statements: list[str] = []
    pooled: Any = await (await session.connection()).get_raw_connection()

    with pooled.driver_connection.query_logger(lambda logged: statements.append(logged.query)):
        await service.rebuild(session, ids)
        await asyncio.sleep(0)  # the driver tells its loggers a little later

    assert len(statements) == 2


async def test_all_golden_records_can_be_rebuilt_from_nothing(database: Database) -> None:
    async with database.transaction() as session:
        for number in range(5):
            await make_record(session, family_name="Durand", title=f"{number}")
        await session.execute(delete(GoldenRecord))
    done: list[int] = []

    await service.rebuild_all(database, done.append)

    assert sum(done) == 5
    async with database.transaction() as session:
        assert await count(session, GoldenRecord) == 5
