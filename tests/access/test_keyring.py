"""The cache of API keys: never a query too many, never a revoked key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy import text

from rcu.access import repository, service
from rcu.access.keyring import Keyring
from rcu.access.models import Scope
from rcu.access.repository import StoredKey
from rcu.db.engine import Database
from tests.eventually import SOON_SECONDS, eventually
from tests.service_client import issue_key


@dataclass
class Probe:
    """A keyring on a real database, that counts its queries and can be held back or cut off."""

    database: Database
    queries: int = 0
    connections: list[asyncpg.Connection[asyncpg.Record]] = field(default_factory=list)
    may_connect: asyncio.Event = field(default_factory=asyncio.Event)
    read_done: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_connect.set()
        self.may_answer.set()
        self.keyring = Keyring(load=self.load, connect=self.connect)

    async def load(self, public_id: str) -> StoredKey | None:
        async with self.database.read() as connection:
            found = await repository.find_live_key(connection, public_id)
        self.queries += 1
        self.read_done.set()
        await self.may_answer.wait()
        return found

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        await self.may_connect.wait()
        connection = await self.database.dedicated_connection()
        self.connections.append(connection)
        return connection


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Probe]:
    probe = Probe(database)
    async with probe.keyring.listening():
        assert await probe.keyring.wait_until_subscribed(timeout_seconds=SOON_SECONDS)
        yield probe


async def revoke(database: Database, public_id: str) -> None:
    await database.run(lambda session: service.revoke_key(session, public_id))


async def eventually_gone(keyring: Keyring, public_id: str) -> None:
    async def gone() -> bool:
        return await keyring.find(public_id) is None

    await eventually(gone)


async def test_a_known_key_costs_no_query(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        for _ in range(5):
            assert await probe.keyring.find(key.public_id) is not None

        assert probe.queries == 1


async def test_an_unknown_key_costs_one_query_until_it_is_made(database: Database) -> None:
    async with listening(database) as probe:
        for _ in range(5):
            assert await probe.keyring.find("00000000") is None

        assert probe.queries == 1

        async with database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO api_key (id, public_id, secret_hash, reader, scopes, name)"
                    " VALUES (gen_random_uuid(), '00000000', sha256(''), 'bi', '{admin}', 'x')"
                )
            )

        async def found() -> bool:
            return await probe.keyring.find("00000000") is not None

        await eventually(found)


async def test_a_key_revoked_by_the_service_is_forgotten(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        await probe.keyring.find(key.public_id)

        await revoke(database, key.public_id)

        await eventually_gone(probe.keyring, key.public_id)


async def test_a_key_revoked_in_plain_sql_is_forgotten(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        await probe.keyring.find(key.public_id)

        async with database.transaction() as session:
            await session.execute(text("UPDATE api_key SET revoked_at = now()"))

        await eventually_gone(probe.keyring, key.public_id)


async def test_a_key_revoked_while_it_is_being_read_is_not_kept(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        probe.may_answer.clear()
        reading = asyncio.create_task(probe.keyring.find(key.public_id))
        await probe.read_done.wait()
        generation = probe.keyring._generation
        await revoke(database, key.public_id)

        async def heard() -> bool:
            return probe.keyring._generation > generation

        await eventually(heard)
        probe.may_answer.set()
        await reading

        assert await probe.keyring.find(key.public_id) is None


async def test_without_a_subscription_every_look_up_asks_the_database(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        await probe.keyring.find(key.public_id)
        probe.may_connect.clear()
        await cut_off(probe)

        for _ in range(3):
            await probe.keyring.find(key.public_id)
        assert probe.queries == 4

        await revoke(database, key.public_id)
        assert await probe.keyring.find(key.public_id) is None


async def test_the_subscription_comes_back_by_itself(database: Database) -> None:
    key = await issue_key(database, Scope.ADMIN)
    async with listening(database) as probe:
        await cut_off(probe)

        assert await probe.keyring.wait_until_subscribed(timeout_seconds=SOON_SECONDS)
        await probe.keyring.find(key.public_id)
        await revoke(database, key.public_id)
        await eventually_gone(probe.keyring, key.public_id)
        assert len(probe.connections) == 2


async def cut_off(probe: Probe) -> None:
    """End the subscription's connection from the server's side."""
    process_id = probe.connections[-1].get_server_pid()
    async with probe.database.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": process_id})

    async def noticed() -> bool:
        return not probe.keyring.subscribed

    await eventually(noticed)
