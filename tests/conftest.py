"""Fixtures of the whole suite: a real PostgreSQL, built by the migrations.

- `session`: a session in a transaction that is rolled back; a few milliseconds. For most tests.
- `database`: a `Database` of the test's own, cloned from the migrated template; some 50 ms. For
  tests of commits, of concurrency, or of the service as a whole.
- `module_database`: the like, shared by the tests of a module that write little.
- `shop`: a retailer whose tills, e-shop and app send to the service, over a `module_database`.

Asynchronous tests run on anyio's pytest plugin, which Starlette and httpx bring along: it spares a
dependency. Its mode `auto` (pyproject.toml) takes every `async def test_...`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import hypothesis
import pytest
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from rcu.settings import Settings
from tests.ingestion.shop import Shop, assert_sound, clear, open_shop

TEMPLATE = "rcu_template"
SHARED = "rcu_shared"

# The suite's own server may lose its data: it is thrown away with them. Never so in service.
THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
}

PATIENT_SECONDS = 60.0
"""How long a test waits for a free connection: what it proves does not depend on how busy the
machine is. A service says 503 after five seconds."""

_numbers = itertools.count(1)


# The tests depend neither on the terminal (processes of pytest-xdist are given the size of one, and
# the consoles of `rcu` are made when its commands are imported) nor on how busy the machine is.
os.environ.pop("COLUMNS", None)
os.environ.pop("LINES", None)
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, the loop of the service."""
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Give the suite's own PostgreSQL, with the migrated template database."""
    folder = tmp_path_factory.mktemp("postgres") / "data"
    with EmbeddedServer(folder, overrides=THROW_AWAY) as running:
        anyio.run(_make_template, running)
        yield running


async def _make_template(running: EmbeddedServer) -> None:
    await _administer(running, f"CREATE DATABASE {TEMPLATE} OWNER rcu")
    database = Database(running.url(database=TEMPLATE))
    await migrate(database)
    await database.close()
    await _administer(running, f"CREATE DATABASE {SHARED} OWNER rcu TEMPLATE {TEMPLATE}")


async def _administer(running: EmbeddedServer, statement: str) -> None:
    """Run a statement that belongs to no transaction, as the server's superuser."""
    engine = create_async_engine(
        running.url(database="postgres", user="postgres"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings of the test's own, whatever the environment says."""
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "var",
        database_url=None,
        allow_unsafe_durability=True,
    )


@asynccontextmanager
async def _cloned(server: EmbeddedServer) -> AsyncIterator[URL]:
    name = f"rcu_test_{next(_numbers)}"
    await _administer(server, f"CREATE DATABASE {name} OWNER rcu TEMPLATE {TEMPLATE}")
    yield server.url(database=name)
    await _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def database_url(server: EmbeddedServer) -> AsyncIterator[URL]:
    """Give the address of a migrated database of the test's own."""
    async with _cloned(server) as url:
        yield url


@pytest.fixture(scope="module")
async def module_database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """Give a migrated database that the tests of one module share, for those that write little."""
    async with _cloned(server) as url:
        own = Database(url, pool_timeout_seconds=PATIENT_SECONDS)
        yield own
        await own.close()


@pytest.fixture
async def database(database_url: URL) -> AsyncIterator[Database]:
    """Give a migrated database of the test's own, for real commits and concurrency."""
    own = Database(database_url, pool_timeout_seconds=PATIENT_SECONDS)
    yield own
    await own.close()


@pytest.fixture
async def shared_engine(server: EmbeddedServer) -> AsyncIterator[AsyncEngine]:
    """Give the engine of the database that `session` shares; nobody commits to it."""
    shared = Database(server.url(database=SHARED), pool_size=1)
    yield shared.engine
    await shared.close()


@pytest.fixture
async def session(shared_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """Give a session in a transaction that is rolled back at the end of the test.

    A `commit()` under test ends a savepoint only.
    """
    async with shared_engine.connect() as connection, connection.begin() as transaction:
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as bound:
            yield bound
        await transaction.rollback()


@pytest.fixture(scope="module")
async def opened_shop(module_database: Database) -> AsyncIterator[Shop]:
    """Give the retailer that the tests of a module share."""
    async with open_shop(module_database) as opened:
        yield opened


@pytest.fixture
async def shop(opened_shop: Shop) -> AsyncIterator[Shop]:
    """Give a retailer to whom nothing was sent; whatever a test sends leaves the data sound."""
    await clear(opened_shop.database)
    yield opened_shop
    await assert_sound(opened_shop.database)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the statements that reach the driver, as they come."""
    sent: list[str] = []
    plain = asyncpg.Connection.fetch

    async def noted(connection: Any, statement: str, *values: Any) -> Any:
        sent.append(statement)
        return await plain(connection, statement, *values)

    monkeypatch.setattr(asyncpg.Connection, "fetch", noted)
    return sent
