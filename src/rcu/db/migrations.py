"""Bringing a database to the schema of this release, and telling which schema it has."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

import rcu
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.db.partitions import make_months
from rcu.db.readers import grant_views
from rcu.errors import RcuError

MIGRATION_LOCK = 0x5243_554D_4947
"""Key of the advisory lock that lets one process migrate at a time."""
LOCK_WAIT_SECONDS = 300.0
LOCK_TIMEOUT = "5s"
"""Longest wait of one migration for a table: queries that queue behind it wait no longer."""


class MigrationsNotFoundError(RcuError):
    """The folder of the migrations is not in this installation."""

    status = 500
    code = "migrations_not_found"


def migrations_folder() -> Path:
    """Return the folder of the migrations: of the checkout, or where the wheel puts it."""
    checkout = Path(rcu.__file__).resolve().parents[2] / "migrations"
    installed = Path(sys.prefix, "share", "rcu", "migrations")
    for folder in (checkout, installed):
        if (folder / "env.py").is_file():
            return folder
    msg = f"No migrations in {checkout} nor in {installed}: install the service again."
    raise MigrationsNotFoundError(msg)


def head_revision() -> str | None:
    """Return the newest revision this release knows, or None when it has no migration."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision the database is at, or None when it was never migrated."""
    # Not asked through Alembic, which writes log lines each time, and readiness asks often.
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


async def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the database to the newest revision; return the revisions before and after.

    Safe while others run: one migrates, the others wait, then find nothing to do.
    """
    async with database.engine.connect() as connection:
        await _lock(connection)
        try:
            before = await current_revision(connection)
            await connection.execute(text("SET statement_timeout = 0"))
            await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.run_sync(make_months, today=datetime.now(UTC).date())
            async with AsyncSession(connection) as session:
                await grant_views(session)
                await session.commit()
            await connection.commit()
            return before, await current_revision(connection)
        finally:
            # The session ends with its lock and its settings: it does not go back to the pool.
            await connection.invalidate()


def comparison_options(connection: Connection) -> dict[str, Any]:
    """Return how a database is compared with the models: its partitions are no tables of theirs."""

    @cache
    def partitions() -> frozenset[str]:
        # Asked only when a comparison needs it: a migration must find no transaction begun.
        statement = text("SELECT inhrelid::regclass::text FROM pg_inherits")
        return frozenset(connection.scalars(statement))

    def included(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name not in partitions()

    return {"include_object": included, "compare_server_default": True}


async def _lock(connection: AsyncConnection) -> None:
    """Take the migration lock.

    By asking again and again: one who waits inside a statement would hold a snapshot, and
    CREATE INDEX CONCURRENTLY, which waits for all snapshots, would wait for it for ever.
    """
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    statement = text("SELECT pg_try_advisory_lock(:key)")
    while not await connection.scalar(statement, {"key": MIGRATION_LOCK}):
        await connection.rollback()
        if time.monotonic() > deadline:
            msg = "Another process is migrating the database."
            raise DatabaseUnavailableError(msg)
        await asyncio.sleep(0.2)
    await connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
