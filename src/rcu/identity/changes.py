"""The history of the partition, read: what changed, and who was with whom before.

The changes are append-only and hold every move of a record, so that the partition of any time is
that of now with the later changes taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.change_models import ChangeKind


@dataclass(frozen=True, slots=True)
class Change:
    """Records that went from one client to another."""

    id: UUID
    kind: ChangeKind
    client_id: UUID
    """The client that they went to."""
    from_client_id: UUID
    record_ids: Sequence[UUID]
    decision_id: UUID | None
    """The steward's decision that caused it; None when the service did it by itself."""


_FIND = """
    SELECT id, kind, client_id, other_client_id, record_ids, decision_id
    FROM identity_change WHERE id = $1
"""


async def find_change(session: AsyncSession, change_id: UUID) -> Change | None:
    """Return a change of the partition, or None when there is none of this id."""
    rows = await fetch(session, _FIND, change_id)
    return next((Change(row[0], ChangeKind(row[1]), *row[2:]) for row in rows), None)


_CLIENT_BEFORE = """
    coalesce(
        (SELECT later.other_client_id FROM identity_change later
         WHERE later.record_ids @> ARRAY[r.id]
           AND (later.recorded_at, later.id) >= (changed.recorded_at, changed.id)
         ORDER BY later.recorded_at, later.id LIMIT 1),
        r.client_id
    )
"""

# A record of the same transaction came with the change, and one that moved in it left as others
# came: neither was there before and after. What else came before is told by the clock of the
# database: those of the machines that serve differ, and a message may have waited for its locks.
_PROFILES_STAYING = f"""
    WITH changed AS (
        SELECT * FROM identity_change WHERE id = $1
    ), candidate AS (
        SELECT id FROM source_record WHERE client_id = $2
        UNION
        SELECT unnest(later.record_ids)
        FROM changed JOIN identity_change later
          ON later.other_client_id = $2 AND later.recorded_at >= changed.recorded_at
    )
    SELECT r.id
    FROM changed CROSS JOIN candidate JOIN source_record r ON r.id = candidate.id
    WHERE r.kind = 'profile' AND {_CLIENT_BEFORE} = $2
      AND r.created_at <> changed.made_at
      AND coalesce(r.recorded_at, r.created_at) < changed.recorded_at
      AND NOT EXISTS (
          SELECT FROM identity_change beside
          WHERE beside.record_ids @> ARRAY[r.id] AND beside.made_at = changed.made_at
      )
    ORDER BY r.id
"""  # noqa: S608 - made of constants of this module


async def list_profiles_staying(
    session: AsyncSession, change_id: UUID, client_id: UUID
) -> list[UUID]:
    """Return the profile records that a client had before a change and after, oldest first."""
    return [row["id"] for row in await fetch(session, _PROFILES_STAYING, change_id, client_id)]


_PROFILES_AMONG = """
    SELECT id FROM source_record WHERE id = ANY ($1::uuid[]) AND kind = 'profile' ORDER BY id
"""


async def list_profiles_among(session: AsyncSession, record_ids: Sequence[UUID]) -> list[UUID]:
    """Return the records that are profiles now, oldest first."""
    return [row["id"] for row in await fetch(session, _PROFILES_AMONG, list(record_ids))]
