"""Blocking keys as they are stored, and the records that share some: the candidates.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.repository import StoredRecord


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that shares blocking keys, and which."""

    record: StoredRecord
    keys: tuple[int, ...]


_CANDIDATES = """
    WITH hit AS (
        SELECT wanted.key, holder.record_id
        FROM unnest($1::bigint[]) AS wanted(key)
        CROSS JOIN LATERAL (
            SELECT record_id FROM blocking_key WHERE key = wanted.key LIMIT $2
        ) AS holder
    ), candidate AS (
        SELECT record_id AS id, array_agg(key) AS shared_keys FROM hit GROUP BY record_id
    )
    SELECT r.id, r.source, r.external_id, r.kind, r.client_id, r.placement, r.features, r.version,
           candidate.shared_keys
    FROM candidate JOIN source_record r USING (id)
"""


async def find_candidates(
    session: AsyncSession, keys: Collection[int], *, cap: int
) -> dict[UUID, Candidate]:
    """Return the records that hold any of the blocking keys, at most `cap` for each key."""
    if not keys:
        return {}
    rows = await fetch(session, _CANDIDATES, list(keys), cap)
    return {row["id"]: Candidate(StoredRecord(*row[:8]), tuple(row[8])) for row in rows}


_HOLDERS = """
    SELECT wanted.key, held.ids, held.faces
    FROM unnest($1::bigint[]) AS wanted(key)
    CROSS JOIN LATERAL (
        SELECT array_agg(record_id) AS ids, array_agg(face) AS faces
        FROM (SELECT record_id, face FROM blocking_key WHERE key = wanted.key LIMIT $2) AS holder
    ) AS held
    WHERE held.ids IS NOT NULL
"""


async def find_key_holders(
    session: AsyncSession, keys: Collection[int], *, cap: int
) -> dict[int, dict[UUID, str | None]]:
    """Return the records that hold each of the keys, at most `cap` for each, with their faces.

    The index alone is read, not the records. A key that nobody holds is left out.
    """
    if not keys:
        return {}
    rows = await fetch(session, _HOLDERS, list(keys), cap)
    return {key: dict(zip(ids, faces, strict=True)) for key, ids, faces in rows}


_COUNT = """
    SELECT wanted.key, count(*) AS holders
    FROM unnest($1::bigint[]) AS wanted(key)
    CROSS JOIN LATERAL (
        SELECT FROM blocking_key WHERE key = wanted.key LIMIT $2
    ) AS holder
    GROUP BY wanted.key
"""


async def count_holders(
    session: AsyncSession, keys: Collection[int], *, cap: int
) -> dict[int, int]:
    """Return how many records hold each of the keys, counted up to `cap`; none when nobody."""
    if not keys:
        return {}
    return dict(await fetch(session, _COUNT, list(keys), cap))
