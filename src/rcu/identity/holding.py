"""Whose a record is, as far as what hangs on it needs to know."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch


@dataclass(frozen=True, slots=True)
class Holding:
    """The client of a record that facts hang on."""

    client_id: UUID
    placement: str
    known: bool
    is_profile: bool


_HOLDINGS = """
    SELECT r.id, r.client_id, r.placement, c.known, r.kind = 'profile' AS is_profile
    FROM unnest($1::uuid[]) AS wanted (id)
    JOIN source_record r USING (id)
    JOIN client c ON c.id = r.client_id
"""


async def find_holdings(session: AsyncSession, record_ids: Collection[UUID]) -> dict[UUID, Holding]:
    """Return the client of each record."""
    if not record_ids:
        return {}
    rows = await fetch(session, _HOLDINGS, list(record_ids))
    return {record_id: Holding(*holding) for record_id, *holding in rows}
