"""Run the migrations: on the connection that `rcu migrate` gives, or on one of the settings."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from rcu.db.metadata import Base, import_models
from rcu.db.migrations import comparison_options
from rcu.db.opening import open_database
from rcu.settings import Settings

import_models()


def run(connection: Connection) -> None:
    """Run on a connection, each migration in a transaction of its own."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        **comparison_options(connection),
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_from_settings() -> None:
    """Run on the database of the settings, for the `alembic` command."""
    async with open_database(Settings()) as database, database.engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(run_from_settings())
