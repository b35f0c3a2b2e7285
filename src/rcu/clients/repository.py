"""Queries on golden records. Each is one statement, for one client or thousands alike."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.golden import ProfileRecord

_PROFILES = text("""
    SELECT client_id, source, external_id, profile
    FROM source_record
    WHERE client_id = ANY (:client_ids) AND kind = 'profile'
""").bindparams(bindparam("client_ids", type_=ARRAY(Uuid)))


async def list_profiles(
    session: AsyncSession, client_ids: Collection[UUID]
) -> dict[UUID, list[ProfileRecord]]:
    """Return the profile records of clients. A client without one is absent."""
    rows = await session.execute(_PROFILES, {"client_ids": list(client_ids)})
    profiles: dict[UUID, list[ProfileRecord]] = {}
    for client_id, source, external_id, profile in rows:
        profiles.setdefault(client_id, []).append(ProfileRecord(source, external_id, profile))
    return profiles


_SAVE = text("""
    WITH gone AS (
        DELETE FROM golden_record WHERE client_id = ANY (:gone)
    )
    INSERT INTO golden_record AS held (client_id, golden, search_terms, rebuilt_at)
    SELECT client_id, golden, string_to_array(terms, ' '), now()
    FROM jsonb_to_recordset(CAST(:rebuilt AS jsonb))
        AS rebuilt (client_id uuid, golden jsonb, terms text)
    ORDER BY client_id
    ON CONFLICT (client_id) DO UPDATE
    SET golden = excluded.golden, search_terms = excluded.search_terms,
        rebuilt_at = excluded.rebuilt_at
    WHERE held.golden <> excluded.golden OR held.search_terms <> excluded.search_terms
""").bindparams(bindparam("gone", type_=ARRAY(Uuid)), bindparam("rebuilt", type_=Text))


async def save_golden_records(
    session: AsyncSession, rebuilt: str, *, gone: Collection[UUID]
) -> None:
    """Write golden records that changed, and delete those of clients `gone`, in one statement.

    `rebuilt` is a JSON list of `{client_id, golden, terms}`, terms parted by spaces.
    """
    await session.execute(_SAVE, {"rebuilt": rebuilt, "gone": list(gone)})


_KNOWN_AFTER = text("""
    SELECT DISTINCT client_id FROM source_record
    WHERE client_id > :after AND kind = 'profile'
    ORDER BY client_id LIMIT :limit
""").bindparams(bindparam("after", type_=Uuid))


async def list_known_clients(session: AsyncSession, *, after: UUID, limit: int) -> list[UUID]:
    """Return the next ids of known clients after an id, in order."""
    rows = await session.scalars(_KNOWN_AFTER, {"after": after, "limit": limit})
    return list(rows)
