"""Blocking keys as they are stored, and the records that share some: the candidates.

Each query is one statement, set-wise: one record or a thousand alike.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import fetch
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.repository import StoredRecord

KeyHolders = Mapping[int, Mapping[UUID, str | None]]
"""By blocking key, who holds it, each with its face. A key that nobody holds is not there."""


class Rewritten(Protocol):
    """What is looked at of a record that is being written."""

    @property
    def old_features(self) -> Features | None:
        """What it said until then; None when it is new."""


def most_read(written: Iterable[Rewritten], model: Model) -> int:
    """Return how many holders of a key are read: enough to tell, whoever is written, who is left.

    One more than the cap tells a key that has too many; those that are written may be among
    those that are read.
    """
    return model.key_cap + 1 + sum(record.old_features is not None for record in written)


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
    return {row["id"]: Candidate(StoredRecord._make(row[:8]), tuple(row[8])) for row in rows}


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
