"""Models over the API: listed, tried, activated and taken back, by administrators only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import httpx
import pytest

from rcu.access.models import Scope
from rcu.bulk.background import keep_working
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.jobs import OpenEngine
from rcu.bulk.work import work_off
from rcu.db.engine import Database
from tests.bulk.crowd import crowd
from tests.bulk.sending import profile_messages
from tests.bulk.test_activation import send
from tests.identity.test_model_versions import SHIPPED, STRICT, activate, keep
from tests.service_client import bearer, issue_key, running_service

WHY = {"reason": "measured better"}


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenEngine]:
    with DuckDBEngine(processes=1) as running:
        yield lambda: nullcontext(running)


@pytest.fixture
async def api(open_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Give the service to an administrator, with a model beside the shipped one."""
    await keep(open_database, STRICT)
    async with running_service(open_database) as client:
        client.headers.update(bearer(await issue_key(open_database, Scope.ADMIN)))
        yield client


async def get(api: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_model_is_tried_activated_and_taken_back(
    api: httpx.AsyncClient, open_database: Database, engine: OpenEngine
) -> None:
    await send(open_database, profile_messages(crowd(60, seed=61)))

    asked = await api.post("/v1/models/strict/trials")
    await work_off(open_database, engine, region="FR")
    trial = await get(api, f"/v1/model-trials/{asked.json()['id']}")
    lines = f"/v1/model-trials/{trial['id']}/lines"
    first = await get(api, lines, limit=1)
    second = await get(api, lines, limit=1, cursor=first["next_cursor"])
    activated = await api.post("/v1/models/strict/activate", json=WHY)
    progress = f"/v1/model-activations/{activated.json()['number']}"
    waiting = await get(api, progress)
    await work_off(open_database, engine, region="FR")
    done = await get(api, progress)
    reverted = await api.post("/v1/model-activations/revert", json=WHY)

    assert (asked.status_code, activated.status_code, reverted.status_code) == (202, 202, 202)
    assert trial["figures"]["merges_lost"] > 1
    assert [page["lines"][0]["position"] for page in (first, second)] == [1, 2]
    assert first["lines"][0]["before"]["evidence"]
    assert (waiting["state"], waiting["total_records"]) == ("waiting", None)
    assert (done["state"], done["reason"]) == ("done", WHY["reason"])
    assert done["moved_records"] >= trial["figures"]["moved_records"]
    assert reverted.json()["version"] == SHIPPED.version
    assert reverted.json()["reverts"] == done["number"]


async def test_models_and_activations_are_listed_newest_first(
    api: httpx.AsyncClient, open_database: Database
) -> None:
    await activate(open_database, "strict")
    await api.post("/v1/model-activations/revert", json=WHY)

    models = (await get(api, "/v1/models"))["models"]
    detail = await get(api, "/v1/models/strict")
    page = await get(api, "/v1/model-activations", limit=1)
    rest = await get(api, "/v1/model-activations", cursor=page["next_cursor"])

    assert {one["version"]: one["is_active"] for one in models} == {
        "strict": False,
        SHIPPED.version: True,
    }
    assert detail["document"]["link_weight"] == STRICT.link_weight
    assert [one["version"] for one in page["activations"]] == [SHIPPED.version]
    assert [one["version"] for one in rest["activations"]] == ["strict"]
    assert rest["next_cursor"] is None


REFUSED = [
    ("GET", "/v1/models/unheard-of", 404, "model-version-not-found"),
    ("GET", "/v1/models/a%20b", 422, "validation-failed"),
    ("POST", "/v1/models/unheard-of/activate", 404, "model-version-not-found"),
    ("POST", "/v1/models/unheard-of/trials", 404, "model-version-not-found"),
    ("POST", f"/v1/models/{SHIPPED.version}/activate", 409, "model-active-already"),
    ("POST", "/v1/model-activations/revert", 409, "nothing-to-revert"),
    ("GET", "/v1/model-activations/7", 404, "activation-not-found"),
    ("GET", f"/v1/model-activations/{2**63}", 422, "validation-failed"),
    ("GET", "/v1/model-activations?cursor=nonsense", 422, "invalid-cursor"),
    ("GET", "/v1/model-trials/00000000-0000-0000-0000-000000000000", 404, "trial-not-found"),
    ("GET", "/v1/model-trials/00000000-0000-0000-0000-000000000000/lines", 404, "trial-not-found"),
    ("GET", "/v1/model-trials/7/lines", 422, "validation-failed"),
]


async def test_what_cannot_be_is_refused_with_its_reason(api: httpx.AsyncClient) -> None:
    for method, path, status, code in REFUSED:
        body = WHY if method == "POST" and not path.endswith("trials") else None

        answer = await api.request(method, path, json=body)

        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}"), path


async def test_models_are_for_administrators(
    api: httpx.AsyncClient, open_database: Database
) -> None:
    key = await issue_key(open_database, Scope.CLIENTS_STEWARD)

    answer = await api.post("/v1/models/strict/activate", json=WHY, headers=bearer(key))

    assert answer.status_code == 403


async def test_the_service_starts_a_process_for_what_waits(
    open_database: Database, engine: OpenEngine
) -> None:
    await keep(open_database, STRICT)
    started = 0
    ended = asyncio.Event()

    async def start() -> int:
        nonlocal started
        started += 1
        await work_off(open_database, engine, region="FR")
        ended.set()
        return 0

    looking = asyncio.create_task(keep_working(open_database, start=start, look_seconds=0.01))
    await asyncio.sleep(0.05)
    assert started == 0
    await activate(open_database, "strict")
    await asyncio.wait_for(ended.wait(), timeout=60)
    await asyncio.sleep(0.05)
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking

    assert started == 1
