"""Refusing a server that could lose what the service has acknowledged."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rcu.db.errors import UnsafeDurabilityError
from rcu.settings import Settings


async def ensure_durable(connection: AsyncConnection, settings: Settings) -> None:
    """Refuse a server that could lose what it acknowledged, unless the settings allow it.

    Raises `UnsafeDurabilityError` when fsync, full_page_writes or synchronous_commit is off.
    """
    if not settings.allow_unsafe_durability and (unsafe := await unsafe_parameters(connection)):
        raise UnsafeDurabilityError(unsafe)


async def unsafe_parameters(connection: AsyncConnection) -> dict[str, str]:
    """Return the durability parameters that are off, with their values."""
    rows = await connection.execute(
        text(
            "SELECT name, setting FROM pg_settings WHERE setting = 'off'"
            " AND name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        )
    )
    return {row.name: row.setting for row in rows}
