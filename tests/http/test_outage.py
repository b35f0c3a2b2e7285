"""The service while the database is away, and after."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from rcu.access.models import Scope
from rcu.access.service import IssuedKey
from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.migrations import migrate
from tests.eventually import eventually
from tests.service_client import bearer, issue_key, running_service

RECOVERY_SECONDS = 20.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """Give a server of the test's own, that it may stop."""
    server = EmbeddedServer(tmp_path, overrides={"fsync": "off", "full_page_writes": "off"})
    await anyio.to_thread.run_sync(server.acquire)
    yield server
    await anyio.to_thread.run_sync(server.release)


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    own = Database(server.url())
    await migrate(own)
    yield own
    await own.close()


@pytest.fixture
async def administrator(database: Database) -> IssuedKey:
    return await issue_key(database, Scope.ADMIN)


async def test_requests_are_told_to_come_back_and_then_served_again(
    server: EmbeddedServer, database: Database, administrator: IssuedKey
) -> None:
    monitor = await issue_key(database, Scope.METRICS_READ)
    async with running_service(database) as client:

        async def status() -> int:
            return (await client.get("/v1/sources", headers=bearer(administrator))).status_code

        async def away() -> bool:
            return await status() == 503

        async def back() -> bool:
            return await status() == 200

        assert await back()
        assert (await client.get("/metrics", headers=bearer(monitor))).status_code == 200

        await anyio.to_thread.run_sync(server.release)
        await eventually(away, within_seconds=RECOVERY_SECONDS)

        answer = await client.get("/v1/sources", headers=bearer(administrator))
        assert answer.json()["type"] == "/problems/database-unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        # Who read the figures last may read them on, and nobody else may.
        figures = await client.get("/metrics", headers=bearer(monitor))
        assert figures.status_code == 200
        refused = re.search(r"^rcu_database_unavailable_total (.*)$", figures.text, re.MULTILINE)
        assert refused
        assert float(refused[1]) >= 2
        assert (await client.get("/metrics", headers=bearer(administrator))).status_code == 503

        await anyio.to_thread.run_sync(server.acquire)
        await eventually(back, within_seconds=RECOVERY_SECONDS)
        assert (await client.get("/readyz")).status_code == 200
