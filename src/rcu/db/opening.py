"""Opening the database that the settings name: the embedded one, or one reached by its URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import URL

from rcu.db.durability import ensure_durable
from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database, asyncpg_url
from rcu.settings import Settings


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Give the database of the settings, its durability checked, and close it at exit.

    Without a URL this holds the embedded server, starting it if need be, and lets it go at exit.
    """
    server = None if settings.database_url else EmbeddedServer(settings.data_dir)
    if server is not None:
        await asyncio.to_thread(server.acquire)
    try:
        database = Database.from_settings(settings, server.url() if server else _url_of(settings))
        try:
            async with database.read() as connection:
                await ensure_durable(connection, settings)
            yield database
        finally:
            await database.close()
    finally:
        if server is not None:
            await asyncio.to_thread(server.release)


@contextmanager
def hold_database(settings: Settings) -> Iterator[URL]:
    """Give the address of the database, holding the embedded server, for work outside a pool."""
    if settings.database_url is not None:
        yield _url_of(settings)
        return
    with EmbeddedServer(settings.data_dir) as server:
        yield server.url()


def _url_of(settings: Settings) -> URL:
    if settings.database_url is None:
        msg = "settings without a database URL"
        raise ValueError(msg)
    return asyncpg_url(settings.database_url.get_secret_value())
