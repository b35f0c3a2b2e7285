"""Health, readiness and figures."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from rcu import metrics
from rcu.access.models import Scope
from rcu.db.engine import Database
from tests.ingestion.shop import Shop, sale
from tests.service_client import bearer, issue_key, running_service


async def test_a_migrated_database_is_ready(database: Database) -> None:
    async with running_service(database) as client:
        assert (await client.get("/healthz")).json() == {"status": "up"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_a_database_of_another_release_is_not_ready(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'another'"))

    async with running_service(database) as client:
        answer = await client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/not-ready"
        assert answer.headers["retry-after"]
        assert (await client.get("/healthz")).status_code == 200


async def test_a_database_without_tables_is_not_ready(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE alembic_version"))

    async with running_service(database) as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_the_figures_tell_what_happened(database: Database) -> None:
    key = await issue_key(database, Scope.METRICS_READ)
    metrics.count_message("profile", "created")
    metrics.observe_resolution(seconds=0.002, candidates=3)
    async with running_service(database) as client:
        await client.get("/nowhere/zoe.martin")
        await client.get("/v1/sources")

        answer = await client.get("/metrics", headers=bearer(key))

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.values()))
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert ("rcu_http_request_seconds_count", "404", "GET", "unmatched") in samples
    assert ("rcu_http_request_seconds_count", "/v1/sources", "401", "GET") in samples
    assert ("rcu_ingestion_messages_total", "created", "profile") in samples
    assert ("rcu_resolution_seconds_count",) in samples
    assert ("rcu_resolution_candidates_sum",) in samples
    assert ("rcu_authentication_failures_total", "missing") in samples
    assert ("rcu_database_pool_connections", "in_use") in samples
    assert "martin" not in answer.text


async def test_the_figures_tell_how_many_messages_wait_now(shop: Shop) -> None:
    monitor = await issue_key(shop.database, Scope.METRICS_READ)

    async def waiting() -> str:
        answer = await shop.http.get("/metrics", headers=bearer(monitor))
        return "".join(re.findall(r"^rcu_parked_messages\{.*$", answer.text, re.MULTILINE))

    none = await waiting()
    await shop.ticket(sale(store="S777"))
    one = await waiting()
    await shop.staff("POST", "stores", {"code": "S777", "name": "Nantes"})

    assert none == ""
    assert one == 'rcu_parked_messages{reason="unknown_store"} 1.0'
    assert await waiting() == ""


async def test_the_figures_need_their_own_scope(database: Database) -> None:
    administrator = await issue_key(database, Scope.ADMIN)
    async with running_service(database) as client:
        assert (await client.get("/metrics")).status_code == 401
        refused = await client.get("/metrics", headers=bearer(administrator))

    assert refused.status_code == 403
    assert refused.json()["missing_scope"] == "metrics:read"
