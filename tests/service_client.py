"""Runs the service inside a test, and gives it callers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import service
from rcu.access.models import Scope, SourceKind
from rcu.access.service import IssuedKey
from rcu.app import create_app
from rcu.db.engine import Database
from rcu.settings import Settings

TEST_SETTINGS = Settings(
    _env_file=None, data_dir=Path("unused"), allow_unsafe_durability=True, log_level="error"
)


@asynccontextmanager
async def running_service(
    database: Database,
    *,
    settings: Settings = TEST_SETTINGS,
    extra: Sequence[APIRouter] = (),
) -> AsyncIterator[httpx.AsyncClient]:
    """Start the service on `database`, with further routes if given; the client calls it."""
    async with running_app(database, settings=settings, extra=extra) as (_, client):
        yield client


@asynccontextmanager
async def running_app(
    database: Database,
    *,
    settings: Settings = TEST_SETTINGS,
    extra: Sequence[APIRouter] = (),
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """Start the service and give the application beside its client."""
    app = create_app(settings, database=database)
    for router in extra:
        app.include_router(router)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://rcu.test") as client:
            yield app, client


async def issue_key(database: Database, *scopes: Scope, source: str | None = None) -> IssuedKey:
    """Make an API key, and its source if it has one."""

    async def work(session: AsyncSession) -> IssuedKey:
        if source is not None:
            await service.add_source(session, code=source, name=source, kind=SourceKind.OTHER)
        return await service.create_key(
            session,
            name="test",
            scopes=scopes,
            source=source,
            reader=None if source else "test",
        )

    return await database.run(work)


def bearer(key: IssuedKey) -> dict[str, str]:
    """Return the headers that present `key`."""
    return {"Authorization": f"Bearer {key.text}"}
