"""Use cases on clients: their golden records kept in step with their source records."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients import golden, repository
from rcu.clients.golden import ProfileRecord
from rcu.clients.search_terms import search_terms

if TYPE_CHECKING:
    from rcu.db.engine import Database

REBUILD_CHUNK = 1000
"""Clients rebuilt in one transaction, when all are."""


async def rebuild(
    session: AsyncSession, client_ids: Collection[UUID], *, region: str = "FR"
) -> None:
    """Bring the golden records of clients up to date with their profile records.

    A golden record that has not changed is not written; one of a client that has no profile
    record, or is retired, is deleted. Two statements, for one client or thousands. `region`
    (ISO 3166 alpha-2) reads phone numbers without a country code.
    """
    wanted = set(client_ids)
    if not wanted:
        return
    profiles = await repository.list_profiles(session, wanted)
    rebuilt = [_rebuilt(client_id, profiles[client_id], region) for client_id in sorted(profiles)]
    await repository.save_golden_records(
        session, orjson.dumps(rebuilt).decode(), gone=sorted(wanted - profiles.keys())
    )


async def rebuild_all(
    database: Database, on_done: Callable[[int], None] | None = None, *, region: str = "FR"
) -> None:
    """Rebuild every golden record, a thousand clients a transaction; for a changed rule.

    `on_done` is told the number of clients after each transaction. Clients that change
    meanwhile are rebuilt by what changes them.
    """
    after = UUID(int=0)
    while True:

        async def work(session: AsyncSession, after: UUID = after) -> list[UUID]:
            found = await repository.list_known_clients(session, after=after, limit=REBUILD_CHUNK)
            await rebuild(session, found, region=region)
            return found

        done = await database.run(work)
        if not done:
            return
        after = done[-1]
        if on_done is not None:
            on_done(len(done))


def _rebuilt(client_id: UUID, profiles: list[ProfileRecord], region: str) -> dict[str, object]:
    assembled = golden.assemble(profiles, region=region)
    return {
        "client_id": client_id,
        "golden": assembled,
        "terms": " ".join(search_terms(profiles, assembled)),
    }
