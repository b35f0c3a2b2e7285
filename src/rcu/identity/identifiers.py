"""Identifiers as they are stored: which records hold a value, and what a record holds.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch

_STATING = """
    SELECT wanted.kind, wanted.value, held.record_id
    FROM unnest($1::text[], $2::text[]) AS wanted(kind, value)
    CROSS JOIN LATERAL (
        SELECT record_id FROM identifier i
        WHERE i.kind = wanted.kind AND i.value = wanted.value AND i.origin = 'profile'
        LIMIT $3
    ) AS held
"""


async def find_stating(
    session: AsyncSession, identifiers: Collection[tuple[str, str]], *, cap: int
) -> dict[tuple[str, str], set[UUID]]:
    """Return the records whose profiles state each of the identifiers, at most `cap` for each."""
    found: dict[tuple[str, str], set[UUID]] = {identifier: set() for identifier in identifiers}
    if found:
        for kind, value, record_id in await fetch(session, _STATING, *columns(sorted(found)), cap):
            found[kind, value].add(record_id)
    return found


_IDENTIFIERS = "SELECT DISTINCT kind, value FROM identifier WHERE record_id = ANY ($1::uuid[])"


async def list_identifiers(
    session: AsyncSession, record_ids: Collection[UUID]
) -> set[tuple[str, str]]:
    """Return every identifier, as `(kind, value)`, that the records hold or have stated."""
    if not record_ids:
        return set()
    rows = await fetch(session, _IDENTIFIERS, list(record_ids))
    return {(kind, value) for kind, value in rows}
