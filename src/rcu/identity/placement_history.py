"""The history of records that are placed by rule: when each found its owner, or lost it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch

_ADD = """
    INSERT INTO placement_change (id, record_id, client_id, placement, made_at, cause, actor)
    SELECT *, $5, $6, $7
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
"""


async def add_placement_changes(
    session: AsyncSession,
    changes: Collection[tuple[UUID, UUID, UUID, str]],
    *,
    at: datetime,
    cause: tuple[str, str],
) -> None:
    """Append `(id, record, client, placement)`; `cause` is its kind and its actor."""
    if changes:
        await fetch(session, _ADD, *columns(changes), at, *cause)
