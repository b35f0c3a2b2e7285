"""A stopping service finishes what it accepted."""

from __future__ import annotations

import asyncio
import socket

import httpx
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.app import create_app
from rcu.db.engine import Database
from rcu.http.dependencies import DatabaseDep
from rcu.http.routing import api_router
from tests.service_client import TEST_SETTINGS

router = api_router()
reached = asyncio.Event()


@router.post("/slow")
async def slow(database: DatabaseDep) -> int:
    """Write to the database after a while."""

    async def work(session: AsyncSession) -> int:
        reached.set()
        await session.execute(text("SELECT pg_sleep(0.5)"))
        await session.execute(
            text("INSERT INTO source (code, name, kind) VALUES ('late', 'x', 'pos')")
        )
        return 1

    return await database.run(work)


async def test_a_request_under_way_is_finished_before_the_service_stops(
    database: Database,
) -> None:
    app = create_app(TEST_SETTINGS, database=database)
    app.include_router(router)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="on")
        )
        # Signals are the test runner's.
        serving = asyncio.create_task(server._serve([listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address) as client:
            answering = asyncio.create_task(client.post("/slow"))
            await reached.wait()

            server.should_exit = True
            answer = await answering
            await serving

    assert answer.status_code == 200
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM source")) == 1
