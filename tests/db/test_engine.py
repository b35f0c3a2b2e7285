"""The pool and the transaction at the edge: commits, retries, and a database that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import ATTEMPTS, Database, asyncpg_url
from rcu.db.errors import DatabaseUnavailableError
from rcu.errors import RcuError


@pytest.fixture
async def counters(database: Database) -> Database:
    """Give a database with two counters at zero."""
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE counter (id integer PRIMARY KEY, n integer)"))
        await session.execute(text("INSERT INTO counter VALUES (1, 0), (2, 0)"))
    return database


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Give a server that a test may stop."""
    with EmbeddedServer(tmp_path_factory.mktemp("own") / "data") as running:
        yield running


@pytest.fixture
async def own_database(own_server: EmbeddedServer) -> AsyncIterator[Database]:
    """Give a database whose server a test may stop; it runs again afterwards."""
    database = Database(own_server.url())
    yield database
    await database.close()
    await asyncio.to_thread(own_server.ensure_running)


async def add(session: AsyncSession, counter: int) -> None:
    """Add one to a counter, which locks it until the transaction ends."""
    await session.execute(text("UPDATE counter SET n = n + 1 WHERE id = :id"), {"id": counter})


async def total(database: Database) -> int:
    """Return the sum of the counters."""
    async with database.read() as connection:
        return int(await connection.scalar(text("SELECT sum(n) FROM counter")) or 0)


async def answers(database: Database) -> bool:
    """Say whether a database answers."""
    async with database.read() as connection:
        return bool(await connection.scalar(text("SELECT true")))


async def test_a_transaction_commits_at_exit(counters: Database) -> None:
    async with counters.transaction() as session:
        await add(session, 1)

    assert await total(counters) == 1


async def test_a_transaction_rolls_back_on_an_error(counters: Database) -> None:
    async def fail() -> None:
        async with counters.transaction() as session:
            await add(session, 1)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert await total(counters) == 0


async def test_work_is_committed_when_run_returns(counters: Database) -> None:
    async def work(session: AsyncSession) -> str:
        await add(session, 1)
        return "done"

    assert await counters.run(work) == "done"
    assert await total(counters) == 1


async def test_a_refusal_rolls_back_and_is_not_tried_again(counters: Database) -> None:
    calls = 0

    async def work(session: AsyncSession) -> None:
        nonlocal calls
        calls += 1
        await add(session, 1)
        raise RcuError("refused")

    with pytest.raises(RcuError, match="refused"):
        await counters.run(work)
    assert (calls, await total(counters)) == (1, 0)


async def test_no_deadlock_reaches_the_sender(counters: Database) -> None:
    calls = 0

    async def both(first: int, second: int) -> None:
        async def work(session: AsyncSession) -> None:
            nonlocal calls
            calls += 1
            await add(session, first)
            await asyncio.sleep(0.05)
            await add(session, second)

        await counters.run(work)

    await asyncio.gather(both(1, 2), both(2, 1))

    assert calls > 2, "the deadlock did not happen: this test proves nothing"
    assert await total(counters) == 4


async def test_serialisation_failures_are_tried_again(counters: Database) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        n = await session.scalar(text("SELECT n FROM counter WHERE id = 1"))
        await asyncio.sleep(0.01)
        await session.execute(text("UPDATE counter SET n = :n WHERE id = 1"), {"n": n + 1})

    await asyncio.gather(*(counters.run(work) for _ in range(4)))

    assert await total(counters) == 4


async def test_work_that_never_gets_through_ends_as_unavailable(database: Database) -> None:
    calls = 0

    async def work(session: AsyncSession) -> None:
        nonlocal calls
        calls += 1
        await session.execute(text("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"))

    with pytest.raises(DatabaseUnavailableError):
        await database.run(work)
    assert calls == ATTEMPTS


async def test_work_is_run_again_when_its_connection_breaks_before_the_commit(
    counters: Database,
) -> None:
    calls = 0

    async def work(session: AsyncSession) -> None:
        nonlocal calls
        calls += 1
        await add(session, 1)
        if calls == 1:
            await break_connection(counters, session)
        await add(session, 1)

    await counters.run(work)

    assert (calls, await total(counters)) == (2, 2)


async def test_work_is_not_run_again_when_its_connection_breaks_in_the_commit(
    counters: Database,
) -> None:
    calls = 0

    async def work(session: AsyncSession) -> None:
        nonlocal calls
        calls += 1
        await add(session, 1)
        await break_connection(counters, session)

    with pytest.raises(DatabaseUnavailableError):
        await counters.run(work)
    assert calls == 1


async def break_connection(database: Database, session: AsyncSession) -> None:
    """Make the server end the session's connection, as an administrator does."""
    process_id = await session.scalar(text("SELECT pg_backend_pid()"))
    async with database.read() as other:
        await other.execute(text("SELECT pg_terminate_backend(:id, 5000)"), {"id": process_id})


async def test_a_database_that_is_away_is_unavailable_until_it_is_back(
    own_server: EmbeddedServer, own_database: Database
) -> None:
    assert await answers(own_database)

    await asyncio.to_thread(own_server.stop)

    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError) as refusal:
            await answers(own_database)
        assert refusal.value.status == 503
        assert refusal.value.headers["Retry-After"] == "1"
    with pytest.raises(DatabaseUnavailableError):
        async with own_database.transaction():
            pass

    await asyncio.to_thread(own_server.ensure_running)
    assert await answers(own_database)


async def test_a_restart_between_two_requests_costs_no_request(
    own_server: EmbeddedServer, own_database: Database
) -> None:
    await asyncio.gather(*(answers(own_database) for _ in range(5)))

    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.ensure_running)

    assert all(await asyncio.gather(*(answers(own_database) for _ in range(5))))


async def test_a_full_pool_is_unavailable_and_recovers(server: EmbeddedServer) -> None:
    database = Database(server.url(), pool_size=1, pool_overflow=0, pool_timeout_seconds=0.05)
    async with database.read():
        assert database.pool_use().in_use == database.pool_use().limit == 1
        with pytest.raises(DatabaseUnavailableError, match="in use"):
            await answers(database)

    assert await answers(database)
    await database.close()


async def test_a_statement_that_takes_too_long_is_unavailable(server: EmbeddedServer) -> None:
    database = Database(server.url(), statement_timeout_seconds=0.05)

    async def sleep() -> None:
        async with database.read() as connection:
            await connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(DatabaseUnavailableError):
        await sleep()
    await database.close()


async def test_an_error_does_not_show_the_values(session: AsyncSession) -> None:
    statement = text("SELECT 1 / (length(CAST(:name AS text)) - 5)")

    with pytest.raises(DBAPIError, match="division by zero") as caught:
        await session.execute(statement, {"name": "marie"})

    assert "marie" not in str(caught.value)


async def test_json_goes_and_comes_back_unchanged(session: AsyncSession) -> None:
    value = {"name": "Zoë", "tags": [1, 2.5, None, True], "nested": {"a": "b"}}
    statement = text("SELECT :value AS value").bindparams(bindparam("value", value, JSONB))

    assert await session.scalar(statement) == value


async def test_a_dedicated_connection_hears_notifications(database: Database) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await database.dedicated_connection()
    await listener.add_listener("news", lambda *event: heard.put_nowait(event[3]))

    async with database.transaction() as session:
        await session.execute(text("SELECT pg_notify('news', 'revoked')"))

    assert await asyncio.wait_for(heard.get(), timeout=5) == "revoked"
    await listener.close()


@pytest.mark.parametrize(
    "spelling",
    ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"],
)
def test_every_spelling_of_an_address_is_taken(spelling: str) -> None:
    url = asyncpg_url(spelling)

    assert url.drivername == "postgresql+asyncpg"
    assert (url.username, url.host, url.database) == ("u", "h", "d")


def test_the_ssl_mode_of_libpq_is_understood() -> None:
    assert asyncpg_url("postgresql://h/d?sslmode=require").query == {"ssl": "require"}


async def test_a_hot_read_gets_objects_out_of_json(database: Database) -> None:
    async with database.driver_connection() as connection:
        value = await connection.fetchval("SELECT $1::jsonb -> 'b'", '{"b": [1, "é"]}')

    assert value == [1, "é"]


async def test_a_hot_read_of_a_database_that_is_away_is_unavailable(
    own_server: EmbeddedServer, own_database: Database
) -> None:
    async def hot_read() -> int:
        async with own_database.driver_connection() as connection:
            return int(await connection.fetchval("SELECT 1"))

    assert await hot_read() == 1

    await asyncio.to_thread(own_server.stop)
    with pytest.raises(DatabaseUnavailableError):
        await hot_read()

    await asyncio.to_thread(own_server.ensure_running)
    assert await hot_read() == 1


async def test_a_connection_that_breaks_under_a_hot_read_is_unavailable(
    database: Database,
) -> None:
    async def hot_read() -> None:
        async with database.driver_connection() as connection:
            own = await connection.fetchval("SELECT pg_backend_pid()")
            async with database.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:id, 5000)"), {"id": own})
            await connection.fetchval("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        await hot_read()


async def test_a_cancelled_read_leaves_a_pool_that_works(server: EmbeddedServer) -> None:
    database = Database(server.url(), pool_size=1, pool_overflow=0)

    async def sleep() -> None:
        async with database.driver_connection() as connection:
            await connection.fetchval("SELECT pg_sleep(5)")

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sleep(), timeout=0.05)
        assert await answers(database)

    assert database.pool_use().in_use == 0
    await database.close()


async def test_a_cancelled_unit_of_work_leaves_no_transaction_behind(counters: Database) -> None:
    own = Database(counters.engine.url, pool_size=1, pool_overflow=0)
    begun = asyncio.Event()

    async def wait(session: AsyncSession) -> None:
        await add(session, 1)
        begun.set()
        await asyncio.sleep(60)

    given_up = asyncio.create_task(own.run(wait))
    await begun.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    in_use = own.pool_use().in_use

    async def work(session: AsyncSession) -> None:
        await add(session, 1)

    await own.run(work)

    assert (in_use, await total(counters)) == (0, 1)
    await own.close()
