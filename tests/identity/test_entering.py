"""The statements of a resolution: few, and each sees what holds once it has its locks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity import repository
from rcu.identity.adoption import Cause
from rcu.identity.entering import Entered, enter
from rcu.identity.model import Model
from rcu.identity.pairs import read_around
from rcu.identity.registers import ProfileStatement
from rcu.identity.resolution import place
from tests.ingestion.shop import Shop, clear

ODILE: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}
MAIL = [{"value": "odile@mail.example"}]


def stated(external_id: str, **values: Any) -> ProfileStatement:
    """Return what the e-shop says of a record."""
    return ProfileStatement(
        source="eshop",
        external_id=external_id,
        values=values,
        occurred_at=datetime(2025, 3, 1, tzinfo=UTC),
        message_id=external_id,
    )


async def entered(session: AsyncSession, *statements: ProfileStatement) -> Entered:
    """Take the locks of statements."""
    return await enter(session, statements, model=Model.shipped(), region="FR")


async def resolve(session: AsyncSession, statement: ProfileStatement) -> None:
    """Resolve one record, as ingestion does."""
    await place(
        session,
        await entered(session, statement),
        model=Model.shipped(),
        at=datetime.now(UTC),
        cause=Cause("message", "test"),
    )


async def test_a_stranger_costs_two_round_trips(shop: Shop, statements: list[str]) -> None:
    async with shop.database.transaction() as session:
        await resolve(session, stated("E1", **ODILE, emails=MAIL))
        await session.rollback()

    assert len(statements) == 2, statements


async def test_a_person_who_is_known_costs_two_round_trips(
    shop: Shop, statements: list[str]
) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    statements.clear()

    async with shop.database.transaction() as session:
        await resolve(session, stated("E1", **ODILE, emails=MAIL))
        await session.rollback()

    assert len(statements) == 2, statements


async def test_somebody_whom_the_guess_misses_is_found_all_the_same(shop: Shop) -> None:
    """A first letter mistyped: the sound of the family name leads there, with the birth date."""
    said = {"family_name": "Vasseur", "birth_date": "1984-03-07"}
    known = await shop.profile("pos", "P1", given_name="Kathalie", **said)

    async with shop.database.transaction() as session:
        held = await entered(session, stated("E1", given_name="Nathalie", **said))
    placed = await shop.profile("eshop", "E1", given_name="Nathalie", **said)

    assert held.holders
    assert held.around.records == {}
    assert placed["client_id"] == known["client_id"]


@pytest.mark.parametrize(
    ("known", "new"),
    [
        pytest.param(
            {"given_name": "Odile", "family_name": "Vasseur"},
            {"given_name": "Vasseur", "family_name": "Odile"},
            id="names that changed places",
        ),
        pytest.param(
            {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1984-01-01"},
            {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1971-06-20"},
            id="a birth date that is the first of January there",
        ),
        pytest.param(
            {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1971-06-20"},
            {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1984-01-01"},
            id="a birth date that is the first of January here",
        ),
        pytest.param(
            {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1984-03-07"},
            {"given_name": "O", "family_name": "Vasseur", "birth_date": "1948-03-07"},
            id="an initial, and another year",
        ),
    ],
)
async def test_who_may_be_the_person_is_guessed_and_read_with_the_keys(
    shop: Shop, known: dict[str, str], new: dict[str, str]
) -> None:
    await shop.profile("pos", "P1", **known)

    async with shop.database.transaction() as session:
        held = await entered(session, stated("E1", **new))

    assert [record.external_id for record in held.around.records.values()] == ["P1"]


@pytest.mark.parametrize(
    "new",
    [
        pytest.param({"given_name": "Odile", "birth_date": "1962-09-14"}, id="born apart"),
        pytest.param({"given_name": "Oscar"}, id="another given name"),
    ],
)
async def test_whom_birth_date_or_given_name_part_is_not_read(
    shop: Shop, new: dict[str, str]
) -> None:
    said = {"given_name": "Odile", "family_name": "Vasseur", "birth_date": "1984-03-07"}
    await shop.profile("pos", "P1", **said)

    async with shop.database.transaction() as session:
        held = await entered(session, stated("E1", family_name="Vasseur", **new))

    assert held.holders
    assert held.around.records == {}


async def test_what_is_guessed_is_read_with_what_it_is_tied_to(shop: Shop) -> None:
    for source in ("pos", "app", "loyalty"):
        await shop.profile(source, "P1", **ODILE, emails=["odile@mail.example"])

    async with shop.database.transaction() as session:
        held = await entered(session, stated("E1", **ODILE, emails=MAIL))

    assert len(held.around.component.records) == 3
    assert held.around.asked == held.around.records.keys()


async def test_a_record_that_says_something_new_costs_six_round_trips(
    shop: Shop, statements: list[str]
) -> None:
    await shop.profile("eshop", "E1", **ODILE, emails=["odile@mail.example"])
    statements.clear()

    async with shop.database.transaction() as session:
        await resolve(session, stated("E1", **ODILE, phones=[{"value": "0637194285"}]))
        await session.rollback()

    assert len(statements) == 6, statements


async def test_a_record_that_exists_is_read_before_anything_is_locked(
    shop: Shop, statements: list[str]
) -> None:
    await shop.profile("eshop", "E1", **ODILE, emails=["odile@mail.example"])
    statements.clear()

    async with shop.database.transaction() as session:
        held = await entered(session, stated("E1", family_name="Martinot"))
        [draft] = held.prepared.drafts.values()

    assert draft.before is not None
    assert draft.features.given_name == ("odile",)
    assert [
        next((name for name in ("meet_profile", "lock_and_read") if name in statement), "")
        for statement in statements
    ] == ["meet_profile", "", "lock_and_read"]


async def test_no_lock_is_left_by_the_look_that_finds_a_record(shop: Shop) -> None:
    await shop.profile("eshop", "E1", **ODILE)
    looked = (
        "SELECT * FROM meet_profile('{1}', 2, 'eshop', 'E1', '{}', '{}', '{}', 9, '{}', '', 1, 1)"
    )

    async with shop.database.transaction() as session:
        rows = (await session.execute(text(looked))).all()
        locks = await session.scalar(
            text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                 "AND pid = pg_backend_pid()")
        )  # fmt: skip

    assert rows == []
    assert locks == 0


async def test_who_holds_a_key_is_read_as_it_is_once_its_lock_is_held(shop: Shop) -> None:
    async with shop.database.transaction() as waiting:
        async with shop.database.transaction() as writing:
            await resolve(writing, stated("E1", **ODILE, emails=MAIL))
            waits = asyncio.create_task(entered(waiting, stated("E2", **ODILE, emails=MAIL)))
            await asyncio.sleep(0.1)
            assert not waits.done()
        held = await waits

    assert len({record_id for holders in held.holders.values() for record_id in holders}) == 1
    await clear(shop.database)


async def test_what_is_tied_to_a_record_is_read_as_it_is_once_its_client_is_locked(
    shop: Shop,
) -> None:
    first = await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    client_id = seed = UUID(first["client_id"])

    async with shop.database.transaction() as waiting:
        async with shop.database.transaction() as writing:
            assert await repository.lock_clients(writing, [client_id])
            waits = asyncio.create_task(read_around(waiting, [seed]))
            await asyncio.sleep(0.1)
            assert not waits.done()
            await resolve(writing, stated("E1", **ODILE, emails=MAIL))
        around = await waits

    assert len(around.component.records) == 2
    await clear(shop.database)


async def test_a_client_that_turns_out_to_be_tied_is_locked_as_well(shop: Shop) -> None:
    one = await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    two = await shop.profile("app", "A1", **ODILE, emails=["odile@mail.example"])
    assert two["client_id"] == one["client_id"]
    await shop.split(one["client_id"], [("app", "A1")])
    seed, head = UUID(await shop.client_of("app", "A1")), UUID(one["client_id"])
    assert seed != head

    async with shop.database.transaction() as reading:
        around = await read_around(reading, [seed])
        async with shop.database.transaction() as other:
            free = text("SELECT id FROM client WHERE id = :id FOR UPDATE SKIP LOCKED")
            assert await other.scalar(free, {"id": head}) is None

    assert {record.client_id for record in around.component.records} == {seed, head}


async def test_records_that_were_not_asked_for_have_no_component(shop: Shop) -> None:
    one = await shop.profile("pos", "P1", **ODILE, emails=["odile@mail.example"])
    two = await shop.profile("pos", "P2", given_name="Basile", family_name="Martinot")
    seed, other = UUID(one["client_id"]), UUID(two["client_id"])

    async with shop.database.transaction() as session:
        around = await read_around(session, [seed], [other])

    assert around.records.keys() == {seed, other}
    assert around.component_of([other]) is None
    component = around.component_of([seed])
    assert component is not None
    assert [record.id for record in component.records] == [seed]
