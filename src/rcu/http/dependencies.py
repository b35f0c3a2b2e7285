"""What endpoints may ask for: the database, and a transaction of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from rcu.db.engine import Database
from rcu.settings import Settings


async def get_database(request: Request) -> Database:
    """Return the database of this process."""
    database: Database = request.app.state.database
    return database


async def get_settings(request: Request) -> Settings:
    """Return the settings of this process."""
    settings: Settings = request.app.state.settings
    return settings


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Give one transaction, committed before the answer leaves."""
    database: Database = request.app.state.database
    async with database.transaction() as session:
        yield session


DatabaseDep = Annotated[Database, Depends(get_database)]
"""For a unit of work that is retried on a deadlock: `await database.run(work)`."""

SettingsDep = Annotated[Settings, Depends(get_settings)]

SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
"""One transaction for the whole request.

`scope="function"` commits before the response is sent; FastAPI's default would commit after it,
and a client would be told of a commit that then failed.
"""
