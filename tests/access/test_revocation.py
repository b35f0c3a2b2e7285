"""A revoked key is refused by every process at once."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import URL

from rcu.access import service
from rcu.access.models import Scope
from rcu.access.service import IssuedKey
from rcu.db.engine import Database
from tests.eventually import eventually
from tests.service_client import bearer, issue_key, running_service

AT_ONCE_SECONDS = 0.5


async def status(client: httpx.AsyncClient, key: IssuedKey) -> int:
    return (await client.get("/v1/sources", headers=bearer(key))).status_code


async def test_a_key_revoked_here_is_refused_there_at_once(
    database: Database, database_url: URL
) -> None:
    key = await issue_key(database, Scope.ADMIN)
    elsewhere = Database(database_url)
    async with running_service(database) as here, running_service(elsewhere) as there:
        for client in (here, there, here, there):
            assert await status(client, key) == 200

        await database.run(lambda session: service.revoke_key(session, key.public_id))

        for client in (there, here):

            async def refused(client: httpx.AsyncClient = client) -> bool:
                return await status(client, key) == 401

            await eventually(refused, within_seconds=AT_ONCE_SECONDS)
    await elsewhere.close()


async def test_a_key_made_here_opens_there_although_it_was_tried_before(
    database: Database, database_url: URL
) -> None:
    elsewhere = Database(database_url)
    async with running_service(elsewhere) as there:
        key = await issue_key(database, Scope.ADMIN)

        async def accepted() -> bool:
            return await status(there, key) == 200

        await eventually(accepted, within_seconds=AT_ONCE_SECONDS)
    await elsewhere.close()


async def test_the_right_id_with_another_secret_is_refused(database: Database) -> None:
    key, other = await issue_key(database, Scope.ADMIN), await issue_key(database, Scope.ADMIN)
    async with running_service(database) as client:
        assert await status(client, key) == 200
        forged = f"rcu_{key.public_id}_" + "_".join(other.text.split("_")[2:])

        for text in (forged, key.text[:-1], key.text.upper(), "", "x" * 9000):
            answer = await client.get("/v1/sources", headers={"Authorization": f"Bearer {text}"})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith('Bearer realm="rcu"')
            assert text not in answer.text or not text


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(database: Database, scheme: str) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with running_service(database) as client:
        headers = {"Authorization": f"{scheme} {key.text}"}

        assert (await client.get("/v1/sources", headers=headers)).status_code == 200


async def test_every_bad_key_is_answered_alike(database: Database) -> None:
    revoked, unknown = await issue_key(database, Scope.ADMIN), "rcu_00000000_x"
    await database.run(lambda session: service.revoke_key(session, revoked.public_id))
    async with running_service(database) as client:
        answers = [
            await client.get(
                "/v1/sources",
                headers={"Authorization": f"Bearer {text}", "X-Request-Id": "the-same"},
            )
            for text in (revoked.text, unknown)
        ]

    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers


async def test_sources_are_added_and_listed_over_http(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    shop = {"code": "eshop", "name": "Boutique en ligne", "kind": "ecommerce"}
    async with running_service(database) as client:
        client.headers.update(bearer(key))

        first, again, changed, bad = [
            await client.post("/v1/sources", json=shop | change)
            for change in ({}, {}, {"name": "Other"}, {"code": "E shop"})
        ]

        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        assert changed.status_code == 409
        assert bad.json()["errors"][0]["field"] == "/code"
        assert (await client.get("/v1/sources")).json() == {"sources": [first.json()]}
