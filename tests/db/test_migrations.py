"""Migrations: to the newest revision, once, however many ask at the same time."""

from __future__ import annotations

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.metadata import Base, import_models
from rcu.db.migrations import (
    comparison_options,
    current_revision,
    head_revision,
    migrate,
    migrations_folder,
)
from rcu.db.opening import open_database
from rcu.settings import Settings


async def test_a_migrated_database_is_at_the_newest_revision(database: Database) -> None:
    async with database.read() as connection:
        assert await current_revision(connection) == head_revision()


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await migrate(database) == (head_revision(), head_revision())


async def test_several_may_migrate_an_empty_database_at_once(settings: Settings) -> None:
    async with open_database(settings) as database:
        results = await asyncio.gather(*(migrate(database) for _ in range(3)))

    assert {after for _, after in results} == {head_revision()}


async def test_the_migrations_make_the_tables_that_the_models_describe(database: Database) -> None:
    import_models()

    def differences(connection: Connection) -> list[object]:
        options = comparison_options(connection)
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


def test_the_migrations_are_found() -> None:
    assert (migrations_folder() / "env.py").is_file()


async def test_the_connection_of_a_migration_does_not_keep_its_lock(
    server: EmbeddedServer, database: Database
) -> None:
    await migrate(database)
    other = Database(server.url(database=str(database.engine.url.database)))

    await asyncio.wait_for(migrate(other), timeout=10)

    await other.close()
