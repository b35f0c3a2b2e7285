"""The service with a reader's key, for tests of the routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rcu.access.models import Scope
from rcu.db.engine import Database
from tests.service_client import bearer, issue_key, running_service


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Give a caller of the service on the test's own database, who may read and search."""
    key = await issue_key(database, Scope.CLIENTS_READ, Scope.CLIENTS_SEARCH)
    async with running_service(database) as client:
        client.headers.update(bearer(key))
        yield client


async def answer(client: httpx.AsyncClient, method: str, path: str, **options: Any) -> Any:
    """Return the body of an answer that is 200."""
    response = await client.request(method, path, **options)
    assert response.status_code == 200, response.text
    return response.json()
