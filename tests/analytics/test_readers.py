"""Who has the role of a reader reads the views, and can do nothing else."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy import text

from rcu.cli.diagnosis import Verdict, check_readers
from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from rcu.db.readers import (
    PowerfulUserError,
    RolesRefusedError,
    UnknownUserError,
    administered,
    let_read,
    stop_reading,
)
from tests.ingestion.shop import Shop

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Reading:
    """A user who was made for the test, as the superuser and as themselves."""

    server: EmbeddedServer
    able: Database
    user: str

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection of the user to the database of the test."""
        url = self.server.url(database=str(self.able.engine.url.database), user=self.user)
        return await asyncpg.connect(
            host=url.query["host"], user=url.username, database=url.database
        )

    async def refusal(self, statement: str) -> type[Exception] | None:
        """Return how a statement of the user's, in a transaction that may write, is refused."""
        connection = await self.connect()
        try:
            await connection.execute("BEGIN READ WRITE")
            await connection.execute(statement)
        except asyncpg.PostgresError as error:
            return type(error)
        finally:
            await connection.close()
        return None

    async def names(self, statement: str) -> list[str]:
        """Return the first column of a query of the superuser's."""
        async with self.able.read() as connection:
            return list((await connection.execute(text(statement))).scalars())


@pytest.fixture
async def reading(server: EmbeddedServer, shop: Shop) -> AsyncIterator[Reading]:
    """Give a user who may sign in and has no role yet."""
    user = f"reader {os.getpid()}-{next(_numbers)}"
    able = administered(shop.database)
    async with able.transaction() as session:
        await session.execute(text(f'CREATE ROLE "{user}" LOGIN'))
    yield Reading(server, able, user)
    async with able.transaction() as session:
        await session.execute(text(f'DROP OWNED BY "{user}"'))
        await session.execute(text(f'DROP ROLE "{user}"'))
    await able.close()


_VIEWS = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'v' AND relnamespace = 'analytics'::regnamespace ORDER BY 1
"""
_TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relnamespace = 'public'::regnamespace ORDER BY 1
"""
_FUNCTIONS = """
    SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
CONTACTS = "analytics.client_contacts"


@pytest.mark.parametrize("personal", [False, True])
async def test_a_reader_reads_every_view_but_personal_data(
    reading: Reading, *, personal: bool
) -> None:
    await let_read(reading.able, reading.user, personal=personal)

    views = await reading.names(_VIEWS)
    refused = [view for view in views if await reading.refusal(f"TABLE {view} LIMIT 1")]

    assert len(views) > 15
    assert refused == ([] if personal else [CONTACTS])


async def test_a_reader_reads_no_table_and_calls_no_function_of_ours(reading: Reading) -> None:
    await let_read(reading.able, reading.user, personal=True)

    tables = await reading.names(_TABLES)
    read = [name for name in tables if not await reading.refusal(f"TABLE {name} LIMIT 1")]
    functions = await reading.names(_FUNCTIONS)
    callable_ones = await reading.names(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        f"AND has_function_privilege('{reading.user}', oid, 'EXECUTE')"
    )

    assert len(tables) > 40
    assert "attach_rate_pending" in tables
    assert read == []
    assert "lock_until_commit(bigint[],bigint)" in functions
    assert callable_ones == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO analytics.stores (store, name) VALUES ('X', 'X')",
        "UPDATE analytics.stores SET name = 'X'",
        "DELETE FROM analytics.points_lots",
        "CREATE TABLE analytics.mine ()",
        "CREATE TABLE public.mine ()",
        "DROP VIEW analytics.stores",
        "SELECT lock_until_commit('{1}', 0)",
    ],
)
async def test_a_reader_writes_nothing(reading: Reading, statement: str) -> None:
    await let_read(reading.able, reading.user, personal=True)

    assert await reading.refusal(statement) is not None


async def test_transactions_of_a_reader_are_read_only_by_themselves(reading: Reading) -> None:
    await let_read(reading.able, reading.user, personal=False)

    connection = await reading.connect()
    told = await connection.fetchval("SHOW default_transaction_read_only")
    await connection.close()

    assert told == "on"


async def test_who_stops_reading_reads_no_view(reading: Reading) -> None:
    await let_read(reading.able, reading.user, personal=True)
    await stop_reading(reading.able, reading.user)

    assert await reading.refusal("TABLE analytics.stores") is asyncpg.InsufficientPrivilegeError


async def test_a_view_that_a_migration_adds_is_read_after_it(reading: Reading) -> None:
    await let_read(reading.able, reading.user, personal=False)
    owner = Database(reading.able.engine.url.set(username="rcu"))
    async with owner.transaction() as session:
        await session.execute(text("CREATE VIEW analytics.added AS SELECT 1 AS one"))
    before = await reading.refusal("TABLE analytics.added")

    await migrate(owner)
    after = await reading.refusal("TABLE analytics.added")
    async with owner.transaction() as session:
        await session.execute(text("DROP VIEW analytics.added"))
    await owner.close()

    assert (before, after) == (asyncpg.InsufficientPrivilegeError, None)


async def test_nobody_is_made_a_reader_who_may_write_anyway(reading: Reading) -> None:
    for user in ("rcu", "postgres"):
        with pytest.raises(PowerfulUserError):
            await let_read(reading.able, user, personal=False)
    with pytest.raises(UnknownUserError):
        await let_read(reading.able, 'no"body', personal=False)


async def test_where_roles_may_not_be_made_it_says_what_to_run_and_then_it_works(
    reading: Reading, shop: Shop
) -> None:
    with pytest.raises(RolesRefusedError) as refused:
        await let_read(shop.database, reading.user, personal=False)
    to_run = str(refused.value).partition("administrator run: ")[2]
    unread = await reading.refusal("TABLE analytics.stores")

    async with reading.able.transaction() as session:
        for statement in filter(None, map(str.strip, to_run.split(";"))):
            await session.execute(text(statement))
    await let_read(shop.database, reading.user, personal=False)

    assert unread is asyncpg.InsufficientPrivilegeError
    assert await reading.refusal("TABLE analytics.stores") is None


async def test_the_doctor_says_who_reads(reading: Reading) -> None:
    await let_read(reading.able, reading.user, personal=False)

    async with reading.able.read() as connection:
        finding = await check_readers(connection)

    assert finding.verdict is Verdict.OK
    assert f"rcu_analyst: {reading.user}" in finding.found
